//go:build crash

package survival

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/room"
)

// killEvery is the time between two kills of one of a pair.
const killEvery = 5 * time.Second

// TestPair lets two programs share a journal on PostgreSQL. Both get every
// event, and one of them is killed every few seconds.
func TestPair(t *testing.T) {
	alongside(t)
	s := settings{database: onPostgres, server: durableServer(t), speed: 300, room: room.Options{Everyone: true, Repeat: 0.05, Shuffle: 0.1, Seed: 1}}
	whole := lasts(20 * time.Second)
	p := newPlace(t, s)
	both := pair{p: p}
	for i := range both.serve {
		if err := both.restart(i); err != nil {
			t.Fatal(err)
		}
		if err := p.await(i+1, patience); err != nil {
			t.Fatal(err)
		}
	}
	defer both.kill()

	c := newCrowd(p, 4*time.Minute)
	l := newLoad(c, min(*rate, 10))
	began := time.Now()
	l.begin()
	stop := make(chan struct{})
	var killer sync.WaitGroup
	kills := 0
	killer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(killEvery):
			}
			i := rand.IntN(len(both.serve))
			if !both.serve[i].running() {
				t.Errorf("%v: %v\n%s", errEnded, both.serve[i].err, p.logs())
			}
			both.serve[i].kill()
			kills++
			if err := both.restart(i); err != nil {
				t.Error(err)
			}
		}
	})
	time.Sleep(whole) // the load itself
	close(stop)
	killer.Wait()
	want := l.end(t)
	err := p.quiet(3 * time.Minute)
	for _, s := range both.serve {
		err = errors.Join(err, s.stop())
	}
	// They keep the checkpoint in the same file outside and do not wait for each
	// other there: the next start puts it right.
	k := newKeeper(p, nil)
	go k.keep()
	err = errors.Join(err, k.end())
	err = errors.Join(err, p.checkRoom(c, false), p.checkGrid(want), p.checkLog())
	if err != nil {
		t.Errorf("%v\n%s", err, p.logs())
	}
	say("pair: %d events in %d deliveries, %d kills in %s; %d times people were told to ask again", c.counts.soFar(), p.room.Delivered(), kills, time.Since(began).Round(time.Second), c.counts.askedAgain())
}

// pair are two programs at one place.
type pair struct {
	p     *place
	serve [2]*process
}

func (b *pair) restart(i int) (err error) {
	b.serve[i], err = b.p.start("")
	return err
}

func (b *pair) kill() {
	for _, s := range b.serve {
		if s != nil {
			s.kill()
		}
	}
}
