package action

import (
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// Directory tells who people are at this moment.
type Directory interface {
	// Elector returns a person with the roles and accounts held now.
	Elector(id PersonID) (Elector, bool)
	// PersonOf returns whose account it is now.
	PersonOf(account string) (PersonID, bool)
}

// Decide takes a ballot. What is refused changes nothing; its Effects hold the
// record of the refusal, to be stored all the same.
func (a *Action) Decide(b Ballot, dir Directory, now time.Time) (Effects, error) {
	now = a.clamp(now)
	b.Reason = strings.TrimSpace(b.Reason)
	var fx Effects
	var err error
	switch b.Verdict {
	case Approve:
		fx, err = a.approve(b, dir, now)
	case Deny:
		fx, err = a.deny(b, dir, now)
	case TakeBack:
		fx, err = a.takeBack(b, now)
	default:
		err = refuse(WrongState, "There is no verdict %q.", b.Verdict)
	}
	if err != nil {
		return a.refused(b, err, now), err
	}
	a.ChangedAt = now
	return fx, nil
}

func (a *Action) approve(b Ballot, dir Directory, now time.Time) (Effects, error) {
	if err := a.decidable(now); err != nil {
		return Effects{}, err
	}
	solo := a.Frozen.Policy.Solo && b.Person == a.Frozen.Proposer
	if solo && a.isTarget(b.Person) {
		return Effects{}, a.aboutYou("approve")
	}
	if solo && b.Reason == "" {
		return Effects{}, refuse(NeedsReason, "A solo approval needs a reason. Type: `approve %s REASON`", a.ID)
	}
	if !solo {
		if err := a.eligible(b, dir, approvalRoles(a.Frozen.Policy), "approve"); err != nil {
			return Effects{}, err
		}
	}
	if a.voteOf(b.Person) >= 0 {
		return Effects{}, refuse(AlreadyCounted, "Your approval of %s is counted already, once per person whatever the account: %s.", a.ID, a.Standing())
	}
	if a.State == Approved {
		return Effects{}, refuse(AlreadyDecided, "%s is approved already and starts by itself.", a.ID)
	}
	a.Votes = append(a.Votes, Vote{Person: b.Person, Account: b.Account, Surface: b.Surface, At: now})
	s := a.Standing()
	body := map[string]any{"surface": b.Surface, "standing": s.String(), "reason": b.Reason, "solo": solo}
	if !s.Enough {
		return Effects{Records: []audit.Record{a.record(audit.Approved, now, b.Person, b.Account, body)}}, nil
	}
	a.State, a.ApprovedAt, a.StartBy = Approved, now, now.Add(a.Frozen.Policy.StartBy)
	if solo {
		a.Reason = "solo approval: " + b.Reason
	}
	body["votes"], body["start_by"] = a.Votes, a.StartBy
	return Effects{
		Records: []audit.Record{a.record(audit.QuorumReached, now, b.Person, b.Account, body)},
		Work: []Work{
			{Kind: WorkRun, Key: string(a.ID), At: now},
			{Kind: WorkExpire, Key: string(a.ID), At: a.StartBy},
		},
	}, nil
}

func (a *Action) deny(b Ballot, dir Directory, now time.Time) (Effects, error) {
	if err := a.decidable(now); err != nil {
		return Effects{}, err
	}
	err := a.mayDeny(b, dir)
	// Who approved and now says no does not approve, whatever is missing for a denial.
	if i := a.voteOf(b.Person); err != nil && i >= 0 {
		return a.retract(i, b, now), nil
	}
	if err != nil {
		return Effects{}, err
	}
	a.State, a.EndedAt, a.EndedBy, a.Reason = Denied, now, b.Person, b.Reason
	return Effects{Records: []audit.Record{a.record(audit.Denied, now, b.Person, b.Account, map[string]any{"surface": b.Surface, "reason": b.Reason})}}, nil
}

func (a *Action) mayDeny(b Ballot, dir Directory) error {
	if b.Person == a.Frozen.Proposer {
		return refuse(OwnRequest, "You asked for %s yourself. Type `withdraw %s` to take it back.", a.ID, a.ID)
	}
	if err := a.eligible(b, dir, denialRoles(a.Frozen.Policy), "deny"); err != nil {
		return err
	}
	if b.Reason == "" {
		return refuse(NeedsReason, "A denial needs a reason. Nothing was counted; type: `deny %s REASON`", a.ID)
	}
	return nil
}

// takeBack withdraws the action when its proposer asks, else the person's own vote.
func (a *Action) takeBack(b Ballot, now time.Time) (Effects, error) {
	if a.State != Proposed && a.State != Approved {
		return Effects{}, a.over()
	}
	if b.Person == a.Frozen.Proposer {
		a.State, a.EndedAt, a.EndedBy, a.Reason = Withdrawn, now, b.Person, b.Reason
		return Effects{Records: []audit.Record{a.record(audit.Withdrawn, now, b.Person, b.Account, map[string]any{"surface": b.Surface, "reason": b.Reason})}}, nil
	}
	i := a.voteOf(b.Person)
	if i < 0 {
		return Effects{}, refuse(NothingToTake, "You have no vote on %s to take back; only %s can withdraw the action itself.", a.ID, a.Frozen.Proposer)
	}
	return a.retract(i, b, now), nil
}

// voteOf is the place of a person's vote that stands, -1 without one.
func (a *Action) voteOf(person PersonID) int {
	return slices.IndexFunc(a.Votes, func(v Vote) bool { return v.Person == person && v.Lost == "" })
}

// retract takes one vote away; an approved action that lacks it waits for votes again.
func (a *Action) retract(i int, b Ballot, now time.Time) Effects {
	a.Votes = slices.Delete(slices.Clone(a.Votes), i, i+1)
	body := map[string]any{"surface": b.Surface, "standing": a.Standing().String()}
	if b.Verdict == Deny {
		body["verdict"] = Deny
	}
	if b.Reason != "" {
		body["reason"] = b.Reason
	}
	fx := Effects{Records: []audit.Record{a.record(audit.VoteWithdrawn, now, b.Person, b.Account, body)}}
	if a.State == Approved && !a.Standing().Enough {
		fx.Work = append(fx.Work, a.reopen()...)
	}
	return fx
}

// decidable refuses what is decided, begun, over or too late.
func (a *Action) decidable(now time.Time) error {
	switch {
	case a.State == Proposed && now.After(a.ExpiresAt):
		return refuse(TooLate, "%s expired at %s; nothing was run. Propose it again.", a.ID, stamp(a.ExpiresAt))
	case a.State == Proposed, a.State == Approved:
		return nil
	}
	return a.over()
}

// over says what has become of the action: a late click is never ignored.
func (a *Action) over() error {
	switch a.State {
	case Denied, Withdrawn:
		return refuse(AlreadyDecided, "%s was %s by %s at %s. Your decision changes nothing.", a.ID, a.State, a.EndedBy, stamp(a.EndedAt))
	case Running, Applied:
		return refuse(AlreadyDecided, "%s was approved and began at %s; it can not be stopped by a vote. `audit %s` shows how far it is.", a.ID, stamp(a.StartedAt), a.ID)
	}
	return refuse(AlreadyDecided, "%s is %s since %s. Your decision changes nothing.", a.ID, a.State, stamp(a.EndedAt))
}

// eligible holds the rules about who may vote: neither the proposer, but where the
// policy says so, nor the target; somebody who held a role of the policy, by this very account's
// owner, when it was proposed, and who holds it now. The quorum counts people by
// the roles of then, so who has dropped one of them does not approve.
func (a *Action) eligible(b Ballot, dir Directory, roles []string, verb string) error {
	if b.Person == a.Frozen.Proposer && !a.Frozen.Policy.Own {
		return refuse(OwnRequest, "You asked for %s yourself; another person must %s it: %s.", a.ID, verb, a.Standing())
	}
	if a.isTarget(b.Person) {
		return a.aboutYou(verb)
	}
	then, was := a.elector(b.Person)
	now, is := dir.Elector(b.Person)
	owner, owned := dir.PersonOf(b.Account)
	gone := dropped(then, now, roles)
	switch {
	case !is || !owned || owner != b.Person:
		return refuse(NotNowEligible, "The account you speak with is not tied to a person that may %s %s.", verb, a.ID)
	case len(gone) > 0 && (verb == "approve" || !holdsAny(now, roles)):
		return refuse(NotNowEligible, "You held the role when %s was proposed but do not hold it now (%s).", a.ID, strings.Join(gone, ", "))
	case !holdsAny(now, roles):
		code := NotEligible
		if verb == "deny" {
			code = MayNotDeny
		}
		return refuse(code, "To %s %s you need a role: %s. Ask one of: %s.", verb, a.ID, strings.Join(roles, ", "), names(a.Electable()))
	case !was || !holdsAny(then, roles):
		return refuse(JoinedLater, "You got the role after %s was proposed, so your vote does not count on it. Who may: %s.", a.ID, names(a.Electable()))
	case !slices.Contains(then.Accounts, b.Account):
		return refuse(JoinedLater, "This account was linked to you after %s was proposed, so it does not count on it. Use an account that was yours before.", a.ID)
	}
	return nil
}

// isTarget reports whether the action is about a person.
func (a *Action) isTarget(id PersonID) bool { return id != "" && id == a.Frozen.Plan.Target.Person }

func (a *Action) aboutYou(verb string) error {
	return refuse(IsTarget, "%s is about you; others must %s it.", a.ID, verb)
}

func names(electors []Elector) string {
	var out []string
	for _, e := range electors {
		out = append(out, string(e.Person))
	}
	if len(out) == 0 {
		return "nobody is left"
	}
	return strings.Join(out, ", ")
}

// refused is the record of a ballot that was not counted.
func (a *Action) refused(b Ballot, err error, now time.Time) Effects {
	code := ""
	if r, ok := err.(*Refusal); ok { //nolint:errorlint // our own, never wrapped here
		code = r.Code
	}
	r := a.record(audit.Refused, now, b.Person, b.Account, map[string]any{"verdict": b.Verdict, "surface": b.Surface, "code": code, "why": err.Error()})
	r.Subject = "" // it binds no change of the action
	return Effects{Records: []audit.Record{r}}
}

// clamp keeps an action's time from going backwards when the clock does.
func (a *Action) clamp(now time.Time) time.Time {
	now = now.UTC().Truncate(time.Microsecond)
	if now.Before(a.ChangedAt) {
		return a.ChangedAt
	}
	return now
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
