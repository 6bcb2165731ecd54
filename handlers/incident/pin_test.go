package incident_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// pins asks for a pin of a message in a place, by reaction, and gives what is said.
func (d *desk) pins(name string, in bot.Thread, message string, seen bot.Original, err error) (bot.Message, error) {
	c, r := d.request(name, message)
	r.Thread, r.Surface, r.Incident = in, "reaction", ""
	r.Look = func(_ context.Context, id string) (bot.Original, error) {
		if id != message {
			d.t.Errorf("looked at %q", id)
		}
		return seen, err
	}
	m, err := c.Run(context.Background(), r)
	if err == nil {
		answertest.Valid(d.t, m)
	}
	return m, err
}

func TestAPinKeepsTheMessageAsItStood(t *testing.T) {
	d := newDesk(t)
	d.do("incident open", "odd", "jobs")
	home := answertest.Request(bot.Command{}, at).Thread
	seen := bot.Original{
		Thread: home, At: at.Add(-time.Hour), Text: strings.Repeat("é", bot.MaxEvidenceText) + "x\xff\x00", Link: "https://chat.example.org/grid/pl/m7",
		Author: bot.Account{Platform: "mattermost", Workspace: "grid", ID: "u9", Name: "carol@here"},
		Files:  []bot.Enclosure{{Name: "ps|aux.txt", Size: 12}},
	}
	m, err := d.pins("incident pin", home, "m7", seen, nil)
	if err != nil || !m.Private || !strings.Contains(m.Plain(), "as evidence 1: what carol@here said at 2026-06-24 13:05 UTC") || !strings.Contains(m.Plain(), "Its first 4000 characters are kept.") || !strings.Contains(m.Plain(), "ps|aux.txt (12 bytes)") {
		t.Fatalf("said %q, %v", m.Plain(), err)
	}
	if m, err = d.pins("incident pin", home, "m7", bot.Original{}, bot.ErrNotFound); err != nil || !strings.Contains(m.Plain(), "evidence 1 of case "+d.caseID()+" already, pinned by alice") {
		t.Errorf("pinned again: %q, %v", m.Plain(), err)
	}
	if m, err = d.pins("incident unpin", home, "m7", bot.Original{}, nil); err != nil || !strings.Contains(m.Plain(), "stays evidence") {
		t.Errorf("unpinned: %q, %v", m.Plain(), err)
	}
	if m, err = d.pins("incident unpin", home, "m8", bot.Original{}, nil); err != nil || !m.Empty() {
		t.Errorf("a pin that never counted was taken away: %q, %v", m.Plain(), err)
	}
	i := d.j.cases[d.caseID()]
	e := i.Evidence[0]
	if len(i.Evidence) != 1 || !e.Cut || e.Author != "mattermost/grid/u9" || e.PinnedBy != "alice" || len(e.Changes) != 1 || e.Changes[0].Kind != bot.Unreacted {
		t.Errorf("kept %+v", i.Evidence)
	}
	kinds := []audit.Kind{audit.IncidentOpened, audit.Pinned, audit.Unpinned}
	for n, r := range d.j.records {
		if r.Kind != kinds[n] {
			t.Errorf("record %d is %q, want %q", n, r.Kind, kinds[n])
		}
	}
	md := ""
	for _, f := range d.do("incident export").Files {
		if strings.HasSuffix(f.Name, ".md") {
			md = string(f.Data)
		}
	}
	for _, want := range []string{"## Evidence", `carol\@here`, "(it was longer)", `files, not kept: ps\|aux.txt (12 bytes)`, "**pin taken away** at", `https\://chat.example.org/grid/pl/m7`} {
		if !strings.Contains(md, want) {
			t.Errorf("%q is missing in\n%.2000s", want, md)
		}
	}
}

func TestWhichCaseAPinIsFor(t *testing.T) {
	d := newDesk(t)
	home := answertest.Request(bot.Command{}, at).Thread
	channel, elsewhere := home, home
	channel.Root, elsewhere.Root = "", "m99"
	refused := func(in bot.Thread, message, want string) {
		t.Helper()
		m, err := d.pins("incident pin", in, message, bot.Original{Thread: in}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("in %s: %q, %v; want %q", in, m.Plain(), err, want)
		}
	}
	refused(home, "m7", "incident open TITLE")
	d.do("incident open", "odd", "jobs")
	refused(elsewhere, "m7", "incident open TITLE")
	for _, message := range []string{"m7", home.Root} { // of the channel, and that which the case's home begins with
		if _, err := d.pins("incident pin", channel, message, bot.Original{Thread: channel, Text: "look"}, nil); err != nil {
			t.Errorf("%s: %v", message, err)
		}
	}
	other := bot.Incident{ID: "case-other", Title: "other", Thread: elsewhere.String(), OpenedBy: "bob", OpenedAt: at}
	d.j.cases[other.ID] = other
	refused(channel, "m8", "several open cases (")
	if m, err := d.pins("incident pin", channel, home.Root, bot.Original{}, nil); err != nil || !strings.Contains(m.Plain(), "already") {
		t.Errorf("of two cases the one whose home it begins: %q, %v", m.Plain(), err)
	}
}

func TestAPinThatKeepsNothing(t *testing.T) {
	d := newDesk(t)
	d.do("incident open", "odd", "jobs")
	home := answertest.Request(bot.Command{}, at).Thread
	if _, err := d.pins("incident pin", home, "m7", bot.Original{}, fmt.Errorf("read: %w", bot.ErrNotFound)); err == nil || !strings.Contains(err.Error(), "nothing was kept") {
		t.Errorf("a message that is gone: %v", err)
	}
	d.refused("usage", "Name one message by its id", "incident pin")
	d.refused("usage", "Name one message by its id", "incident pin", "m1", "m2")
	d.refused("refused", "No message can be read back here", "incident pin", "m1")
	d.refused("not-found", "that you pinned", "incident unpin", "m1")
	i := d.j.cases[d.caseID()]
	i.Evidence = make([]bot.Evidence, bot.MaxEvidence)
	d.j.cases[i.ID] = i
	if _, err := d.pins("incident pin", home, "m7", bot.Original{Thread: home}, nil); err == nil || !strings.Contains(err.Error(), "which is all that one case takes") {
		t.Errorf("one too many: %v", err)
	}
}

func TestARequestThatWasEditedLaterIsMarked(t *testing.T) {
	d := newDesk(t)
	d.do("incident open", "odd", "jobs")
	id := d.caseID()
	d.j.records = append(d.j.records, audit.Record{
		ID: "e1", At: at.Add(time.Hour), Kind: audit.MessageEdited, Request: "req9", Incident: id, Person: "p", Account: "a",
		Body: []byte(`{"of":"req1","text":"something else"}`),
	})
	for _, f := range d.do("incident export").Files {
		if strings.HasSuffix(f.Name, ".md") && !strings.Contains(string(f.Data), "incident opened (message edited at 2026-06-24 15:05:00)") {
			t.Errorf("it is not marked:\n%s", f.Data)
		}
	}
}
