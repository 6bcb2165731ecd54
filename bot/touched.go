package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// maxTouched bounds the new text of a changed message in its record, in runes.
const maxTouched = 1000

// touched takes the news that a message was changed or deleted. What was
// recorded of it stays as it is; that it was touched is added. Of a card nobody
// knows any more what people saw when they approved: while it can be decided its
// votes are void and it is shown anew. A command is not run again.
func (e *Engine) touched(ctx context.Context, log *slog.Logger, req *Request, ev Event) Reply {
	reply := Reply{Request: req.ID, State: "ignored"}
	about, err := e.concern(ctx, ev)
	if err == nil && !about.nothing() {
		reply.State = "answered"
	}
	var fx action.Effects
	switch {
	case err != nil || about.card == "":
	case isCase(about.card):
		err = e.touchedCase(ctx, req, ev, about)
	default:
		fx, err = e.touchedCard(ctx, req, ev, about.card)
	}
	if err == nil && about.evidence != nil {
		fx.Records, err = e.touchedEvidence(ctx, req, ev, about)
	} else if err == nil && (about.request != "" || about.answer && about.card == "") {
		fx.Records = append(fx.Records, req.touchRecord(ev, about))
	}
	if err == nil && about.in != "" {
		fx.Posts = append(fx.Posts, e.tellTouched(ctx, req, ev, about)...)
	}
	if err == nil {
		_, err = e.journal.Finish(ctx, req.ID, fx)
	}
	if err != nil {
		log.ErrorContext(ctx, "that a message was touched is not recorded", "error", err)
		reply.State, reply.Err = "failed", err
	}
	e.nudge()
	return reply
}

// touchedCard takes the votes on a card that was touched away. Later it is
// recorded and told; chats that forget old messages are no news.
func (e *Engine) touchedCard(ctx context.Context, req *Request, ev Event, id action.ID) (fx action.Effects, err error) {
	why := fmt.Sprintf("the card was %s by somebody else", ev.Kind)
	_, err = e.decider.voidCard(ctx, req, id, why)
	if errors.Is(err, action.ErrRepeated) {
		return fx, nil
	}
	if moved := (*action.Refusal)(nil); !errors.As(err, &moved) {
		return fx, err
	}
	a, err := e.journal.Action(ctx, id)
	if err != nil {
		return fx, err
	}
	r := recordOf(a, audit.Noted, now(), action.Vote{}, map[string]any{"text": why})
	r.Request, r.Subject = req.ID, "" // the action itself is as it was
	fx.Records = append(fx.Records, r)
	if ev.Kind == Edited || a.EndedAt.IsZero() {
		m := Say("`%s` (%s %s): %s. It is %s; `audit %s` shows what happened.", id, a.Command, a.Frozen.Plan.Target.Name, why, stateWord(a), id)
		fx.Posts = e.decider.tell(a, "touched/"+req.ID, m)
	}
	return fx, nil
}

// touchedCase shows the card of a case anew, and records why.
func (e *Engine) touchedCase(ctx context.Context, req *Request, ev Event, about concern) error {
	r := req.touchRecord(ev, about)
	r.ID, r.Subject = r.ID+"/card", "incident/"+about.in // it may be evidence, too
	told, err := e.journal.Records(ctx, RecordFilter{Request: req.ID, Kinds: []audit.Kind{r.Kind}, Limit: 1})
	if err != nil || len(told) > 0 { // it is served a second time
		return err
	}
	_, err = e.journal.UpdateIncident(ctx, about.in, func(i *Incident) (action.Effects, error) {
		if !i.ClosedAt.IsZero() {
			return action.Effects{}, errMovedOn
		}
		return action.Effects{Records: []audit.Record{r}, Posts: CasePosts(*i)}, nil
	})
	if moved := (*action.Refusal)(nil); errors.As(err, &moved) {
		err = nil
	}
	return err
}

