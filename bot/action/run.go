package action

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/crash"
)

// Bounds of running.
const (
	LeaseTime    = 30 * time.Second // a lapsed lease is taken over
	MaxAttempts  = 6                // failed tries of one step before the action fails
	longestRetry = 5 * time.Minute
	lookRetry    = time.Minute
	defaultLook  = 30 * time.Second
)

var firstRetry = crash.Soon(5 * time.Second)

// Expire ends an action that nobody decided in time, or that was approved and
// did not start in time.
func (a *Action) Expire(now time.Time) (Effects, error) {
	now = a.clamp(now)
	due := a.State == Proposed && !now.Before(a.ExpiresAt) || a.State == Approved && !now.Before(a.StartBy)
	if !due {
		return Effects{}, refuse(NotDue, "%s is %s and does not expire now.", a.ID, a.State)
	}
	return a.expire(now), nil
}

func (a *Action) expire(now time.Time) Effects {
	standing := a.Standing().String()
	a.State, a.EndedAt, a.ChangedAt = Expired, now, now
	return Effects{Records: []audit.Record{a.record(audit.Expired, now, "", "", map[string]any{"standing": standing})}}
}

// Start begins an approved action. It is the last check: the digest is
// recomputed, votes are resolved to people again, and only roles held now
// count. When they do not suffice any more the action waits for votes again.
func (a *Action) Start(dir Directory, holder string, now time.Time) (Effects, error) {
	now = a.clamp(now)
	if a.State != Approved {
		return Effects{}, refuse(WrongState, "%s is %s, so it does not start.", a.ID, a.State)
	}
	if err := a.CheckDigest(); err != nil {
		return Effects{}, err
	}
	if !now.Before(a.StartBy) {
		return a.expire(now), nil
	}
	a.ChangedAt = now
	var fx Effects
	fx.Records = a.recount(dir, now)
	if !a.Standing().Enough {
		fx.Work = append(fx.Work, a.reopen()...)
		fx.Records = append(fx.Records, a.record(audit.Reopened, now, "", "", map[string]any{"standing": a.Standing().String()}))
		return fx, nil
	}
	body := map[string]any{"holder": holder, "votes": a.Votes, "policy": a.Frozen.Policy}
	if a.Unread != "" {
		body["unread"] = a.Unread
	}
	a.State, a.StartedAt, a.Unread = Running, now, ""
	a.Lease = Lease{Holder: holder, Until: now.Add(LeaseTime)}
	fx.Records = append(fx.Records, a.record(audit.Started, now, "", "", body))
	fx.Work = append(fx.Work, Work{Kind: WorkRun, Key: string(a.ID), At: a.Lease.Until})
	return fx, nil
}

// Await notes what an approved action waits for before it starts.
func (a *Action) Await(unread string, now time.Time) (Effects, error) {
	now = a.clamp(now)
	if a.State != Approved {
		return Effects{}, refuse(WrongState, "%s is %s, so it does not wait to start.", a.ID, a.State)
	}
	a.Unread, a.ChangedAt = unread, now
	return Effects{Records: []audit.Record{a.record(audit.Changed, now, "", "", map[string]any{"unread": unread})}}, nil
}

// recount marks the votes that no longer count, a Record each.
func (a *Action) recount(dir Directory, now time.Time) []audit.Record {
	var records []audit.Record
	a.Votes = slices.Clone(a.Votes)
	seen := map[PersonID]bool{}
	for i := range a.Votes {
		v := &a.Votes[i]
		if v.Lost != "" {
			continue
		}
		owner, owned := dir.PersonOf(v.Account)
		elector, known := dir.Elector(v.Person)
		solo := a.Frozen.Policy.Solo && v.Person == a.Frozen.Proposer
		switch {
		case !owned || owner != v.Person:
			v.Lost = "the account is not this person's any more"
		case !known || !solo && !a.keeps(elector):
			v.Lost = "the person does not hold the role any more"
		case seen[owner]:
			v.Lost = "the person is counted already"
		default:
			seen[owner] = true
			continue
		}
		records = append(records, a.lost(*v, now))
	}
	return records
}

