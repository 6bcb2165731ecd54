package bottest

import (
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Ballot is a card that asks for votes.
func Ballot(version int) bot.Message {
	m := bot.Message{Title: bot.Textf("BAN %s", "Naughty User"), Card: "abc234", Version: version}
	m.Line("approvals: %d of 2", version)
	m.Buttons = []bot.Button{
		{Label: "Approve ban", Value: "approve:abc234", Typed: "approve abc234"},
		{Label: "Deny ban", Value: "deny:abc234", Typed: "deny abc234 REASON", Danger: true},
	}
	return m
}

// Wide is a table of n rows that no phone can show in columns.
func Wide(n int) *bot.Table {
	t := &bot.Table{Columns: []string{"name", "dn", "jobs"}}
	for range n {
		t.Rows = append(t.Rows, []string{"Naughty User", "/DC=ch/DC=cern/OU=Users/CN=nuser/CN=Naughty User", "7"})
	}
	return t
}

// Examples are messages that every renderer has a golden file of, by name.
func Examples() map[string]bot.Message {
	hostile := bot.Message{Title: bot.Textf("*title* %s", Hostile[4])}
	for _, s := range Hostile[:len(Hostile)-1] {
		hostile.Line("%s and `%s`", s, s)
	}
	trace := bot.Message{Title: bot.Textf("Trace of %s", "wn042"), Table: Wide(2), After: []bot.Text{bot.Textf("_complete_")}, Notify: []action.PersonID{"alice", "nobody"}}
	small := bot.Message{Lines: []bot.Text{bot.Textf("Two:")}, Table: &bot.Table{Columns: []string{"site", "jobs"}, Rows: [][]string{{"EXAMPLE-T3", "7"}, {"日本", "12"}}}}
	long := Ballot(1)
	for i := range 200 {
		long.Line("job %d of *Naughty User* & others", 4100000+i)
	}
	long.Line("approvals: %d of 2", 1)
	return map[string]bot.Message{"card": Ballot(1), "hostile": hostile, "trace": trace, "small": small, "long": long}
}
