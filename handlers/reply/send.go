package reply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// maxLetter bounds a letter, in bytes: more is not read on a card.
const maxLetter = 24 << 10

// Sender is how letters go out, as the configuration says it.
type Sender struct {
	From string // the sender
	Copy string // the security list, "" when there is none
}

// Outbox is what sending needs of the journal: a letter waits in it and is tried
// again until the mail server has taken it.
type Outbox interface {
	Write(ctx context.Context, fx action.Effects) error
	// Posted returns how far the post of a key has come; bot.ErrNotFound when
	// there is none.
	Posted(ctx context.Context, key string) (bot.Posted, error)
}

// letter is what is approved, and exactly what is sent.
type letter struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Copy    string   `json:"copy,omitempty"`
	Subject string   `json:"subject"`
	Lines   []string `json:"lines"`
}

// letter makes of a draft what is sent to an address.
func (x commands) letter(d draft, to string) letter {
	head := d.head()
	return letter{
		From: x.sender.From, To: to, Copy: x.sender.Copy, Subject: d.heading(),
		Lines: append(head[len(head)-2:], d.body...), // the label and a blank line
	}
}

func (l letter) text() string { return strings.Join(l.Lines, "\n") + "\n" }

// sum tells letters to one address apart.
func (l letter) sum() string {
	s := sha256.Sum256([]byte(l.Subject + "\n\n" + l.text()))
	return hex.EncodeToString(s[:])
}

// planSend drafts a reply once more and proposes to send it. The card is the
// preview: it has every line.
func (x commands) planSend(ctx context.Context, r *bot.Request) (action.Plan, error) {
	if x.sender == nil {
		return action.Plan{}, errNoServer
	}
	if len(r.Words) == 0 || r.Words[0].Quoted {
		return action.Plan{}, bot.Problemf("usage", "Say which reply is sent: site, ask or user.")
	}
	kind := strings.ToLower(r.Words[0].Text)
	build, ok := x.drafts()[kind]
	if !ok {
		return action.Plan{}, bot.Problemf("usage", "%q is no reply. They are site, ask and user.", oneLine(r.Words[0].Text))
	}
	part := *r
	part.Command, part.Words = "reply "+kind, r.Words[1:]
	d, err := build(ctx, &part)
	if err != nil {
		return action.Plan{}, err
	}
	to, doubts, err := x.addressOf(d, strings.TrimSpace(r.Options["to"]))
	if err != nil {
		return action.Plan{}, err
	}
	l := x.letter(d, to)
	if n := len(l.text()); n > maxLetter {
		return action.Plan{}, bot.Problemf("refused", "The letter has %d characters; more than %d cannot be read on a card. Send the draft yourself, or ask for less.", n, maxLetter)
	}
	return l.plan(d, doubts)
}

// plan shows a letter in full.
func (l letter) plan(d draft, doubts []string) (action.Plan, error) {
	payload, err := json.Marshal(l)
	if err != nil {
		return action.Plan{}, fmt.Errorf("reply: writing a letter: %w", err)
	}
	p := action.Plan{
		Target:  action.Target{Kind: "mail address", Name: l.To, Key: l.To + " " + l.sum()},
		Facts:   []action.Fact{{Label: "from", Value: l.From}, {Label: "subject", Value: l.Subject}},
		Will:    []string{"send this letter to " + l.To},
		WillNot: []string{"call it back: what the mail server has taken is gone"},
		ReadAt:  time.Now(), Payload: payload, Warnings: doubts,
	}
	if l.Copy != "" {
		p.Will = append(p.Will, "send a copy to the security list, "+l.Copy+", which answers go to as well")
	}
	label := "letter"
	for _, line := range l.Lines {
		p.Facts = append(p.Facts, action.Fact{Label: label, Value: line})
		label = ""
	}
	for _, n := range d.notes {
		p.Warnings = append(p.Warnings, strings.TrimPrefix(n.String(), "• "))
	}
	if d.partial {
		p.Warnings = append(p.Warnings, "not every source could be searched: the letter may be incomplete")
	}
	return p, nil
}

