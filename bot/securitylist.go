package bot

import (
	"fmt"
	"slices"

	"github.com/gridwarden/gridwarden/bot/action"
)

// What the security list is told goes into the outbox with the change that it is
// about, in one transaction: a mail server that is down holds up nothing, and a
// crash loses nothing.

// tellList tells the security list the answer to a request, such as that a case
// is open, with the checkpoint of the audit log.
func (d *Decider) tellList(req *Request, m Message) []action.Post {
	if !d.people.Rules().SecurityList {
		return nil
	}
	m.Line("Asked by %s in %s, request `%s`.", req.Person.Display(), req.Thread.String(), req.ID)
	return []action.Post{toSecurityList("mail/"+req.ID, m.SecurityList, m)}
}

// AboutIncident names a case in Message.SecurityList: what is told of it and of
// its actions is one conversation.
func AboutIncident(id string) string { return "incident/" + id }

// listNews tells the security list that an action was proposed, what was decided
// and how it ended. What runs meanwhile is in the thread.
func (d *Decider) listNews(before, after action.Action) []action.Post {
	told := []action.State{action.Proposed, action.Approved, action.Denied, action.Withdrawn, action.Expired, action.Settled, action.Failed}
	if before.State == after.State || !slices.Contains(told, after.State) || !d.people.Rules().SecurityList {
		return nil
	}
	version := before.Version + 1
	after.Version = version
	card := CardMessage(after)
	m := Message{Title: card.Title, Table: card.Table, After: card.After}
	if before.Version > 0 { // what is proposed is on the card
		m.Lines = news(before, after).Lines
	}
	m.Lines = append(m.Lines, card.Lines...)
	m.Below("Thread: %s", after.Home)
	about := "action/" + string(after.ID)
	if after.Incident != "" {
		about = AboutIncident(after.Incident)
	}
	return []action.Post{toSecurityList(fmt.Sprintf("mail/%s/%d", after.ID, version), about, m)}
}
