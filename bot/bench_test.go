package bot_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config/secret"
)

// onDatabases runs a benchmark on both databases as they are in service: what
// is acknowledged is on the disk.
func onDatabases(b *testing.B, f func(b *testing.B, j *journal.Journal)) {
	b.Helper()
	run := func(b *testing.B, c journal.Config, o journal.Options) {
		b.Helper()
		j, err := journal.Open(b.Context(), c, o)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }() // the log is kept and signed meanwhile
		defer func() {
			cancel()
			if err := <-done; err != nil {
				b.Error(err)
			}
			if err := j.Close(); err != nil {
				b.Error(err)
			}
		}()
		f(b, j)
	}
	b.Run("sqlite", func(b *testing.B) {
		run(b, journal.Config{SQLite: filepath.Join(b.TempDir(), "journal.db")}, journal.Options{})
	})
	b.Run("postgres", func(b *testing.B) {
		server, err := postgrestest.New("fsync = on", "full_page_writes = on", "shared_buffers = 128MB")
		if err != nil {
			postgrestest.Missing(b, err)
		}
		b.Cleanup(func() {
			if err := server.Remove(); err != nil {
				b.Error(err)
			}
		})
		db, dir := server.NewDatabase(b), b.TempDir()
		file := func(name, text string) secret.File {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				b.Fatal(err)
			}
			return secret.File(path)
		}
		run(b, journal.Config{Postgres: &journal.Postgres{DSNFile: file("plain", db.DSN(db.Plain)), OwnerDSNFile: file("owner", db.DSN(db.Owner))}},
			journal.Options{KeyFile: filepath.Join(dir, "key"), CheckpointFile: filepath.Join(dir, "checkpoint")})
	})
}

// counting is a platform that only counts what is said on it.
type counting struct {
	posted atomic.Int64
	said   func()
}

func (c *counting) Name() string { return "memory" }

func (c *counting) Listen(ctx context.Context, _ func(context.Context, bot.Event) error) error {
	<-ctx.Done()
	return nil
}

func (c *counting) Post(context.Context, bot.Thread, bot.Message) (string, error) {
	n := c.posted.Add(1)
	if c.said != nil {
		c.said()
	}
	return fmt.Sprint(n), nil
}

func (c *counting) Update(context.Context, bot.Thread, string, bot.Message) error { return nil }

// served is an engine with a command that answers at once and one whose
// backend hangs.
func served(b *testing.B, j bot.Journal) (engine *bot.Engine, platform *counting, stop func()) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	people := bot.NewPeople(hallRules(), nil)
	platform = &counting{}
	command := func(name string, run func(context.Context, *bot.Request) (bot.Message, error)) bot.Command {
		return bot.Command{Name: name, Summary: name, Example: name, Run: run}
	}
	engine, err := bot.New(bot.Parts{
		Log: log, Journal: j, People: people, Decider: bot.NewDecider(log, j, people), Platforms: []bot.Platform{platform}, Holder: "bench",
		Commands: []bot.Command{
			command("ask", func(context.Context, *bot.Request) (bot.Message, error) { return bot.Say("an answer"), nil }),
			command("hang", func(ctx context.Context, _ *bot.Request) (bot.Message, error) {
				<-ctx.Done()
				return bot.Message{}, ctx.Err()
			}),
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	return engine, platform, func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

func asked(n int, line string) bot.Event {
	return bot.Event{
		ID: fmt.Sprintf("ev%d", n), Kind: bot.Typed, Value: line, At: time.Now().UTC(), Message: fmt.Sprintf("m%d", n),
		Thread:  bot.Thread{Platform: "memory", Channel: "security"},
		Account: bot.Account{Platform: "memory", ID: "alice", Name: "alice", Standing: bot.Member},
	}
}

// BenchmarkCommands is a whole read command: received, recorded, run, answered
// and said, each durably. 64 callers wait for the acknowledgement only, and
// hold back when 1024 commands are not answered yet.
func BenchmarkCommands(b *testing.B) {
	onDatabases(b, func(b *testing.B, j *journal.Journal) {
		engine, platform, stop := served(b, j)
		defer stop()
		acks := newTimes(b.N)
		var asking atomic.Int64
		open := make(chan struct{}, 1024)
		platform.said = func() { <-open }
		b.ResetTimer()
		var callers sync.WaitGroup
		for range 64 {
			callers.Go(func() {
				for {
					n := int(asking.Add(1))
					if n > b.N {
						return
					}
					open <- struct{}{}
					began := time.Now()
					if err := engine.Receive(b.Context(), asked(n, "ask x")); err != nil {
						b.Error(err)
						return
					}
					acks.add(time.Since(began))
				}
			})
		}
		callers.Wait()
		for range cap(open) { // until everything is said
			open <- struct{}{}
		}
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
		acks.report(b, "ack")
	})
}

// BenchmarkAck offers 200 events a second while the backend hangs, and times
// the acknowledgement. Beside it stands what the disk takes to write and sync.
func BenchmarkAck(b *testing.B) {
	onDatabases(b, func(b *testing.B, j *journal.Journal) {
		engine, _, stop := served(b, j)
		defer stop()
		acks, syncs := newTimes(b.N), newTimes(b.N)
		f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		page := make([]byte, 16<<10)
		tick := time.NewTicker(time.Second / 200)
		defer tick.Stop()
		var callers sync.WaitGroup
		b.ResetTimer()
		for n := range b.N {
			<-tick.C
			callers.Go(func() {
				began := time.Now()
				if err := engine.Receive(b.Context(), asked(n, "hang x")); err != nil {
					b.Error(err)
				}
				acks.add(time.Since(began))
			})
			if n%20 == 0 {
				began := time.Now()
				if _, err := f.WriteAt(page, 0); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
				syncs.add(time.Since(began))
			}
		}
		callers.Wait()
		b.StopTimer()
		acks.report(b, "ack")
		syncs.report(b, "sync")
	})
}

// times are how long something took.
type times struct {
	mu    sync.Mutex
	taken []time.Duration
}

func newTimes(n int) *times { return &times{taken: make([]time.Duration, 0, n)} }

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	t.taken = append(t.taken, d)
	t.mu.Unlock()
}

// report gives percentiles in milliseconds.
func (t *times) report(b *testing.B, what string) {
	b.Helper()
	slices.Sort(t.taken)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(t.taken[len(t.taken)*p/100].Microseconds())/1000, fmt.Sprintf("%s-p%d-ms", what, p))
	}
}
