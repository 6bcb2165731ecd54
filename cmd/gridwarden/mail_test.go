package main

import (
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest/mailserver"
)

// withMail is testConfig with a mail server.
func withMail(s *mailserver.Server) string {
	yaml := strings.Replace(testConfig, "policies:\n", "policies:\n  mail: {approvals: [{role: atlas-security}], own_approval: true}\n", 1)
	return yaml + fmt.Sprintf("mail: {smtp: %q, ca: %q, from: gridwarden@example.org, security_list: security@example.org}\n", s.Addr, s.CA)
}

// opened is a mail as its receiver reads it.
type opened struct {
	to                []string
	id, subject, text string
	header            mail.Header
}

func open(t *testing.T, m mailserver.Mail) opened {
	t.Helper()
	got, err := mail.ReadMessage(strings.NewReader(m.Text))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return opened{m.To, got.Header.Get("Message-Id"), subject, strings.ReplaceAll(string(text), "\r\n", "\n"), got.Header}
}

// TestTheSecurityListIsTold follows an incident and an action with a mail server
// that has a bad day in the middle.
func TestTheSecurityListIsTold(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{})
	b := startBot(t, withMail(s))
	alice, bob, carol := account("alice", bot.Member), account("bob", bot.Member), account("carol", bot.Member)
	b.deliver(bot.Event{Kind: bot.Typed, Account: alice, Value: `incident open "Köln miner"`})
	s.Next(mailserver.Fault{At: mailserver.OnRcpt, Code: 451, Text: "later"}, mailserver.Fault{At: mailserver.OnData, Taken: true})
	id, _, _ := b.propose()
	b.ask(bob, "approve "+string(id))
	b.ask(carol, "approve "+string(id))
	var got []opened
	for _, m := range s.Wait(t, 5) { // one was taken twice
		got = append(got, open(t, m))
	}
	if got[1].id != got[2].id || got[1].subject != got[2].subject {
		t.Errorf("what was perhaps taken is another mail when it is tried again: %q %q", got[1].id, got[2].id)
	}
	got = append(got[:2], got[3:]...)
	for i, want := range []struct{ subject, text string }{
		{"[gridwarden] Case ", "The audit log's checkpoint now"},
		{"[gridwarden] BAN Naughty User — waits for approval", string(id)},
		{"[gridwarden] BAN Naughty User — approved", "carol approved "},
		{"[gridwarden] BAN Naughty User — settled, complete", "is settled"},
	} {
		m := got[i]
		if !strings.HasPrefix(m.subject, want.subject) || !strings.Contains(m.text, want.text) || strings.Join(m.to, " ") != "security@example.org" || m.header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("mail %d: %q to %q\n%s", i, m.subject, m.to, m.text)
		}
		if i > 1 && m.header.Get("References") != got[1].header.Get("References") {
			t.Errorf("mail %d of the action is of another conversation", i)
		}
	}
	if !strings.Contains(got[0].subject, "Köln miner") || !strings.Contains(got[1].text, "Naughty User") {
		t.Errorf("%q\n%s", got[0].subject, got[1].text)
	}
	b.deliver(bot.Event{Kind: bot.Typed, Account: alice, Value: `kill user "Naughty User" miner`})
	others, err := b.journal.OpenActions(t.Context())
	if err != nil || len(others) != 1 {
		t.Fatal(others, err)
	}
	if reply := b.ask(bob, "deny "+string(others[0].ID)+" wrong person"); reply.State != "decided" {
		t.Fatal(reply.Message.Plain())
	}
	last := open(t, s.Wait(t, 7)[6])
	if !strings.Contains(last.subject, "denied") || !strings.Contains(last.text, "wrong person") {
		t.Errorf("%q\n%s", last.subject, last.text)
	}
}

// TestAMailServerThatIsDownHoldsNothingUp: the bot answers, status says what is
// wrong, and the mail comes when the server is back.
func TestAMailServerThatIsDownHoldsNothingUp(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{})
	yaml := withMail(s)
	s.Stop()
	b := startBotIn(t, t.TempDir(), yaml)
	send := bot.Event{Kind: bot.Typed, Account: account("alice", bot.Member), Value: "incident open x", ID: "ev-open", Thread: channel}
	send.Message = b.room.NewID(channel)
	if err := b.send(send); err != nil {
		t.Fatal(err)
	}
	reply, err := b.engine.Do(t.Context(), bot.Event{Kind: bot.Typed, ID: "ev-status", Account: account("alice", bot.Member), Value: "status", Thread: channel})
	if err != nil || !strings.Contains(reply.Message.Plain(), "cannot be reached") || reply.State != "partial" {
		t.Errorf("status: %v\n%s", err, reply.Message.Plain())
	}
}

// TestALetterIsSent walks from the preview to the mail: what is on the card is
// what arrives, and who approved is on record.
func TestALetterIsSent(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{})
	b := startBot(t, withMail(s))
	propose := func(who, line string) action.Action {
		t.Helper()
		b.deliver(bot.Event{Kind: bot.Typed, Account: account(who, bot.Member), Value: line})
		all, err := b.journal.OpenActions(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0]
	}
	settled := func(id action.ID) action.Action {
		t.Helper()
		for {
			a, err := b.journal.Action(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if a.State.Final() {
				return a
			}
			if err := b.engine.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	a := propose("alice", "reply send ask batch time to=csirt@site.example.org")
	if reply := b.ask(account("alice", bot.Member), "approve "+string(a.ID)); reply.Code != action.NotEligible {
		t.Errorf("who holds no role approves a letter of her own: %q %s", reply.Code, reply.Message.Plain())
	}
	s.Next(mailserver.Fault{At: mailserver.OnData, To: "csirt@site.example.org", Taken: true})
	b.ask(account("bob", bot.Member), "approve "+string(a.ID))
	a = settled(a.ID)
	if !a.Progress.Complete || !strings.Contains(a.Progress.Said, "try 2") {
		t.Errorf("%s: %+v", a.State, a.Progress)
	}
	var letters []opened
	for _, m := range s.Mails() {
		if o := open(t, m); o.to[0] == "csirt@site.example.org" {
			letters = append(letters, o)
		}
	}
	if len(letters) != 2 || letters[0].id != letters[1].id || !strings.Contains(a.Progress.Said, letters[0].id) {
		t.Fatalf("letters: %+v\n%s", letters, a.Progress.Said)
	}
	var card []string
	for i, f := range a.Frozen.Plan.Facts {
		if i > 1 {
			card = append(card, f.Value)
		}
	}
	if got := letters[0]; got.text != strings.Join(card, "\n")+"\n" || got.subject != a.Frozen.Plan.Facts[1].Value || strings.Join(got.to, " ") != "csirt@site.example.org security@example.org" {
		t.Errorf("%q to %q:\n%s", got.subject, got.to, got.text)
	}
	// One of the team may send alone, and learns at once when nobody is there.
	a = propose("bob", "reply send ask pilot to=nobody@site.example.org")
	s.Wait(t, len(s.Mails()))
	s.Next(mailserver.Fault{At: mailserver.OnRcpt, To: "nobody@site.example.org", Code: 550, Text: "No such user"})
	if reply := b.ask(account("bob", bot.Member), "approve "+string(a.ID)); reply.State != "decided" {
		t.Fatal(reply.Message.Plain())
	}
	if a = settled(a.ID); a.Progress.Complete && a.State == action.Settled {
		t.Errorf("%s: %+v", a.State, a.Progress)
	}
}
