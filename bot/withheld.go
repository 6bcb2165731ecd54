package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
)

// unknownTries is how often it is asked who can read a channel, a message to it
// being put off meanwhile, before not knowing counts as shared.
const unknownTries = 3

// personal makes a Post of a message that may tell of people. Who can read a
// channel is looked at when it is delivered, for a guest may have come in since;
// then instead is said, with the reason.
func personal(key string, t Thread, m, instead Message) action.Post {
	return encode(key, t, withInstead(m, instead), Account{})
}

func withInstead(m, instead Message) said {
	instead.Notify = m.Notify
	return said{Message: m, Instead: &instead}
}

// post makes a Post of a message that everybody may read. The key keeps it from
// being said twice.
func post(key string, t Thread, m Message) action.Post {
	return encode(key, t, said{Message: m}, Account{})
}

// said is the body of a Post.
type said struct {
	Message Message  `json:"message"`
	Instead *Message `json:"instead,omitempty"` // nil: Message tells of nobody
	To      *Account `json:"to,omitempty"`      // whom a private message is for
	// At is where an answer stands that may have to replace what told how far its
	// request was; nil: it stands nowhere yet.
	At *standing `json:"at,omitempty"`
}

func encode(key string, t Thread, s said, to Account) action.Post {
	if s.Message.Private {
		s.To = &to
	}
	body, err := json.Marshal(s)
	if err != nil { // a Message is plain data; Answer was made by our own types
		panic(fmt.Sprintf("bot: encoding a message: %v", err))
	}
	return action.Post{Key: key, Thread: t.String(), Body: body}
}

// mayShow reports whether people may be named in a thread now, and why not. An
// error says that the platform did not tell who can read it.
func (e *Engine) mayShow(ctx context.Context, t Thread) (why string, err error) {
	if t.Platform == RunPlatform {
		return "", nil
	}
	if channel, ok := e.people.channel(t); !ok || !channel.PersonalData {
		return "this channel may not show it", nil
	}
	platform, here := e.platforms[t.Platform]
	if !here {
		return "", fmt.Errorf("%w: %s", errNotHere, t.Platform)
	}
	audience, ok := platform.(Audience)
	if !ok {
		return "", nil
	}
	shared, err := audience.Shared(ctx, t)
	if err == nil && shared {
		return "others can read this channel now", nil
	}
	return "", err
}

// withholds says why a delivery may not name people, "" if it may. While that is
// not known the delivery is put off, a few times.
func (e *Engine) withholds(ctx context.Context, t Thread, d Delivery) (why string, err error) {
	why, err = e.mayShow(ctx, t)
	switch {
	case err == nil || ctx.Err() != nil:
	case d.Attempts < unknownTries:
		return "", fmt.Errorf("bot: finding out who can read %s: %w", t, err)
	default:
		e.log.WarnContext(ctx, "it is not known who can read a channel; personal data is withheld", "error", err, "thread", t.String())
		return "it could not be found out who can read this channel", nil
	}
	return why, err
}

// withheld adds to a message without personal data that it is missing, why, and
// where to ask.
func (e *Engine) withheld(m Message, t Thread, why string) Message {
	where := "in the security channel"
	if security := e.people.Rules().Security; security == (Thread{}) || inChannel(security, t) {
		where = "in a channel that may show it"
	}
	m.Below("Personal data withheld: %s. Ask %s.", why, where)
	return m
}

// hiddenCard is the card of an action where what it is about must be withheld.
// What cannot be shown in full cannot be approved: it offers no decision.
func hiddenCard(a action.Action) Message {
	m := Message{Title: Textf("*%s* — %s", strings.ToUpper(a.Command), stateWord(a)), Card: a.ID, Version: a.Version}
	m.Line("action `%s` · asked by *%s* at %s", a.ID, a.Frozen.Proposer, clock(a.ProposedAt))
	return m
}

// aside says where an action stands, and not what it is about.
func aside(a action.Action) Message {
	return Say("`%s` (%s): %s. `audit %s` shows what happened.", a.ID, a.Command, stateWord(a), a.ID)
}
