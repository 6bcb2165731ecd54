package fakediscord

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// The clocks of an interaction (interactions/receiving-and-responding).
const (
	answerWithin = 3 * time.Second
	answersFor   = 15 * time.Minute
)

// Kinds of interactions.
const (
	kindCommand   = 2
	kindComponent = 3
	kindForm      = 5
)

// interaction is something that waits for an answer.
type interaction struct {
	id, token     string
	kind          int
	user, channel string
	on            *Message // the message with the button
	made          time.Time
	answered      int // the type of the answer; 0: none yet
	original      *Message
	form          *responseData
}

type responseData struct {
	draft
	CustomID string `json:"custom_id"`
	Title    string `json:"title"`
}

func (s *Server) callback(r *request) (any, *wrong) {
	a := s.acts[r.PathValue("token")]
	switch {
	case a == nil || a.id != r.PathValue("id"):
		return nil, unknownAct
	case a.answered != 0:
		return nil, acknowledged
	case time.Since(a.made) > answerWithin:
		return nil, unknownAct
	}
	var p struct {
		Type int             `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if bad := r.decode(&p); bad != nil {
		return nil, bad
	}
	var d responseData
	if len(p.Data) > 0 && json.Unmarshal(p.Data, &d) != nil {
		return nil, badJSON
	}
	message := func() *wrong {
		if d.Mentions == nil {
			s.naked++
		}
		return d.judge(r.files)
	}
	var made *Message
	switch p.Type {
	case 4:
		if bad := message(); bad != nil {
			return nil, bad
		}
		made = s.response(a, &d.draft)
	case 5:
		d.Content = ""
		made = s.response(a, &d.draft)
		made.Loading = true
	case 6, 7:
		if a.kind == kindCommand || a.on == nil {
			return nil, badForm("type: only for components")
		}
		if p.Type == 7 {
			if bad := message(); bad != nil {
				return nil, bad
			}
			a.on.Content, a.on.Components = strings.TrimSpace(d.Content), d.Components
			a.on.Edits++
		}
		made = a.on
	case 9:
		if a.kind == kindForm {
			return nil, badForm("type: a form cannot answer a form")
		}
		if bad := judgeForm(d.Title, d.CustomID, d.Components); bad != nil {
			return nil, bad
		}
		a.form = &d
	default:
		return nil, badForm("type")
	}
	a.answered, a.original = p.Type, made
	switch p.Type {
	case 4:
		s.seen(fakeserver.Posted, made)
	case 7:
		s.seen(fakeserver.Edited, made)
	case 9:
		s.watch.Tell(func() fakeserver.Seen {
			return fakeserver.Seen{Kind: fakeserver.Opened, From: BotUser, ID: a.id, To: a.user, Text: d.Title}
		})
	}
	s.changes.Tell()
	if r.URL.Query().Get("with_response") != "true" {
		return nil, nil
	}
	out := map[string]any{"interaction": map[string]any{"id": a.id, "type": a.kind}}
	if made != nil {
		out["resource"] = map[string]any{"type": p.Type, "message": s.messageJSON(made, false)}
	}
	return out, nil
}

// response makes the message of an answer, or of a follow-up.
func (s *Server) response(a *interaction, d *draft) *Message {
	m := s.made(a.channel, BotUser, d, nil)
	m.Webhook, m.Type = App, 20
	if d.Flags&64 != 0 {
		m.To = a.user
		return m
	}
	s.dispatch("MESSAGE_CREATE", s.eventJSON(m))
	return m
}

// act finds the interaction of a webhook's token.
func (s *Server) act(r *request) (*interaction, *wrong) {
	a := s.acts[r.PathValue("token")]
	switch {
	case r.PathValue("app") != App || a == nil || a.answered == 0:
		return nil, unknownWebhook
	case time.Since(a.made) > answersFor:
		return nil, badToken
	}
	return a, nil
}

func (s *Server) followUp(r *request) (any, *wrong) {
	a, bad := s.act(r)
	if bad != nil {
		return nil, bad
	}
	d, bad := s.draft(r)
	if bad != nil {
		return nil, bad
	}
	// The first follow-up of an answer that was put off becomes that answer, for
	// the eyes that it was put off for.
	if o := a.original; o != nil && o.Loading {
		o.Content, o.Components, o.Loading = strings.TrimSpace(d.Content), d.Components, false
		s.seen(fakeserver.Posted, o)
		return s.messageJSON(o, false), nil
	}
	m := s.response(a, d)
	s.attach(m, r.files)
	s.seen(fakeserver.Posted, m)
	return s.messageJSON(m, false), nil
}

func (s *Server) getOriginal(r *request) (any, *wrong) {
	a, bad := s.act(r)
	if bad != nil {
		return nil, bad
	}
	if a.original == nil {
		return nil, unknownMessage
	}
	return s.messageJSON(a.original, false), nil
}

func (s *Server) editOriginal(r *request) (any, *wrong) {
	a, bad := s.act(r)
	if bad != nil {
		return nil, bad
	}
	if a.original == nil {
		return nil, unknownMessage
	}
	d, bad := s.draft(r)
	if bad != nil {
		return nil, bad
	}
	o, kind := a.original, fakeserver.Edited
	if o.Loading {
		kind = fakeserver.Posted
	}
	o.Content, o.Components, o.Loading = strings.TrimSpace(d.Content), d.Components, false
	o.EditedAt = time.Now()
	s.seen(kind, o)
	if o.To == "" {
		s.dispatch("MESSAGE_UPDATE", s.eventJSON(o))
	}
	s.changes.Tell()
	return s.messageJSON(o, false), nil
}

func (s *Server) getCommands(r *request) (any, *wrong) {
	if bad := s.here(r); bad != nil || r.PathValue("app") != App {
		return nil, missingAccess
	}
	return s.commands, nil
}

// option is one of a slash command.
type option struct {
	Type        int      `json:"type"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Required    bool     `json:"required"`
	MaxLength   int      `json:"max_length,omitempty"`
	Options     []option `json:"options,omitempty"`
}

type command struct {
	ID          string   `json:"id"`
	App         string   `json:"application_id"`
	Guild       string   `json:"guild_id"`
	Version     string   `json:"version"`
	Type        int      `json:"type"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Options     []option `json:"options"`
}

func (s *Server) putCommands(r *request) (any, *wrong) {
	if bad := s.here(r); bad != nil || r.PathValue("app") != App {
		return nil, missingAccess
	}
	var all []command
	if bad := r.decode(&all); bad != nil {
		return nil, bad
	}
	if len(all) > 100 {
		return nil, badForm("100 commands")
	}
	for i := range all {
		c := &all[i]
		if bad := judgeOption(option{Type: 1, Name: c.Name, Description: c.Description, Options: c.Options}, 0); bad != nil {
			return nil, bad
		}
		if size(option{Name: c.Name, Description: c.Description, Options: c.Options}) > 8000 {
			return nil, badForm("Command exceeds maximum size (8000)")
		}
		c.ID, c.App, c.Guild, c.Version, c.Type = s.id(), App, Guild, s.id(), max(c.Type, 1)
	}
	data, err := json.Marshal(all)
	if err != nil {
		return nil, badJSON
	}
	s.commands = data
	return s.commands, nil
}

// size is what counts against 8,000 characters: names, descriptions, values.
func size(o option) int {
	n := len([]rune(o.Name)) + len([]rune(o.Description))
	for _, x := range o.Options {
		n += size(x)
	}
	return n
}

// judgeOption holds a command against interactions/application-commands.
func judgeOption(o option, depth int) *wrong {
	name, text := len([]rune(o.Name)), len([]rune(o.Description))
	switch {
	case name < 1 || name > 32 || strings.ToLower(o.Name) != o.Name || strings.ContainsFunc(o.Name, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789_-", r) }):
		return badForm("name: " + o.Name)
	case text < 1 || text > 100:
		return badForm("description: Must be between 1 and 100 in length.")
	case len(o.Options) > 25:
		return badForm("options: Must be 25 or fewer in length.")
	case o.Type == 3 && (o.MaxLength < 0 || o.MaxLength > 6000 || len(o.Options) > 0):
		return badForm("max_length")
	case o.Type == 2 && (depth != 1 || slices.ContainsFunc(o.Options, func(x option) bool { return x.Type != 1 })):
		return badForm("a group holds commands, and stands in a command")
	case o.Type == 1 && depth > 0 && slices.ContainsFunc(o.Options, func(x option) bool { return x.Type < 3 }):
		return badForm("a command in a command holds no commands")
	}
	seen := map[string]bool{}
	required := true
	for _, x := range o.Options {
		if seen[x.Name] {
			return badForm("options: Option names must be unique")
		}
		if x.Required && !required {
			return badForm("options: Required options must be placed before non-required options")
		}
		seen[x.Name] = true
		if x.Type > 2 {
			required = x.Required
		}
		if bad := judgeOption(x, depth+1); bad != nil {
			return bad
		}
	}
	return nil
}

// Interaction is one that was sent.
type Interaction struct {
	Delivery
	a *interaction
}

// Answered waits until the first answer was given; false after a time.
func (i Interaction) Answered(most time.Duration) bool {
	return i.s.Until(most, func() bool {
		i.s.mu.Lock()
		defer i.s.mu.Unlock()
		return i.a.answered != 0
	})
}

// Answer is the message of the answer, nil when there is none.
func (i Interaction) Answer() *Message {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	if i.a.original == nil {
		return nil
	}
	m := *i.a.original
	return &m
}

// Form is what the form that was opened sends, "" when none was.
func (i Interaction) Form() string {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	if i.a.form == nil {
		return ""
	}
	return i.a.form.CustomID
}

// start sends an interaction and lets its clock run. The caller holds mu.
func (s *Server) start(kind int, user, channel string, on *Message, data map[string]any) Interaction {
	s.tokens++
	a := &interaction{id: s.id(), token: fmt.Sprintf("interaction-token-%d", s.tokens), kind: kind, user: user, channel: channel, on: on, made: time.Now()}
	s.acts[a.token] = a
	c := s.channels[channel]
	event := map[string]any{
		"id": a.id, "application_id": App, "type": kind, "data": data, "channel_id": channel, "channel": s.channelJSON(c),
		"token": a.token, "version": 1, "app_permissions": "0", "locale": "en-US", "entitlements": []any{}, "authorizing_integration_owners": map[string]string{"0": Guild},
	}
	switch {
	case c.Direct != "":
		event["user"] = s.userJSON(user)
	case c.Elsewhere:
		event["guild_id"] = "199999999999999999"
		event["member"] = s.memberJSON(user)
	default:
		member := s.memberJSON(user)
		member["permissions"] = "0"
		event["guild_id"], event["member"] = Guild, member
	}
	if on != nil {
		event["message"] = s.messageJSON(on, false)
	}
	d := s.dispatch("INTERACTION_CREATE", event)
	time.AfterFunc(answerWithin, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.answered == 0 && !s.closed {
			s.timeouts++ // the person sees: the application did not respond
			s.changes.Tell()
		}
	})
	return Interaction{d, a}
}

// Slash has somebody use a slash command that is registered: the words of it, such
// as `gridwarden kill user`, and what is typed behind them.
func (s *Server) Slash(user, channel string, words []string, argument string) (Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []command
	if err := json.Unmarshal(s.commands, &all); err != nil {
		return Interaction{}, fmt.Errorf("fakediscord: %w", err)
	}
	i := slices.IndexFunc(all, func(c command) bool { return len(words) > 0 && c.Name == words[0] })
	if i < 0 {
		return Interaction{}, fmt.Errorf("fakediscord: no command %v is registered", words)
	}
	options := all[i].Options
	var path []option
	for _, w := range words[1:] {
		k := slices.IndexFunc(options, func(o option) bool { return o.Name == w && o.Type < 3 })
		if k < 0 {
			return Interaction{}, fmt.Errorf("fakediscord: %v has no %s", words, w)
		}
		path = append(path, options[k])
		options = options[k].Options
	}
	var given []any
	switch {
	case len(options) > 0 && options[0].Type < 3:
		return Interaction{}, fmt.Errorf("fakediscord: %v is not a whole command", words)
	case argument == "" && len(options) > 0 && options[0].Required:
		return Interaction{}, fmt.Errorf("fakediscord: %v needs an argument", words)
	case argument != "" && len(options) == 0:
		return Interaction{}, fmt.Errorf("fakediscord: %v takes no argument", words)
	case argument != "" && len([]rune(argument)) > options[0].MaxLength:
		return Interaction{}, fmt.Errorf("fakediscord: the argument of %v is too long", words)
	case argument != "":
		given = []any{map[string]any{"type": 3, "name": options[0].Name, "value": argument}}
	}
	for _, o := range slices.Backward(path) {
		given = []any{map[string]any{"type": o.Type, "name": o.Name, "options": given}}
	}
	data := map[string]any{"id": all[i].ID, "name": all[i].Name, "type": 1, "guild_id": Guild, "options": given}
	return s.start(kindCommand, user, channel, nil, data), nil
}

// Invoke has somebody use a command that the bot did not register, or not any more.
func (s *Server) Invoke(user, channel, name string) Interaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start(kindCommand, user, channel, nil, map[string]any{"id": "1", "name": name, "type": 1})
}

// Click has somebody press a button of a message. id is what Button gave: people
// also press buttons that have just vanished.
func (s *Server) Click(user, message, id string) (Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[message]
	if m == nil || m.To != "" && m.To != user {
		return Interaction{}, fmt.Errorf("fakediscord: %s sees no message %s", user, message)
	}
	return s.start(kindComponent, user, m.Channel, m, map[string]any{"custom_id": id, "component_type": 2}), nil
}

// Button finds a button of a message by the beginning and end of what it sends;
// "" for none.
func (s *Server) Button(message, begin, end string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.messages[message]
	if m == nil {
		return ""
	}
	var rows []component
	_ = json.Unmarshal(m.Components, &rows)
	for _, row := range rows {
		for _, b := range row.Components {
			if strings.HasPrefix(b.ID, begin) && strings.HasSuffix(b.ID, end) {
				return b.ID
			}
		}
	}
	return ""
}

// Submit has somebody send the form that an interaction opened, with a text in
// its only field.
func (s *Server) Submit(i Interaction, text string) (Interaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.a.form == nil {
		return Interaction{}, fmt.Errorf("fakediscord: no form was opened")
	}
	var rows []component
	if err := json.Unmarshal(i.a.form.Components, &rows); err != nil {
		return Interaction{}, fmt.Errorf("fakediscord: %w", err)
	}
	field := rows[0].Components[0]
	if field.Max > 0 && len([]rune(text)) > field.Max {
		return Interaction{}, fmt.Errorf("fakediscord: the text is too long")
	}
	data := map[string]any{"custom_id": i.a.form.CustomID, "components": []any{map[string]any{
		"type": 1, "components": []any{map[string]any{"type": 4, "custom_id": field.ID, "value": text}},
	}}}
	return s.start(kindForm, i.a.user, i.a.channel, i.a.on, data), nil
}
