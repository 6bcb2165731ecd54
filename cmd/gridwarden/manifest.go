package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/slack"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/handlers"
	"github.com/gridwarden/gridwarden/handlers/ban"
	"github.com/gridwarden/gridwarden/handlers/kill"
)

type manifestCmd struct {
	Platform string
	Config   string
	Name     string
	// Application is Discord's.
	Application string
	JSON        bool
}

// manifestCommand is the command line of manifestCmd.
func manifestCommand(t terminal) *cobra.Command {
	var c manifestCmd
	x := command("manifest PLATFORM", "Print what is pasted into a chat platform's settings to make the app.", "PLATFORM is slack or discord.", cobra.ExactArgs(1), func(_ context.Context, args []string) error {
		c.Platform = args[0]
		return c.Run(t)
	})
	f := x.Flags()
	f.StringVar(&c.Config, "config", "", "Configuration `FILE`, which Slack's manifest follows.")
	f.StringVar(&c.Name, "name", "", "`NAME` of the workspace, where the configuration has several.")
	f.StringVar(&c.Application, "application", "", "`ID` of Discord's application: the number under General Information.")
	f.BoolVar(&c.JSON, "json", false, "Write JSON instead of YAML.")
	return x
}

// manifests print what a platform has to be told about the bot. A platform with
// something to tell is a line here.
var manifests = map[string]func(manifestCmd) (any, error){
	slack.Name:   slackManifest,
	discord.Name: discordManifest,
}

func manifestPlatforms() string { return strings.Join(slices.Sorted(maps.Keys(manifests)), ", ") }

// Run prints what is pasted into the platform's settings.
func (c manifestCmd) Run(t terminal) error {
	make, ok := manifests[c.Platform]
	if !ok {
		return exit{status: exitUsage, text: fmt.Sprintf("There is no manifest for %s: write one of %s.", visible(c.Platform), manifestPlatforms())}
	}
	m, err := make(c)
	if err != nil {
		return err
	}
	data, err := config.YAML(m)
	if c.JSON {
		if data, err = json.MarshalIndent(m, "", "  "); err == nil {
			data = append(data, '\n')
		}
	}
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	_, err = t.out.Write(data)
	return err
}

// slackManifest is the app of one workspace.
func slackManifest(c manifestCmd) (any, error) {
	if c.Config == "" {
		return nil, exit{status: exitUsage, text: "Name the configuration with --config: Slack's manifest follows from it."}
	}
	cfg, err := config.Load(c.Config)
	if err != nil {
		return nil, misconfigured(err)
	}
	var names []string
	var chosen []slack.Config
	for _, w := range cfg.Platforms.Slack {
		names = append(names, w.Name)
		if c.Name == "" || c.Name == w.Name {
			chosen = append(chosen, w)
		}
	}
	switch {
	case len(names) == 0:
		return nil, exit{status: exitUsage, text: "The configuration has no workspace under platforms.slack: add one; its files of tokens may be missing still."}
	case len(chosen) != 1:
		return nil, exit{status: exitUsage, text: "Say which workspace with --name: one of " + strings.Join(names, ", ") + "."}
	}
	var commands []slack.SlashCommand
	for _, cmd := range described() {
		commands = append(commands, slack.SlashCommand{Name: cmd.Name, Args: cmd.Args, Summary: cmd.Summary})
	}
	public := ""
	if cfg.HTTP != nil {
		public = cfg.HTTP.PublicURL
	}
	return slack.Manifest(chosen[0], public, commands), nil
}

// discordManifest is what somebody needs to let the bot into a server.
func discordManifest(c manifestCmd) (any, error) {
	inv, err := discord.Invite(c.Application)
	if err != nil {
		return nil, exit{status: exitUsage, text: "Name the application with --application: the number that Discord shows under General Information."}
	}
	return inv, nil
}

// described are all commands as they tell of themselves where every backend is
// configured; none of them can be run.
func described() []bot.Command {
	all := handlers.Backends{Bans: struct{ ban.Backend }{}, Kills: struct{ kill.Backend }{}}
	return handlers.All(slog.New(slog.DiscardHandler), nil, nil, nil, all)
}
