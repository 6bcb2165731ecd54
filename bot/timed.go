package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/crash"
)

// workLease hides due work from other processes while one does it.
const workLease = time.Minute

// WorkOnce does everything that is due now and returns how much it was. It
// leaves all of it to others where it cannot tell who holds which role.
func (e *Engine) WorkOnce(ctx context.Context) int {
	if e.seesGroups() != nil {
		return 0
	}
	e.working.add()
	defer e.working.done()
	due, err := e.journal.DueWork(ctx, now(), workLease, 8)
	e.noWork.about(ctx, err)
	if err != nil {
		return 0
	}
	done := make(chan struct{}, len(due))
	for _, w := range due {
		go func() {
			defer func() { done <- struct{}{} }()
			e.do(ctx, w)
		}()
	}
	for range due {
		<-done
	}
	return len(due)
}

// do does one piece of work. An error puts it off; it is never dropped.
func (e *Engine) do(ctx context.Context, w DueWork) {
	log := e.log.With("work", w.Kind, "key", w.Key)
	fx, err := e.dispatch(ctx, w)
	if err == nil {
		crash.Point("work done before")
		err = e.journal.WorkDone(ctx, w, fx)
		e.nudge()
	}
	if err == nil {
		return
	}
	at := now().Add(min(time.Second<<min(w.Attempts, 6), time.Minute))
	log.WarnContext(ctx, "timed work failed and is put off", "error", err, "until", at)
	if err := e.journal.WorkAgain(ctx, w, at, err.Error()); err != nil && ctx.Err() == nil {
		log.ErrorContext(ctx, "timed work could not be put off; its lease lapses", "error", err)
	}
}

func (e *Engine) dispatch(ctx context.Context, w DueWork) (fx action.Effects, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("bot: %s panicked: %v\n%s", w.Kind, r, debug.Stack())
		}
	}()
	id := action.ID(w.Key)
	switch w.Kind {
	case action.WorkExpire:
		return fx, e.transition(ctx, id, func(a *action.Action) (action.Effects, error) { return a.Expire(now()) })
	case action.WorkRemind:
		return fx, e.transition(ctx, action.OfReminder(w.Key), func(a *action.Action) (action.Effects, error) {
			return a.Remind(len(a.Electable()), now())
		})
	case action.WorkRun:
		again, err := e.step(ctx, id)
		if err == nil && !again.IsZero() {
			fx.Work = append(fx.Work, action.Work{Kind: action.WorkRun, Key: w.Key, At: again})
		}
		return fx, err
	case action.WorkVerify:
		return fx, e.look(ctx, id)
	case workAgain:
		return e.again(ctx, w)
	case workReview:
		return e.review(ctx, id)
	}
	return fx, fmt.Errorf("bot: no such work: %s", w.Kind)
}

