package reply_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/reply"
)

// outbox keeps what was queued, by key, as the journal does.
type outbox struct {
	posts  map[string]action.Post
	posted bot.Posted
	err    error
}

func (o *outbox) Write(_ context.Context, fx action.Effects) error {
	for _, p := range fx.Posts {
		if _, twice := o.posts[p.Key]; !twice {
			o.posts[p.Key] = p
		}
	}
	return o.err
}

func (o *outbox) Posted(_ context.Context, key string) (bot.Posted, error) {
	if _, ok := o.posts[key]; !ok {
		return bot.Posted{}, bot.ErrNotFound
	}
	return o.posted, o.err
}

var contacts = &grid.SiteMap{Sites: []grid.Site{
	{CMS: []string{"T2_XX_Here"}, WLCG: []string{"HERE-LCG2"}, ATLAS: []string{"HERE"}, Contacts: []string{"csirt@here.example.org"}},
	{CMS: []string{"T2_XX_There"}, Contacts: []string{"a@there.example.net", "b@there.example.net"}},
}}

func sending(t *testing.T, k known) (bot.Command, *outbox) {
	t.Helper()
	o := &outbox{posts: map[string]action.Post{}}
	s := &reply.Sender{From: "gridwarden <gw@example.org>", Copy: "security@example.org"}
	return answertest.Command(t, reply.New(reply.Parts{Facts: k, Sites: contacts, Outbox: o, Sender: s}), "reply send"), o
}

func plan(t *testing.T, c bot.Command, words ...string) action.Plan {
	t.Helper()
	p, err := c.Plan(t.Context(), answertest.Request(c, noon.Add(3*time.Hour), words...))
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	return p
}

// cardText is the letter as the card shows it.
func cardText(p action.Plan) string {
	var lines []string
	in := false
	for _, f := range p.Facts {
		if in = in || f.Label == "letter"; in {
			lines = append(lines, f.Value)
		}
	}
	return strings.Join(lines, "\n")
}

func TestTheCardIsTheLetter(t *testing.T) {
	c, o := sending(t, known{facts: story()})
	p := plan(t, c, "site", "site=T2_XX_Here")
	if p.Target.Name != "csirt@here.example.org" || !strings.HasPrefix(p.Target.Key, p.Target.Name+" ") || c.PolicyName() != "mail" {
		t.Errorf("target %+v, policy %s", p.Target, c.PolicyName())
	}
	text := cardText(p)
	draft := run(t, known{facts: story()}, "reply site", "site=T2_XX_Here")
	file := string(draft.Files[0].Data)
	_, body, _ := strings.Cut(file, "\n\n")
	if strings.TrimSuffix(body, "\n") != text {
		t.Errorf("the card has\n%s\nand the draft\n%s", text, body)
	}
	if !strings.Contains(strings.Join(p.Will, "\n"), "security@example.org") || !strings.Contains(strings.Join(p.Warnings, "\n"), "not every source") {
		t.Errorf("will %q, warnings %q", p.Will, p.Warnings)
	}
	a := action.Action{ID: "abc", Command: c.Name, Frozen: action.Frozen{Plan: p}}
	for range 2 { // the second is after a crash
		out, err := c.Apply(t.Context(), a)
		if err != nil || !out.Done {
			t.Fatal(out, err)
		}
	}
	want := bot.Message{Title: bot.Textf("%s", p.Facts[1].Value)}
	for line := range strings.SplitSeq(text, "\n") {
		want.Line("%s", line)
	}
	if got := o.posts["letter/abc"]; len(o.posts) != 1 || string(got.Body) != string(bot.Letter("letter/abc", p.Target.Name, want).Body) {
		t.Errorf("queued: %s", o.posts["letter/abc"].Body)
	}
}

