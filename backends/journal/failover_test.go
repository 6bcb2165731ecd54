package journal_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// TestFailover kills the primary under load and promotes its standby. With
// synchronous replication all that was told as stored is there, and the journal
// goes on without anybody starting it again.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary, err := postgrestest.New()
	if err != nil {
		postgrestest.Missing(t, err)
	}
	t.Cleanup(func() { must(t, primary.Remove()) })
	db := primary.NewDatabase(t)
	standby := primary.Standby(t)
	o := opener{dir: t.TempDir(), database: &db}
	must(t, os.WriteFile(string(o.file("plain.dsn")), []byte(db.DSNOfEither(standby, db.Plain)), 0o600))
	must(t, os.WriteFile(string(o.file("owner.dsn")), []byte(db.DSNOfEither(standby, db.Owner)), 0o600))
	j := openAt(t, o)
	ctx := t.Context()
	_, _, err = j.Create(ctx, ban("a1"), action.Effects{})
	must(t, err)

	var mu sync.Mutex
	told := map[string]bool{}
	full := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				fresh, err := j.Receive(ctx, "r"+id, event("e"+id, "x"), noon)
				if err != nil {
					refused(t, err, "gridwarden cannot write its journal", "Ask again")
					return
				}
				if !fresh {
					t.Errorf("%s is not fresh", id)
				}
				mu.Lock()
				told["r"+id] = true
				if len(told) == 100 {
					close(full)
				}
				mu.Unlock()
				if i%10 == 0 {
					_, _ = j.Sequence(ctx) // what is signed must not be lost either
				}
			}
		})
	}
	<-full
	began := time.Now()
	must(t, primary.Kill())
	writers.Wait()
	standby.Promote(t)
	for {
		if err = j.Write(ctx, note("after")); err == nil {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not back after 30 s: %v", err)
		}
		refused(t, err, "gridwarden cannot write its journal")
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("written again %s after the primary was killed", time.Since(began).Round(time.Millisecond))
	unfinished, err := j.Unfinished(ctx)
	must(t, err)
	for r := range told {
		if !slices.ContainsFunc(unfinished, func(e bot.ReceivedEvent) bool { return e.Request == r }) {
			t.Errorf("%s was told as received and is lost", r)
		}
	}
	_, err = j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) { a.Reminded++; return action.Effects{}, nil })
	must(t, err)
	if report, err := j.Verify(ctx); err != nil || !report.Sound() || report.Subjects != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
