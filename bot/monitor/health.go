package monitor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

const (
	// healthDeadline is what the parts have together.
	healthDeadline = 3 * time.Second
	// healthEvery is how long an answer is believed: the journal is written to
	// for it, and anybody who reaches the listener may ask.
	healthEvery = time.Second
	// stuckAfter is how long a record may wait for its place in the audit log.
	stuckAfter = time.Minute
)

// Part is something that the bot cannot work without. The error of Check goes
// to the log only.
type Part interface {
	Name() string
	Check(ctx context.Context) error
}

// finding is how one part is.
type finding struct {
	name string
	err  error
}

// word is the little that everybody may know.
func (f finding) word() string {
	switch {
	case f.err == nil:
		return "ok"
	case errors.Is(f.err, context.DeadlineExceeded):
		return "no answer"
	}
	return "failed"
}

// watchedPart is a Part with what it said last.
type watchedPart struct {
	Part
	said latest[struct{}]
}

func (p *watchedPart) look(ctx context.Context) finding {
	_, err := p.said.get(ctx, healthEvery, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.Check(ctx) })
	return finding{p.Name(), err}
}

// look asks every part at once.
func (m *Monitor) look(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, healthDeadline)
	defer cancel()
	found := make([]finding, len(m.parts))
	var asked sync.WaitGroup
	for i, p := range m.parts {
		asked.Go(func() { found[i] = p.look(ctx) })
	}
	asked.Wait()
	if !left(found) {
		m.tell(ctx, found)
	}
	return found
}

// left reports whether somebody went away before the answer.
func left(found []finding) bool {
	return slices.ContainsFunc(found, func(f finding) bool { return errors.Is(f.err, context.Canceled) })
}

// tell logs what has changed since it was told last.
func (m *Monitor) tell(ctx context.Context, found []finding) {
	m.telling.Lock()
	defer m.telling.Unlock()
	var failing []string
	for _, f := range found {
		if f.err != nil {
			failing = append(failing, f.name)
		}
	}
	now := strings.Join(failing, ", ")
	if now == m.told {
		return
	}
	m.told = now
	if now == "" {
		m.log.InfoContext(ctx, "ready again")
		return
	}
	for _, f := range found {
		if f.err != nil {
			m.log.ErrorContext(ctx, "not ready", "part", f.name, "error", f.err)
		}
	}
}

// sequencer is ready while records get their places in the audit log.
type sequencer struct{ journal Journal }

// Name implements Part.
func (sequencer) Name() string { return "audit log" }

// Check implements Part.
func (s sequencer) Check(ctx context.Context) error {
	b, err := s.journal.Backlog(ctx)
	if err != nil {
		return err
	}
	if b.Unplaced > 0 && time.Since(b.OldestUnplaced) > stuckAfter {
		return fmt.Errorf("monitor: %d records wait for their place in the audit log, the oldest since %s", b.Unplaced, b.OldestUnplaced.Format(time.RFC3339))
	}
	return nil
}

// connected is a platform that can say whether its events arrive.
type connected struct {
	name string
	bot.Connected
}

// Name implements Part.
func (c connected) Name() string { return c.name }

// Check implements Part.
func (c connected) Check(context.Context) error {
	if up, _ := c.Connection(); !up {
		return errors.New("monitor: not connected")
	}
	return nil
}
