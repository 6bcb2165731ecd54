package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// onlooker notes what people saw of the bot on a fake server.
type onlooker struct {
	bot    string              // its account
	nameOf func(string) string // of a person
	mu     sync.Mutex
	all    []fakeserver.Seen
	looks  int // second looks that people were given
}

// watch notes what the server shows.
func (s *onlooker) watch(v fakeserver.Seen) {
	told := v.Kind == fakeserver.Posted || v.Kind == fakeserver.Edited || v.Kind == fakeserver.Whispered
	if !told || v.From != s.bot && v.To == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, v)
}

// looked notes that somebody was given a second look.
func (s *onlooker) looked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
}

// shown is all of it with the names of people.
func (s *onlooker) shown() []fakeserver.Seen {
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	for i := range all {
		if all[i].To != "" {
			all[i].To = s.nameOf(all[i].To)
		}
	}
	return all
}

// Shown implements bottest.Screened.
func (b *mattermostBot) Shown() ([]fakeserver.Seen, error) {
	all := b.screen.shown()
	for i, v := range all {
		if all[i].To == "" {
			all[i].To = b.as.partner(v.Channel)
		}
	}
	return all, nil
}

// Live implements bottest.Screened. The last line calls those who are notified.
func (b *mattermostBot) Live() []string {
	var out []string
	for _, v := range b.screen.shown() {
		text := v.Text
		if at := strings.LastIndex(text, "\n") + 1; strings.HasPrefix(text[at:], "@") {
			for _, name := range strings.Fields(text[at:]) {
				if b.as.known(b.as.users, strings.TrimPrefix(name, "@")) == "" {
					out = append(out, name)
				}
			}
			text = text[:max(at-1, 0)]
		}
		out = append(out, fakemattermost.Live(text)...)
	}
	return out
}

// partner is who a direct channel is with, "" for any other channel.
func (p *asConsole) partner(channel string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, id := range p.users {
		if strings.Contains(p.fake.ChannelName(channel), id) {
			return name
		}
	}
	return ""
}

// Shown implements bottest.Screened.
func (b *slackBot) Shown() ([]fakeserver.Seen, error) { return b.screen.shown(), nil }

// Live implements bottest.Screened.
func (b *slackBot) Live() []string {
	var out []string
	for _, channel := range b.everywhere() {
		for _, m := range b.server.Messages(channel) {
			if m.User != fakeslack.BotUser || len(m.Blocks) == 0 {
				continue
			}
			word, _, mentioned := fakeslack.Inspect(m.Blocks)
			for _, what := range []string{word, fakeslack.Live(m.Text)} {
				if what != "" {
					out = append(out, what)
				}
			}
			for _, user := range mentioned {
				if b.nameOf(user) == "" {
					out = append(out, user)
				}
			}
		}
	}
	return out
}

const (
	askedAgain = "Sure?"
	wasTaken   = "Taken; the card shows what comes of it."
)

// Shown implements bottest.Screened. A press on Discord is asked about once more,
// or for its reason, and answered at once.
func (b *discordBot) Shown() ([]fakeserver.Seen, error) {
	var out []fakeserver.Seen
	asked, taken := 0, 0
	for _, v := range b.screen.shown() {
		switch {
		case v.To != "" && strings.HasSuffix(v.Text, askedAgain):
			asked++
		case v.To != "" && v.Text == wasTaken:
			taken++
		default:
			if v.To == "" {
				if c, ok := b.server.Channel(v.Channel); ok && c.Direct != "" {
					v.To = b.nameOf(c.Direct)
				}
			}
			out = append(out, v)
		}
	}
	if b.screen.looks != taken || asked > taken {
		return out, fmt.Errorf("%d presses were answered %d times, after %d second looks", b.screen.looks, taken, asked)
	}
	return out, nil
}

// Live implements bottest.Screened.
func (b *discordBot) Live() []string {
	var out []string
	for _, m := range b.server.All() {
		if m.Author != fakediscord.BotUser {
			continue
		}
		_, live := fakediscord.Show(m.Content)
		for _, what := range live {
			if b.nameOf(strings.Trim(what, "<@!>")) == "" {
				out = append(out, what)
			}
		}
	}
	return out
}
