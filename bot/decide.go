package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/crash"
)

// How many actions may be open at once.
const (
	openPerPerson  = 3
	openPerChannel = 10
)

// Decider proposes actions and takes the votes on them. Every surface ends in Decide.
type Decider struct {
	log     *slog.Logger
	journal Journal
	people  *People
	linked  linked
	// refresh reads the linked accounts and the groups again before anybody's role
	// counts, or says why they cannot be read here; the Engine adds the groups.
	refresh func(context.Context) error
}

// NewDecider returns a Decider over a journal and the people.
func NewDecider(log *slog.Logger, journal Journal, people *People) *Decider {
	d := &Decider{log: log, journal: journal, people: people, linked: newLinked()}
	d.refresh = d.lookAtLinks
	return d
}

// Decide takes one person's verdict on an action, whatever surface it came
// from. The answer is for that person; what the room must know is posted with
// the change itself.
func (d *Decider) Decide(ctx context.Context, req *Request, id action.ID, verdict action.Verdict, reason string) (Message, error) {
	if err := d.refresh(ctx); err != nil {
		return Message{}, err
	}
	if req.Surface == takenBack {
		a, err := d.journal.Action(ctx, id)
		if err == nil && !slices.ContainsFunc(a.Votes, func(v action.Vote) bool { return v.Person == req.Person.ID && v.Lost == "" }) {
			return Message{}, nil // a reaction that never counted was taken away
		}
	}
	ballot := action.Ballot{Person: req.Person.ID, Account: req.Account.Key(), Verdict: verdict, Reason: reason, Surface: req.Surface}
	a, err := d.change(ctx, req, id, func(a *action.Action) (action.Effects, error) {
		return a.Decide(ballot, d.people, now())
	})
	if errors.Is(err, ErrNotFound) {
		return Message{}, Problemf("not-found", "There is no action %q. `pending` lists the open ones.", cut(string(id)))
	}
	if errors.Is(err, action.ErrRepeated) {
		return d.repeated(ctx, id, verdict)
	}
	if err != nil {
		return Message{}, err
	}
	m := Message{Private: true, Answer: map[string]any{"action": a.Machine()}}
	switch verdict {
	case action.Approve:
		m.Line("Your approval of `%s` is counted: %s.", a.ID, a.Standing().String())
	case action.Deny:
		if a.State != action.Denied {
			m.Line("Your approval of `%s` is taken back: %s. It is not denied by that: a denial needs a role that may deny, and a reason; type: `deny %s REASON`", a.ID, a.Standing().String(), a.ID)
			break
		}
		m.Line("You denied `%s`. Nothing of it runs. Another person may propose anew.", a.ID)
	case action.TakeBack:
		if a.State == action.Withdrawn {
			m.Line("You withdrew `%s`. Nothing of it runs.", a.ID)
		} else {
			m.Line("Your approval of `%s` is taken back: %s.", a.ID, a.Standing().String())
		}
	}
	return m, nil
}

// repeated answers a decision that was taken before it was interrupted. What it
// was may have been undone since, and is not done again.
func (d *Decider) repeated(ctx context.Context, id action.ID, verdict action.Verdict) (Message, error) {
	a, err := d.journal.Action(ctx, id)
	if err != nil {
		return Message{}, fmt.Errorf("bot: reading what was decided: %w", err)
	}
	m := Say("Your `%s` of `%s` was taken when you gave it; only this answer was missing. Now: %s, %s.", verdict, a.ID, stateWord(a), a.Standing().String())
	m.Private, m.Answer = true, map[string]any{"action": a.Machine()}
	return m, nil
}

// takenBack is the surface of a reaction that was removed.
const takenBack = "reaction taken back"

// Propose freezes a plan and its policy into an action that waits for votes.
// Nothing runs before the policy is satisfied.
func (d *Decider) Propose(ctx context.Context, req *Request, cmd Command, plan action.Plan) (Message, error) {
	if err := d.refresh(ctx); err != nil {
		return Message{}, err
	}
	if err := d.hits(&plan.Target); err != nil {
		return Message{}, err
	}
	policy, err := d.policy(cmd, plan)
	if err != nil {
		return Message{}, err
	}
	if err := d.room(ctx, req); err != nil {
		return Message{}, err
	}
	frozen := action.Frozen{
		Command: cmd.Name, Args: req.Args(), Proposer: req.Person.ID, Account: req.Account.Key(),
		Plan: plan, Policy: policy, Electorate: d.people.Electorate(policy),
	}
	a, fx, err := action.Propose(NewActionID(), req.ID, req.Thread.String(), req.Incident, frozen, now())
	if err != nil {
		return Message{}, err
	}
	if a.CaseHome, err = d.caseHome(ctx, req.Incident); err != nil {
		return Message{}, err
	}
	electable := a.Electable()
	a.Notified = len(electable)
	a.Rooms = d.people.Rules().rooms(req.Thread)
	fx.Posts = append(fx.Posts, cardPosts(a, 1)...)
	fx.Posts = append(fx.Posts, d.listNews(action.Action{}, a)...)
	crash.Change("before", fx.Records)
	stored, created, err := d.journal.Create(ctx, a, fx)
	crash.Change("after", fx.Records)
	if err != nil {
		return Message{}, fmt.Errorf("bot: storing the proposal: %w", err)
	}
	if !created {
		return d.showAgain(ctx, req, stored)
	}
	m := Message{Answer: map[string]any{"action": stored.Machine()}}
	m.Line("Proposed as `%s` (digest `%s`): %s. Nothing runs before that.", stored.ID, action.ShortDigest(stored.Digest), stored.Standing().String())
	var names []string
	for _, e := range electable {
		m.Notify = append(m.Notify, e.Person)
		names = append(names, string(e.Person))
	}
	m.Line("May approve: %s. Expires %s.", strings.Join(names, ", "), clock(stored.ExpiresAt))
	return m, nil
}

