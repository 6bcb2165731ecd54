package bottest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// Errors that Nasty makes.
var (
	ErrLostAck = errors.New("bottest: the connection broke before the answer came")
	ErrRefused = errors.New("bottest: 503 service unavailable")
	ErrDown    = errors.New("bottest: the platform cannot be reached")
)

// Faults says how often each fault happens from now on.
type Faults struct {
	Duplicate   int // events that are delivered twice, with the same id
	Reorder     int // events that are held back until a later one was taken, or for a second
	LoseAck     int // posts and updates that take effect and then fail
	FailPosts   int // posts and whispers that fail without effect
	FailUpdates int // updates that fail without effect
}

// Nasty is a Platform that does on demand what real ones do on bad days.
// Everything else is what the platform beneath it does.
type Nasty struct {
	Full

	mu      sync.Mutex
	faults  Faults
	delay   time.Duration
	downTil time.Time
	cut     context.CancelFunc // ends the present connection
	held    chan struct{}      // closed when a later event was taken
}

var _ Full = (*Nasty)(nil)

// NewNasty wraps a platform.
func NewNasty(p Full) *Nasty { return &Nasty{Full: p} }

// Next adds faults to those that have not happened yet.
func (n *Nasty) Next(f Faults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults.Duplicate += f.Duplicate
	n.faults.Reorder += f.Reorder
	n.faults.LoseAck += f.LoseAck
	n.faults.FailPosts += f.FailPosts
	n.faults.FailUpdates += f.FailUpdates
}

// Delay makes every post, update, whisper and event take that much longer.
func (n *Nasty) Delay(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = d
}

// Drop breaks the connection: nothing is delivered or posted for d, then the
// platform is back.
func (n *Nasty) Drop(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.downTil = time.Now().Add(d)
	if n.cut != nil {
		n.cut()
	}
}

// take uses up one fault of a kind, if one is left.
func (n *Nasty) take(fault *int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if *fault == 0 {
		return false
	}
	*fault--
	return true
}

// pause waits as long as Delay and, for events, Drop say.
func (n *Nasty) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Nasty) delayNow() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.delay
}

func (n *Nasty) down() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Until(n.downTil)
}

// Listen implements bot.Platform: it connects again after every Drop.
func (n *Nasty) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	for {
		if err := n.pause(ctx, n.down()); err != nil {
			return err
		}
		connection, cut := context.WithCancel(ctx)
		n.mu.Lock()
		n.cut = cut
		n.mu.Unlock()
		err := n.Full.Listen(connection, func(ctx context.Context, ev bot.Event) error { return n.receive(ctx, handle, ev) })
		dropped := connection.Err() != nil && ctx.Err() == nil
		cut()
		if !dropped {
			return err
		}
	}
}

func (n *Nasty) receive(ctx context.Context, handle func(context.Context, bot.Event) error, ev bot.Event) error {
	if err := n.pause(ctx, n.delayNow()); err != nil {
		return err
	}
	if n.take(&n.faults.Reorder) {
		later := make(chan struct{})
		n.mu.Lock()
		n.held = later
		n.mu.Unlock()
		select {
		case <-later:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := handle(ctx, ev)
	if n.take(&n.faults.Duplicate) {
		err = errors.Join(err, handle(ctx, ev))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held != nil {
		close(n.held)
		n.held = nil
	}
	return err
}

// saying does one post, update or whisper with the faults that are due.
func (n *Nasty) saying(ctx context.Context, fails *int, say func() error) error {
	if err := n.pause(ctx, n.delayNow()); err != nil {
		return err
	}
	if n.down() > 0 {
		return ErrDown
	}
	if n.take(fails) {
		return ErrRefused
	}
	if err := say(); err != nil {
		return err
	}
	if n.take(&n.faults.LoseAck) {
		return ErrLostAck
	}
	return nil
}

// Post implements bot.Platform.
func (n *Nasty) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return n.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (n *Nasty) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (id string, err error) {
	err = n.saying(ctx, &n.faults.FailPosts, func() (err error) {
		id, err = n.Full.PostKeyed(ctx, t, key, m)
		return err
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Update implements bot.Platform.
func (n *Nasty) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	return n.saying(ctx, &n.faults.FailUpdates, func() error { return n.Full.Update(ctx, t, id, m) })
}

// Whisper implements bot.Whisperer.
func (n *Nasty) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	return n.saying(ctx, &n.faults.FailPosts, func() error { return n.Full.Whisper(ctx, t, to, m) })
}

// FindPost implements bot.Finder.
func (n *Nasty) FindPost(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	if n.down() > 0 {
		return "", false, ErrDown
	}
	return n.Full.FindPost(ctx, t, key)
}

// Face implements bot.CardReader.
func (n *Nasty) Face(t bot.Thread, m bot.Message) (string, error) { return Reads(n.Full).Face(t, m) }

// ReadBack implements bot.CardReader.
func (n *Nasty) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	if n.down() > 0 {
		return bot.Seen{}, ErrDown
	}
	return Reads(n.Full).ReadBack(ctx, t, id)
}
