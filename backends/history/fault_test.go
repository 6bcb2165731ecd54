package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rewrite(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// exec does something to a store behind its back.
func exec(t testing.TB, s *Store, query string) {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull: what was read before is stored, the rest is not half there, and
// with room again the import goes on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	path := fileOf(t, "mixed.json", mixed(400))
	whole := newStore(t, Config{})
	whole.sizes = small
	importing(t, whole, path)

	s := newStore(t, Config{})
	s.sizes = small
	importText(t, s, ad(1))
	var pages int
	if err := s.db.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	exec(t, s, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+8))
	r, err := s.Import(t.Context(), []string{path}, nil, nil)
	if got, want := forPeople(err), "The disk of the job records is full. Free space on it; an import goes on where it stopped."; got != want {
		t.Fatalf("%q (%v)", got, err)
	}
	if got := int64(len(stored(t, s))); r.New == 0 || got != r.New+1 && got != r.New {
		t.Errorf("%d records are stored, %+v", got, r)
	}
	before := dump(t, s)
	if _, err := s.Import(t.Context(), []string{path}, nil, nil); forPeople(err) == "" {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(before, dump(t, s)); diff != "" {
		t.Errorf("something is half-written: %s", diff)
	}
	var sound string
	if err := s.db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Errorf("the file is %s, %v", sound, err)
	}
	if len(find(t, s, onHost(1, 1)).Sightings) == 0 {
		t.Error("nothing can be found")
	}
	exec(t, s, `PRAGMA max_page_count = 100000`)
	if r := importing(t, s, path); r.Resumed != 1 {
		t.Errorf("%+v", r)
	}
	exec(t, s, `DELETE FROM file WHERE path = '-'`)
	if diff := cmp.Diff(dump(t, whole), dump(t, s)); diff != "" {
		t.Error(diff)
	}
}

// TestReadOnly: traces go on, imports say why they cannot.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	importText(t, s, ad(1))
	exec(t, s, `PRAGMA query_only = 1`)
	before := dump(t, s)
	_, err := s.Import(t.Context(), []string{Stdin}, strings.NewReader(ad(2)), nil)
	if got, want := forPeople(err), "The file of the job records is read-only. Make it and its directory writable for gridwarden."; got != want {
		t.Errorf("%q (%v)", got, err)
	}
	if diff := cmp.Diff(before, dump(t, s)); diff != "" || len(find(t, s, onHost(1, 1)).Sightings) != 1 {
		t.Error(diff)
	}
}

