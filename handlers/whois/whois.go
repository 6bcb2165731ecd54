package whois

import (
	"context"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// Directory knows accounts, such as PanDA's users table or a register of the
// experiment's members.
type Directory interface {
	Name() string
	Accounts(ctx context.Context) ([]grid.Account, error)
}

// Lookup is a Directory without a list of everybody: Accounts gives only some.
type Lookup interface {
	// AccountsOf gives the accounts that a name or DN could mean, with those that
	// look alike.
	AccountsOf(ctx context.Context, query string) ([]grid.Account, error)
	// Limits says what is not known for it, a sentence each.
	Limits() []string
}

// Register knows which logins and DNs belong to one person, as CRIC does. Its
// people are listed as accounts, too.
type Register interface {
	Name() string
	// Register gives what it knows: an old answer, with a note, rather than none.
	Register(ctx context.Context) (*grid.Register, error)
}

// maxQuery bounds what is looked up, in bytes; DNs of 4 kB are none.
const maxQuery = 4096

// New gives the command. directories and sites may be empty: the kind of a DN
// and its PanDA name follow from its text alone.
func New(directories []Directory, sites *grid.SiteMap, log *slog.Logger, registers ...Register) []bot.Command {
	x := command{directories: directories, registers: registers, sites: sites, log: log}
	return []bot.Command{{
		Name: "whois", Args: `"DN or name"`,
		Summary: "which person, name and account this is; says when it is a pilot factory, robot or service",
		Example: `whois "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe"`,
		Role:    bot.Shifter,
		Run:     x.run,
	}}
}

type command struct {
	directories []Directory
	registers   []Register
	sites       *grid.SiteMap
	log         *slog.Logger
}

func (x command) run(ctx context.Context, r *bot.Request) (bot.Message, error) {
	query := strings.Join(r.Args(), " ")
	switch {
	case strings.TrimSpace(query) == "":
		return bot.Message{}, bot.Problemf("usage", "Give a DN or a name.")
	case len(query) > maxQuery || !utf8.ValidString(query):
		return bot.Message{}, bot.Problemf("usage", "That is too long or not text; a DN has %d bytes at most. Give one DN or one name.", maxQuery)
	}
	f := x.look(ctx, query)
	m := f.message(r.Personal)
	m.Answer = map[string]any{"whois": f.answer(r.Personal)}
	return m, nil
}
