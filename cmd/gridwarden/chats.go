package main

import (
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/bot/slack"
	"github.com/gridwarden/gridwarden/config"
)

// wireChats builds the chat platforms of the configuration. It comes before the
// commands, because status asks them too.
func (a *app) wireChats(cfg *config.Config, w wiring) error {
	api := fakeAPI
	if w.api != nil {
		api = w.api
	}
	commands := func() []string { return a.commands }
	if len(cfg.Platforms.Mattermost) > 0 {
		o := mattermost.Options{Log: a.log, Commands: commands, Channels: a.channels, Accounts: a.accounts}
		if cfg.HTTP != nil {
			o.Public = cfg.HTTP.PublicURL
		}
		m, err := mattermost.New(cfg.Platforms.Mattermost, o)
		if err != nil {
			return err
		}
		a.chats = append(a.chats, m)
		for _, part := range m.Parts() {
			a.parts = append(a.parts, part)
		}
	}
	if len(cfg.Platforms.Slack) > 0 {
		o := slack.Options{Log: a.log.With("platform", slack.Name), Commands: commands, Channels: a.threads, Accounts: a.accounts, Known: a.known, API: api(slack.Name)}
		if cfg.HTTP != nil {
			o.Public = cfg.HTTP.PublicURL
		}
		s, err := slack.New(cfg.Platforms.Slack, o)
		if err != nil {
			return err
		}
		a.chats, a.parts = append(a.chats, s), append(a.parts, s)
	}
	if len(cfg.Platforms.Discord) > 0 {
		described := func() []discord.Command { return a.described }
		o := discord.Options{
			Log: a.log.With("platform", discord.Name), Commands: described, Channels: a.threads, Accounts: a.accounts, Known: a.known, API: api(discord.Name),
		}
		d, err := discord.New(cfg.Platforms.Discord, o)
		if err != nil {
			return err
		}
		a.chats, a.parts = append(a.chats, d), append(a.parts, d)
	}
	return nil
}

// threads are the channels that are listed now.
func (a *app) threads() []bot.Thread {
	var out []bot.Thread
	for _, c := range a.people.Rules().Channels {
		out = append(out, bot.Thread{Platform: c.Platform, Workspace: c.Workspace, Channel: c.Name})
	}
	return out
}

// channels are the names of the channels of a Mattermost server that are listed now.
func (a *app) channels(workspace string) []string {
	var names []string
	for _, c := range a.threads() {
		if c.Platform == mattermost.Name && c.Workspace == workspace {
			names = append(names, c.Channel)
		}
	}
	return names
}

// accounts are the keys of a person's accounts.
func (a *app) accounts(person string) []string {
	p, _ := a.people.Person(action.PersonID(person))
	return p.Accounts
}

// known are the keys of everybody's accounts.
func (a *app) known() []string {
	var keys []string
	for _, p := range a.people.Rules().People {
		keys = append(keys, a.accounts(string(p.ID))...)
	}
	return keys
}
