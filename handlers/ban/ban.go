package ban

import (
	"context"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// Backend is one workload system: its users, what they run, and its gate.
type Backend interface {
	target.Users
	target.Workload
	Gate
}

// Gate lets users submit or not. Ban and Unban change the row with this id and
// exactly this name, and fail when there is none; what holds already is no error.
type Gate interface {
	Ban(ctx context.Context, id, name string) error
	Unban(ctx context.Context, id, name string) error
	// GateDelay is the real time after which every front end knows of a change.
	GateDelay() time.Duration
}

// Actions has what gridwarden did before.
type Actions interface {
	Actions(ctx context.Context, limit int, commands ...string) ([]action.Action, error)
}

// Server is a Backend whose server can be asked which names it takes for banned.
type Server interface {
	BannedNames(ctx context.Context) (map[string]bool, error)
}

// Registrar is a Backend that can bar a name that it has never seen.
type Registrar interface {
	// CanBanUnseen says why it cannot, nil when it can.
	CanBanUnseen(ctx context.Context) error
	// BanUnseen makes a user of this name, with the DN where it is known, that is
	// banned from the start. It changes nothing and fails when there is one.
	BanUnseen(ctx context.Context, name, dn string) error
}

// New gives the commands about bans. sites may be nil.
func New(b Backend, past Actions, sites *grid.SiteMap) []bot.Command {
	c := commands{backend: b, past: past, sites: sites}
	return []bot.Command{
		{
			Name: "ban", Args: `"USER" REASON`,
			Summary: "bar a user from submitting: exact name or DN, in quotes",
			Example: `ban "Naughty User" cryptominer on wn042`,
			Role:    bot.Shifter,
			Plan:    c.planBan, Apply: c.applyBan, Verify: c.verifyBan,
		},
		{
			Name: "ban new", Args: `"NAME or DN" REASON`,
			Summary: "bar somebody who has never submitted: makes the user's row, banned from the start",
			Example: `ban new "/DC=org/DC=example/OU=People/CN=Naughty Friend" named in the report`,
			Role:    bot.Shifter,
			Plan:    c.planNew, Apply: c.applyNew, Verify: c.verifyNew,
		},
		{
			Name: "unban", Args: `"USER" REASON`,
			Summary: "lift a ban; what was killed does not come back",
			Example: `unban "Naughty User" false alarm`,
			Role:    bot.Shifter,
			Plan:    c.planUnban, Apply: c.applyUnban, Verify: c.verifyUnban,
		},
		{
			Name: "bans", Summary: "who is banned now, by whom and since when", Example: "bans",
			Role: bot.Shifter,
			Run:  c.bans,
		},
		{
			Name: "bans watch", Summary: "the same, and tells here for 30 days when somebody is banned or is not any more", Example: "bans watch",
			Role: bot.Shifter,
			Run:  c.watch, Again: c.watched,
		},
	}
}

type commands struct {
	backend Backend
	past    Actions
	sites   *grid.SiteMap
}
