package main

import (
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/slack"
	"github.com/gridwarden/gridwarden/config"
)

// wireSlack builds the workspaces of the configuration. It comes before the
// commands, because status asks it too.
func (a *app) wireSlack(cfg *config.Config) error {
	if len(cfg.Platforms.Slack) == 0 {
		return nil
	}
	options := slack.Options{
		Log: a.log.With("platform", slack.Name), Commands: func() []string { return a.commands },
		Accounts: func(person string) []string {
			p, _ := a.people.Person(action.PersonID(person))
			return p.Accounts
		},
		Channels: func() []bot.Thread {
			var out []bot.Thread
			for _, c := range a.people.Rules().Channels {
				out = append(out, bot.Thread{Platform: c.Platform, Workspace: c.Workspace, Channel: c.Name})
			}
			return out
		},
	}
	p, err := slack.New(cfg.Platforms.Slack, options)
	if err != nil {
		return err
	}
	a.chats = append(a.chats, p)
	a.parts = append(a.parts, p)
	return nil
}
