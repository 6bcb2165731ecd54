package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
)

const (
	setupDeadline = 2 * time.Minute
	maxAdminToken = 1024 // bytes
)

type setupMattermostCmd struct {
	Config         string
	Server         string
	Bot            string
	AdminTokenFile secret.File
	RootOnly       bool
	Print          bool
}

// setupMattermostCommand is the command line of setupMattermostCmd.
func setupMattermostCommand(t terminal) *cobra.Command {
	var c setupMattermostCmd
	x := command("mattermost", "Make the bot's account, its token, memberships and slash commands on a Mattermost server.", "", noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.StringVar(&c.Server, "server", "", "`NAME` of the server under platforms.mattermost, when there are several.")
	f.StringVar(&c.Bot, "bot", "gridwarden", "`NAME` of the bot's account.")
	f.StringVar((*string)(&c.AdminTokenFile), "admin-token-file", "", "`FILE` with an access token of a system admin; without it the token is read from standard input. It is not kept.")
	f.BoolVar(&c.RootOnly, "root-only", false, "Make /gridwarden only, not the short commands.")
	f.BoolVar(&c.Print, "print", false, "Print the same as steps by hand, and do nothing.")
	return x
}

// Run sets one server up, or prints how. It may be run again.
func (c setupMattermostCmd) Run(ctx context.Context, t terminal) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	i := mattermost.Installation{
		Config: server, Bot: c.Bot, Channels: cfg.MattermostChannels(server.Name), Commands: c.triggers(),
		Say: func(line string) { fmt.Fprintln(t.out, visible(line)) },
	}
	if cfg.HTTP != nil {
		i.Public = cfg.HTTP.PublicURL
	}
	i.Options = mattermost.Options{Public: i.Public, Log: logger(t.err, slog.LevelWarn)}
	if c.Print {
		for n, step := range i.Steps() {
			fmt.Fprintf(t.out, "%d. %s\n", n+1, visible(step))
		}
		return nil
	}
	admin, err := c.token(t)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, setupDeadline)
	defer cancel()
	if err := i.Install(ctx, admin); err != nil {
		return err
	}
	if server.Full() {
		fmt.Fprintln(t.out, visible(i.Allow()))
	}
	_, err = fmt.Fprintf(t.out, "Next: gridwarden check --config %s --probe\n", c.Config)
	return err
}

func (c setupMattermostCmd) server(cfg *config.Config) (mattermost.Config, error) {
	var names []string
	for _, s := range cfg.Platforms.Mattermost {
		if s.Name == c.Server || c.Server == "" && len(cfg.Platforms.Mattermost) == 1 {
			return s, nil
		}
		names = append(names, s.Name)
	}
	text := "There is no server under platforms.mattermost: add one to the configuration."
	if len(names) > 0 {
		text = "Say which server with --server, one of " + strings.Join(names, ", ") + "."
	}
	return mattermost.Config{}, exit{status: exitUsage, text: text}
}

// token reads the admin's token: from its file, from whoever types it unseen, or
// from a pipe.
func (c setupMattermostCmd) token(t terminal) (secret.Value, error) {
	if c.AdminTokenFile != "" {
		return c.AdminTokenFile.Read()
	}
	var data []byte
	var err error
	if in, ok := t.in.(*os.File); ok && t.interactive() {
		fmt.Fprint(t.err, "Access token of a system admin (it is not shown and not kept): ")
		data, err = term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(t.err)
	} else {
		data, err = io.ReadAll(io.LimitReader(t.in, maxAdminToken+1))
	}
	text := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		return secret.Value{}, fmt.Errorf("reading the admin's token: %w", err)
	case text == "" || len(data) > maxAdminToken || strings.ContainsAny(text, " \t\r\n"):
		return secret.Value{}, exit{status: exitUsage, text: "Standard input holds no access token: give that of a system admin there, or in a file with --admin-token-file."}
	}
	return secret.Of(text), nil
}

// triggers are the slash commands: the root, and the first word of each command.
func (c setupMattermostCmd) triggers() []mattermost.Trigger {
	out := []mattermost.Trigger{{Name: "gridwarden", Hint: "help | COMMAND …", Summary: "grid security: traces, bans and kills"}}
	if c.RootOnly {
		return out
	}
	for _, cmd := range described() {
		first, _, two := strings.Cut(cmd.Name, " ")
		t := mattermost.Trigger{Name: first, Hint: cmd.Args, Summary: cmd.Summary}
		if two {
			t.Hint = "…"
		}
		if !slices.ContainsFunc(out, func(o mattermost.Trigger) bool { return o.Name == first }) {
			out = append(out, t)
		}
	}
	return out
}
