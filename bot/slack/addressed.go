package slack

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// decision is a vote as the card offers it. Anything else that is typed
	// without addressing the bot is talk.
	decision = regexp.MustCompile(`^(?i:approve|deny|withdraw) [a-z0-9]{6}(\s|$)`)
	// reference is a person, channel or group as Slack writes it in text.
	reference = regexp.MustCompile(`<([@#!])([^|>]*)(?:\|([^>]*))?>`)
	userID    = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)
	mention   = regexp.MustCompile(`^<@([A-Z0-9]+)(?:\|[^>]*)?>[\s:,]*`)
)

// addressed gives what is said to the bot: behind a mention, behind a mark of
// exclamation, in a conversation with the bot alone, or a vote.
func (w *workspace) addressed(text, me string, direct bool) (string, bool) {
	text = strings.TrimSpace(text)
	if m := mention.FindStringSubmatch(text); m != nil && m[1] == me {
		return unescape(text[len(m[0]):]), true
	}
	text = unescape(text)
	switch rest, marked := strings.CutPrefix(text, "!"); {
	case marked && w.command(rest):
		return rest, true
	case direct, decision.MatchString(text):
		return text, true
	}
	return "", false
}

// command reports whether text begins with a command's name.
func (w *workspace) command(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	first = strings.ToLower(strings.TrimSpace(first))
	if first == "gridwarden" || w.opt.Commands == nil {
		return first == "gridwarden"
	}
	return slices.ContainsFunc(w.opt.Commands(), func(name string) bool {
		word, _, _ := strings.Cut(name, " ")
		return word == first
	})
}

// unescape gives text back as it was typed. Links stay marked: the parser of
// commands compares their text and address.
func unescape(text string) string {
	text = reference.ReplaceAllStringFunc(text, func(s string) string {
		m := reference.FindStringSubmatch(s)
		switch {
		case m[1] == "!" && m[3] != "":
			return m[3]
		case m[1] == "!":
			return "@" + m[2]
		case m[1] == "#" && m[3] != "":
			return "#" + m[3]
		}
		return m[1] + m[2] // an id: a name could be anybody's
	})
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}
