package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
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
// long as whole ones.
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
			var peak uint64
			for b.Loop() {
				s, err := Open(b.Context(), Config{SQLite: filepath.Join(b.TempDir(), "history.db")})
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				r, err := s.Import(b.Context(), []string{path}, nil, func(Progress) {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak = max(peak, m.HeapInuse)
				})
				took += time.Since(began)
				if err != nil || r.New != int64(n) {
					b.Fatalf("%+v, %v", r, err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/took.Seconds(), "records/s")
			b.ReportMetric(float64(info.Size()*int64(b.N))/1e6/took.Seconds(), "MB/s")
			b.ReportMetric(float64(peak)/1e6, "peak-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkTrace asks who ran on a worker node within two days.
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
	var took []time.Duration
	found := 0
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		f, err := s.Sightings(context.Background(), queries[i%len(queries)])
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		found += len(f.Sightings)
	}
	if found == 0 {
		b.Fatal("nothing was found")
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(found)/float64(len(took)), "found/op")
}

// bigStore gives a store of n records; GRIDWARDEN_BENCH_STORE is a file to keep
// it in, since ten million take minutes to make.
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
	if c.records == int64(n) {
		return s
	}
	if _, err := s.Import(b.Context(), []string{newWorld(false).file(b, n)}, nil, nil); err != nil {
		b.Fatal(err)
	}
	return s
}
