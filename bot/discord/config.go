package discord

import (
	"context"
	"log/slog"
	"net"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Name is the platform's word in configuration and addresses.
const Name = "discord"

// Config is one server (guild).
type Config struct {
	// Name is the word for the server in addresses of channels and accounts.
	// It must stay as it is: threads of the journal carry it.
	Name string `yaml:"name"`
	// Guild is the server's id, which is a number.
	Guild string `yaml:"guild"`
	// TokenFile holds the token of the bot, as the page Bot of the application shows it once.
	TokenFile secret.File `yaml:"token_file"`
}

// Command is what a slash command needs to know of a command of the program.
type Command struct{ Name, Args, Summary string }

// Options is what the program knows and the configuration does not say.
type Options struct {
	Log *slog.Logger
	// Commands gives the commands: `!trace` is one, `!nice` is chat. They are
	// registered as slash commands when the connection is made.
	Commands func() []Command
	// Channels gives those where the bot listens; they are read after a gap.
	Channels func() []bot.Thread
	// Accounts gives the account keys of a person who is to be mentioned.
	Accounts func(person string) []string
	// Known gives the account keys of everybody in the configuration: only they
	// can get a role by a group.
	Known func() []string
	// API is the address of Discord, with a slash at its end; empty: Discord's own.
	API string
	// Dial makes connections; nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// IsID reports whether s is an id as Discord gives them: a snowflake, that is a
// number of up to 64 bits.
func IsID(s string) bool {
	if len(s) < 1 || len(s) > 20 {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
