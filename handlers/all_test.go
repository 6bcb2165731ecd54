package handlers_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers"
	"github.com/gridwarden/gridwarden/handlers/ban"
	"github.com/gridwarden/gridwarden/handlers/kill"
	"github.com/gridwarden/gridwarden/handlers/person"
)

// all are the commands over b. Nothing is asked of their journal.
func all(b handlers.Backends) []bot.Command {
	var nothing struct {
		handlers.Journal
		handlers.Decider
		person.Policies
	}
	return handlers.All(slog.New(slog.DiscardHandler), nothing, nothing, nothing, b)
}

// every has all commands there are.
func every() []bot.Command {
	return all(handlers.Backends{Bans: struct{ ban.Backend }{}, Kills: struct{ kill.Backend }{}})
}

func names(commands []bot.Command, which func(bot.Command) bool) string {
	var out []string
	for _, c := range commands {
		if which(c) {
			out = append(out, c.Name)
		}
	}
	return strings.Join(out, ", ")
}

func TestAllCommandsInTheOrderOfHelp(t *testing.T) {
	const want = "trace, trace host, trace batch, trace pilot, trace user, trace ip, job, whois, ban, ban new, unban, bans, bans watch, kill user, kill task, kill job, containment, " +
		"approve, deny, withdraw, pending, incident open, incident note, note, incident pin, incident unpin, incident close, incident export, reply site, reply ask, reply user, reply send, audit, status, whoami, link, link code, link use, help"
	if got := names(every(), func(bot.Command) bool { return true }); got != want {
		t.Errorf("commands\n%s\nwant\n%s", got, want)
	}
	if got := names(all(handlers.Backends{}), func(bot.Command) bool { return true }); got != want {
		t.Errorf("commands without a backend\n%s\nwant\n%s", got, want)
	}
}

// TestWithoutABackend has each command that needs one name the setting, at
// every step: an action may be older than the configuration.
func TestWithoutABackend(t *testing.T) {
	lack := func(c bot.Command) []error {
		if c.Plan == nil {
			_, run := c.Run(t.Context(), &bot.Request{})
			return []error{run}
		}
		_, plan := c.Plan(t.Context(), &bot.Request{})
		_, apply := c.Apply(t.Context(), action.Action{})
		_, verify := c.Verify(t.Context(), action.Action{})
		return []error{plan, apply, verify}
	}
	can := map[string]string{"ban": "ban", "ban new": "ban", "unban": "ban", "bans": "ban", "bans watch": "ban", "kill user": "kill", "kill task": "kill", "kill job": "kill"}
	for _, c := range all(handlers.Backends{}) {
		if c.Name == "reply send" { // its Verify reads the outbox only
			for i, err := range lack(c)[:2] {
				var p *bot.Problem
				if !errors.As(err, &p) || p.Code != "not-configured" || !strings.Contains(p.Sentence, "Set mail in the configuration") {
					t.Errorf("%s, step %d: %v", c.Name, i+1, err)
				}
			}
			continue
		}
		if _, needs := can[c.Name]; !needs {
			if c.Plan != nil {
				t.Errorf("%s proposes something without a backend", c.Name)
			}
			continue
		}
		for i, err := range lack(c) {
			var p *bot.Problem
			if !errors.As(err, &p) || p.Code != "not-configured" || !strings.Contains(p.Sentence, "`"+c.Name+"` needs a backend that can "+can[c.Name]) || !strings.Contains(p.Sentence, "backends.sandbox") {
				t.Errorf("%s, step %d: %v", c.Name, i+1, err)
			}
		}
		if !strings.Contains(c.Summary, "no backend") {
			t.Errorf("help says of %s only: %s", c.Name, c.Summary)
		}
	}
}

// TestCommandsAreWholeAndExplained holds that what help, usage and the example
// say is what the command takes.
func TestCommandsAreWholeAndExplained(t *testing.T) {
	for _, c := range every() {
		if c.Summary == "" || strings.HasSuffix(c.Summary, ".") || strings.Contains(c.Summary, "\n") {
			t.Errorf("%s: the summary is %q", c.Name, c.Summary)
		}
		if (c.Run == nil) == (c.Plan == nil) || c.Plan != nil && (c.Apply == nil || c.Verify == nil || c.Role == bot.Anyone) {
			t.Errorf("%s neither answers nor proposes, or proposes for anybody", c.Name)
		}
		if p := c.PolicyName(); c.Plan != nil && !slices.Contains([]string{"ban", "unban", "kill", bot.Mail}, p) {
			t.Errorf("%s needs the policy %q, which no configuration has", c.Name, p)
		}
		for _, option := range c.Options {
			if !strings.Contains(c.Args, option+"=") {
				t.Errorf("%s takes %s=, which its usage %q does not tell", c.Name, option, c.Args)
			}
		}
		example(t, c)
	}
}

// example holds that the example is one of this command, with no option that
// it does not take and all that it must have.
func example(t *testing.T, c bot.Command) {
	t.Helper()
	line, err := bot.Tokenize(c.Example)
	if err != nil || len(line.Notes) != 0 {
		t.Fatalf("%s: the example %q reads as %+v, %v", c.Name, c.Example, line, err)
	}
	tokens, name := line.Tokens, strings.Fields(c.Name)
	for i, word := range name {
		if len(tokens) <= i || tokens[i].Text != word {
			t.Fatalf("%s: the example is one of another command: %s", c.Name, c.Example)
		}
	}
	words := 0
	for _, token := range tokens[len(name):] {
		option, _, is := strings.Cut(token.Text, "=")
		switch {
		case !is || token.Quoted:
			words++
		case !slices.Contains(c.Options, option):
			t.Errorf("%s: the example has %s=, which the command does not take", c.Name, option)
		}
	}
	if optional := c.Args == "" || strings.HasPrefix(c.Args, "["); words == 0 && !optional || words > 0 && c.Args == "" {
		t.Errorf("%s %s: the example has %d words", c.Name, c.Args, words)
	}
}

// TestWithoutARole holds that whoever has no role may ask nothing about the
// grid. Decisions are checked by the decider.
func TestWithoutARole(t *testing.T) {
	gus := bot.Person{ID: "gus"}
	if got := names(every(), func(c bot.Command) bool { return !c.Decision && gus.May(c.Role) }); got != "status, whoami, link code, link use, help" {
		t.Errorf("without a role one may use %s", got)
	}
	if got := names(every(), func(c bot.Command) bool { return c.Decision }); got != "approve, deny, withdraw" {
		t.Errorf("decisions, which no rate limits: %s", got)
	}
}
