package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/handlers"
)

const manifestConfig = `journal: {sqlite: gridwarden.db}
http: {listen: 127.0.0.1:8443, public_url: https://bot.example.org/chat}
platforms:
  slack:
    - {name: grid, app_token_file: app.token, bot_token_file: bot.token}
    - {name: called, signing_secret_files: [secret], bot_token_file: bot.token}
`

func TestManifestOfSlack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(manifestConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"grid": "", "called": "https://bot.example.org/chat/slack/called/"} {
		var m, again slackapi.Manifest
		if err := yaml.UnmarshalWithOptions([]byte(ok(t, "manifest", "slack", "--config", file, "--name", name)), &m, yaml.Strict()); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(ok(t, "manifest", "slack", "--config", file, "--name", name, "--json")), &again); err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%s as JSON differs: %v\n%+v\n%+v", name, err, m, again)
		}
		for _, at := range []string{m.Settings.EventSubscriptions.RequestUrl, m.Settings.Interactivity.RequestUrl, m.Features.SlashCommands[0].Url} {
			if !strings.HasPrefix(at, url) || (at == "") != (url == "") {
				t.Errorf("%s is called at %q", name, at)
			}
		}
		var offered []string
		for _, c := range m.Features.SlashCommands {
			offered = append(offered, strings.TrimPrefix(c.Command, "/"))
			if strings.Contains(c.Description, "no backend") { // of this moment; the app stays
				t.Errorf("%s says %q", c.Command, c.Description)
			}
		}
		for _, c := range handlers.All(slog.New(slog.DiscardHandler), nil, nil, nil, handlers.Backends{}) {
			first, _, _ := strings.Cut(c.Name, " ")
			slacks := first == "help" || first == "status" // Slack's own; /gridwarden takes them
			if slices.Contains(offered, first) == slacks {
				t.Errorf("%s is offered: %t", c.Name, !slacks)
			}
		}
		if !slices.Contains(offered, "gridwarden") || !slices.Contains(m.OAuthConfig.Scopes.Bot, "commands") {
			t.Errorf("offered %q with %q", offered, m.OAuthConfig.Scopes.Bot)
		}
	}
	for want, args := range map[string][]string{
		"one of grid, called":    {"slack", "--config", file},
		"Say which workspace":    {"slack", "--config", file, "--name", "other"},
		"There is no manifest":   {"irc", "--config", file},
		"cannot be opened":       {"slack", "--config", file + "x"},
		"has no workspace under": {"slack", "--config", written(t, filepath.Join(t.TempDir(), "gridwarden.yaml"), testConfig)},
	} {
		if got := gridwarden(t, append([]string{"manifest"}, args...)...); got.status != exitUsage || got.out != "" || want != "cannot be opened" && !strings.Contains(got.err, want) {
			t.Errorf("%q: %+v; want %q", args, got, want)
		}
	}
}

func TestManifestOfDiscord(t *testing.T) {
	var m struct {
		InviteURL string   `yaml:"invite_url"`
		SwitchOn  []string `yaml:"switch_on"`
	}
	if err := yaml.Unmarshal([]byte(ok(t, "manifest", "discord", "--application", "1290000000000000001")), &m); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.InviteURL, "client_id=1290000000000000001") || !slices.Contains(m.SwitchOn, "Message Content Intent") {
		t.Errorf("%+v", m)
	}
	if r := gridwarden(t, "manifest", "discord"); r.status != exitUsage || !strings.Contains(r.err, "--application") {
		t.Errorf("%+v", r)
	}
}
