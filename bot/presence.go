package bot

import (
	"context"
	"errors"
	"fmt"
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
	takeAtOnce   = 64 // orphans; the next look takes more
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
			return
		case <-tick.C:
		}
		failing.about(ctx, e.takeOver(ctx))
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
	orphans, err := e.journal.Orphans(ctx, takeAtOnce)
	if err != nil {
		return err
	}
	owed, err := e.stillOwed(ctx)
	if err != nil {
		return err
	}
	for _, rec := range append(orphans, owed...) {
		e.serveApart(rec, true)
	}
	if !released {
		return nil
	}
	err = e.sweep(ctx) // actions that it was running
	e.nudge()
	return err
}

// owed are requests of this process that may be in the inbox and that nobody
// is working on: the journal failed when they were stored or finished.
type owed struct {
	mu       sync.Mutex
	requests []string
}

func (o *owed) add(request string) {
	o.mu.Lock()
	o.requests = append(o.requests, request)
	o.mu.Unlock()
}

func (o *owed) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	requests := o.requests
	o.requests = nil
	return requests
}

// stillOwed returns those owed requests that really are in the inbox.
func (e *Engine) stillOwed(ctx context.Context) ([]ReceivedEvent, error) {
	requests := e.owed.take()
	if len(requests) == 0 {
		return nil, nil
	}
	rows, err := e.journal.Unfinished(ctx)
	if err != nil {
		for _, r := range requests {
			e.owed.add(r)
		}
		return nil, fmt.Errorf("bot: reading the inbox: %w", err)
	}
	return slices.DeleteFunc(rows, func(rec ReceivedEvent) bool { return !slices.Contains(requests, rec.Request) }), nil
}

// absent reports whether the holder of a lease is no more: it has left, was
// released or has surely ended.
func (e *Engine) absent(ctx context.Context, holder string) (bool, error) {
	others, err := e.journal.Others(ctx)
	if err != nil {
		return false, err
	}
	_, present := others[holder]
	return holder != e.holder && (!present || e.dead(holder)), nil
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
		e.owed.add(rec.Request)
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