func (a *Action) lost(v Vote, now time.Time) audit.Record {
	return a.record(audit.VoteLost, now, v.Person, v.Account, map[string]any{"why": v.Lost})
}

// keeps reports whether a voter holds now what the quorum counts him for.
func (a *Action) keeps(now Elector) bool {
	then, _ := a.elector(now.Person)
	roles := approvalRoles(a.Frozen.Policy)
	return holdsAny(now, roles) && len(dropped(then, now, roles)) == 0
}

// reopen sends an approved action back to the vote.
func (a *Action) reopen() []Work {
	a.State, a.ApprovedAt, a.StartBy = Proposed, time.Time{}, time.Time{}
	a.StartedAt, a.Lease, a.Unread = time.Time{}, Lease{}, ""
	return []Work{{Kind: WorkExpire, Key: string(a.ID), At: a.ExpiresAt}}
}

// Claim takes or renews the lease on a running action. gone says that whoever
// holds it is no more: it is not waited for then. An action that is resumed
// after its start time, and of which no step was done, asks again.
func (a *Action) Claim(dir Directory, holder string, gone bool, now time.Time) (Effects, error) {
	now = a.clamp(now)
	switch {
	case a.State != Running:
		return Effects{}, refuse(WrongState, "%s is %s, so no step is due.", a.ID, a.State)
	case now.Before(a.Outcome.NotBefore):
		return Effects{}, refuse(NotDue, "The next step of %s is due at %s.", a.ID, stamp(a.Outcome.NotBefore))
	case a.Lease.Holder != holder && now.Before(a.Lease.Until) && !gone:
		return Effects{}, refuse(Leased, "Another process works on %s until %s.", a.ID, stamp(a.Lease.Until))
	}
	if err := a.CheckDigest(); err != nil {
		return Effects{}, err
	}
	if len(a.Steps) == 0 && a.Attempts == 0 && now.After(a.StartBy) {
		a.ChangedAt = now
		var fx Effects
		a.Votes = slices.Clone(a.Votes)
		for i := range a.Votes {
			if v := &a.Votes[i]; v.Lost == "" {
				v.Lost = "it was resumed too late"
				fx.Records = append(fx.Records, a.lost(*v, now))
			}
		}
		fx.Work = a.reopen()
		fx.Records = append(fx.Records, a.record(audit.Reopened, now, "", "", map[string]any{"why": "resumed after its start time with no step done"}))
		return fx, nil
	}
	took := a.Lease.Holder != holder
	a.Lease = Lease{Holder: holder, Until: now.Add(LeaseTime)}
	a.ChangedAt = now
	fx := Effects{Work: []Work{{Kind: WorkRun, Key: string(a.ID), At: a.Lease.Until}}}
	if took {
		fx.Records = []audit.Record{a.record(audit.Started, now, "", "", map[string]any{"holder": holder, "resumed": true})}
	}
	return fx, nil
}

// Stepped takes what one Apply did.
func (a *Action) Stepped(o Outcome, now time.Time) (Effects, error) {
	now = a.clamp(now)
	if a.State != Running {
		return Effects{}, refuse(WrongState, "%s is %s, so no step can end.", a.ID, a.State)
	}
	a.Steps = append(slices.Clone(a.Steps), Step{At: now, Said: o.Said})
	a.Outcome, a.Attempts, a.Error, a.ChangedAt = o, 0, "", now
	body := map[string]any{"said": o.Said, "done": o.Done, "unneeded": o.Unneeded}
	if !o.Done {
		return Effects{
			Records: []audit.Record{a.record(audit.Stepped, now, "", "", body)},
			Work:    []Work{{Kind: WorkRun, Key: string(a.ID), At: later(now, o.NotBefore)}},
		}, nil
	}
	a.State, a.AppliedAt, a.Lease = Applied, now, Lease{}
	return Effects{
		Records: []audit.Record{a.record(audit.Applied, now, "", "", body)},
		Work:    []Work{{Kind: WorkVerify, Key: string(a.ID), At: now}},
	}, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a
}

