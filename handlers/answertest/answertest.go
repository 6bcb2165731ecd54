package answertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gridwarden/gridwarden/bot"
)

// schemaFile is relative to the folder of a handler, where go test runs.
const schemaFile = "../../docs/machine-answers.schema.json"

// Command finds a command by its name.
func Command(t testing.TB, commands []bot.Command, name string) bot.Command {
	t.Helper()
	for _, c := range commands {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no command %q", name)
	return bot.Command{}
}

// Request is a request by the shifter Alice in a channel that may show personal
// data. Words with a blank count as quoted, and name=value words that the
// command lists are options, as in chat.
func Request(c bot.Command, at time.Time, words ...string) *bot.Request {
	r := &bot.Request{
		ID: "req1", Command: c.Name, At: at, Personal: true, Surface: "typed",
		Person:  bot.Person{ID: "alice", Name: "Alice Adams", Roles: []bot.Role{bot.Shifter}},
		Account: bot.Account{Platform: "mattermost", Workspace: "grid", ID: "u1", Name: "al", Standing: bot.Member},
		Thread:  bot.Thread{Platform: "mattermost", Workspace: "grid", Channel: "sec", Root: "m1"},
		Options: map[string]string{},
	}
	for _, w := range words {
		name, value, found := strings.Cut(w, "=")
		if found && strings.Contains(" "+strings.Join(c.Options, " ")+" ", " "+name+" ") {
			r.Options[name] = value
			continue
		}
		r.Words = append(r.Words, bot.Token{Text: w, Quoted: strings.Contains(w, " ")})
	}
	return r
}

// Run runs a read command and holds its answer against the schema.
func Run(t testing.TB, c bot.Command, r *bot.Request) bot.Message {
	t.Helper()
	m, err := c.Run(context.Background(), r)
	if err != nil {
		t.Fatalf("%s %v: %v", c.Name, r.Args(), err)
	}
	Valid(t, m)
	return m
}

// Valid holds the machine form of a message against the schema, as gridwarden
// run --json would print it.
func Valid(t testing.TB, m bot.Message) {
	t.Helper()
	whole := map[string]any{"request": "req1", "command": "test", "state": "answered", "text": m.Plain()}
	for part, value := range m.Answer {
		whole[part] = value
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		t.Fatalf("the machine form is no JSON: %v", err)
	}
	ValidJSON(t, raw)
}

// ValidJSON holds a printed machine answer against the schema.
func ValidJSON(t testing.TB, raw []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("not one JSON value: %v\n%s", err, raw)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(schemaFile)
	if err != nil {
		t.Fatalf("the schema does not compile: %v", err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("the machine form does not fit the schema: %v\n%s", err, raw)
	}
}

// Problem runs a command that must refuse, and gives the code and the sentence
// for people.
func Problem(t testing.TB, c bot.Command, r *bot.Request) (code, sentence string) {
	t.Helper()
	m, err := c.Run(context.Background(), r)
	if err == nil {
		t.Fatalf("%s %v was answered: %s", c.Name, r.Args(), m.Plain())
	}
	p, ok := errors.AsType[*bot.Problem](err)
	if !ok {
		t.Fatalf("%s %v: the error is not for people: %v", c.Name, r.Args(), err)
	}
	return p.Code, p.Sentence
}