// TestLocked: an import waits for another writer, but not for ever; traces do not
// wait at all.
func TestLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	s, other := newStore(t, Config{SQLite: path}), newStore(t, Config{SQLite: path})
	importText(t, s, ad(1))
	tx, err := other.db.BeginTx(t.Context(), nil) // takes the lock
	if err != nil {
		t.Fatal(err)
	}
	exec(t, s, `PRAGMA busy_timeout = 20`)
	_, err = s.Import(t.Context(), []string{Stdin}, strings.NewReader(ad(2)), nil)
	if got, want := forPeople(err), "Another program has the file of the job records locked. Ask again in a minute; if that does not help, end the program that holds it."; got != want {
		t.Errorf("%q (%v)", got, err)
	}
	if len(find(t, s, onHost(1, 1)).Sightings) != 1 || len(stored(t, s)) != 1 {
		t.Error("a trace finds another thing")
	}
	// A program that starts now starts.
	newStore(t, Config{SQLite: path})
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if r := importText(t, s, ad(2)); r.New != 1 {
		t.Errorf("%+v", r)
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	s := newStore(t, Config{SQLite: path})
	exec(t, s, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`)
	_, err := Open(t.Context(), Config{SQLite: path})
	if got, want := forPeople(err), "The store of job records was written by a newer gridwarden (schema 99; this one knows 2). Run the newer program, or import into a new file."; got != want {
		t.Errorf("%q (%v)", got, err)
	}
}

// TestDamaged: a file that is no store, and one that was one.
func TestDamaged(t *testing.T) {
	t.Parallel()
	const damaged = "The file of the job records is damaged. Move it away and import again."
	path := fileOf(t, "history.db", strings.Repeat("not a database. ", 1000))
	_, err := Open(t.Context(), Config{SQLite: path})
	if got := forPeople(err); got != damaged {
		t.Errorf("%q (%v)", got, err)
	}

	path = filepath.Join(t.TempDir(), "history.db")
	s, err := Open(t.Context(), Config{SQLite: path})
	if err != nil {
		t.Fatal(err)
	}
	importing(t, s, fileOf(t, "mixed.json", mixed(3000)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 8 * 16384; i < len(data); i++ {
		data[i] = 0xA5
	}
	rewrite(t, path, string(data))
	again := newStore(t, Config{SQLite: path})
	_, err = again.Sightings(t.Context(), onHost(1, 24))
	_, imported := again.Import(t.Context(), []string{Stdin}, strings.NewReader(ad(1)+ad(1000)), nil)
	if forPeople(err) != damaged || forPeople(imported) != damaged {
		t.Errorf("a trace: %v; an import: %v", err, imported)
	}
}

// TestPlaceOfTheStore: where no file can be, people read what to do.
func TestPlaceOfTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "gone", "history.db"), dir} {
		_, err := Open(t.Context(), Config{SQLite: path})
		if got := forPeople(err); !strings.HasPrefix(got, "The file of the job records cannot be made.") {
			t.Errorf("%s: %q (%v)", path, got, err)
		}
	}
	path := filepath.Join(dir, "history.db")
	newStore(t, Config{SQLite: path})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: the personal data in it are others' to read", info.Mode(), err)
	}
}

// TestClosed: a store that was closed gives errors.
func TestClosed(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{SQLite: filepath.Join(t.TempDir(), "history.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, found := s.Sightings(t.Context(), onHost(0, 1))
	_, newest := s.Newest(t.Context())
	_, details := s.Details(t.Context())
	_, imported := s.Import(t.Context(), []string{Stdin}, strings.NewReader(ad(1)), nil)
	if found == nil || newest == nil || details == nil || imported == nil || s.Check(t.Context()) == nil {
		t.Error("a closed store answers")
	}
}

// TestTracesDuringImports: several processes import and ask at once; a trace sees
// whole transactions, and in the end everything.
func TestTracesDuringImports(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	in := []string{fileOf(t, "a.json", mixed(300)), fileOf(t, "b.json", lines(1000, 1300))}
	ctx, stop := context.WithCancel(t.Context())
	var importers, readers sync.WaitGroup
	for _, file := range in {
		importers.Go(func() { // a process each, which also find the file new
			s, err := Open(ctx, Config{SQLite: path})
			if err != nil {
				t.Error(err)
				return
			}
			s.sizes = small
			if _, err := s.Import(ctx, []string{file}, nil, nil); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	s := newStore(t, Config{SQLite: path})
	for range 2 {
		readers.Go(func() {
			for last := 0; ctx.Err() == nil; {
				f, err := s.Sightings(context.WithoutCancel(ctx), onHost(1000, 300))
				if err != nil || len(f.Sightings) < last {
					t.Errorf("%d sightings after %d, %v", len(f.Sightings), last, err)
					return
				}
				last = len(f.Sightings)
			}
		})
	}
	importers.Wait()
	stop()
	readers.Wait()
	if got := len(find(t, s, onHost(1000, 300)).Sightings); got != 300 {
		t.Errorf("%d sightings", got)
	}
	whole := newStore(t, Config{})
	importing(t, whole, in...)
	if got, want := len(stored(t, s)), len(stored(t, whole)); got != want {
		t.Errorf("%d records, not %d", got, want)
	}
}

// lines gives ads of the numbers from a to b, a line each.
func lines(a, b int) string {
	var text strings.Builder
	for n := a; n < b; n++ {
		fmt.Fprintln(&text, ad(n))
	}
	return text.String()
}
