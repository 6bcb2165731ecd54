package bottest

import "github.com/gridwarden/gridwarden/bot"

// Talked is an event of transcripts only: somebody says something that is not
// for the bot, which no platform makes an event of.
const Talked bot.Kind = "talked"

// OnSaid and OnTyped stand for the id of a message in the Target of an event
// that Send gets: of what was said last that is not for the bot, and of what was
// typed last to the bot.
const (
	OnSaid  = "said"
	OnTyped = "typed"
)

// Latest keeps the messages that people wrote last, for a Bot.
type Latest struct {
	Said, Typed string                // ids
	Where       map[string]bot.Thread // of these
}

// Wrote notes a message.
func (l *Latest) Wrote(ev bot.Event, id string) {
	if l.Where == nil {
		l.Where = map[string]bot.Thread{}
	}
	l.Where[id] = ev.Thread
	if ev.Kind == Talked {
		l.Said = id
	} else {
		l.Typed = id
	}
}

// On puts the message in its place that an event is about.
func (l *Latest) On(ev bot.Event) bot.Event {
	switch ev.Target {
	case OnSaid:
		ev.Target = l.Said
	case OnTyped:
		ev.Target = l.Typed
	default:
		return ev
	}
	ev.Thread = l.Where[ev.Target]
	return ev
}
