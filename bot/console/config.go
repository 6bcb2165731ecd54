package console

import (
	"context"

	"github.com/gridwarden/gridwarden/bot"
)

// Config is the console's part of the configuration.
type Config struct {
	// Trusted lets one terminal speak for several people. It is for demos,
	// drills and tests: whoever sits there can be anybody.
	Trusted bool `yaml:"trusted"`
	// Channel is the name of the channel that the terminal shows; "security" when empty.
	Channel string `yaml:"channel"`
	// Files is the directory where files of messages are saved; when empty
	// only their beginning is shown. It must exist.
	Files string `yaml:"files"`
	// Groups are the console's groups as sources of roles: the names of their members.
	Groups map[string][]string `yaml:"groups"`
}

// Options is what the program knows and the configuration does not say.
type Options struct {
	// People are the accounts behind the names that may be used at a trusted
	// console. Any other name is an account of that name, which nobody owns.
	People map[string]bot.Account
	// Self is who sits at the terminal: the operating-system account where it is empty.
	Self bot.Account
	// Commands are the names that are completed when typing.
	Commands []string
	// Paste takes a file with a command: job < FILE. Nil: none does.
	Paste Paster
	// Idle returns when everything that was asked is answered. Piped input
	// waits for it after each line, and at the end. Nil: nothing waits.
	Idle func(context.Context) error
	// Width is the number of columns; zero: the terminal's, or 100.
	Width int
	// Brief shows of a changed message its title and what is new in it, and
	// says how many lines are as before. Without it all is shown again.
	Brief bool
	// Boot tells the message ids of this process from those of earlier ones;
	// letters and digits. Empty: chosen at random.
	Boot string
}
