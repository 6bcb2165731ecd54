//go:build crash

package survival

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot/bottest/room"
)

var (
	runs     = flag.Int("n", 100, "how many runs are killed")
	first    = flag.Int("first", 0, "the number of the first run")
	together = flag.Int("together", 8, "how many runs at once")
	table    = flag.String("table", "", "a file for the table of points and outcomes")
)

// patience bounds every wait of a run; nothing waits that long unless it fails.
const patience = 60 * time.Second

// TestCrashes kills the program at every point, and checks each time that
// nothing was lost and nothing was done twice.
func TestCrashes(t *testing.T) {
	alongside(t)
	_, missing := database()
	if missing != nil && os.Getenv("CI") != "" {
		postgrestest.Missing(t, missing)
	}
	if missing != nil {
		say("all runs are on SQLite: no PostgreSQL server could be started: %v", missing)
	}
	began := time.Now()
	o := outcomes{by: map[string]map[string]int{}}
	next := make(chan int)
	go func() {
		defer close(next)
		for i := range *runs {
			next <- *first + i
		}
	}()
	var all sync.WaitGroup
	for range *together {
		all.Go(func() {
			for number := range next {
				pl := planOf(number)
				if missing != nil {
					pl.database = onSQLite
				}
				o.note(t, crashed(t, pl))
			}
		})
	}
	all.Wait()
	text := o.table()
	say("%d runs in %s, %d kills, %d failed\n%s", *runs, time.Since(began).Round(time.Second), o.kills, o.failed, text)
	if *table != "" {
		if err := os.MkdirAll(filepath.Dir(*table), 0o755); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(*table, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
	if *first == 0 && *runs >= 100 {
		for _, p := range points {
			if o.by[p.name]["reached"] == 0 {
				t.Errorf("no run has reached the point %q", p.name)
			}
		}
	}
}

// result is what became of one run.
type result struct {
	plan    plan
	reached []string // points at which the program was killed
	missed  []string
	again   int // answers that said to ask again
	err     error
	logs    string
	took    time.Duration
}

// crashed does one run in a folder of its own.
func crashed(t *testing.T, pl plan) (r result) {
	began := time.Now()
	r.plan = pl
	dir, err := os.MkdirTemp("", "gwrun") //nolint:usetesting // a thousand folders do not wait for the test's end
	if err != nil {
		r.err = err
		return r
	}
	p := newPlace(t, settings{
		database: pl.database, folder: dir, speed: 3000,
		room: room.Options{Lose: 0.02, Repeat: 0.2, Shuffle: 0.2, Seed: uint64(pl.number)},
	})
	defer func() {
		p.http.CloseClientConnections()
		p.http.Close()
		p.db.Close()
		if r.err != nil {
			r.logs = p.logs()
		}
		os.RemoveAll(dir)
		r.took = time.Since(began)
	}()
	k := newKeeper(p, pl.kills)
	go k.keep()
	c := newCrowd(p, patience)
	want, err := c.incident(pl)
	r.err = err
	if r.err == nil {
		r.err = p.quiet(patience)
	}
	r.err = errors.Join(r.err, k.end())
	r.reached, r.missed, r.again = k.reached, k.missed, c.counts.askedAgain()
	if r.err == nil {
		r.err = errors.Join(p.checkRoom(c, false), p.checkGrid(want), p.checkLog())
	}
	if n, err := p.leftovers(); err != nil || len(n) > 0 {
		r.err = errors.Join(r.err, err, fmt.Errorf("left in the journal after the end: %v", n))
	}
	return r
}

// keeper keeps one serve running, which is killed as planned and started again.
type keeper struct {
	p       *place
	kills   []kill
	reached []string
	missed  []string
	err     error

	down  chan struct{} // told of each kill that was planned
	stop  chan struct{}
	ended chan struct{}
}

func newKeeper(p *place, kills []kill) *keeper {
	return &keeper{p: p, kills: kills, down: make(chan struct{}, len(kills)), stop: make(chan struct{}), ended: make(chan struct{})}
}

func (k *keeper) keep() {
	defer close(k.ended)
	for {
		var planned kill
		if len(k.kills) > 0 {
			planned = k.kills[0]
		}
		s, err := k.p.start(planned.point)
		if err != nil {
			k.err = err
			return
		}
		var timer <-chan time.Time
		if planned.after > 0 {
			timer = time.After(planned.after)
		}
		stopping := false
		select {
		case <-s.ended:
		case <-timer:
			s.kill()
		case <-planned.when:
			s.kill()
		case <-k.stop:
			stopping = true
			k.err = s.listening(k.p)
			if err := s.stop(); err != nil && !s.killed() {
				k.err = fmt.Errorf("serve ended with: %w", err)
				return
			}
		}
		switch {
		case s.killed() && len(k.kills) > 0:
			k.reached = append(k.reached, planned.name())
			k.kills = k.kills[1:]
			k.down <- struct{}{}
			if planned.rest != nil {
				planned.rest()
			}
		case stopping:
			for _, missed := range k.kills {
				k.missed = append(k.missed, missed.name())
			}
			return
		default:
			k.err = errors.Join(errEnded, s.err)
			return
		}
	}
}

// end stops what runs. A kill that was planned may still come on the way, and
// then there is one more start.
func (k *keeper) end() error {
	close(k.stop)
	<-k.ended
	return k.err
}

// outcomes are the results by point.
type outcomes struct {
	mu     sync.Mutex
	by     map[string]map[string]int
	kills  int
	done   int
	failed int
}

func (o *outcomes) note(t *testing.T, r result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	count := func(name, what string) {
		if o.by[name] == nil {
			o.by[name] = map[string]int{}
		}
		o.by[name][what]++
	}
	for _, name := range r.reached {
		o.kills++
		count(name, "reached")
		switch {
		case r.err != nil:
			count(name, "failed")
		case r.again > 0:
			count(name, "asked again")
		default:
			count(name, "whole")
		}
	}
	for _, name := range r.missed {
		count(name, "missed")
	}
	o.done++
	if r.err != nil {
		o.failed++
		t.Errorf("%s: %v\nRepeat it: make crash FIRST=%d N=1\n%s", r.plan, r.err, r.plan.number, r.logs)
	}
	if o.done%25 == 0 {
		say("%d runs, %d kills, %d failed", o.done, o.kills, o.failed)
	}
}

// table lists the points with their outcomes, as Markdown.
func (o *outcomes) table() string {
	var b strings.Builder
	b.WriteString("| killed at | where that is | kills | everything went on | people were told to ask again | failed |\n|---|---|---|---|---|---|\n")
	rows := append(slices.Clone(points), point{name: "at a random moment", what: "wherever the program was"})
	for _, p := range rows {
		n := o.by[p.name]
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", p.name, p.what, n["reached"], n["whole"], n["asked again"], n["failed"])
	}
	missed := 0
	for n := range maps.Values(o.by) {
		missed += n["missed"]
	}
	fmt.Fprintf(&b, "\n%d kills in %d runs; %d more were planned at a passage that the run did not come to.\n", o.kills, o.done, missed)
	return b.String()
}
