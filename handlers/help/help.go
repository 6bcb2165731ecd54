package help

import (
	"context"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
)

// New returns help over a list that may be complete only later.
func New(commands func() []bot.Command) bot.Command {
	return bot.Command{
		Name: "help", Args: "[COMMAND]", Summary: "what you may use, or one command in full", Example: "help trace",
		Run: func(_ context.Context, req *bot.Request) (bot.Message, error) {
			if len(req.Words) == 0 {
				return overview(req, commands()), nil
			}
			return one(req, commands(), strings.ToLower(strings.Join(req.Args(), " ")))
		},
	}
}

// overview lists what the person may use, and says what is left out and why.
func overview(req *bot.Request, commands []bot.Command) bot.Message {
	m := bot.Message{Title: bot.Textf("*What you may use here*"), Table: &bot.Table{Columns: []string{"command", "does"}}}
	var hidden []string
	for _, c := range commands {
		if !req.Person.May(c.Role) {
			hidden = append(hidden, c.Name+" (needs "+string(c.Role)+")")
			continue
		}
		does := c.Summary
		if c.Plan != nil {
			does += " (asks for approval first)"
		}
		m.Table.Rows = append(m.Table.Rows, []string{strings.TrimSpace(c.Name + " " + c.Args), does})
	}
	if len(hidden) > 0 {
		m.Below("Not yours: %s.", strings.Join(hidden, ", "))
	}
	m.Below("One command in full: `help COMMAND`. Names with spaces go in quotes.")
	m.Below("Times: `2026-06-24T14:05Z`, `2026-06-24 14:05 CEST`, `14:05` (the latest past one), `yesterday 14:05`, `3h ago`. Without a zone they are UTC.")
	return m
}

func one(req *bot.Request, commands []bot.Command, name string) (bot.Message, error) {
	m := bot.Message{}
	for _, c := range commands {
		if c.Name != name && !strings.HasPrefix(c.Name, name+" ") {
			continue
		}
		m.Line("*%s* %s: %s", c.Name, c.Args, c.Summary)
		m.Line("    example: `%s`", c.Example)
		if len(c.Options) > 0 {
			m.Line("    options: %s", strings.Join(c.Options, "=, ")+"=")
		}
		if c.Plan != nil {
			m.Line("    destructive: nothing runs before the policy `%s` is satisfied", c.PolicyName())
		}
		if !req.Person.May(c.Role) {
			m.Line("    you may not use it: it needs the role %s", c.Role)
		}
	}
	if m.Empty() {
		return m, bot.Problemf("usage", "There is no command %q.", name)
	}
	return m, nil
}
