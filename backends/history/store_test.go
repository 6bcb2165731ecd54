package history

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// empty is the file of a store that nothing was imported into: to make one takes
// longer than many tests.
var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "history.db")
	s, err := Open(context.Background(), Config{SQLite: path})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// newStore gives a store that the test's end closes; a new one, unless its file is
// named.
func newStore(t testing.TB, c Config) *Store {
	t.Helper()
	if c.SQLite == "" {
		file, err := empty()
		if err != nil {
			t.Fatal(err)
		}
		c.SQLite = filepath.Join(t.TempDir(), "history ?#%.db")
		if err := os.WriteFile(c.SQLite, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// fileOf writes a file.
func fileOf(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func importing(t testing.TB, s *Store, paths ...string) Report {
	t.Helper()
	r, err := s.Import(t.Context(), paths, strings.NewReader(""), nil)
	if err != nil {
		t.Fatalf("importing %v: %v", paths, err)
	}
	return r
}

// importText imports what stands on standard input.
func importText(t testing.TB, s *Store, text string) Report {
	t.Helper()
	r, err := s.Import(t.Context(), []string{Stdin}, strings.NewReader(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stored gives the records in the order in which they came.
func stored(t fataler, s *Store) []grid.Job {
	t.Helper()
	rows, err := s.db.QueryContext(context.Background(), `SELECT data FROM record ORDER BY num`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []grid.Job
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			t.Fatal(err)
		}
		j, err := decodeJob(data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, j)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// putAll stores rows in one transaction.
func putAll(s *Store, rows []row, f *file, now time.Time) error {
	p := s.putter(now)
	defer p.abandon()
	if err := p.put(context.Background(), rows); err != nil {
		return err
	}
	_, err := p.commit(context.Background(), f)
	return err
}

func idsOf(jobs []grid.Job) []string {
	ids := []string{}
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

// dump gives all that a store holds, a line each: postings one by one, for how
// they are grouped says only which of them were written together.
func dump(t fataler, s *Store) []string {
	t.Helper()
	var out []string
	each := func(query string, columns int, line func(v []any) []string) {
		rows, err := s.db.QueryContext(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			v, at := make([]any, columns), make([]any, columns)
			for i := range v {
				at[i] = &v[i]
			}
			if err := rows.Scan(at...); err != nil {
				t.Fatal(err)
			}
			out = append(out, line(v)...)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[int64]string{}
	each(`SELECT num, id, recorded, data FROM record`, 4, func(v []any) []string {
		ids[v[0].(int64)] = hex.EncodeToString(v[1].([]byte))
		return []string{fmt.Sprintf("record %x %d %s", v[1], v[2], v[3])}
	})
	each(`SELECT bucket, key, first, more FROM posting`, 4, func(v []any) []string {
		nums, err := numsOf(v[2].(int64), v[3].([]byte))
		if err != nil {
			t.Error(err)
		}
		var lines []string
		for _, num := range nums {
			lines = append(lines, fmt.Sprintf("posting %d %d %s", v[0], v[1], ids[num]))
		}
		return lines
	})
	each(`SELECT bucket FROM bucket`, 1, func(v []any) []string { return []string{fmt.Sprintf("bucket %d", v...)} })
	each(`SELECT * FROM schedd`, 4, func(v []any) []string { return []string{fmt.Sprintf("schedd %s %d %d %d", v...)} })
	each(`SELECT * FROM file`, 5, func(v []any) []string { return []string{fmt.Sprintf("file %s %s %s %d %v", v...)} })
	slices.Sort(out)
	return slices.Compact(out)
}

// ad gives one record of a finished job as JSON: number n of schedd s@h, on
// wn042.example.org for an hour from the n-th of the day.
func ad(n int, more ...string) string {
	start := t0.Unix() + int64(n)*3600
	text := fmt.Sprintf(`{"GlobalJobId":"s@h#%d.0#%d","JobStatus":4,"LastRemoteHost":"slot1_1@glidein_1_2@wn042.example.org","Owner":"user%d","QDate":%d,"JobStartDate":%d,"JobCurrentStartDate":%d,"CompletionDate":%d,"RecordTime":%d`,
		n, start-60, n, start-60, start, start, start+3600, start+3700)
	for _, m := range more {
		text += "," + m
	}
	return text + "}"
}

// adIDs gives the ids of ads.
func adIDs(numbers ...int) []string {
	ids := []string{}
	for _, n := range numbers {
		ids = append(ids, fmt.Sprintf("s@h#%d.0#%d", n, t0.Unix()+int64(n)*3600-60))
	}
	return ids
}

// onHost asks who ran on the ads' worker node for some hours from the n-th on.
func onHost(n, hours int) grid.Query {
	from := t0.Add(time.Duration(n) * time.Hour)
	return grid.Query{Kind: grid.ByHost, Host: "wn042.example.org", Window: grid.Window{From: from, To: from.Add(time.Duration(hours) * time.Hour)}}
}

func find(t fataler, s *Store, q grid.Query) grid.Found {
	t.Helper()
	f, err := s.Sightings(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
