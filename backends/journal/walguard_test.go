package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// TestTheLogStaysShortUnderReaders has somebody read at every moment, so that
// SQLite never begins its write-ahead log anew by itself.
func TestTheLogStaysShortUnderReaders(t *testing.T) {
	j, o := open(t)
	const limit = 1 << 20
	j.LimitLog(limit)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 3 {
		readers.Go(func() {
			time.Sleep(time.Duration(i) * 20 * time.Millisecond) // they overlap
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := j.ReadFor(t.Context(), 60*time.Millisecond); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	body := []byte(strings.Repeat("x", 64<<10))
	var before, longest, shortened int64
	for i, began := 0, time.Now(); shortened == 0 && time.Since(began) < 30*time.Second; i++ {
		must(t, j.Write(t.Context(), action.Effects{Posts: []action.Post{{Key: fmt.Sprint(i), Thread: "t", Body: body}}}))
		info, err := os.Stat(filepath.Join(o.dir, "journal ?#%.db-wal"))
		must(t, err)
		longest = max(longest, info.Size())
		if info.Size() < before {
			shortened++
		}
		before = info.Size()
	}
	close(stop)
	readers.Wait()
	if shortened == 0 {
		t.Errorf("the log was never begun anew; it came to %d bytes", longest)
	}
}
