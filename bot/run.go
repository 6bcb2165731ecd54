package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Run listens on every platform, says what waits and does what is due until
// ctx ends; then it finishes what it holds and returns. It returns early when
// a platform gives up.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := e.begin(ctx); err != nil {
		return err
	}
	var loops, listeners sync.WaitGroup
	loops.Go(func() { e.deliver(ctx) })
	loops.Go(func() { e.work(ctx) })
	loops.Go(func() { e.watchGroups(ctx) })
	for _, p := range e.platforms {
		listeners.Go(func() {
			if err := p.Listen(ctx, e.Receive); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("bot: listening on %s: %w", p.Name(), err))
			}
		})
	}
	listenersDone := make(chan struct{})
	go func() { listeners.Wait(); close(listenersDone) }()
	select {
	case <-ctx.Done():
	case <-listenersDone:
		if len(e.platforms) == 0 {
			<-ctx.Done()
		}
	}
	cause := context.Cause(ctx)
	cancel(nil)
	loops.Wait()
	<-listenersDone
	e.settle()
	if errors.Is(cause, context.Canceled) {
		return nil
	}
	return cause
}

// settle waits for requests in work, which have deadlines of their own.
func (e *Engine) settle() {
	for !e.working.none() {
		time.Sleep(5 * time.Millisecond)
	}
}

// begin puts everything in order after a start or a crash.
func (e *Engine) begin(ctx context.Context) error {
	if err := e.noteRules(ctx); err != nil {
		return err
	}
	e.refreshGroups(ctx)
	if err := e.recover(ctx); err != nil {
		return err
	}
	return e.sweep(ctx)
}

// recover finishes what the inbox says was not finished: questions are
// answered late and say so, decisions are taken again (a vote counts once),
// destructive requests are asked again.
func (e *Engine) recover(ctx context.Context) error {
	rows, err := e.journal.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("bot: reading the inbox: %w", err)
	}
	for _, rec := range rows {
		e.working.add()
		go func() {
			defer e.working.done()
			e.serveLate(context.WithoutCancel(ctx), rec)
		}()
	}
	return nil
}

func (e *Engine) serveLate(ctx context.Context, rec ReceivedEvent) {
	ctx = WithRequest(ctx, rec.Request)
	log := e.log.With("request", rec.Request)
	req := e.request(rec)
	req.late("asked at %s, before a restart; answered late", clock(rec.At))
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
			Problemf("restarted", "gridwarden was restarted before it had answered your `%s` of %s. Nothing had been proposed by then. Look at `pending`, then ask again.", cmd.Name, clock(rec.At)), false)
	case err != nil: // it stays unfinished and is looked at again after the next start
		log.ErrorContext(ctx, "whether a request was proposed before the restart is not readable", "error", err)
	default: // only the answer is missing
		reply.State = "proposed"
		reply.Message = Say("Proposed as `%s` (%s): %s. gridwarden was restarted meanwhile; the card is the truth.", proposed.ID, proposed.State, proposed.Standing().String())
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

// sweep gives every open action the work that its state needs: at least once,
// whatever was lost. Equal work replaces itself.
func (e *Engine) sweep(ctx context.Context) error {
	open, err := e.journal.OpenActions(ctx)
	if err != nil {
		return fmt.Errorf("bot: reading open actions: %w", err)
	}
	var fx action.Effects
	for _, a := range open {
		at := now()
		switch a.State {
		case action.Proposed:
			fx.Work = append(fx.Work, action.Work{Kind: action.WorkExpire, Key: string(a.ID), At: a.ExpiresAt})
		case action.Approved, action.Running:
			if a.Lease.Until.After(at) && a.Lease.Holder != e.holder {
				at = a.Lease.Until
			}
			fx.Work = append(fx.Work, action.Work{Kind: action.WorkRun, Key: string(a.ID), At: at})
		case action.Applied:
			if a.Progress.NextLook.After(at) {
				at = a.Progress.NextLook
			}
			fx.Work = append(fx.Work, action.Work{Kind: action.WorkVerify, Key: string(a.ID), At: at})
		}
		fx.Posts = append(fx.Posts, cardPosts(a, a.Version)...)
	}
	if len(fx.Work) == 0 {
		return nil
	}
	return e.journal.Write(ctx, fx)
}

// Idle returns when nothing is in work, nothing waits to be said and no work
// is due. It is for tests and for a terminal whose input has ended.
func (e *Engine) Idle(ctx context.Context) error {
	for quiet := 0; quiet < 2; {
		if err := ctx.Err(); err != nil {
			return err
		}
		waiting, _, err := e.journal.Waiting(ctx)
		if err != nil {
			return err
		}
		next, err := e.journal.NextWork(ctx)
		if err != nil {
			return err
		}
		due := !next.IsZero() && !next.After(now())
		switch {
		case waiting > 0 || due:
			quiet = 0
			e.nudge()
		case e.working.none():
			quiet++
		default:
			quiet = 0
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// work does what is due until ctx ends.
func (e *Engine) work(ctx context.Context) {
	swept := now()
	for ctx.Err() == nil {
		if now().Sub(swept) > time.Minute {
			if err := e.sweep(ctx); err != nil {
				e.log.ErrorContext(ctx, "sweep failed", "error", err)
			}
			swept = now()
		}
		if n := e.WorkOnce(ctx); n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-e.wakeDue:
		case <-time.After(e.untilNextWork(ctx)):
		}
	}
}

// untilNextWork is how long nothing is due, at most pollEvery.
func (e *Engine) untilNextWork(ctx context.Context) time.Duration {
	next, err := e.journal.NextWork(ctx)
	if err != nil || next.IsZero() {
		return pollEvery
	}
	return max(min(next.Sub(now()), pollEvery), time.Millisecond)
}

// againWork is the timed work of running a request once more.
func againWork(req *Request, again *Again) action.Work {
	args, err := json.Marshal(againArgs{Request: *req, State: again.State})
	if err != nil { // a Request is plain data
		panic(fmt.Sprintf("bot: encoding a request: %v", err))
	}
	return action.Work{Kind: workAgain, Key: req.ID, Args: args, At: again.At.UTC()}
}

const workAgain = "again"

type againArgs struct {
	Request Request `json:"request"`
	State   []byte  `json:"state"`
}
