package mattermost

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"regexp"

	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Config is one server.
type Config struct {
	// Name is the workspace in addresses: mattermost/NAME/….
	Name string `yaml:"name"`
	// URL is where people open the server, such as https://mattermost.example.org.
	URL string `yaml:"url"`
	// Team is the name of the team in the server's addresses.
	Team string `yaml:"team"`
	// TokenFile holds the access token of the bot's account. It is read again
	// at each connection, so a new token needs no restart.
	TokenFile secret.File `yaml:"token_file"`
	// CommandTokensFile holds the tokens of the team's slash commands, one a
	// line. With it the server calls gridwarden: there are slash commands,
	// buttons and dialogs. Without it everything goes over the websocket.
	CommandTokensFile secret.File `yaml:"command_tokens_file"`
}

// Full reports whether the server calls gridwarden.
func (c Config) Full() bool { return c.CommandTokensFile != "" }

// Problem is what is wrong with one setting.
type Problem struct{ Setting, Text string }

var (
	workspaceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	teamName      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
)

// Problems checks what can be checked without asking the server.
func (c Config) Problems() []Problem {
	var all []Problem
	add := func(setting, text string) { all = append(all, Problem{setting, text}) }
	if !workspaceName.MatchString(c.Name) {
		add("name", "must be a short word of small letters, digits, dots, - and _; it stands in addresses of accounts and channels")
	}
	if !teamName.MatchString(c.Team) {
		add("team", "must be the team's name as it stands in the server's addresses, in small letters")
	}
	if c.TokenFile == "" {
		add("token_file", "is missing: the file that holds the access token of the bot's account")
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		add("url", "must be the server's address, such as https://mattermost.example.org")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		add("url", "must be the bare address of the server, without a user, a query or a fragment")
	case u.Scheme == "http" && !endpoint.Loopback(u.Hostname()):
		add("url", "must begin with https:// : the bot's token would cross the network in the clear")
	}
	return all
}

// Options is what the program knows and the configuration of a server does not say.
type Options struct {
	Log *slog.Logger
	// Commands are the names that may follow a `!`; any other word after one is chat.
	Commands func() []string
	// Channels are the names of the channels that are listed for a workspace now.
	Channels func(workspace string) []string
	// Accounts are the account keys of a person, for mentions; nil: nobody is mentioned.
	Accounts func(person string) []string
	// Public is the address at which servers reach the program's listener, such
	// as https://gridwarden.example.org; needed where a Config is Full.
	Public string
	// Dial makes connections; nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}