// transition applies a timed transition. A refusal means that the action has
// moved on meanwhile: its row is the truth and the work is done.
func (e *Engine) transition(ctx context.Context, id action.ID, f func(*action.Action) (action.Effects, error)) error {
	_, err := e.decider.change(ctx, nil, id, f)
	var moved *action.Refusal
	if errors.As(err, &moved) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// errMovedOn ends a step whose action was changed by somebody else.
var errMovedOn = &action.Refusal{Code: "moved-on", Sentence: "The action has moved on meanwhile."}

// step starts an approved action or does the next bounded step of a running
// one. Its cards and the reactions below them are read back before it starts, and who
// may vote, the votes, the digest and the start time are checked again in the
// transaction that starts it. again is when an action that cannot start yet is to
// be tried once more.
func (e *Engine) step(ctx context.Context, id action.ID) (again time.Time, err error) {
	a, err := e.journal.Action(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return again, nil
	}
	if err != nil {
		return again, err
	}
	ctx = WithRequest(ctx, a.Request)
	if err := e.refreshPeople(ctx); err != nil {
		return again, err
	}
	switch a.State {
	case action.Approved:
		if shown, err := e.cardShown(ctx, a); err != nil || !shown {
			if err == nil {
				err = fmt.Errorf("bot: the card of %s is not posted yet; nothing runs unseen", id)
			}
			if now().After(a.StartBy) {
				return again, e.transition(ctx, id, func(a *action.Action) (action.Effects, error) { return a.Expire(now()) })
			}
			return again, err
		}
		read, ready, again, cerr := e.confirm(ctx, a)
		if cerr != nil || !ready {
			return again, cerr
		}
		crash.Point("read back")
		a, err = e.decider.change(ctx, nil, id, func(a *action.Action) (action.Effects, error) {
			if a.Version != read.Version { // what was read is not what would start
				return action.Effects{}, errMovedOn
			}
			return a.Start(e.people, e.holder, now())
		})
		if errors.Is(err, errMovedOn) {
			return now().Add(readAgain), nil
		}
	case action.Running:
		others, oerr := e.journal.Others(ctx)
		if oerr != nil {
			return again, oerr
		}
		holder := a.Lease.Holder
		gone := e.absent(holder, others)
		a, err = e.decider.change(ctx, nil, id, func(a *action.Action) (action.Effects, error) {
			return a.Claim(e.people, e.holder, gone && a.Lease.Holder == holder, now())
		})
	default:
		return again, nil
	}
	var refused *action.Refusal
	if errors.As(err, &refused) {
		e.log.InfoContext(ctx, "action does not run now", "action", id, "why", refused.Sentence)
		return again, e.afterLease(ctx, id)
	}
	if err != nil || a.State != action.Running {
		return again, err
	}
	return again, e.apply(ctx, a)
}

// afterLease looks again when another process's lease on a running action ends.
func (e *Engine) afterLease(ctx context.Context, id action.ID) error {
	a, err := e.journal.Action(ctx, id)
	if err != nil || a.State != action.Running || a.Lease.Holder == e.holder {
		return err
	}
	return e.journal.Write(ctx, action.Effects{Work: []action.Work{{Kind: action.WorkRun, Key: string(id), At: slices.MaxFunc([]time.Time{a.Lease.Until.Add(time.Second), a.Outcome.NotBefore}, time.Time.Compare)}}})
}

// cardShown reports whether people can see the action in its home thread.
func (e *Engine) cardShown(ctx context.Context, a action.Action) (bool, error) {
	cards, err := e.journal.CardMessages(ctx, a.ID)
	if err != nil {
		return false, err
	}
	_, shown := cards[a.Home]
	return shown, nil
}

// apply does one step of a running action that this process holds.
func (e *Engine) apply(ctx context.Context, a action.Action) error {
	version := a.Version
	fenced := func(f func(a *action.Action) (action.Effects, error)) error {
		return e.transition(context.WithoutCancel(ctx), a.ID, func(a *action.Action) (action.Effects, error) {
			if a.Version != version || a.Lease.Holder != e.holder {
				return action.Effects{}, errMovedOn
			}
			return f(a)
		})
	}
	cmd, ok := e.command(a.Command)
	if !ok {
		return fenced(func(a *action.Action) (action.Effects, error) {
			return a.StepFailed("this gridwarden has no command "+a.Command, now())
		})
	}
	stepCtx, cancel := context.WithTimeout(ctx, stepDeadline)
	defer cancel()
	crash.Point("apply before")
	began := time.Now()
	outcome, err := guarded(func() (action.Outcome, error) { return cmd.Apply(stepCtx, a) })
	crash.Point("apply after")
	e.meter.Stepped(cmd.Name, ApplyStep, time.Since(began), err)
	if ctx.Err() != nil && err != nil {
		return err // stopping: the lease lapses, Apply looks first what already holds
	}
	if err != nil {
		e.log.WarnContext(ctx, "a step failed", "action", a.ID, "error", err)
		return fenced(func(a *action.Action) (action.Effects, error) { return a.StepFailed(words(err), now()) })
	}
	return fenced(func(a *action.Action) (action.Effects, error) { return a.Stepped(outcome, now()) })
}

// guarded makes a failure of a panic, so that it counts as a try and people are told.
func guarded[T any](f func() (T, error)) (out T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("bot: a command panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// look sees whether an applied action took effect.
func (e *Engine) look(ctx context.Context, id action.ID) error {
	a, err := e.journal.Action(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && a.State != action.Applied {
		return nil
	}
	if err != nil {
		return err
	}
	ctx = WithRequest(ctx, a.Request)
	cmd, ok := e.command(a.Command)
	if !ok {
		return fmt.Errorf("bot: no command %s to verify %s with", a.Command, id)
	}
	lookCtx, cancel := context.WithTimeout(ctx, stepDeadline)
	defer cancel()
	crash.Point("look before")
	began := time.Now()
	progress, err := guarded(func() (action.Progress, error) { return cmd.Verify(lookCtx, a) })
	crash.Point("look after")
	e.meter.Stepped(cmd.Name, VerifyStep, time.Since(began), err)
	if ctx.Err() != nil && err != nil {
		return err
	}
	return e.transition(context.WithoutCancel(ctx), id, func(b *action.Action) (action.Effects, error) {
		if b.Version != a.Version {
			return action.Effects{}, errMovedOn
		}
		if err != nil {
			e.log.WarnContext(ctx, "a look at an action failed", "action", id, "error", err)
			return b.LookFailed(words(err), now())
		}
		return b.Looked(progress, now())
	})
}

// again runs a request once more by itself and says what is different.
func (e *Engine) again(ctx context.Context, w DueWork) (action.Effects, error) {
	var args againArgs
	if err := json.Unmarshal(w.Args, &args); err != nil {
		return action.Effects{}, fmt.Errorf("bot: decoding a request to run again: %w", err)
	}
	req := &args.Request
	ctx = WithRequest(ctx, req.ID)
	cmd, ok := e.command(req.Command)
	if !ok || cmd.Again == nil {
		return action.Effects{}, nil
	}
	runCtx, cancel := context.WithTimeout(ctx, commandDeadline)
	defer cancel()
	if why, _ := e.mayShow(runCtx, req.Thread); why != "" { // what is not known here is looked at when it is said
		req.Personal = false
	}
	m, err := cmd.Again(runCtx, req, args.State)
	if err != nil {
		return action.Effects{}, fmt.Errorf("bot: running %s again: %w", req.Command, err)
	}
	var fx action.Effects
	if m.Again != nil {
		fx.Work = append(fx.Work, againWork(req, m.Again))
	}
	if !m.Empty() {
		key := fmt.Sprintf("again/%s/%d", req.ID, now().UnixMicro())
		fx.Posts = append(fx.Posts, req.post(key, m))
		fx.Records = append(fx.Records, req.record(audit.Answered, map[string]any{"again": true, "said": m.Plain()}))
	}
	return fx, nil
}

// words is an error as people may read it in a thread.
func words(err error) string {
	if s, ok := sentenceOf(err); ok {
		return s
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the backend did not answer in time"
	}
	return "the backend failed; the log has the details"
}
