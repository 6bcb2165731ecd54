package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// concern is what a message that was changed or deleted is to the bot.
type concern struct {
	card     action.ID // the message is the card of that action or open case
	in       string    // the open case that it belongs to
	evidence *Evidence // of that case
	request  string    // what was asked by it
	asked    string    // how that was understood
	answer   bool      // the bot said it, in the home of an open case
}

// nothing: people may change and delete what they like.
func (c concern) nothing() bool {
	return c.card == "" && c.evidence == nil && c.request == "" && !c.answer
}

// what names the message in a record.
func (c concern) what() string {
	switch {
	case c.evidence != nil:
		return "evidence"
	case c.request != "":
		return "request"
	case c.card != "":
		return "card"
	}
	return "answer"
}

// concern finds out what a message is to us.
func (e *Engine) concern(ctx context.Context, ev Event) (concern, error) {
	var c concern
	var err error
	if c.card, err = e.journal.CardAt(ctx, ev.Thread.String(), ev.Target); err != nil && !errors.Is(err, ErrNotFound) {
		return c, fmt.Errorf("bot: whose card was touched: %w", err)
	}
	if err := e.askedBy(ctx, ev, &c); err != nil {
		return c, err
	}
	open, err := e.journal.OpenIncidents(ctx)
	if err != nil {
		return c, fmt.Errorf("bot: which cases are open: %w", err)
	}
	home := ev.Thread
	if home.Root == "" { // the first message of a thread
		home.Root = ev.Target
	}
	for _, i := range open {
		if n := i.EvidenceAt(ev.Thread, ev.Target); n >= 0 {
			c.in, c.evidence = i.ID, &i.Evidence[n]
			return c, nil
		}
	}
	for _, i := range open {
		if i.Thread != home.String() {
			continue
		}
		c.in = i.ID
		if c.answer = ev.Ours; !ev.Ours && c.nothing() {
			if c.answer, err = e.journal.SaidAt(ctx, ev.Thread.String(), ev.Target); err != nil {
				return c, fmt.Errorf("bot: whose message was touched: %w", err)
			}
		}
	}
	if isCase(c.card) && c.in != string(c.card) {
		c.card = ""
	}
	return c, nil
}

// askedBy finds the request that was typed by the message, and its case.
func (e *Engine) askedBy(ctx context.Context, ev Event, c *concern) error {
	if ev.Origin == "" {
		return nil
	}
	request, err := e.journal.Request(ctx, ev.Account.Platform, ev.Account.Workspace, ev.Origin)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bot: what was asked by a message: %w", err)
	}
	c.request = request
	records, err := e.journal.Records(ctx, RecordFilter{Request: request, Kinds: []audit.Kind{audit.Received, audit.Refused}, Limit: 1})
	if err != nil {
		return fmt.Errorf("bot: what was asked by a message: %w", err)
	}
	for _, r := range records {
		c.in, c.asked = r.Incident, understood(r)
	}
	return nil
}
