package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Link ties an account to a person: an admin's act, recorded and told. It
// counts for no vote on what was proposed before.
func (d *Decider) Link(ctx context.Context, req *Request, account string, person action.PersonID) error {
	return d.link(ctx, req, account, person)
}

// link does it together with more records.
func (d *Decider) link(ctx context.Context, req *Request, account string, person action.PersonID, more ...audit.Record) error {
	if _, ok := d.people.Person(person); !ok {
		return Problemf("not-found", "There is no person %q under people: in the configuration.", cut(string(person)))
	}
	if err := d.lookAtLinks(ctx); err != nil {
		return err
	}
	if owner, ok := d.people.PersonOf(account); ok {
		return Problemf("refused", "The account %s belongs to %s already; nothing was changed.", account, owner)
	}
	m := Say("*%s* linked the account `%s` to *%s*. It counts for no vote on what was proposed before.", req.Person.ID, account, person)
	fx := d.securityNews(m, Say("*%s* linked an account to *%s*.", req.Person.ID, person), map[string]any{})
	fx.Records = []audit.Record{req.record(audit.AccountLinked, map[string]any{"account": account, "person": person})}
	fx.Records[0].Subject = "link/" + account
	fx.Records = append(fx.Records, more...)
	if err := d.journal.Link(ctx, account, person, fx); err != nil {
		return fmt.Errorf("bot: linking an account: %w", err)
	}
	return d.lookAtLinks(ctx)
}

// securityNews is the record of a change of who may do what, and the word of
// it for the security channel. instead is said where m may not be; empty: m
// names nobody's account.
func (d *Decider) securityNews(m, instead Message, body map[string]any) action.Effects {
	data, err := json.Marshal(body)
	if err != nil { // our own maps of strings
		panic(err)
	}
	rec := audit.Record{ID: audit.NewID(), At: now(), Kind: audit.PolicyChanged, Body: data}
	fx := action.Effects{Records: []audit.Record{rec}}
	switch t := d.people.Rules().Security; {
	case t == (Thread{}):
	case instead.Empty():
		fx.Posts = append(fx.Posts, post("security/"+rec.ID, t, m))
	default:
		fx.Posts = append(fx.Posts, personal("security/"+rec.ID, t, m, instead))
	}
	return fx
}
