package journal_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/journaltest"
	"github.com/gridwarden/gridwarden/config/secret"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		postgrestest.End()
		os.Exit(status)
	}))
}

// opener knows where a test's journal is.
type opener struct {
	dir      string
	database *postgrestest.Database // nil: SQLite
}

func (o opener) config() journal.Config {
	if o.database == nil {
		return journal.Config{SQLite: filepath.Join(o.dir, "journal ?#%.db")}
	}
	return journal.Config{Postgres: &journal.Postgres{DSNFile: o.file("plain.dsn"), OwnerDSNFile: o.file("owner.dsn")}}
}

func (o opener) file(name string) secret.File { return secret.File(filepath.Join(o.dir, name)) }

func (o opener) options() journal.Options {
	if o.database == nil {
		return journal.Options{}
	}
	return journal.Options{KeyFile: filepath.Join(o.dir, "audit.key"), CheckpointFile: filepath.Join(o.dir, "audit.checkpoint")}
}

// outside is the file of the checkpoint outside the database.
func (o opener) outside() string {
	if o.database == nil {
		return o.config().SQLite + ".checkpoint"
	}
	return o.options().CheckpointFile
}

func (o opener) open(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), o.config(), o.options())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// onSQLite and onPostgres are the places where a journal can be.
func onSQLite(t *testing.T) opener { return opener{dir: t.TempDir()} }

func onPostgres(t *testing.T) opener {
	t.Helper()
	db := postgrestest.NewDatabase(t)
	o := opener{dir: t.TempDir(), database: &db}
	for name, role := range map[string]string{"plain.dsn": db.Plain, "owner.dsn": db.Owner} {
		must(t, os.WriteFile(string(o.file(name)), []byte(db.DSN(role)), 0o600))
	}
	return o
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, place func(*testing.T) opener)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres) })
}

// openAt opens a journal that the test's end closes.
func openAt(t *testing.T, o opener) *journal.Journal {
	t.Helper()
	j := o.open(t)
	t.Cleanup(func() { must(t, j.Close()) })
	return j
}

// open opens a new journal on SQLite.
func open(t *testing.T) (*journal.Journal, opener) {
	t.Helper()
	o := onSQLite(t)
	return openAt(t, o), o
}

func TestContract(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		where := map[bot.Journal]opener{}
		journaltest.Run(t, func(t *testing.T) bot.Journal {
			o := place(t)
			j := openAt(t, o)
			where[j] = o
			return j
		}, journaltest.Another(func(t *testing.T, j bot.Journal) bot.Journal {
			return openAt(t, where[j])
		}), journaltest.Reopen(func(t *testing.T, j bot.Journal) bot.Journal {
			must(t, j.(*journal.Journal).Close())
			return openAt(t, where[j])
		}))
	})
}
