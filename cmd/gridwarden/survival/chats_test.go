//go:build crash

package survival

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var chatRuns = flag.Int("chats", 40, "how many runs on chat platforms")

// around are the points about a decision and its execution, each with the
// passages among which one is chosen: those before belong to the request.
var around = []struct {
	name        string
	first, last int
}{
	{"1", 2, 4},
	{"2 before", 2, 4},
	{"2 after", 2, 4},
	{"4", 2, 4},
	{"6", 2, 4},
	{"8 run before", 1, 2},
	{"8 run after", 1, 2},
	{"9 before", 2, 3},
	{"9 after", 2, 3},
	{"10", 3, 6},
	{"11 post before", 3, 4},
	{"11 update before", 1, 4},
	{"12 before", 3, 6},
	{"12 after", 3, 6},
	{"approved before", 1, 1},
	{"approved after", 1, 1},
	{"quorum reached before", 1, 1},
	{"quorum reached after", 1, 1},
	{"started before", 1, 1},
	{"started after", 1, 1},
	{"apply before", 1, 1},
	{"apply after", 1, 1},
	{"applied before", 1, 1},
	{"applied after", 1, 1},
	{"work done before", 1, 2},
	{"look before", 1, 1},
	{"settled before", 1, 1},
	{"settled after", 1, 1},
}

// What else is done to a run.
const (
	atPoint      = "killed at a point about the decision"
	killedSoon   = "killed between the decision and its announcement"
	votedWithout = "killed before the votes, which are given while it does not run"
	cutOff       = "the network refuses everything for 4 s"
	silenced     = "the network goes silent for 6 s, and its connections for ever"
)

// decision is the plan of one run. It follows from its number alone.
type decision struct {
	number   int
	mode     int // of modes
	database string
	what     string
	kill     kill
	by       [2]string // how bob and carol vote
	dice     *rand.Rand
}

func (d decision) String() string {
	return fmt.Sprintf("run %d on %s with %s: %s %s, bob by %s, carol by %s", d.number, modes()[d.mode].mode(), d.database, d.what, d.kill.point, d.by[0], d.by[1])
}

// decisionOf plans a run. Of four runs two are killed at a point, one at another
// moment, and one loses its network.
func decisionOf(number int) decision {
	d := decision{number: number, database: onSQLite, dice: rand.New(rand.NewPCG(uint64(number), 3))}
	all := modes()
	k := number / 4
	d.mode = k % len(all)
	switch number % 4 {
	case 3:
		d.what = []string{silenced, cutOff}[k/len(all)%2]
	case 2:
		d.what = []string{votedWithout, killedSoon}[k/len(all)%2]
	default:
		// 5 does not divide the number of points: each mode comes to each of them.
		k = 2*k + number%4
		p := around[k%len(around)]
		d.mode = k % len(all)
		d.what = atPoint
		d.kill = kill{point: fmt.Sprintf("%s:%d", p.name, p.first+d.dice.IntN(p.last-p.first+1))}
	}
	if d.dice.IntN(3) == 0 {
		d.database = onPostgres
	}
	for i := range d.by {
		surfaces := all[d.mode].surfaces()
		if d.what == votedWithout { // a button says at once that nobody is there
			surfaces = slices.DeleteFunc(surfaces, func(s string) bool { return s == byButton })
		}
		d.by[i] = surfaces[d.dice.IntN(len(surfaces))]
	}
	return d
}

// networks is how many runs at once lose their network.
const networks = 10

// TestChats has people ask, approve and be answered on every platform, kills the
// program and takes the network away in the middle, and checks each time that
// the decision survived.
func TestChats(t *testing.T) {
	alongside(t)
	_, missing := database()
	began := time.Now()
	o := chatOutcomes{by: map[[2]string]*chatOutcome{}}
	busy, idle := make(chan struct{}, *together), make(chan struct{}, networks)
	var all sync.WaitGroup
	for i := range *chatRuns {
		d := decisionOf(*first + i)
		if missing != nil {
			d.database = onSQLite
		}
		slots := busy
		if d.what == cutOff || d.what == silenced { // which wait most of their time
			slots = idle
		}
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			t.Run(strconv.Itoa(d.number), func(t *testing.T) { o.note(t, d.run(t)) })
		})
	}
	all.Wait()
	text := o.table()
	say("%d runs on chats in %s\n%s", *chatRuns, time.Since(began).Round(time.Second), text)
	if *table != "" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(*table), 0o755), os.WriteFile(*table, []byte(text), 0o644)); err != nil {
			t.Error(err)
		}
	}
}

// chatResult is what became of one run.
type chatResult struct {
	decision
	again, twice int
	missed       bool // the program did not come to the point
	err          error
	logs         string
}

