package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// outside does things beyond the bubble of a transcript, in real time and over
// real connections. The clock of the bubble stands still meanwhile, so that a
// conversation of hours takes as long as the server needs for its steps. It must
// be made before the bubble: no channel of it may be the bubble's.
type outside struct{ workers chan *worker }

type worker struct {
	do   chan func()
	done chan struct{}
}

// busiest is how many things can be done at once; more wait.
const busiest = 16

// openOutside returns how to end it, too.
func openOutside() (o *outside, end func()) {
	o = &outside{workers: make(chan *worker, busiest)}
	for range busiest {
		w := &worker{do: make(chan func()), done: make(chan struct{})}
		go func() {
			for f := range w.do {
				f()
				w.done <- struct{}{}
			}
		}()
		o.workers <- w
	}
	return o, func() {
		for range busiest {
			close((<-o.workers).do)
		}
	}
}

// run does f and returns when it has. f must use no context of the bubble.
func (o *outside) run(f func()) {
	w := <-o.workers
	w.do <- f
	<-w.done
	o.workers <- w
}

// outsidePatience bounds everything that is done outside.
const outsidePatience = time.Minute

// try is run with a context of its own.
func (o *outside) try(f func(ctx context.Context) error) (err error) {
	o.run(func() {
		ctx, cancel := context.WithTimeout(context.Background(), outsidePatience)
		defer cancel()
		err = f(ctx)
	})
	return err
}

// arrival is an event that the platform delivered.
type arrival struct {
	event bot.Event
	taken chan error
}

// beyond is a platform that runs outside and is used in a bubble. Its events are
// handed over by perform only.
type beyond struct {
	bottest.Full
	out     *outside
	arrived chan arrival
	handle  func(context.Context, bot.Event) error // the bubble's
	latest  bot.Event
}

// goBeyond starts a platform, and returns how to stop it.
func goBeyond(out *outside, p bottest.Full) (b *beyond, stop func() error) {
	b = &beyond{Full: p, out: out}
	var cancel context.CancelFunc
	var ended chan error
	out.run(func() {
		b.arrived, ended = make(chan arrival, busiest), make(chan error, 1)
		var ctx context.Context
		ctx, cancel = context.WithCancel(context.Background())
		go func() { ended <- p.Listen(ctx, b.arrive) }()
	})
	return b, func() (err error) {
		out.run(func() {
			cancel()
			if err = <-ended; errors.Is(err, context.Canceled) {
				err = nil
			}
		})
		return err
	}
}

func (b *beyond) arrive(ctx context.Context, ev bot.Event) error {
	a := arrival{ev, make(chan error, 1)}
	select {
	case b.arrived <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.taken:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// perform does what makes an event that is awaited, and hands over the event and
// those that came before it.
func (b *beyond) perform(ctx context.Context, awaited func(bot.Event) bool, act func(ctx context.Context) error) error {
	var all []arrival
	var acted chan error
	err := b.out.try(func(ctx context.Context) error {
		acted = make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), outsidePatience)
			defer cancel()
			acted <- act(ctx)
		}()
		pending := acted
		for {
			select {
			case a := <-b.arrived:
				all = append(all, a)
				if awaited(a.event) {
					return nil
				}
			case err := <-pending:
				if err != nil {
					return err
				}
				acted <- nil // for the wait below
				pending = nil
			case <-ctx.Done():
				return fmt.Errorf("no such event was delivered, but %d others", len(all))
			}
		}
	})
	for _, a := range all {
		a.event.At = time.Now().UTC() // of the bubble
		b.latest = a.event
		taken := b.handle(ctx, a.event)
		a.taken <- taken
		err = errors.Join(err, taken)
	}
	if err != nil {
		return err
	}
	return b.out.try(func(ctx context.Context) error {
		select {
		case err := <-acted:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// Listen implements bot.Platform.
func (b *beyond) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	b.handle = handle
	<-ctx.Done()
	return ctx.Err()
}

// Post implements bot.Platform.
func (b *beyond) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return b.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (b *beyond) PostKeyed(_ context.Context, t bot.Thread, key string, m bot.Message) (id string, err error) {
	err = b.out.try(func(ctx context.Context) (err error) { id, err = b.Full.PostKeyed(ctx, t, key, m); return err })
	return id, err
}

// Update implements bot.Platform.
func (b *beyond) Update(_ context.Context, t bot.Thread, id string, m bot.Message) error {
	return b.out.try(func(ctx context.Context) error { return b.Full.Update(ctx, t, id, m) })
}

// Whisper implements bot.Whisperer.
func (b *beyond) Whisper(_ context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	return b.out.try(func(ctx context.Context) error { return b.Full.Whisper(ctx, t, to, m) })
}

// FindPost implements bot.Finder.
func (b *beyond) FindPost(_ context.Context, t bot.Thread, key string) (id string, found bool, err error) {
	err = b.out.try(func(ctx context.Context) (err error) { id, found, err = b.Full.FindPost(ctx, t, key); return err })
	return id, found, err
}

// Seed implements bot.Seeder.
func (b *beyond) Seed(_ context.Context, t bot.Thread, id string, reactions []string) error {
	return b.out.try(func(ctx context.Context) error { return b.Full.Seed(ctx, t, id, reactions) })
}

// Face implements bot.CardReader.
func (b *beyond) Face(t bot.Thread, m bot.Message) (string, error) {
	return bottest.Reads(b.Full).Face(t, m)
}

// ReadBack implements bot.CardReader.
func (b *beyond) ReadBack(_ context.Context, t bot.Thread, id string) (seen bot.Seen, err error) {
	err = b.out.try(func(ctx context.Context) (err error) {
		seen, err = bottest.Reads(b.Full).ReadBack(ctx, t, id)
		return err
	})
	return seen, err
}

// Members implements bot.Grouper.
func (b *beyond) Members(_ context.Context, group string) (keys []string, err error) {
	err = b.out.try(func(ctx context.Context) (err error) { keys, err = b.Full.Members(ctx, group); return err })
	return keys, err
}

// Shared implements bot.Audience.
func (b *beyond) Shared(_ context.Context, t bot.Thread) (shared bool, err error) {
	err = b.out.try(func(ctx context.Context) (err error) { shared, err = b.Full.Shared(ctx, t); return err })
	return shared, err
}
