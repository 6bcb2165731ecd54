package journal_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// big does not fit into what is left of a page, and cannot be compressed.
var big = func() string {
	b := make([]byte, 1<<15)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // the same each time
	return hex.EncodeToString(b)
}()

// hindrance keeps the journal from writing until it is ended.
type hindrance struct {
	name  string
	begin func(t *testing.T, j *journal.Journal, path string) (end func())
	says  string
}

var hindrances = []hindrance{
	{"disk full", func(t *testing.T, j *journal.Journal, path string) func() {
		var pages int
		must(t, raw(t, path).QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
		must(t, j.OnWriter(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)))
		return func() { must(t, j.OnWriter(t.Context(), "PRAGMA max_page_count = 1000000")) }
	}, "(disk full): nothing was run. Free space on the disk"},
	{"read-only", func(t *testing.T, j *journal.Journal, _ string) func() {
		must(t, j.OnWriter(t.Context(), "PRAGMA query_only = 1"))
		return func() { must(t, j.OnWriter(t.Context(), "PRAGMA query_only = 0")) }
	}, "(it is read-only): nothing was run. Make its file and directory writable"},
	{"locked", func(t *testing.T, j *journal.Journal, path string) func() {
		must(t, j.OnWriter(t.Context(), "PRAGMA busy_timeout = 20"))
		db := raw(t, path)
		_, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE")
		must(t, err)
		return func() {
			_, err := db.ExecContext(t.Context(), "ROLLBACK")
			must(t, err)
		}
	}, "(another program has it locked): nothing was run. Ask again in a minute"},
}

// TestTroubleIsRefusedWithASentence asks for every kind of change while the
// journal cannot be written: each is refused, nothing of it is stored, and
// afterwards the journal goes on as if nothing had been.
func TestTroubleIsRefusedWithASentence(t *testing.T) {
	for _, h := range hindrances {
		t.Run(h.name, func(t *testing.T) {
			j, o := open(t)
			ctx := t.Context()
			due := fill(t, j)
			before := dump(t, o.config().SQLite)
			end := h.begin(t, j, o.config().SQLite)
			for name, err := range changes(ctx, j, "2", due[0]) {
				if said := told(err); !strings.Contains(said, h.says) || !strings.HasPrefix(said, "gridwarden cannot write its journal") {
					t.Errorf("%s: told %q (%v)", name, said, err)
				}
			}
			if h.name != "disk full" { // a check and a lease are small
				if err := j.Check(ctx); !strings.Contains(told(err), h.says) {
					t.Errorf("the check says %v", err)
				}
				if _, err := j.DueWork(ctx, noon.Add(time.Hour), time.Hour, 9); !strings.Contains(told(err), h.says) {
					t.Errorf("DueWork: %v", err)
				}
			}
			if a, err := j.Action(ctx, "a1"); err != nil || a.Version != 1 {
				t.Errorf("what is there can not be read: %+v, %v", a, err)
			}
			end()
			if after := dump(t, o.config().SQLite); after != before {
				t.Errorf("something was half-written:\n%s\nbefore:\n%s", after, before)
			}
			for name, err := range changes(ctx, j, "3", due[1]) {
				if err != nil {
					t.Errorf("%s afterwards: %v", name, err)
				}
			}
			if r, err := j.Verify(ctx); err != nil || !r.Sound() {
				t.Errorf("%v: %q", err, r.Problems)
			}
			must(t, j.Check(ctx))
		})
	}
}

// fill puts something there to change, and gives the work that is due.
func fill(t *testing.T, j *journal.Journal) []bot.DueWork {
	t.Helper()
	ctx := t.Context()
	_, _, err := j.Create(ctx, ban("a1"), note("asked"))
	must(t, err)
	must(t, j.OpenIncident(ctx, bot.Incident{ID: "c1", Title: "case", Thread: "t1", OpenedAt: noon}, action.Effects{}))
	for _, n := range []string{"2", "3"} {
		_, err = j.Receive(ctx, "request"+n, event("e"+n, ""), noon)
		must(t, err)
		must(t, j.Write(ctx, action.Effects{Work: []action.Work{{Kind: "run", Key: n, At: noon}}, Posts: []action.Post{{Key: "key" + n, Thread: "t" + n}}}))
	}
	_, err = j.Sequence(ctx)
	must(t, err)
	due, err := j.DueWork(ctx, noon, time.Hour, 2)
	must(t, err)
	return due
}

func event(id, value string) bot.Event {
	return bot.Event{ID: id, Kind: bot.Typed, Value: value, Account: bot.Account{Platform: "console", ID: "alice"}}
}

// changes asks for one of every kind and gives what each came to. n tells two rounds apart.
func changes(ctx context.Context, j *journal.Journal, n string, due bot.DueWork) map[string]error {
	fx := note(big)
	out := map[string]error{}
	_, out["Receive"] = j.Receive(ctx, "r"+n, event("new"+n, big), noon)
	_, out["Finish"] = j.Finish(ctx, "request"+n, fx)
	_, _, out["Create"] = j.Create(ctx, ban(action.ID("b"+n)), note(big))
	_, out["Update"] = j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) {
		a.Votes = append(a.Votes, action.Vote{Person: "bob", Account: "x", At: noon})
		return note(big), nil
	})
	_, out["a refusal"] = j.Update(ctx, "a1", func(*action.Action) (action.Effects, error) { return note(big), errRefused })
	if errors.Is(out["a refusal"], errRefused) {
		out["a refusal"] = nil // it was stored and given back
	}
	out["OpenIncident"] = j.OpenIncident(ctx, bot.Incident{ID: "c" + n, Thread: "t" + n, OpenedAt: noon}, note(big))
	_, out["UpdateIncident"] = j.UpdateIncident(ctx, "c1", func(i *bot.Incident) (action.Effects, error) {
		i.Notes = append(i.Notes, bot.Note{Person: "bob", At: noon, Text: big})
		return action.Effects{}, nil
	})
	out["Link"] = j.Link(ctx, "slack/T0/"+n, "alice", note(big))
	out["Remember"] = j.Remember(ctx, "key", []byte(big), action.Effects{})
	out["Write"] = j.Write(ctx, note(big))
	out["WorkDone"] = j.WorkDone(ctx, due, note(big))
	return out
}

