package action

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// Kinds of timed work that an action needs.
const (
	WorkExpire = "action.expire"
	WorkRemind = "action.remind" // key: ID/percent
	WorkRun    = "action.run"
	WorkVerify = "action.verify"
)

// reminders are the parts of the waiting time, in percent, after which the
// approvers are reminded.
var reminders = []int{50, 90}

// Propose freezes what was planned and opens the vote. It refuses a target
// that can never be one, a protected target under another policy than
// "protected", and a policy that nobody could fulfil.
func Propose(id ID, request, home, incident string, f Frozen, now time.Time) (Action, Effects, error) {
	f, err := settled(f)
	if err != nil {
		return Action{}, Effects{}, err
	}
	t := f.Plan.Target
	switch {
	case t.Name == "" || t.Key == "":
		return Action{}, Effects{}, refuse(WrongState, "The target was not resolved; nothing was proposed.")
	case t.Forbidden != "":
		return Action{}, Effects{}, refuse(ForbiddenTarget, "%q can never be a target: %s. Nothing was proposed.", t.Name, t.Forbidden)
	case t.Protected != "" && f.Policy.Name != "protected":
		return Action{}, Effects{}, refuse(ProtectedTarget, "%q is protected: %s. Nothing was proposed.", t.Name, t.Protected)
	}
	a := Action{
		ID: id, State: Proposed, Request: request, Command: f.Command, Frozen: f, Digest: Digest(f),
		ProposedAt: now, ExpiresAt: now.Add(f.Policy.Expires), ChangedAt: now, Home: home, Incident: incident,
	}
	if missing := unfilled(f.Policy, a.Electable()); !f.Policy.Solo && (len(f.Policy.Approvals) == 0 || len(missing) > 0) {
		return Action{}, Effects{}, refuse(NoElectorate, "Nobody could approve this, so nothing was proposed: beside you %s missing. An admin can give people the role under people: in the configuration.", lacking(f.Policy, missing))
	}
	fx := Effects{Records: []audit.Record{a.record(audit.Proposed, now, f.Proposer, f.Account, map[string]any{
		"command": f.Command, "args": f.Args, "target": t, "policy": f.Policy, "home": home, "expires": a.ExpiresAt,
	})}}
	fx.Work = append(fx.Work, Work{Kind: WorkExpire, Key: string(id), At: a.ExpiresAt})
	fx.Work = append(fx.Work, a.reminders()...)
	return a, fx, nil
}

// reminders are due in the waiting time; the last one leaves time to act.
func (a Action) reminders() []Work {
	var out []Work
	wait := a.ExpiresAt.Sub(a.ProposedAt)
	for i, percent := range reminders {
		out = append(out, Work{Kind: WorkRemind, Key: ReminderKey(a.ID, i), At: a.ProposedAt.Add(wait * time.Duration(percent) / 100)})
	}
	return out
}

// ReminderKey is the key of an action's i-th reminder; OfReminder is the action.
func ReminderKey(id ID, i int) string { return string(id) + "/" + string(rune('0'+i)) }

// OfReminder returns the action that a reminder's key names.
func OfReminder(key string) ID {
	id, _, _ := strings.Cut(key, "/")
	return ID(id)
}

func lacking(p Policy, missing []Need) string {
	if len(p.Approvals) == 0 {
		return "the policy " + p.Name + " names no approvers, and they are"
	}
	var parts []string
	for _, n := range missing {
		parts = append(parts, n.String())
	}
	s := strings.Join(parts, " and ")
	if p.DistinctInstitutes {
		s += " (from different institutes)"
	}
	return s + " would be needed and are"
}

// settled brings Frozen to the form that it has after being stored, so that
// its digest is the same ever after.
func settled(f Frozen) (Frozen, error) {
	f.Plan.ReadAt = f.Plan.ReadAt.UTC().Truncate(time.Microsecond)
	data, err := json.Marshal(f)
	if err != nil {
		return f, refuse(WrongState, "The plan could not be written down, so nothing was proposed.")
	}
	var out Frozen
	if err := json.Unmarshal(data, &out); err != nil {
		return f, refuse(WrongState, "The plan could not be read back, so nothing was proposed.")
	}
	return out, nil
}

// record makes the one Record of a transition.
func (a Action) record(kind audit.Kind, now time.Time, person PersonID, account string, body map[string]any) audit.Record {
	body["action"], body["state"], body["digest"] = a.ID, a.State, a.Digest
	data, err := json.Marshal(body)
	if err != nil { // strings, numbers, times and our own types
		panic(err)
	}
	return audit.Record{
		ID: audit.NewID(), At: now, Kind: kind, Request: a.Request, Incident: a.Incident,
		Person: string(person), Account: account, Subject: "action/" + string(a.ID), Body: data,
	}
}
