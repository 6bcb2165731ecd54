package panda

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// RemoteGate lets users submit or not where PanDA's database is not known: a program
// writes, and the server tells whom it takes for banned. It is safe for concurrent use.
type RemoteGate struct {
	program program
	users   *Remote
}

// OpenRemoteGate prepares the gate for a checked configuration. Nothing is asked or
// run yet.
func OpenRemoteGate(c BanConfig, users *Remote) *RemoteGate {
	return &RemoteGate{program: newProgram(c), users: users}
}

// Name is the word for the gate in status.
func (g *RemoteGate) Name() string { return "panda-ban" }

// Check tells whether bans could be written, without writing one.
func (g *RemoteGate) Check(ctx context.Context) error { return g.program.check(ctx) }

// GateDelay is the time after which every front end knows of a change.
func (g *RemoteGate) GateDelay() time.Duration { return gateDelay }

// Ban bars every user of exactly this name from submitting. The id is not known to
// the program.
func (g *RemoteGate) Ban(ctx context.Context, _, name string) error { return g.set(ctx, name, true) }

// Unban lifts a ban.
func (g *RemoteGate) Unban(ctx context.Context, _, name string) error {
	return g.set(ctx, name, false)
}

// CanBanUnseen says that nobody can be banned who has never submitted.
func (g *RemoteGate) CanBanUnseen(ctx context.Context) error { return g.program.mayRegister(ctx) }

// BanUnseen fails: a program makes no users.
func (g *RemoteGate) BanUnseen(ctx context.Context, name, dn string) error {
	return g.program.register(ctx, name, dn)
}

func (g *RemoteGate) set(ctx context.Context, name string, banned bool) error {
	rows, err := g.program.write(ctx, 0, name, banned)
	if err != nil {
		return fmt.Errorf("panda: writing the status of a user: %w", err)
	}
	if rows == 0 {
		return g.nobody(ctx, name)
	}
	names, err := g.users.BannedNames(ctx)
	switch {
	case err != nil:
		return trouble.Errorf(err, "%d rows were updated for %q, but whether the server takes it for banned could not be read back. `bans` tells whether it holds.", rows, name)
	case names[name] != banned:
		return trouble.Errorf(nil, "%d rows were said to be updated for %q, but %s.server does not show it so. Is that the server of another PanDA than the program's?", rows, name, Setting)
	}
	return nil
}

// nobody words that no row was written, which PanDA's own script passes over, and
// names who comes near.
func (g *RemoteGate) nobody(ctx context.Context, name string) error {
	const none = "PanDA has no user with exactly the name %q, so nothing was written (0 rows updated). "
	all, err := g.users.AccountsOf(ctx, name)
	if err != nil {
		return trouble.Errorf(err, none+"Who has a similar name could not be read. Propose again.", name)
	}
	m := grid.MatchAccounts(name, all)
	near := slices.DeleteFunc(append(slices.Clone(m.Exact), m.LookAlike...), func(a grid.Account) bool { return a.Name == name })
	if len(near) == 0 {
		return trouble.Errorf(nil, none+"Nobody with a similar name has jobs. Propose again.", name)
	}
	var words []string
	for _, a := range near[:min(len(near), 10)] {
		words = append(words, fmt.Sprintf("%q (%s)", a.Name, grid.DescribeName(a.Name)))
	}
	return trouble.Errorf(nil, none+"These come near, and none was picked: %s. Propose again.", name, strings.Join(words, "; "))
}
