package journal_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opener knows in which directory a test's journal is.
type opener struct {
	dir string
}

func (o opener) config() journal.Config {
	return journal.Config{SQLite: filepath.Join(o.dir, "journal ?#%.db")}
}

func (o opener) open(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), o.config(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// open opens a new journal that the test's end closes.
func open(t *testing.T) (*journal.Journal, opener) {
	t.Helper()
	o := opener{dir: t.TempDir()}
	j := o.open(t)
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, o
}

func TestContract(t *testing.T) {
	where := map[bot.Journal]opener{}
	journaltest.Run(t, func(t *testing.T) bot.Journal {
		j, o := open(t)
		where[j] = o
		return j
	}, journaltest.Reopen(func(t *testing.T, j bot.Journal) bot.Journal {
		if err := j.(*journal.Journal).Close(); err != nil {
			t.Fatal(err)
		}
		again := where[j].open(t)
		t.Cleanup(func() {
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		})
		return again
	}))
}
