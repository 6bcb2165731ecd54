package journal_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// BenchmarkAudit verifies a whole log, and proves single records of it.
// GRIDWARDEN_BENCH_AUDIT is how many records it has.
func BenchmarkAudit(b *testing.B) {
	n := 200_000
	if s := os.Getenv("GRIDWARDEN_BENCH_AUDIT"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	c := journal.Config{SQLite: filepath.Join(b.TempDir(), "journal.db")}
	j, err := journal.Open(b.Context(), c, journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	some := fillLog(b, j, n)

	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			l, err := journal.OpenLog(b.Context(), c)
			if err != nil {
				b.Fatal(err)
			}
			verifier, err := audit.ParsePublic(j.PublicKey())
			if err != nil {
				b.Fatal(err)
			}
			report, err := audit.Verify(b.Context(), l, verifier, nil)
			if err != nil || !report.Sound() || report.Records != int64(n) {
				b.Fatalf("%v: %+v", err, report)
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
	b.Run("prove", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			id := some[rand.IntN(len(some))]
			began := time.Now()
			if _, err := j.Prove(b.Context(), id); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	})
}

// fillLog writes n records and returns the ids of some.
func fillLog(b *testing.B, j *journal.Journal, n int) (some []string) {
	b.Helper()
	const at = 5000 // records in a change
	body := json.RawMessage(`{"as":"trace wn042.example.org 2026-06-24T14:05Z","surface":"typed","thread":"slack/T0/C1/17.5","typed":"/trace wn042.example.org 2026-06-24T14:05Z"}`)
	for done := 0; done < n; {
		var fx action.Effects
		for range min(at, n-done) {
			fx.Records = append(fx.Records, audit.Record{ID: audit.NewID(), At: time.Now().UTC(), Kind: audit.Received, Request: "r1", Person: "alice", Account: "slack/T0/U1", Body: body})
		}
		if err := j.Write(b.Context(), fx); err != nil {
			b.Fatal(err)
		}
		some = append(some, fx.Records[0].ID)
		done += len(fx.Records)
		if _, err := j.Sequence(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return some
}
