package bottest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Cutter is a Bot that a transcript can cut off from its platform.
type Cutter interface {
	// Away cuts it off: nothing passes in either direction. People go on, and Send
	// returns once they have done what makes the event. A press comes to nothing,
	// which is ErrNoSurface, where the platform keeps none for later.
	Away(ctx context.Context) error
	// HalfOpen leaves every connection as it stands, and nothing passes over it. New
	// ones work. It is ended by Back.
	HalfOpen(ctx context.Context) error
	// Back ends that, and returns when the program has taken all that people did
	// meanwhile.
	Back(ctx context.Context) error
}

// Holder is a Bot whose platform can keep back what people do.
type Holder interface {
	// Hold begins that. What the program does passes.
	Hold(ctx context.Context) error
	// Deliver ends it, and returns when the program has taken all of it, in the order
	// in which it was done or backwards.
	Deliver(ctx context.Context, backwards bool) error
}

// Restarter is a Bot whose program a transcript can end and start again. Its journal
// and its platform go on.
type Restarter interface {
	// Stop ends the program as a stop of the service does. People go on, as in Away.
	Stop(ctx context.Context) error
	// Start runs it anew, and returns when it listens.
	Start(ctx context.Context) error
}

// Barrer is a Bot that can lose a right in a channel.
type Barrer interface {
	// Bar takes the right away, or gives it back. The channel is named as in a Thread.
	Bar(ctx context.Context, channel string, right Right, barred bool) error
}

// Right is what a bot may do in a channel.
type Right string

// The rights.
const (
	ToPost Right = "post there"
	ToBe   Right = "be there" // and so hear, read and post
)

// disturbances are the steps that begin one, and those that end it.
var disturbances = map[stepKind]stepKind{cutsOff: returns, halfOpens: returns, stops: starts, holds: delivers}

// disturb begins a disturbance or ends it. No two last at the same time.
func (p *player) disturb(ctx context.Context, s step) error {
	end, begins := disturbances[s.kind]
	switch {
	case begins && p.until != start:
		return errors.New("something else is not over yet")
	case !begins && p.until != s.kind:
		return errors.New("nothing of that kind has begun")
	}
	if err := p.disturbs(ctx, s); err != nil {
		return err
	}
	p.until = end // of a step that ends one it is start: none
	if !begins {
		time.Sleep(afterwards)
	}
	return nil
}

// afterwards is how long what was missed may take to have its consequences: when it
// was taken is a matter of the platform.
const afterwards = 10 * time.Second

func (p *player) disturbs(ctx context.Context, s step) error {
	cutter, cuts := p.bot.(Cutter)
	holder, keeps := p.bot.(Holder)
	power, restarts := p.bot.(Restarter)
	switch {
	case cuts && s.kind == cutsOff:
		return cutter.Away(ctx)
	case cuts && s.kind == halfOpens:
		return cutter.HalfOpen(ctx)
	case cuts && s.kind == returns:
		return cutter.Back(ctx)
	case keeps && s.kind == holds:
		return holder.Hold(ctx)
	case keeps && s.kind == delivers:
		return holder.Deliver(ctx, s.backwards)
	case restarts && s.kind == stops:
		return power.Stop(ctx)
	case restarts && s.kind == starts:
		return power.Start(ctx)
	}
	return errors.New("that cannot happen to this bot's platform")
}

// bar takes a right away or gives it back.
func (p *player) bar(ctx context.Context, s step) error {
	b, ok := p.bot.(Barrer)
	switch {
	case !ok:
		return errors.New("this bot's platform knows no such right")
	case p.barred[s.right] == s.barred:
		return fmt.Errorf("that it may %s is so already", s.right)
	}
	if p.barred == nil {
		p.barred = map[Right]bool{}
	}
	p.barred[s.right] = s.barred
	err := b.Bar(ctx, p.channel, s.right, s.barred)
	if err == nil && !s.barred {
		time.Sleep(triedAgain)
	}
	return err
}

const (
	// triedAgain is longer than it takes until what could not be said is tried again.
	triedAgain = 70 * time.Second
	// hindered is how long is waited for what cannot be said.
	hindered = time.Second
)

// idle returns when everything is answered and said, or cannot be for now.
func (p *player) idle(ctx context.Context) error {
	if p.until == starts { // it does not run
		return nil
	}
	if p.until == start && !p.barred[ToPost] && !p.barred[ToBe] {
		return p.bot.Idle(ctx)
	}
	soon, cancel := context.WithTimeout(ctx, hindered)
	defer cancel()
	err := p.bot.Idle(soon)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