// run does one run on a place of its own.
func (d decision) run(t *testing.T) (r chatResult) {
	r.decision = d
	on := modes()[d.mode]
	p := newPlace(t, settings{database: d.database, chats: []chat{on}, speed: 3000})
	c := newCircle(on, 2*time.Minute)
	show, voted := make(chan struct{}), make(chan struct{})
	var kills []kill
	switch d.what {
	case votedWithout:
		kills = []kill{{when: show, rest: func() { <-voted }}}
	case killedSoon:
		soon := make(chan struct{})
		kills = []kill{{when: soon}}
		after := time.Duration(d.dice.IntN(700)) * time.Millisecond
		go func() {
			<-voted
			time.Sleep(after) // the random moment
			close(soon)
		}()
	case cutOff, silenced:
	default:
		k := d.kill
		if d.dice.IntN(2) == 0 {
			k.rest = func() { time.Sleep(time.Second) } // what is done meanwhile comes late
		}
		kills = []kill{k}
	}
	c.mayReact = len(kills) > 0 && on.mode() == (&onDiscord{}).mode()
	k := newKeeper(p, kills)
	go k.keep()
	tell := sync.OnceFunc(func() { close(voted) })
	r.err = d.play(p, c, k, func() { close(show) }, tell)
	tell() // a run that failed before has none who vote
	if r.err == nil {
		r.err = p.quiet(patience)
	}
	r.err = errors.Join(r.err, k.end())
	r.again, r.twice, r.missed = c.counts.askedAgain(), c.twice, len(k.missed) > 0
	if r.err == nil {
		r.err = errors.Join(c.check(), p.checkGrid(map[string]int{"ban " + usher: 1, "unban " + usher: 1}), p.checkLog())
	}
	if n, err := p.leftovers(); err != nil || len(n) > 0 {
		r.err = errors.Join(r.err, err, fmt.Errorf("left in the journal after the end: %v", n))
	}
	if r.err != nil {
		r.logs = p.logs()
	}
	return r
}

// play is what people do: a ban that two approve, what happens to it, and its
// undoing afterwards.
func (d decision) play(p *place, c *circle, k *keeper, proposed, voted func()) error {
	if err := p.connect(); err != nil {
		return err
	}
	ban, err := c.propose("alice", `ban "Naughty Usher" cryptominer`)
	if err != nil {
		return err
	}
	proposed()
	if d.what == votedWithout {
		<-k.down
	}
	var acts sync.WaitGroup
	errs := make(chan error, 3)
	var acted sync.WaitGroup
	acted.Add(2)
	vote := func(i int, who string) {
		acts.Go(func() { errs <- c.vote(d.by[i], who, ban, sync.OnceFunc(acted.Done)) })
	}
	vote(0, "bob")
	if d.what == cutOff || d.what == silenced {
		if _, err := c.card(ban, "with the vote of bob", func(s shown) bool { return votedBy(s, "bob") > 0 }); err != nil {
			return err
		}
	}
	apart := time.Duration(d.dice.IntN(200)) * time.Millisecond
	if d.dice.IntN(2) == 0 {
		apart = 0
	}
	switch d.what {
	case cutOff:
		vote(1, "carol")
		time.Sleep(apart) // the vote arrives, or does not
		p.net.breaks()
		time.AfterFunc(4*time.Second, p.net.heals)
	case silenced:
		vote(1, "carol")
		time.Sleep(apart) // the vote arrives, or does not
		p.net.hushes()
		time.AfterFunc(6*time.Second, p.net.heals)
	default:
		time.Sleep(apart) // people do not act at once
		vote(1, "carol")
	}
	acts.Go(func() {
		_, _, err := c.ask("omar", "pending")
		errs <- err
	})
	acted.Wait()
	voted()
	acts.Wait()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	if err = errors.Join(err, c.becomes(ban, "settled")); err != nil {
		return err
	}
	unban, err := c.propose("mia", `unban "Naughty Usher" false alarm`)
	if err != nil {
		return err
	}
	if err := c.vote(byWord, "carol", unban, nil); err != nil {
		return err
	}
	return c.becomes(unban, "settled")
}

// chatOutcome counts the runs of one mode with one thing done to them.
type chatOutcome struct{ runs, missed, again, twice, failed int }

type chatOutcomes struct {
	mu sync.Mutex
	by map[[2]string]*chatOutcome
}

func (o *chatOutcomes) note(t *testing.T, r chatResult) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := [2]string{modes()[r.mode].mode(), r.what}
	n := o.by[key]
	if n == nil {
		n = &chatOutcome{}
		o.by[key] = n
	}
	n.runs++
	if r.missed {
		n.missed++
	}
	if r.again > 0 {
		n.again++
	}
	if r.twice > 0 {
		n.twice++
	}
	if r.err != nil {
		n.failed++
		t.Errorf("%s: %v\nRepeat it: make chats FIRST=%d N=1\n%s", r.decision, r.err, r.number, r.logs)
	}
}

// table lists the modes with what was done to them, as Markdown.
func (o *chatOutcomes) table() string {
	var b strings.Builder
	b.WriteString("| platform | what was done | runs | of them not reached | people were told to ask again | pressed or reacted again | failed |\n|---|---|---|---|---|---|---|\n")
	for _, m := range modes() {
		for _, what := range []string{atPoint, killedSoon, votedWithout, cutOff, silenced} {
			if n := o.by[[2]string{m.mode(), what}]; n != nil {
				fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d |\n", m.mode(), what, n.runs, n.missed, n.again, n.twice, n.failed)
			}
		}
	}
	return b.String()
}
