package discord

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// decision is a vote as the card offers it. Anything else that is typed
	// without addressing the bot is talk.
	decision = regexp.MustCompile(`^(?i:approve|deny|withdraw) [a-z0-9]{6}(\s|$)`)
	// mention is a person (`!` in old clients) or a role at the beginning.
	mention = regexp.MustCompile(`^<@([!&]?)([0-9]{1,20})>[\s:,]*`)
	// escaped is a sign that its writer kept from being markup.
	escaped = regexp.MustCompile("\\\\([\\\\*_~`|><#\\-+\\[\\]():@])")
)

// addressed gives what is said to the bot: behind a mention of it or of the role
// that Discord made for it, behind a mark of exclamation, or a vote.
func (g *guild) addressed(text, me string) (string, bool) {
	text = strings.TrimSpace(text)
	if m := mention.FindStringSubmatch(text); m != nil {
		g.mu.Lock()
		role := g.botRole
		g.mu.Unlock()
		if m[1] != "&" && m[2] == me || m[1] == "&" && m[2] == role {
			return typed(text[len(m[0]):]), true
		}
		return "", false
	}
	switch rest, marked := strings.CutPrefix(text, "!"); {
	case marked && g.command(rest):
		return typed(rest), true
	case decision.MatchString(text):
		return typed(text), true
	}
	return "", false
}

// typed gives text as its writer saw it: Discord hands over markup as it was typed.
func typed(text string) string { return escaped.ReplaceAllString(strings.TrimSpace(text), "$1") }

// command reports whether text begins with a command's name.
func (g *guild) command(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	first = strings.ToLower(strings.TrimSpace(first))
	if first == "gridwarden" {
		return true
	}
	return slices.ContainsFunc(g.commands(), func(c Command) bool {
		word, _, _ := strings.Cut(c.Name, " ")
		return word == first
	})
}

func (g *guild) commands() []Command {
	if g.opt.Commands == nil {
		return nil
	}
	return g.opt.Commands()
}
