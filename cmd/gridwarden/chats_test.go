package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/slack"
	"github.com/gridwarden/gridwarden/config"
)

func TestChatsAreBuiltFromTheConfiguration(t *testing.T) {
	for platform, c := range map[string]struct {
		text   string
		tokens []string // the first that is missing is named
	}{
		slack.Name:   {"slack: [{name: grid, app_token_file: app, bot_token_file: bot}]", []string{"app", "bot"}},
		discord.Name: {"discord: [{name: grid, guild: 100000000000000001, token_file: token}]", []string{"token"}},
	} {
		t.Run(platform, func(t *testing.T) {
			dir := t.TempDir()
			cfg, err := config.Parse("config.yaml", []byte("journal: {sqlite: gridwarden.db}\nplatforms:\n  "+c.text+"\n"), dir)
			if err != nil {
				t.Fatal(err)
			}
			build := func(w wiring) (parts []string, platforms int, err error) {
				a, err := wire(t.Context(), cfg, slog.New(slog.DiscardHandler), w)
				if err != nil {
					return nil, 0, err
				}
				defer a.close()
				for _, p := range a.parts {
					parts = append(parts, p.Name())
				}
				return parts, len(a.chats), nil
			}
			var people bot.ForPeople
			if _, _, err := build(wiring{chats: true}); !errors.As(err, &people) || !strings.Contains(people.ForPeople(), filepath.Join(dir, c.tokens[0])) {
				t.Errorf("without the tokens: %v; want a sentence that names the file", err)
			}
			for _, name := range c.tokens {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("token"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if parts, n, err := build(wiring{chats: true}); err != nil || n != 1 || !slices.Contains(parts, platform) {
				t.Errorf("%v, %d platforms, %v", parts, n, err)
			}
			if parts, n, err := build(wiring{}); err != nil || n != 0 || slices.Contains(parts, platform) {
				t.Errorf("one command needs no chat, but got %v, %d platforms, %v", parts, n, err)
			}
		})
	}
}
