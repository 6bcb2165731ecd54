package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// small makes many transactions of a short file.
var small = sizes{batch: 700, pieces: 4, rows: 7, postings: 100}

// mixed gives text with all that an import meets: records, copies of them, and
// what is none, alone and many in a row.
func mixed(n int) string {
	var text strings.Builder
	r := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		switch r.IntN(8) {
		case 0:
			text.WriteString(ad(r.IntN(i+1), fmt.Sprintf(`"DataCollection":%d,"RecordTime":%d`, t0.Unix()+int64(i)*3600, t0.Unix()+int64(i)*3600)) + "\n")
		case 1:
			text.WriteString(strings.Repeat("rubbish\n{\"a\":\"\n{}\n", 1+r.IntN(3)))
		case 2:
			text.WriteString("[\n" + ad(i) + "\n,\n" + ad(i+1) + "\n]\n")
		default:
			text.WriteString(ad(i) + "\n")
		}
	}
	return text.String()
}

// TestImportTwice changes nothing.
func TestImportTwice(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	s.sizes = small
	path := fileOf(t, "mixed.json", mixed(200))
	first := importing(t, s, path)
	before := dump(t, s)
	again := importing(t, s, path)
	if diff := cmp.Diff(before, dump(t, s)); diff != "" {
		t.Error(diff)
	}
	if again.New != 0 || again.Replaced != 0 || again.Unchanged != first.Records || again.Rejected != first.Rejected || again.Resumed != 0 {
		t.Errorf("%+v, and again %+v", first, again)
	}
	if first.New == 0 || first.Replaced == 0 || first.Unchanged == 0 || first.Rejected == 0 {
		t.Errorf("the text is too simple: %+v", first)
	}
}

// TestOrderOfImports: which of several copies of a job is kept, and what the
// store then finds and covers, does not depend on the order.
func TestOrderOfImports(t *testing.T) {
	t.Parallel()
	a, b := newStore(t, Config{}), newStore(t, Config{})
	rapid.Check(t, func(t *rapid.T) {
		copies := []string{}
		for range rapid.IntRange(2, 6).Draw(t, "copies") {
			n := rapid.IntRange(1, 2).Draw(t, "job")
			copies = append(copies, ad(n,
				fmt.Sprintf(`"RecordTime":%d`, t0.Unix()+rapid.Int64Range(0, 2).Draw(t, "recorded")),
				fmt.Sprintf(`"LastRemoteHost":"slot1@wn%d.example.org"`, rapid.IntRange(1, 2).Draw(t, "host")),
				fmt.Sprintf(`"ExitCode":%d`, rapid.IntRange(0, 1).Draw(t, "exit"))))
		}
		shuffled := slices.Clone(copies)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		var kept [2][]string
		for i, s := range []*Store{a, b} {
			clearAll(t, s)
			for _, text := range [][]string{copies, shuffled}[i] {
				if _, err := s.Import(context.Background(), []string{Stdin}, strings.NewReader(text), nil); err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range dump(t, s) {
				if strings.HasPrefix(line, "record ") || strings.HasPrefix(line, "schedd ") {
					kept[i] = append(kept[i], line)
				}
			}
			for host := range 2 {
				q := onHost(0, 24)
				q.Host = fmt.Sprintf("wn%d.example.org", host+1)
				for _, found := range find(t, s, q).Sightings {
					kept[i] = append(kept[i], q.Host+" "+found.Job.ID)
				}
			}
			slices.Sort(kept[i])
		}
		if diff := cmp.Diff(kept[0], kept[1]); diff != "" {
			t.Fatalf("%v or %v: %s", copies, shuffled, diff)
		}
	})
}

// clearAll empties a store.
func clearAll(t fataler, s *Store) {
	for _, table := range []string{"record", "posting", "bucket", "schedd", "file"} {
		if _, err := s.db.Exec(`DELETE FROM ` + table); err != nil {
			t.Fatalf("%v", err)
		}
	}
}

// fataler is a test or a rapid check.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Error(args ...any)
}

