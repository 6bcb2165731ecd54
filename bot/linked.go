package bot

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// linksEvery is how often the linked accounts are read for accounts that nobody
// knows, and linksAtOnce how many times without a pause: strangers may say as much
// as they like.
const (
	linksEvery  = time.Second
	linksAtOnce = 5
)

// linked is when the accounts linked in chat were read. Another process on the
// journal links some, too.
type linked struct {
	turn  chan struct{} // held by the one that reads, so that no older answer replaces a newer one
	began time.Time     // of the latest reading; held by turn

	strangers *rate.Limiter // of the readings for them
}

func newLinked() linked {
	return linked{turn: make(chan struct{}, 1), strangers: rate.NewLimiter(rate.Every(linksEvery), linksAtOnce)}
}

// lookAtLinks reads them: before anybody's account counts for a decision, and
// every now and then.
func (d *Decider) lookAtLinks(ctx context.Context) error {
	return d.readLinks(ctx, func() bool { return true })
}

// lookForStranger reads them for an account that nobody knows. All that
// wait share the reading that begins after they asked. It is waited for
// outside of the turn: a decision never waits behind strangers.
func (d *Decider) lookForStranger(ctx context.Context) error {
	asked := time.Now()
	for {
		var wait bool
		err := d.readLinks(ctx, func() bool {
			if d.linked.began.After(asked) {
				return false
			}
			wait = !d.linked.strangers.Allow()
			return !wait
		})
		if err != nil || !wait {
			return err
		}
		select {
		case <-time.After(linksEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Decider) readLinks(ctx context.Context, wanted func() bool) error {
	select {
	case d.linked.turn <- struct{}{}:
		defer func() { <-d.linked.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !wanted() {
		return nil
	}
	d.linked.began = time.Now()
	links, err := d.journal.Links(ctx)
	if err != nil {
		return fmt.Errorf("bot: reading linked accounts: %w", err)
	}
	d.people.setLinks(links)
	return nil
}