// addressOf is whom a letter goes to: the address given, else the only contact
// of the site, or the user's own in the records. doubts say what nobody has
// vouched for.
func (x commands) addressOf(d draft, typed string) (to string, doubts []string, err error) {
	contacts := x.sites.Contacts(d.site)
	known := contacts
	if d.kind == "user" && d.to != "" {
		known = []string{d.to}
	}
	switch {
	case typed == "" && len(known) == 0 && d.kind == "user":
		return "", nil, bot.Problemf("usage", "The records have no address of this user. Take it from the experiment's register and give it by to=ADDRESS.")
	case typed == "" && len(known) == 0:
		return "", nil, bot.Problemf("usage", "The site map has no contacts of %s. Give the address by to=ADDRESS.", whom(oneLine(d.site)))
	case typed == "" && len(known) > 1:
		return "", nil, bot.Problemf("usage", "%s has several contacts: %s. Choose by to=ADDRESS.", whom(oneLine(d.site)), strings.Join(known, ", "))
	case typed == "":
		to = known[0]
	default:
		to = typed
	}
	if _, ok := bot.MailAddress(to); !ok {
		return "", nil, bot.Problemf("usage", "%q is no single bare mail address, such as csirt@site.example.org.", oneLine(to))
	}
	named := false
	for _, k := range known {
		named = named || strings.EqualFold(k, to)
	}
	switch {
	case d.kind == "user" && named:
		doubts = append(doubts, to+" comes from the job records: hold it against the experiment's register")
	case d.kind == "user":
		doubts = append(doubts, to+" was typed, and is not the address in the job records: hold it against the experiment's register")
	case !named:
		doubts = append(doubts, fmt.Sprintf("%s was typed, and is no contact of %s in the site map: hold it against the grid's register of sites", to, whom(d.site)))
	}
	return to, doubts, nil
}

func letterOf(a action.Action) (letter, error) {
	var l letter
	if err := json.Unmarshal(a.Frozen.Plan.Payload, &l); err != nil {
		return l, fmt.Errorf("%s: reading the letter of %s: %w", a.Command, a.ID, err)
	}
	return l, nil
}

// errNoServer refuses what an earlier configuration may have allowed.
var errNoServer = bot.Problemf("not-configured", "`reply send` needs a mail server, and none is configured; nothing was done. Set mail in the configuration, or send the draft yourself.")

func key(a action.Action) string { return "letter/" + string(a.ID) }

// applySend puts the letter into the outbox, once: its key is the action's.
func (x commands) applySend(ctx context.Context, a action.Action) (action.Outcome, error) {
	if x.sender == nil {
		return action.Outcome{}, errNoServer
	}
	l, err := letterOf(a)
	if err != nil {
		return action.Outcome{}, err
	}
	if x.sender.From != l.From || x.sender.Copy != l.Copy {
		return action.Outcome{}, bot.Problemf("refused", "The sender or the security list is configured otherwise than when this was approved, so it was not sent. Propose it anew.")
	}
	m := bot.Message{Title: bot.Textf("%s", l.Subject)}
	for _, line := range l.Lines {
		m.Line("%s", line)
	}
	if err := x.outbox.Write(ctx, action.Effects{Posts: []action.Post{bot.Letter(key(a), l.To, m)}}); err != nil {
		return action.Outcome{}, fmt.Errorf("%s: queueing the letter of %s: %w", a.Command, a.ID, err)
	}
	return action.Outcome{Said: "the letter to " + l.To + " is on its way to the mail server", Done: true}, nil
}

// When a letter that waits is looked at again.
const (
	soon  = time.Second
	later = 30 * time.Second // it is being tried again
)

// verifySend tells what became of the letter. That a mail server took it is all
// that can be seen from here: not that it arrived, nor that somebody read it.
func (x commands) verifySend(ctx context.Context, a action.Action) (action.Progress, error) {
	l, err := letterOf(a)
	if err != nil {
		return action.Progress{}, err
	}
	p, err := x.outbox.Posted(ctx, key(a))
	lost := action.Progress{Settled: true, Remains: []string{"the letter to " + l.To + ": propose it anew, or send it yourself"}}
	switch {
	case errors.Is(err, bot.ErrNotFound):
		lost.Said = "The journal does not have the letter any more, and nobody can say whether it was sent."
		return lost, nil
	case err != nil:
		return action.Progress{}, fmt.Errorf("%s: looking for the letter of %s: %w", a.Command, a.ID, err)
	case p.State == bot.PostGivenUp:
		lost.Said = "The letter was not sent. " + p.Why
		return lost, nil
	case p.State == bot.PostSaid:
		said := fmt.Sprintf("The mail server took the letter to %s at %s, Message-ID %s.", l.To, utc(p.At), p.Message)
		if p.Tries > 1 {
			said += fmt.Sprintf(" That was try %d: if an earlier one was taken without telling us, the letter arrives twice, under that one Message-ID.", p.Tries)
		}
		return action.Progress{Said: said, Counts: map[string]int{"sent": 1}, Settled: true, Complete: true}, nil
	case p.Why != "":
		return action.Progress{Said: fmt.Sprintf("Not sent yet, tried %s. %s", count(p.Tries, "time", "times"), p.Why), NextLook: time.Now().Add(later)}, nil
	}
	return action.Progress{Said: "The letter waits for the mail server.", NextLook: time.Now().Add(soon)}, nil
}