// TestLaterCopyWins, also when the earlier one comes last, and of a job whose
// earlier copy named another host.
func TestLaterCopyWins(t *testing.T) {
	t.Parallel()
	copyOf := func(host string, recorded int) string {
		return ad(1, fmt.Sprintf(`"LastRemoteHost":"slot1@%s.example.org","RecordTime":%d`, host, t0.Unix()+int64(recorded)*86400))
	}
	s := newStore(t, Config{})
	onlyOn := func(host string) {
		t.Helper()
		for _, h := range []string{"wn1", "wn2", "wn3"} {
			q := onHost(0, 24)
			q.Host = h + ".example.org"
			if got := len(find(t, s, q).Sightings) == 1; got != (h == host) {
				t.Errorf("found on %s: %t", h, got)
			}
		}
	}
	for _, x := range []struct {
		host     string
		recorded int
		want     string
	}{{"wn1", 2, "wn1"}, {"wn2", 1, "wn1"}, {"wn2", 3, "wn2"}, {"wn1", 4, "wn1"}, {"wn3", 4, "wn3"}, {"wn1", 4, "wn3"}, {"wn1", 5, "wn1"}} {
		importText(t, s, copyOf(x.host, x.recorded))
		onlyOn(x.want)
	}
	if c, err := s.coverage(t.Context()); err != nil || c.records != 1 || c.schedds != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestKeyComesBack: a job that had a key, lost it and has it again does not push
// others out of the key's list.
func TestKeyComesBack(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	on := func(n int, host string, recorded int) string {
		return ad(n, fmt.Sprintf(`"LastRemoteHost":"slot1@%s.example.org","RecordTime":%d`, host, t0.Unix()+int64(recorded)*86400)) + "\n"
	}
	importText(t, s, on(1, "wn042", 1)+on(2, "wn042", 1))
	importText(t, s, on(1, "wn1", 2))
	importText(t, s, on(1, "wn042", 3)+on(3, "wn042", 1)+on(4, "wn042", 1))
	ids := []string{}
	for _, f := range find(t, s, onHost(0, 24)).Sightings {
		ids = append(ids, f.Job.ID)
	}
	if diff := cmp.Diff(adIDs(1, 2, 3, 4), ids); diff != "" {
		t.Error(diff)
	}
}

// TestResume: an import that is told to stop, or that dies, at any moment goes on
// there, and ends with what one that was never interrupted has.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"plain": mixed(120), "gzip": gzipped(t, mixed(120)), "zstd": zstded(t, mixed(120))} {
		for _, how := range []string{"stop", "crash"} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				path := fileOf(t, "mixed.json", text)
				whole := newStore(t, Config{})
				whole.sizes = small
				steps := 0
				if _, err := whole.Import(t.Context(), []string{path}, nil, func(Progress) { steps++ }); err != nil {
					t.Fatal(err)
				}
				want := dump(t, whole)
				resumed := 0
				for at := 1; at < steps; at += 1 + steps/12 {
					s := interrupted(t, path, how, at)
					s.sizes = small
					r := importing(t, s, path)
					resumed += r.Resumed
					if diff := cmp.Diff(want, dump(t, s)); diff != "" {
						t.Fatalf("%s at step %d of %d: %s", how, at, steps, diff)
					}
				}
				if resumed < 8 {
					t.Errorf("only %d imports went on where another was stopped", resumed)
				}
			})
		}
	}
}

// interrupted gives the store of an import that ended at a step: told to stop, or
// as a process finds it after the one that imported was killed.
func interrupted(t *testing.T, path, how string, at int) *Store {
	t.Helper()
	dir, crashed := t.TempDir(), t.TempDir()
	s := newStore(t, Config{SQLite: filepath.Join(dir, "history.db")})
	s.sizes = small
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	step := 0
	_, err := s.Import(ctx, []string{path}, nil, func(Progress) {
		if step++; step != at {
			return
		}
		if how == "crash" {
			for _, name := range []string{"history.db", "history.db-wal"} {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Error(err)
				}
				if err := os.WriteFile(filepath.Join(crashed, name), data, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
		stop()
	})
	if err == nil {
		t.Fatal("the import was not stopped")
	}
	if how == "crash" {
		return newStore(t, Config{SQLite: filepath.Join(crashed, "history.db")})
	}
	f := find(t, s, onHost(0, 10))
	if f.Report.State != "partial" || !slices.Contains(f.Report.Notes, "1 file was not imported to the end: run the import again") {
		t.Errorf("while it is stopped: %+v", f.Report)
	}
	return s
}

// TestResumeOfChangedFile begins at its start.
func TestResumeOfChangedFile(t *testing.T) {
	t.Parallel()
	path := fileOf(t, "mixed.json", mixed(120))
	s := interrupted(t, path, "stop", 5)
	if err := os.WriteFile(path, []byte(ad(7000)+"\n"+mixed(130)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := importing(t, s, path)
	if r.Resumed != 0 || !slices.Contains(idsOf(stored(t, s)), adIDs(7000)[0]) {
		t.Errorf("%+v", r)
	}
	whole := newStore(t, Config{})
	w := importing(t, whole, path)
	if r.Rejected != w.Rejected {
		t.Errorf("rejected %d, not %d", r.Rejected, w.Rejected)
	}
	got, want := idsOf(stored(t, s)), idsOf(stored(t, whole))
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