func TestWhomALetterGoesTo(t *testing.T) {
	story := story()
	for name, test := range map[string]struct {
		words []string
		to    string // "" for refused
		says  string // in the warnings, or the refusal
	}{
		"the contact":           {[]string{"site", "site=HERE"}, "csirt@here.example.org", ""},
		"a typed contact":       {[]string{"site", "site=HERE", "to=CSIRT@here.example.org"}, "CSIRT@here.example.org", ""},
		"somebody else":         {[]string{"site", "site=HERE", "to=eve@evil.example.org"}, "eve@evil.example.org", "was typed, and is no contact of HERE"},
		"several contacts":      {[]string{"site", "site=T2_XX_There"}, "", "several contacts"},
		"one of several":        {[]string{"site", "site=T2_XX_There", "to=b@there.example.net"}, "b@there.example.net", ""},
		"no contacts":           {[]string{"ask", "batch", "site=T2_YY"}, "", "no contacts of T2_YY"},
		"a list":                {[]string{"site", "site=HERE", "to=a@b,c@d"}, "", "no single bare mail address"},
		"a header":              {[]string{"site", "site=HERE", "to=a@b\r\nBcc: c@d"}, "", "no single bare mail address"},
		"the user, by record":   {[]string{"user", "jdoe"}, "john.doe@example.org", "comes from the job records"},
		"the user, elsewhere":   {[]string{"user", "jdoe", "to=jdoe@gmail.example.com"}, "jdoe@gmail.example.com", "is not the address in the job records"},
		"a user without one":    {[]string{"user", "Naughty User"}, "", "no address of this user"},
		"what is no reply":      {[]string{"everybody"}, "", "They are site, ask and user"},
		"nothing":               {nil, "", "which reply"},
		"an innocent":           {[]string{"user", "innocent", "to=i@example.org"}, "", "only possible"},
		"a label that is loose": {[]string{"site", "site=HERE", "tlp=CLEAR"}, "", "AMBER"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := sending(t, known{facts: story})
			p, err := c.Plan(t.Context(), answertest.Request(c, noon.Add(3*time.Hour), test.words...))
			var problem *bot.Problem
			switch {
			case test.to == "":
				if !errors.As(err, &problem) || !strings.Contains(problem.Sentence, test.says) {
					t.Errorf("%+v %v", p.Target, err)
				}
			case err != nil || p.Target.Name != test.to || !strings.Contains(strings.Join(p.Warnings, "\n"), test.says):
				t.Errorf("to %q with %q, %v", p.Target.Name, p.Warnings, err)
			case test.says == "" && strings.Contains(strings.Join(p.Warnings, "\n"), "was typed"):
				t.Errorf("warns of a contact: %q", p.Warnings)
			}
		})
	}
}

func TestWhatBecameOfALetter(t *testing.T) {
	c, o := sending(t, known{facts: story()})
	a := action.Action{ID: "abc", Command: c.Name, Frozen: action.Frozen{Plan: plan(t, c, "site", "site=HERE")}}
	look := func(posted bot.Posted) action.Progress {
		t.Helper()
		o.posted = posted
		p, err := c.Verify(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := look(bot.Posted{}); !p.Settled || p.Complete || !strings.Contains(p.Said, "nobody can say") {
		t.Errorf("a letter that was never queued: %+v", p)
	}
	if _, err := c.Apply(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		posted            bot.Posted
		settled, complete bool
		says              string
	}{
		"waits":     {bot.Posted{State: bot.PostWaiting}, false, false, "waits"},
		"put off":   {bot.Posted{State: bot.PostWaiting, Tries: 3, Why: "451 later"}, false, false, "tried 3 times. 451 later"},
		"taken":     {bot.Posted{State: bot.PostSaid, Tries: 1, At: noon, Message: "<m@x>"}, true, true, "took the letter to csirt@here.example.org at 2026-06-24 12:00:00 UTC, Message-ID <m@x>."},
		"perhaps 2": {bot.Posted{State: bot.PostSaid, Tries: 2, At: noon, Message: "<m@x>"}, true, true, "arrives twice"},
		"refused":   {bot.Posted{State: bot.PostGivenUp, Tries: 1, Why: "550 nobody"}, true, false, "was not sent. 550 nobody"},
	} {
		p := look(test.posted)
		if p.Settled != test.settled || p.Complete != test.complete || !strings.Contains(p.Said, test.says) || !p.Settled && p.NextLook.IsZero() || p.Settled && !p.Complete && len(p.Remains) == 0 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestALetterIsNotSentOtherwiseThanApproved(t *testing.T) {
	c, _ := sending(t, known{facts: story()})
	a := action.Action{ID: "abc", Command: c.Name, Frozen: action.Frozen{Plan: plan(t, c, "site", "site=HERE")}}
	o := &outbox{posts: map[string]action.Post{}}
	for _, s := range []*reply.Sender{nil, {From: "gridwarden <gw@example.org>", Copy: "other@example.org"}, {From: "x@example.org", Copy: "security@example.org"}} {
		other := answertest.Command(t, reply.New(reply.Parts{Facts: known{facts: story()}, Sites: contacts, Outbox: o, Sender: s}), "reply send")
		if out, err := other.Apply(t.Context(), a); err == nil || len(o.posts) > 0 {
			t.Errorf("%+v: %+v", s, out)
		}
	}
	none := answertest.Command(t, reply.New(reply.Parts{Facts: known{facts: story()}, Sites: contacts, Outbox: o}), "reply send")
	if _, err := none.Plan(t.Context(), answertest.Request(none, noon, "site", "site=HERE")); err == nil || !strings.Contains(err.Error(), "needs a mail server") {
		t.Errorf("without a mail server: %v", err)
	}
}
