package history

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/usagetest"
)

// benchSize is how many records a benchmark's store has; GRIDWARDEN_BENCH_RECORDS
// sets it.
func benchSize(b *testing.B) int {
	b.Helper()
	n := 200_000
	if text := os.Getenv("GRIDWARDEN_BENCH_RECORDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// BenchmarkImport imports documents as short as a selection of attributes and as
// long as whole ones. So that the figures mean something on another machine,
// json-cpu-µs/record says what encoding/json alone costs for the same lines, read
// into maps right before. Unlike records/s, the costs change little while others use
// the machine, too: two million µs of two cores give the records/s to expect.
func BenchmarkImport(b *testing.B) {
	for _, fill := range []bool{false, true} {
		b.Run(fmt.Sprintf("whole=%t", fill), func(b *testing.B) {
			n := benchSize(b)
			path := newWorld(fill).file(b, n)
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			var took time.Duration
			var peak, cpu, plain float64
			for b.Loop() {
				plain -= usagetest.CPUSeconds(b)
				decodePlainly(b, path)
				plain += usagetest.CPUSeconds(b)
				s, err := Open(b.Context(), Config{SQLite: filepath.Join(b.TempDir(), "history.db")})
				if err != nil {
					b.Fatal(err)
				}
				usagetest.ForgetPeak(b)
				cpu -= usagetest.CPUSeconds(b)
				began := time.Now()
				r, err := s.Import(b.Context(), []string{path}, nil, nil)
				took += time.Since(began)
				cpu += usagetest.CPUSeconds(b)
				if err != nil || r.New != int64(n) {
					b.Fatalf("%+v, %v", r, err)
				}
				peak = max(peak, usagetest.PeakMB(b))
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/took.Seconds(), "records/s")
			b.ReportMetric(float64(info.Size()*int64(b.N))/1e6/took.Seconds(), "MB/s")
			b.ReportMetric(plain*1e6/float64(n*b.N), "json-cpu-µs/record")
			b.ReportMetric(cpu*1e6/float64(n*b.N), "cpu-µs/record")
			b.ReportMetric(peak, "peak-RSS-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// decodePlainly reads a file of lines by encoding/json, and does nothing with them.
func decodePlainly(b *testing.B, path string) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReaderSize(f, readSize))
	d.UseNumber()
	for {
		var record map[string]any
		if err := d.Decode(&record); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTrace asks who ran on a worker node within two days, and each time also
// reads the same rows by bare SQL: the same lists of the same keys and the same
// records, unread. x-sql is how many times as long the trace takes.
func BenchmarkTrace(b *testing.B) {
	n := benchSize(b)
	s := bigStore(b, n)
	w := newWorld(false)
	queries := make([]grid.Query, 200)
	for i := range queries {
		from := time.Unix(w.end(w.rand.IntN(n)), 0).UTC()
		queries[i] = grid.Query{
			Kind: grid.ByHost, Host: w.host(w.rand.IntN(20), w.rand.IntN(400)),
			Window: grid.Window{From: from, To: from.Add(48 * time.Hour)},
		}
	}
	keys := make([][]int64, len(queries)) // once beforehand, so that both find the store in memory as well or badly
	for i, q := range queries {
		f, err := s.Sightings(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		keys[i] = keysOfTrace(q, f)
	}
	var traces, bare []time.Duration
	found, looked := 0, 0
	for i := 0; b.Loop(); i++ {
		q := queries[i%len(queries)]
		var f grid.Found
		rows := 0
		steps := []func() (err error){
			func() (err error) { f, err = s.Sightings(context.Background(), q); return err },
			func() (err error) { rows, err = bareSQL(s, q, keys[i%len(queries)]); return err },
		}
		var took [2]time.Duration
		for _, which := range []int{i % 2, 1 - i%2} { // the second one finds its pages in memory
			began := time.Now()
			if err := steps[which](); err != nil {
				b.Fatal(err)
			}
			took[which] = time.Since(began)
		}
		traces, bare = append(traces, took[0]), append(bare, took[1])
		if rows != f.Report.Records {
			b.Fatalf("bare SQL read %d records, the trace %d", rows, f.Report.Records)
		}
		found += len(f.Sightings)
		looked += rows
	}
	if found == 0 {
		b.Fatal("nothing was found")
	}
	slices.Sort(traces)
	slices.Sort(bare)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	p50, sql50 := traces[len(traces)/2], bare[len(bare)/2]
	b.ReportMetric(ms(p50), "p50-ms")
	b.ReportMetric(ms(traces[len(traces)*99/100]), "p99-ms")
	b.ReportMetric(ms(sql50), "sql-p50-ms")
	b.ReportMetric(ms(bare[len(bare)*99/100]), "sql-p99-ms")
	b.ReportMetric(float64(p50)/float64(sql50), "x-sql")
	b.ReportMetric(float64(found)/float64(len(traces)), "found/op")
	b.ReportMetric(float64(looked)/float64(len(traces)), "read/op")
}

// keysOfTrace are the keys that a trace followed: those of the query and of the
// pilots that it found.
func keysOfTrace(q grid.Query, f grid.Found) []int64 {
	words := q.Keys()
	for _, id := range grid.PilotsOf(f.Sightings) {
		mate := q
		mate.Kind, mate.Pilot = grid.ByPilotID, id
		words = append(words, mate.MateKeys()...)
	}
	var keys []int64
	for _, word := range words {
		keys = append(keys, keyOf(word))
	}
	return keys
}

// bareSQL reads what keys lead to in a window, each record once, and gives how
// many they are.
func bareSQL(s *Store, q grid.Query, keys []int64) (int, error) {
	tx, err := s.readers.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	var buckets []int64
	for _, span := range spansOf(q.Window) {
		some, err := numbers(tx.Query(`SELECT bucket FROM bucket WHERE bucket BETWEEN ? AND ?`, span.first, span.last))
		if err != nil {
			return 0, err
		}
		buckets = append(buckets, some...)
	}
	lists, err := tx.Prepare(`SELECT first, more FROM posting WHERE bucket = ? AND key = ?`) //nolint:sqlclosecheck // closed with its transaction
	if err != nil {
		return 0, err
	}
	record, err := tx.Prepare(`SELECT data FROM record WHERE num = ?`) //nolint:sqlclosecheck // closed with its transaction
	if err != nil {
		return 0, err
	}
	var nums []int64
	for _, key := range keys {
		for _, b := range buckets {
			some, err := listed(lists.Query(b, key))
			if err != nil {
				return 0, err
			}
			nums = append(nums, some...)
		}
	}
	slices.Sort(nums)
	nums = slices.Compact(nums)
	for _, num := range nums {
		var data []byte
		if err := record.QueryRow(num).Scan(&data); err != nil {
			return 0, err
		}
	}
	return len(nums), nil
}

func numbers(rows *sql.Rows, err error) ([]int64, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// bigStore gives a store of n records; GRIDWARDEN_BENCH_STORE is a file to keep
// it in, since ten million take minutes to make; what it has already is not made
// again. They come through a pipe, which needs no room on the disk.
func bigStore(b *testing.B, n int) *Store {
	b.Helper()
	path := os.Getenv("GRIDWARDEN_BENCH_STORE")
	if path == "" {
		path = filepath.Join(b.TempDir(), "history.db")
	}
	s, err := Open(b.Context(), Config{SQLite: path})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	c, err := s.coverage(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	have := int(c.records)
	if have == n {
		return s
	}
	r, w := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(w, readSize)
		jobs := newWorld(false)
		for range have {
			jobs.next()
		}
		err := jobs.write(out, n-have)
		w.CloseWithError(errors.Join(err, out.Flush()))
	}()
	usagetest.ForgetPeak(b)
	began := time.Now()
	report, err := s.Import(b.Context(), []string{Stdin}, r, nil)
	if err != nil || report.New != int64(n-have) {
		b.Fatalf("%+v, %v", report, err)
	}
	took := time.Since(began)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d records imported in %s: %.0f records/s beside what makes them, at most %.0f MB of memory, %.1f GB of store", n-have, took.Round(time.Second), float64(n-have)/took.Seconds(), usagetest.PeakMB(b), float64(info.Size())/1e9)
	return s
}
