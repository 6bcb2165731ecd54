package journal_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot/action"
)

// rawAt opens the database behind a journal with all rights.
func rawAt(t *testing.T, o opener) *sql.DB {
	t.Helper()
	if o.database == nil {
		return raw(t, o.config().SQLite)
	}
	db := o.database.Open(t, postgrestest.Superuser)
	db.SetMaxOpenConns(1)
	_, err := db.ExecContext(t.Context(), "SET session_replication_role = replica") // no foreign keys
	must(t, err)
	return db
}

// storedTables are all tables of a journal with their columns that can be written.
func storedTables(t *testing.T, o opener, db *sql.DB) map[string][]column {
	t.Helper()
	names, columns := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`, sqliteColumns
	if o.database != nil {
		names, columns = `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose_%'`, postgresColumns
	}
	out := map[string][]column{}
	for _, table := range column1(t, db, names) {
		out[table] = columns(t, db, table)
	}
	return out
}

func list(columns []column) string {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// rowsOf are the rows of a table, as far as it has the columns.
func rowsOf(t *testing.T, db *sql.DB, table string, columns []column) (out [][]any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT "+list(columns)+" FROM "+table+" ORDER BY "+list(columns))
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		must(t, rows.Scan(into...))
		out = append(out, values)
	}
	must(t, rows.Err())
	return out
}

// asWrittenBy makes a journal as the program of an older schema left it: its
// tables with the rows of from, without the columns that came later.
func asWrittenBy(t *testing.T, version int64, from, to opener) map[string][]column {
	t.Helper()
	source := rawAt(t, from)
	var owner *sql.DB
	dialect, folder := goose.DialectSQLite3, "sqlite"
	if to.database == nil {
		write(t, to.config().SQLite, "")
		owner = raw(t, to.config().SQLite)
		write(t, to.config().SQLite+".key", read(t, from.config().SQLite+".key"))
	} else {
		dialect, folder = goose.DialectPostgres, "postgres"
		owner = to.database.Open(t, to.database.Owner)
		write(t, to.options().KeyFile, read(t, from.options().KeyFile))
	}
	write(t, to.outside(), read(t, from.outside()))
	must(t, journal.MigrateTo(t.Context(), dialect, folder, owner, version))
	target := owner
	if to.database != nil {
		target = rawAt(t, to)
	}
	tables := storedTables(t, to, target)
	tx, err := target.BeginTx(t.Context(), nil)
	must(t, err)
	for table, columns := range tables {
		insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", table, list(columns), strings.Repeat(", ?", len(columns)-1))
		if to.database != nil {
			insert = fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)", table, list(columns), numbers(len(columns)))
		}
		for _, values := range rowsOf(t, source, table, columns) {
			_, err := tx.ExecContext(t.Context(), insert, values...)
			must(t, err)
		}
	}
	if to.database != nil {
		for table, key := range map[string]string{"inbox": "seq", "outbox": "id", "audit_record": "num"} {
			_, err := tx.ExecContext(t.Context(), fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', '%[2]s'), max(%[2]s)) FROM %[1]s", table, key))
			must(t, err)
		}
		_, err := tx.ExecContext(t.Context(), "SELECT setval('work_token', max(token)) FROM work")
		must(t, err)
	}
	must(t, tx.Commit())
	return tables
}

func numbers(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("$%d", i+1))
	}
	return strings.Join(out, ", ")
}

// TestUpgrade opens a journal of every older schema: nothing is lost, it
// verifies, and what was open goes on.
func TestUpgrade(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		t.Parallel()
		newest := place(t)
		folder := "sqlite"
		if newest.database != nil {
			folder = "postgres"
		}
		versions, err := journal.Schemas(folder)
		must(t, err)
		j := filledAt(t, newest)
		ctx := t.Context()
		for _, id := range []string{"done", "open"} {
			_, err = j.Receive(ctx, id, event(id, "x"), noon)
			must(t, err)
		}
		_, err = j.Finish(ctx, "done", action.Effects{
			Posts: []action.Post{{Key: "waits", Thread: "t1", Body: []byte("x")}},
			Work:  []action.Work{{Kind: "run", Key: "a1", Args: []byte("{}"), At: noon}},
		})
		must(t, err)
		must(t, j.Close())
		for _, version := range versions[:len(versions)-1] {
			t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
				o := place(t)
				tables := asWrittenBy(t, version, newest, o)
				j := openAt(t, o)
				db := rawAt(t, o)
				for table, columns := range tables {
					before, after := rowsOf(t, rawAt(t, newest), table, columns), rowsOf(t, db, table, columns)
					if fmt.Sprint(before) != fmt.Sprint(after) {
						t.Errorf("%s was\n%v\nand is\n%v", table, before, after)
					}
				}
				if r, err := j.Verify(ctx); err != nil || !r.Sound() || r.Subjects != 6 || r.Erased != 2 {
					t.Errorf("%+v, %v", r, err)
				}
				if open, err := j.OpenActions(ctx); err != nil || len(open) != 2 || len(open[0].Votes) != 2 {
					t.Errorf("%+v, %v", open, err)
				}
				_, err := j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) {
					a.State = action.Approved
					return about("action/a1", "goes on"), nil
				})
				must(t, err)
				if got, err := j.Unfinished(ctx); err != nil || len(got) != 1 || got[0].Request != "open" {
					t.Errorf("unanswered: %+v, %v", got, err)
				}
				if fresh, err := j.Receive(ctx, "again", event("done", "x"), noon); err != nil || fresh {
					t.Errorf("what was answered is asked again: %v, %v", fresh, err)
				}
				if posts, err := j.NextDeliveries(ctx, time.Now(), time.Hour, 9); err != nil || len(posts) != 1 || posts[0].Post.Key != "waits" {
					t.Errorf("to be said: %+v, %v", posts, err)
				}
				if due, err := j.DueWork(ctx, noon, time.Hour, 9); err != nil || len(due) != 1 || due[0].Key != "a1" {
					t.Errorf("to be done: %+v, %v", due, err)
				}
				if r, err := j.Verify(ctx); err != nil || !r.Sound() {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
	})
}

// TestUpgradeAtOnce starts several programs on one older journal.
func TestUpgradeAtOnce(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	versions, err := journal.Schemas("postgres")
	must(t, err)
	must(t, journal.MigrateTo(t.Context(), goose.DialectPostgres, "postgres", o.database.Open(t, o.database.Owner), versions[0]))
	var all sync.WaitGroup
	opened := make(chan *journal.Journal, 4)
	for range cap(opened) {
		all.Go(func() {
			j, err := journal.Open(t.Context(), o.config(), o.options())
			if err != nil {
				t.Error(err)
				return
			}
			opened <- j
		})
	}
	all.Wait()
	close(opened)
	for j := range opened {
		must(t, j.Write(t.Context(), note("said")))
		must(t, j.Close())
	}
	applied := column1(t, rawAt(t, o), "SELECT version_id::text FROM goose_db_version ORDER BY id")
	want := []string{"0"}
	for _, v := range versions {
		want = append(want, fmt.Sprint(v))
	}
	if !slices.Equal(applied, want) {
		t.Errorf("applied %q, want each of %q once", applied, want)
	}
}
