package help_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/help"
)

var commands = []bot.Command{
	{Name: "trace", Args: "HOST TIME", Summary: "who ran there", Example: "trace wn1 12:00", Options: []string{"for", "site"}, Role: bot.Shifter},
	{Name: "trace ip", Args: "ADDRESS TIME", Summary: "who is behind it", Example: "trace ip 192.0.2.1 12:00", Role: bot.Shifter},
	{Name: "kill user", Args: `"USER" REASON`, Summary: "cancel what runs", Example: `kill user "X" y`, Role: bot.Shifter, Plan: func(context.Context, *bot.Request) (action.Plan, error) { return action.Plan{}, nil }},
	{Name: "link", Args: "ACCOUNT PERSON", Summary: "tie an account", Example: "link a b", Role: bot.Admin},
	{Name: "whoami", Summary: "who you are", Example: "whoami"},
}

func ask(t *testing.T, who bot.Person, words ...string) string {
	t.Helper()
	c := help.New(func() []bot.Command { return commands })
	r := answertest.Request(c, time.Now(), words...)
	r.Person = who
	return answertest.Run(t, c, r).Plain()
}

var (
	shifter = bot.Person{ID: "alice", Roles: []bot.Role{bot.Shifter}}
	admin   = bot.Person{ID: "ada", Roles: []bot.Role{bot.Admin}}
	nobody  = bot.Person{ID: "gus"}
)

func TestHelpShowsWhatYouMayUse(t *testing.T) {
	want := `What you may use here
command                  does
trace HOST TIME          who ran there
trace ip ADDRESS TIME    who is behind it
kill user "USER" REASON  cancel what runs (asks for approval first)
whoami                   who you are
Not yours: link (needs admin).
One command in full: help COMMAND. Names with spaces go in quotes.
Times: 2026-06-24T14:05Z, 2026-06-24 14:05 CEST, 14:05 (the latest past one), yesterday 14:05, 3h ago. Without a zone they are UTC.`
	if got := ask(t, shifter); got != want {
		t.Errorf("said\n%s\nwant\n%s", got, want)
	}
	if got := ask(t, admin); !strings.Contains(got, "\nlink ACCOUNT PERSON ") || strings.Contains(got, "Not yours") {
		t.Errorf("to an admin:\n%s", got)
	}
	if got := ask(t, nobody); strings.Contains(got, "trace HOST") || !strings.Contains(got, "Not yours: trace (needs shifter), trace ip (needs shifter), kill user (needs shifter), link (needs admin).") {
		t.Errorf("to somebody without a role:\n%s", got)
	}
}

func TestHelpOfOneCommand(t *testing.T) {
	for words, want := range map[string]string{
		"trace":     "trace HOST TIME: who ran there\n    example: trace wn1 12:00\n    options: for=, site=\ntrace ip ADDRESS TIME: who is behind it\n    example: trace ip 192.0.2.1 12:00",
		"Trace IP":  "trace ip ADDRESS TIME: who is behind it\n    example: trace ip 192.0.2.1 12:00",
		"kill":      "kill user \"USER\" REASON: cancel what runs\n    example: kill user \"X\" y\n    destructive: nothing runs before the policy kill is satisfied",
		"kill user": "kill user \"USER\" REASON: cancel what runs\n    example: kill user \"X\" y\n    destructive: nothing runs before the policy kill is satisfied",
		"link":      "link ACCOUNT PERSON: tie an account\n    example: link a b\n    you may not use it: it needs the role admin",
	} {
		if got := ask(t, shifter, strings.Fields(words)...); got != want {
			t.Errorf("help %s: said\n%s\nwant\n%s", words, got, want)
		}
	}
	c := help.New(func() []bot.Command { return commands })
	for _, words := range []string{"tra", "traces", "ip", "trace ip x", "*"} {
		if code, _ := answertest.Problem(t, c, answertest.Request(c, time.Now(), strings.Fields(words)...)); code != "usage" {
			t.Errorf("help %s: code %q", words, code)
		}
	}
}
