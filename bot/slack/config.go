package slack

import (
	"context"
	"log/slog"
	"net"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Name is the platform's word in configuration and addresses.
const Name = "slack"

// MaxSockets is how many sockets Slack gives one app.
const MaxSockets = 10

// Config is one workspace.
type Config struct {
	// Name is the word for the workspace in addresses of channels and accounts.
	// It must stay as it is: threads of the journal carry it.
	Name string `yaml:"name"`
	// AppTokenFile holds the app-level token (xapp-…) with the scope
	// connections:write. Naming it chooses Socket Mode: Slack is called.
	AppTokenFile secret.File `yaml:"app_token_file"`
	// SigningSecretFiles hold the app's signing secret. Naming one chooses HTTP
	// mode: Slack calls at http.public_url. What either of several signed is
	// taken, so that the secret can be changed in Slack without losing anything.
	SigningSecretFiles []secret.File `yaml:"signing_secret_files"`
	// BotTokenFile holds the token of the bot user (xoxb-…).
	BotTokenFile secret.File `yaml:"bot_token_file"`
	// Sockets is how many connections Socket Mode holds at once, 1 to 10; 1 when
	// zero. With more, events arrive while one of them is lost.
	Sockets int `yaml:"sockets"`
}

// HTTP tells whether Slack calls the program, which otherwise calls Slack.
func (c Config) HTTP() bool { return len(c.SigningSecretFiles) > 0 }

// Options is what the program knows and the configuration does not say.
type Options struct {
	Log *slog.Logger
	// Commands gives the names of the commands: `!trace` is one, `!nice` is chat.
	Commands func() []string
	// Channels gives those where the bot listens; they are read after a gap.
	Channels func() []bot.Thread
	// Accounts gives the account keys of a person who is to be mentioned.
	Accounts func(person string) []string
	// Known gives the account keys of everybody in the configuration: only they
	// can get a role by a group, and of them it is asked whether they are members.
	Known func() []string
	// Public is where Slack reaches the program in HTTP mode, http.public_url.
	Public string
	// API is the address of Slack's Web API, with a slash at its end; empty: Slack's own.
	API string
	// Dial makes connections; nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}