// StepFailed takes a failed try: it is tried again later, and given up after
// MaxAttempts with what was done and what was not.
func (a *Action) StepFailed(why string, now time.Time) (Effects, error) {
	now = a.clamp(now)
	if a.State != Running {
		return Effects{}, refuse(WrongState, "%s is %s, so no step can fail.", a.ID, a.State)
	}
	a.Attempts++
	a.Error, a.ChangedAt = why, now
	body := map[string]any{"why": why, "attempt": a.Attempts}
	if a.Attempts >= MaxAttempts {
		a.State, a.EndedAt, a.Lease = Failed, now, Lease{}
		a.Reason = fmt.Sprintf("%s (tried %d times). Done: %s. Not done: the rest of it", why, a.Attempts, done(a.Steps))
		return Effects{Records: []audit.Record{a.record(audit.Failed, now, "", "", body)}}, nil
	}
	a.Lease = Lease{}
	retry := min(firstRetry<<(a.Attempts-1), longestRetry)
	return Effects{
		Records: []audit.Record{a.record(audit.StepFailed, now, "", "", body)},
		Work:    []Work{{Kind: WorkRun, Key: string(a.ID), At: now.Add(retry)}},
	}, nil
}

func done(steps []Step) string {
	if len(steps) == 0 {
		return "nothing"
	}
	said := make([]string, len(steps))
	for i, s := range steps {
		said[i] = s.Said
	}
	return strings.Join(said, "; ")
}

// Looked takes what one Verify saw. Only a look that says so settles the action.
func (a *Action) Looked(p Progress, now time.Time) (Effects, error) {
	now = a.clamp(now)
	if a.State != Applied {
		return Effects{}, refuse(WrongState, "%s is %s, so there is nothing to verify.", a.ID, a.State)
	}
	p.SeenAt = now
	a.Progress, a.Error, a.ChangedAt = p, "", now
	body := map[string]any{"said": p.Said, "counts": p.Counts, "remains": p.Remains, "complete": p.Complete}
	if p.Settled {
		a.State, a.EndedAt = Settled, now
		return Effects{Records: []audit.Record{a.record(audit.Settled, now, "", "", body)}}, nil
	}
	next := p.NextLook
	if !next.After(now) {
		next = now.Add(defaultLook)
	}
	return Effects{
		Records: []audit.Record{a.record(audit.Verified, now, "", "", body)},
		Work:    []Work{{Kind: WorkVerify, Key: string(a.ID), At: next.UTC()}},
	}, nil
}

// LookFailed takes a Verify that could not see: it looks again.
func (a *Action) LookFailed(why string, now time.Time) (Effects, error) {
	now = a.clamp(now)
	if a.State != Applied {
		return Effects{}, refuse(WrongState, "%s is %s, so there is nothing to verify.", a.ID, a.State)
	}
	a.Error, a.ChangedAt = why, now
	return Effects{
		Records: []audit.Record{a.record(audit.Verified, now, "", "", map[string]any{"why": why, "failed": true})},
		Work:    []Work{{Kind: WorkVerify, Key: string(a.ID), At: now.Add(lookRetry)}},
	}, nil
}

// Remind counts a reminder to those who may still approve.
func (a *Action) Remind(reached int, now time.Time) (Effects, error) {
	now = a.clamp(now)
	if a.State != Proposed {
		return Effects{}, refuse(WrongState, "%s is %s, so nobody is reminded.", a.ID, a.State)
	}
	a.Reminded++
	a.ChangedAt = now
	return Effects{Records: []audit.Record{a.record(audit.Reminded, now, "", "", map[string]any{"reached": reached, "standing": a.Standing().String()})}}, nil
}