var errRefused = errors.New("refused")

// TestAFullDiskHurtsNobodyElse commits many at once, of which some do not fit.
func TestAFullDiskHurtsNobodyElse(t *testing.T) {
	j, o := open(t)
	must(t, j.Remember(t.Context(), "room", []byte(big), action.Effects{}))
	must(t, j.Remember(t.Context(), "room", nil, action.Effects{})) // pages for the small ones
	end := hindrances[0].begin(t, j, o.config().SQLite)
	const n = 40
	var all sync.WaitGroup
	var errs [n]error
	for i := range n {
		all.Go(func() {
			value := "small"
			if i%4 == 0 {
				value = strings.Repeat(big, 4)
			}
			errs[i] = j.Remember(t.Context(), fmt.Sprint(i), []byte(value), note(value))
		})
	}
	all.Wait()
	end()
	for i, err := range errs {
		_, missing := j.Remembered(t.Context(), fmt.Sprint(i))
		if (i%4 == 0) != (err != nil) || (err == nil) != (missing == nil) {
			t.Errorf("%d was told %v, and reading it says %v", i, err, missing)
		}
	}
	if r, err := j.Verify(t.Context()); err != nil || !r.Sound() || r.Records != n-n/4 {
		t.Errorf("%d records, %v: %q", r.Records, err, r.Problems)
	}
}

// dump is everything in a database.
func dump(t *testing.T, path string) string {
	t.Helper()
	db := raw(t, path)
	var out strings.Builder
	for _, table := range column1(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`) {
		rows := column1(t, db, fmt.Sprintf(`SELECT %s FROM %q`, quoted(t, db, table), table))
		fmt.Fprintf(&out, "%s:\n%s\n", table, strings.Join(rows, "\n"))
	}
	return out.String()
}

func quoted(t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	var out []string
	for _, c := range sqliteColumns(t, db, table) {
		out = append(out, fmt.Sprintf("quote(%q)", c.name))
	}
	return strings.Join(out, " || ' ' || ")
}

func column1(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		out = append(out, s)
	}
	must(t, rows.Err())
	return out
}

// TestOpenRefuses says of each file that cannot be the journal what to do.
func TestOpenRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, o opener)
		says    string
	}{
		"a newer schema": {func(t *testing.T, o opener) {
			must(t, o.open(t).Close())
			sql1(t, o.config().SQLite, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
		}, "written by a newer gridwarden (schema 9999; this one knows"},
		"no database": {func(t *testing.T, o opener) {
			must(t, os.WriteFile(o.config().SQLite, []byte(strings.Repeat("this is something else ", 99)), 0o600))
		}, "its file is damaged"},
		"a directory":        {func(t *testing.T, o opener) { must(t, os.Mkdir(o.config().SQLite, 0o700)) }, "The journal's file cannot be made"},
		"no directory of it": {func(t *testing.T, o opener) { must(t, os.Remove(o.dir)) }, "its directory must be there and writable"},
		"a missing key": {func(t *testing.T, o opener) {
			j := o.open(t)
			must(t, errors.Join(j.Write(t.Context(), note("x")), j.Close(), os.Remove(o.config().SQLite+".key")))
		}, "The key of the audit log is missing"},
		"a key that others can read": {func(t *testing.T, o opener) {
			must(t, errors.Join(o.open(t).Close(), os.Chmod(o.config().SQLite+".key", 0o644)))
		}, "can be read by others; run: chmod 600"},
		"a read-only file": {func(t *testing.T, o opener) {
			if os.Geteuid() == 0 {
				t.Skip("root may write everything")
			}
			j := o.open(t)
			must(t, errors.Join(j.Write(t.Context(), note("x")), j.Close(), os.Chmod(o.config().SQLite, 0o400), os.Chmod(o.dir, 0o500)))
			t.Cleanup(func() { must(t, errors.Join(os.Chmod(o.dir, 0o700), os.Chmod(o.config().SQLite, 0o600))) })
		}, "cannot write its journal (it is read-only)"},
	} {
		t.Run(name, func(t *testing.T) {
			o := opener{dir: filepath.Join(t.TempDir(), "journal")}
			must(t, os.Mkdir(o.dir, 0o700))
			c.prepare(t, o)
			before, _ := os.ReadFile(o.config().SQLite)
			j, err := journal.Open(t.Context(), o.config(), journal.Options{})
			if err == nil {
				err = j.Close()
				t.Error("it was opened")
			}
			if !strings.Contains(told(err), c.says) {
				t.Errorf("told %q (%v)", told(err), err)
			}
			if after, _ := os.ReadFile(o.config().SQLite); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
	if _, err := journal.Open(t.Context(), journal.Config{}, journal.Options{}); !strings.Contains(told(err), "set journal.sqlite") {
		t.Errorf("without a file: %v", err)
	}
}