// touchedEvidence marks a message of a case. The records that it gives are still
// to be written: a case names so many changes of a message, the audit log all.
func (e *Engine) touchedEvidence(ctx context.Context, req *Request, ev Event, about concern) ([]audit.Record, error) {
	r := req.touchRecord(ev, about)
	var more []audit.Record
	_, err := e.journal.UpdateIncident(ctx, about.in, func(i *Incident) (action.Effects, error) {
		more = nil
		n := i.EvidenceAt(ev.Thread, ev.Target)
		if n < 0 || !i.ClosedAt.IsZero() {
			return action.Effects{}, errMovedOn
		}
		c := Change{Kind: ev.Kind, At: ev.At.UTC().Truncate(time.Microsecond), By: by(ev)}
		c.Text, _ = CutText(ev.Value, MaxEvidenceText)
		switch i.Mark(n, c) {
		case Added:
			bound := r
			bound.Subject = "incident/" + i.ID
			return action.Effects{Records: []audit.Record{bound}}, nil
		case Full:
			more = []audit.Record{r}
		}
		return action.Effects{}, errMovedOn
	})
	if moved := (*action.Refusal)(nil); errors.As(err, &moved) {
		err = nil
	}
	return more, err
}

// touchRecord accounts for a message that was touched. Its id follows from the
// request, for it may be served twice.
func (r *Request) touchRecord(ev Event, about concern) audit.Record {
	kind := audit.MessageEdited
	body := map[string]any{"message": ev.Target, "what": about.what(), "at": ev.At.UTC()}
	if about.request != "" {
		body["of"], body["as"] = about.request, about.asked
	}
	if ev.Kind == Deleted {
		kind = audit.MessageDeleted
	} else {
		body["text"] = cutTo(ev.Value, maxTouched)
	}
	r.Incident, r.Surface = about.in, string(ev.Kind)
	out := r.record(kind, body)
	out.ID = r.ID + "/" + string(ev.Kind)
	if ev.Account.ID == "" { // the platform does not say who
		out.Account, out.Person = "", ""
	}
	return out
}

func by(ev Event) string {
	if ev.Account.ID == "" {
		return ""
	}
	return ev.Account.Key()
}

// tellTouched says in the home of a case that something of it is not any more
// what it was. What it says now is not repeated.
func (e *Engine) tellTouched(ctx context.Context, req *Request, ev Event, about concern) []action.Post {
	i, err := e.journal.Incident(ctx, about.in)
	if err != nil || !i.ClosedAt.IsZero() {
		return nil
	}
	home, err := ParseThread(i.Thread)
	if err != nil {
		return nil
	}
	who := ""
	if ev.Account.ID != "" {
		who = " by " + cut(nameOf(ev.Account))
	}
	var m Message
	switch {
	case about.evidence != nil:
		m = Say("Evidence of case *%s* was %s%s: what %s said at %s. What it said when it was pinned stays in the case.", i.ID, ev.Kind, who, cut(about.evidence.Name), clock(about.evidence.At))
	case about.request != "" && about.asked != "":
		m = Say("The message that asked `%s` was %s%s. What counts is what was understood then; it is not run again.", about.asked, ev.Kind, who)
	case isCase(about.card):
		m = Say("The card of case *%s* was %s by somebody else. It is shown anew, as the case stands.", i.ID, ev.Kind)
	case about.answer && about.card == "":
		m = Say("A message of gridwarden in case *%s* was %s by somebody else. The audit log has what it said.", i.ID, ev.Kind)
	default:
		return nil
	}
	return []action.Post{personal("touched/"+req.ID+"/case", home, m, Say("Something that case *%s* rests on was %s. Its export tells what.", i.ID, ev.Kind))}
}

// nameOf is what to call an account in a sentence.
func nameOf(a Account) string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// understood is what a record of a request says that it was understood as.
func understood(r audit.Record) string {
	var body struct {
		As string `json:"as"`
	}
	if json.Unmarshal(r.Body, &body) != nil { // erased
		return ""
	}
	return body.As
}
