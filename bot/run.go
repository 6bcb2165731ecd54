package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// How long a stop waits for what is in work: then requests are cut, and soon
// after everything is left. What was cut or left is in the journal for whoever
// comes next.
const (
	cutAfter   = 6 * time.Second
	leaveAfter = 2 * time.Second
)

// Run listens on every platform, says what waits and does what is due until
// ctx ends; then it finishes what it holds and returns, within 10 s. It returns
// early when a platform gives up, and when all of them have no more input.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := e.begin(ctx); err != nil {
		if ctx.Err() != nil { // it was told to stop before it had begun
			return nil
		}
		return err
	}
	var loops, listeners sync.WaitGroup
	loops.Go(func() { e.deliver(ctx) })
	loops.Go(func() { e.work(ctx) })
	loops.Go(func() { e.watchPeople(ctx) })
	loops.Go(func() { e.attend(ctx) })
	heard := 0
	for _, p := range e.platforms {
		if _, outgoing := p.(Outgoing); outgoing {
			continue
		}
		heard++
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
		if heard == 0 {
			<-ctx.Done()
		}
		e.settle()
	}
	cause := context.Cause(ctx)
	cancel(nil)
	err := e.stop(func() { loops.Wait(); <-listenersDone })
	if errors.Is(cause, context.Canceled) {
		return err
	}
	return errors.Join(cause, err)
}

// stop waits for the loops and for requests in work, as long as a stop may take.
func (e *Engine) stop(loops func()) error {
	stopped := make(chan struct{})
	go func() {
		loops()
		e.settle()
		close(stopped)
	}()
	for _, step := range []struct {
		after time.Duration
		then  func()
	}{{cutAfter, e.end}, {leaveAfter, func() {}}} {
		select {
		case <-stopped:
			return nil
		case <-time.After(step.after):
			step.then()
		}
	}
	return errors.New("bot: stopping: something in work did not end in time and was left; the next start takes it up")
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
	e.lookAtPeople(ctx)
	if err := e.takeOver(ctx); err != nil {
		return err
	}
	return e.sweep(ctx)
}

// sweep gives every open action the work that its state needs: at least once,
// whatever was lost. Equal work replaces itself.
func (e *Engine) sweep(ctx context.Context) error {
	open, err := e.journal.OpenActions(ctx)
	if err != nil {
		return fmt.Errorf("bot: reading open actions: %w", err)
	}
	others, err := e.journal.Others(ctx)
	if err != nil {
		return err
	}
	var fx action.Effects
	for _, a := range open {
		at := now()
		switch a.State {
		case action.Proposed:
			fx.Work = append(fx.Work, action.Work{Kind: action.WorkExpire, Key: string(a.ID), At: a.ExpiresAt})
		case action.Approved, action.Running:
			if a.Lease.Until.After(at) && a.Lease.Holder != e.holder && !e.absent(a.Lease.Holder, others) {
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
		due := !next.IsZero() && !next.After(now()) && e.seesGroups() == nil // see WorkOnce
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
	sweeping := complaint{log: e.log, fails: "sweep failed", over: "sweep works again"}
	for ctx.Err() == nil {
		if now().Sub(swept) > time.Minute {
			sweeping.about(ctx, e.sweep(ctx))
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
