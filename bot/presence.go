package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Bounds of presence.
const (
	presentFor   = 30 * time.Second // a process that has said nothing for so long is gone
	presentEvery = 10 * time.Second
	takeAtOnce   = 64              // orphans; the next look takes more
	heldFor      = 2 * time.Second // what was received later may be about to be taken in hand
)

// attend says that this process is at work and takes over what others left
// behind, until ctx ends.
func (e *Engine) attend(ctx context.Context) {
	tick := time.NewTicker(presentEvery)
	defer tick.Stop()
	failing := complaint{log: e.log, fails: "what was interrupted is not taken up; it is tried again", over: "what was interrupted is taken up again"}
	for {
		select {
		case <-ctx.Done():
			failing.about(ctx, e.listening(context.WithoutCancel(ctx)))
			return
		case <-tick.C:
		}
		failing.about(ctx, errors.Join(e.takeOver(ctx), e.listening(ctx)))
	}
}

// takeOver finishes what is in nobody's hands: what a process that is gone was
// doing, and what this one could not store. Questions are answered late and say
// so, decisions are taken again (a vote counts once), destructive requests are
// asked again.
func (e *Engine) takeOver(ctx context.Context) error {
	if err := e.journal.Present(ctx, now().Add(presentFor)); err != nil {
		return err
	}
	others, err := e.journal.Others(ctx)
	if err != nil {
		return err
	}
	released := false
	for holder, until := range others {
		if until.After(now()) && !e.dead(holder) {
			continue
		}
		if err := e.journal.Release(ctx, holder); err != nil {
			return err
		}
		e.log.InfoContext(ctx, "another process is gone; what it had in hand is taken over", "holder", holder, "until", until)
		released = true
	}
	orphans, err := e.journal.Orphans(ctx, e.answerable(), takeAtOnce)
	e.takeUp(orphans)
	if err != nil {
		return err
	}
	held, err := e.journal.Held(ctx, now().Add(-heldFor))
	e.takeUp(held)
	if err != nil {
		return err
	}
	if !released {
		return nil
	}
	err = e.sweep(ctx) // actions that it was running
	e.nudge()
	return err
}

// takeUp serves requests that are in this process's name and not in its hands.
func (e *Engine) takeUp(rows []ReceivedEvent) {
	for _, rec := range rows {
		if e.inHand.add(rec.Request) {
			e.serveApart(rec, true)
		}
	}
}

// answerable are the platforms whose requests this process can answer.
func (e *Engine) answerable() []string {
	return slices.AppendSeq(slices.Clone(e.elsewhere), maps.Keys(e.platforms))
}

// hands are the requests that this process is working on. What is in the inbox
// in its name and not in its hands was interrupted: the journal failed when it
// was stored or finished, or when it was taken over.
type hands struct {
	mu       sync.Mutex
	requests map[string]bool
}

// add takes a request in hand; false when it is.
func (h *hands) add(request string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.requests[request] {
		return false
	}
	if h.requests == nil {
		h.requests = map[string]bool{}
	}
	h.requests[request] = true
	return true
}

func (h *hands) done(request string) {
	h.mu.Lock()
	delete(h.requests, request)
	h.mu.Unlock()
}

// absent reports whether the holder of a lease is no more: it has left, was
// released or has surely ended.
func (e *Engine) absent(holder string, others map[string]time.Time) bool {
	_, present := others[holder]
	return holder != e.holder && (!present || e.dead(holder))
}

// serveLate answers a request that was interrupted.
func (e *Engine) serveLate(ctx context.Context, rec ReceivedEvent) {
	ctx = WithRequest(ctx, rec.Request)
	log := e.log.With("request", rec.Request)
	req := e.request(rec)
	req.late("asked at %s and interrupted; answered late", clock(rec.At))
	a, err := e.read(ctx, rec.Event)
	if err != nil {
		e.serve(ctx, req, rec.Event, false)
		return
	}
	cmd, _, err := e.find(a)
	if err != nil || cmd.Plan == nil {
		e.serve(ctx, req, rec.Event, false)
		return
	}
	req.Surface = a.surface
	reply := Reply{Request: rec.Request, Command: cmd.Name}
	proposed, err := e.proposedBy(ctx, rec.Request)
	switch {
	case errors.Is(err, ErrNotFound):
		e.conclude(ctx, log, req, reply,
			Problemf("interrupted", "gridwarden was interrupted (stopped, or its journal failed) before it had answered your `%s` of %s. Nothing had been proposed by then. Look at `pending`, then ask again.", cmd.Name, clock(rec.At)), false)
	case err != nil:
		log.ErrorContext(ctx, "whether an interrupted request had proposed something is not readable; it is looked at again", "error", err)
	default: // only the answer is missing
		reply.State = "proposed"
		reply.Message = Say("Proposed as `%s` (%s): %s. gridwarden was interrupted meanwhile; the card is the truth.", proposed.ID, proposed.State, proposed.Standing().String())
		e.conclude(ctx, log, req, reply, nil, false)
	}
}

// proposedBy returns the action that a request proposed; ErrNotFound when it did not.
func (e *Engine) proposedBy(ctx context.Context, request string) (action.Action, error) {
	records, err := e.journal.Records(ctx, RecordFilter{Request: request, Kinds: []audit.Kind{audit.Proposed}, Limit: 1})
	if err != nil {
		return action.Action{}, err
	}
	if len(records) == 0 {
		return action.Action{}, ErrNotFound
	}
	return e.journal.Action(ctx, action.ID(strings.TrimPrefix(records[0].Subject, "action/")))
}

// Leave gives what this process has in hand to the others. Call it when Run
// has returned, and by a process that only called Do.
func (e *Engine) Leave(ctx context.Context) error {
	if err := e.journal.Leave(ctx); err != nil {
		return fmt.Errorf("bot: leaving: %w", err)
	}
	return nil
}