// caseHome is where the card of a case stands, "" for no case.
func (d *Decider) caseHome(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	i, err := d.journal.Incident(ctx, id)
	if err != nil {
		return "", fmt.Errorf("bot: reading the case of a proposal: %w", err)
	}
	return i.Thread, nil
}

// policy picks the frozen policy: the command's, or the one named protected.
func (d *Decider) policy(cmd Command, plan action.Plan) (action.Policy, error) {
	name := cmd.PolicyName()
	if plan.Target.Protected != "" {
		name = "protected"
	}
	policy, ok := d.people.Rules().Policies[name]
	if !ok && name == "protected" {
		return policy, Problemf("protected-target", "%q is protected: %s. Nothing was proposed. It needs the policy `protected`, which is not configured.", plan.Target.Name, plan.Target.Protected)
	}
	if !ok {
		return policy, Problemf("no-electorate", "Nobody may approve `%s`: there is no policy for it. Nothing was proposed. An admin can add `policies: {%s: {approvals: [...]}}` to the configuration.", cmd.Name, name)
	}
	policy.Name = name
	return policy, nil
}

// room refuses more open actions than people can look after.
func (d *Decider) room(ctx context.Context, req *Request) error {
	open, err := d.journal.OpenActions(ctx)
	if err != nil {
		return fmt.Errorf("bot: counting open actions: %w", err)
	}
	mine, here := 0, 0
	for _, a := range open {
		if a.Frozen.Proposer == req.Person.ID {
			mine++
		}
		if home, err := ParseThread(a.Home); err == nil && inChannel(home, req.Thread) {
			here++
		}
	}
	if mine >= openPerPerson {
		return Problemf("too-many", "You have %d actions open, which is the limit. Withdraw one (`pending` lists them) and propose again.", mine)
	}
	if here >= openPerChannel {
		return Problemf("too-many", "This channel has %d actions open, which is the limit. Decide some first (`pending` lists them).", here)
	}
	return nil
}

// showAgain shows the card of an equal action that is open already.
func (d *Decider) showAgain(ctx context.Context, req *Request, a action.Action) (Message, error) {
	room := req.Thread.String()
	a, err := d.journal.Update(ctx, a.ID, func(a *action.Action) (action.Effects, error) {
		if !slices.Contains(a.Rooms, room) {
			a.Rooms = append(a.Rooms, room)
		}
		return action.Effects{Posts: cardPosts(*a, a.Version+1)}, nil
	})
	if err != nil {
		return Message{}, fmt.Errorf("bot: showing an open action again: %w", err)
	}
	m := Say("The same is open already as `%s` (%s): %s. Its card is shown here; nothing new was proposed.", a.ID, a.State, a.Standing().String())
	m.Answer = map[string]any{"action": a.Machine()}
	return m, nil
}

// hits notes the person of the configuration whom a target is or belongs to.
func (d *Decider) hits(t *action.Target) error {
	for _, name := range slices.Concat([]string{t.Name}, t.Owners, t.Aliases) {
		person, ok := d.people.Target(name)
		if !ok {
			continue
		}
		if t.Person != "" && t.Person != person {
			return Problemf("ambiguous", "This would hit several people of gridwarden's own configuration, %s and %s, and none of them may decide on it. Ask for what each has on its own. Nothing was proposed.", t.Person, person)
		}
		t.Person = person
		if t.Protected == "" {
			t.Protected = "it is the name of a person in gridwarden's own configuration"
			if name != t.Name {
				t.Protected = fmt.Sprintf("it is of %q, a person in gridwarden's own configuration", name)
			}
		}
	}
	return nil
}

// change applies a transition and says in the same transaction what the room
// must know: the cards at the new version and one line per event.
func (d *Decider) change(ctx context.Context, req *Request, id action.ID, transition func(*action.Action) (action.Effects, error)) (action.Action, error) {
	var made []audit.Record
	request := ""
	if req != nil {
		request = req.ID
	}
	a, err := d.journal.UpdateFor(ctx, request, id, func(a *action.Action) (action.Effects, error) {
		before := *a
		before.Votes = slices.Clone(a.Votes)
		before.Steps = slices.Clone(a.Steps)
		fx, err := transition(a)
		for i := range fx.Records {
			if req != nil {
				fx.Records[i].Request = req.ID
			}
			if fx.Records[i].Incident == "" {
				fx.Records[i].Incident = a.Incident
			}
		}
		if err != nil {
			return fx, err
		}
		fx.Posts = append(fx.Posts, announce(before, *a)...)
		fx.Posts = append(fx.Posts, d.listNews(before, *a)...)
		if before.State == action.Proposed && a.State == action.Approved && a.Standing().Solo {
			fx.Add(d.soloEffects(*a))
		}
		made = fx.Records
		crash.Change("before", made)
		return fx, nil
	})
	crash.Change("after", made)
	return a, err
}

func inChannel(t, u Thread) bool {
	t.Root, u.Root = "", ""
	return t == u
}
