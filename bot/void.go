package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// voidCard takes the votes away from an action whose card is not what it was,
// and brings its cards to a new version. It is refused for what cannot be
// decided any more.
func (d *Decider) voidCard(ctx context.Context, req *Request, id action.ID, why string) (action.Action, error) {
	return d.change(ctx, req, id, func(a *action.Action) (action.Effects, error) {
		if !votable(*a) {
			return action.Effects{}, errMovedOn
		}
		version := a.Version
		fx := voidVotes(a, why, now())
		m := Say("`%s` (%s %s): %s. It is shown anew, and only that counts.", a.ID, a.Command, a.Frozen.Plan.Target.Name, why)
		m.Line("Whoever approved it before must look again and approve again: %s.", a.Standing().String())
		for _, e := range a.Electable() {
			m.Notify = append(m.Notify, e.Person)
		}
		fx.Posts = d.tell(*a, fmt.Sprintf("void/%s/%d", a.ID, version), m)
		return fx, nil
	})
}

func votable(a action.Action) bool { return a.State == action.Proposed || a.State == action.Approved }

// voidVotes marks the counted votes as lost, a Record each, and sends an
// approved action back to the vote.
func voidVotes(a *action.Action, why string, at time.Time) action.Effects {
	if at.Before(a.ChangedAt) { // the clock went back
		at = a.ChangedAt
	}
	a.ChangedAt = at
	var fx action.Effects
	a.Votes = slices.Clone(a.Votes)
	for i := range a.Votes {
		if v := &a.Votes[i]; v.Lost == "" {
			v.Lost = why
			fx.Records = append(fx.Records, recordOf(*a, audit.VoteLost, at, *v, map[string]any{"why": why}))
		}
	}
	if a.State == action.Approved {
		a.State, a.ApprovedAt, a.StartBy, a.Unread = action.Proposed, time.Time{}, time.Time{}, ""
		fx.Records = append(fx.Records, recordOf(*a, audit.Reopened, at, action.Vote{}, map[string]any{"why": why}))
		fx.Work = append(fx.Work, action.Work{Kind: action.WorkExpire, Key: string(a.ID), At: a.ExpiresAt})
	}
	if len(fx.Records) == 0 {
		fx.Records = append(fx.Records, recordOf(*a, audit.Changed, at, action.Vote{}, map[string]any{"why": why}))
	}
	return fx
}

// recordOf makes a Record about an action, and about a vote on it.
func recordOf(a action.Action, kind audit.Kind, at time.Time, v action.Vote, body map[string]any) audit.Record {
	body["action"], body["state"], body["digest"] = a.ID, a.State, a.Digest
	data, err := json.Marshal(body)
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	return audit.Record{
		ID: audit.NewID(), At: at, Kind: kind, Request: a.Request, Incident: a.Incident,
		Person: string(v.Person), Account: v.Account, Subject: "action/" + string(a.ID), Body: data,
	}
}

// tell says what befell an action in its home and in the security channel,
// where that is another one.
func (d *Decider) tell(a action.Action, key string, m Message) []action.Post {
	var rooms []Thread
	if home, err := ParseThread(a.Home); err == nil {
		rooms = append(rooms, home)
	}
	security := d.people.Rules().Security
	if security != (Thread{}) && !slices.ContainsFunc(rooms, func(t Thread) bool { return inChannel(t, security) }) {
		rooms = append(rooms, security)
	}
	var posts []action.Post
	for _, room := range rooms {
		posts = append(posts, personal(key+"/"+room.String(), room, m, aside(a)))
	}
	return posts
}
