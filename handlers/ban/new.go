package ban

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// maxUnseen is how long a name can be in PanDA's users table.
const maxUnseen = 60

// unseen reads `"NAME or DN" REASON` of somebody who has no user yet. The name must
// be the very one that the gate will make of that person's credentials.
func unseen(r *bot.Request, sites *grid.SiteMap) (name, dn, reason string, err error) {
	if len(r.Words) == 0 || !r.Words[0].Quoted {
		return "", "", "", bot.Problemf("usage", "Put the whole name or DN in quotes: `ban new \"NAME or DN\" REASON`")
	}
	name, reason = r.Words[0].Text, strings.TrimSpace(strings.Join(r.Args()[1:], " "))
	credential := grid.IsPandaToken(name)
	if parsed, ok := grid.NormalizeDN(name); ok {
		dn, credential = parsed.String(), true
	} else if credential {
		dn = name
	}
	if credential {
		name = grid.PandaName(dn)
	}
	kind, why := grid.KindOfUser(name, dn, sites)
	switch n := utf8.RuneCountInString(name); {
	case n == 0 || n > maxUnseen || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", "", "", bot.Problemf("usage", "PanDA can have no user of that name: it has %d characters, and 1 to %d are possible, none of them a control character. Nothing was proposed.", n, maxUnseen)
	case grid.PandaName(name) != name:
		return "", "", "", bot.Problemf("usage", "PanDA never makes the name %q of anybody; of somebody called so it makes %q. Nothing was proposed. Give the DN, or the name as PanDA makes it.", name, grid.PandaName(name))
	case kind == grid.PilotFactory, kind == grid.RobotAccount, kind == grid.ServiceAccount:
		return "", "", "", bot.Problemf("forbidden", "That is a %s (%s), which works for many people, and never the owner of a payload. Nothing was proposed. Find the owner with `trace HOST TIME`.", kind, why)
	case reason == "":
		return "", "", "", bot.Problemf("usage", "A reason is needed: those who approve must know why. Nothing was proposed.")
	case len(reason) > 1000:
		return "", "", "", bot.Problemf("usage", "The reason is longer than 1000 bytes. Shorten it, and put the rest into a `note`.")
	}
	return name, dn, reason, nil
}

// newOrder is the payload of a ban of somebody unseen. Its one row has no id yet.
type newOrder struct {
	order
	DN string `json:"dn,omitempty"`
}

func (c commands) planNew(ctx context.Context, r *bot.Request) (action.Plan, error) {
	registrar, can := c.backend.(Registrar)
	if !can {
		return action.Plan{}, bot.Problemf("not-configured", "Only who has submitted can be banned here. Nothing was proposed.")
	}
	if err := registrar.CanBanUnseen(ctx); err != nil {
		return action.Plan{}, fmt.Errorf("ban new: %w", err)
	}
	name, dn, reason, err := unseen(r, c.sites)
	if err != nil {
		return action.Plan{}, err
	}
	all, err := c.backend.Accounts(ctx)
	if err != nil {
		return action.Plan{}, fmt.Errorf("ban new: reading the users: %w", err)
	}
	read := time.Now().UTC()
	query := name
	if dn != "" {
		query = dn
	}
	known := &grid.Knowledge{Sites: c.sites}
	m := known.Accounts(query, all)
	if len(m.Exact) > 0 {
		return action.Plan{}, bot.Problemf("unneeded", "There is a user %q (id %s): it is not new, so nothing was proposed. Type `%s`.", m.Exact[0].Name, m.Exact[0].ID, target.Command("ban", m.Exact[0].Name, reason))
	}
	payload, err := json.Marshal(newOrder{order{Accounts: []row{{Name: name}}, Reason: reason}, dn})
	if err != nil {
		return action.Plan{}, fmt.Errorf("ban new: writing the order: %w", err)
	}
	facts := append(target.ClockOf(c.backend).Facts(),
		action.Fact{Label: "reason", Value: reason},
		action.Fact{Label: "user", Value: fmt.Sprintf("%q (%s): never seen", name, grid.DescribeName(name))})
	if dn != "" {
		facts = append(facts, action.Fact{Label: "DN", Value: dn})
	}
	for _, a := range m.LookAlike[:min(len(m.LookAlike), 20)] {
		facts = append(facts, action.Fact{Label: "look-alike, not touched", Value: fmt.Sprintf("%q (%s, id %s, DN %s)", a.Name, grid.DescribeName(a.Name), a.ID, a.DN)})
	}
	plan := action.Plan{
		Target: action.Target{Kind: "panda user", Name: name, Key: "new " + name}, Facts: facts, ReadAt: read, Payload: payload,
		Will: []string{
			fmt.Sprintf("make a user %q that is banned from the start", name),
			fmt.Sprintf("have submissions under that name refused: by every front end %s after it is written", target.Span(c.backend.GateDelay())),
		},
		WillNot: []string{
			"ban anybody who is a user now, however alike the name",
			"bar the same person under a name that another certificate or token gives",
		},
		Undo: target.Command("unban", name, "REASON"),
	}
	if len(m.LookAlike) > 0 {
		plan.Warnings = []string{"users with a similar name exist: is one of them meant? Then deny this, and use `ban`"}
	}
	if dn == "" {
		plan.Warnings = append(plan.Warnings, "no DN was given: everybody of whose DN PanDA makes this name is refused")
	}
	return plan, nil
}

func newOrderOf(a action.Action) (newOrder, error) {
	var o newOrder
	if err := json.Unmarshal(a.Frozen.Plan.Payload, &o); err != nil || len(o.Accounts) != 1 {
		return o, fmt.Errorf("ban new: reading the order of %s: %w", a.ID, err)
	}
	return o, nil
}

// named gives the users of a name.
func (c commands) named(ctx context.Context, name string) ([]grid.Account, error) {
	all, err := c.backend.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("ban new: reading the users: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(all), func(a grid.Account) bool { return a.Name != name }), nil
}

// applyNew makes the row, unless this action, or somebody else, already has.
func (c commands) applyNew(ctx context.Context, a action.Action) (action.Outcome, error) {
	o, err := newOrderOf(a)
	if err != nil {
		return action.Outcome{}, err
	}
	name := o.Accounts[0].Name
	have, err := c.named(ctx, name)
	if err != nil {
		return action.Outcome{}, err
	}
	for _, h := range have {
		if !h.Banned {
			return action.Outcome{}, bot.Problemf("changed", "Since this was proposed, a user %q appeared (id %s, DN %s). Nothing was written. Use `ban`, so that people see whom it hits.", name, h.ID, h.DN)
		}
	}
	if len(have) > 0 {
		return action.Outcome{Done: true, Said: fmt.Sprintf("nothing to do for %q: there is such a user now, and banned", name), Unneeded: a.Attempts == 0}, nil
	}
	registrar, can := c.backend.(Registrar)
	if !can {
		return action.Outcome{}, bot.Problemf("not-configured", "A user who has never submitted cannot be banned here any more: the configuration has changed.")
	}
	if err := registrar.BanUnseen(ctx, name, o.DN); err != nil {
		return action.Outcome{}, fmt.Errorf("ban new: %w", err)
	}
	return action.Outcome{Done: true, Said: fmt.Sprintf("made a user %q that is banned", name)}, nil
}

// verifyNew looks at every user of the name as verify does.
func (c commands) verifyNew(ctx context.Context, a action.Action) (action.Progress, error) {
	o, err := newOrderOf(a)
	if err != nil {
		return action.Progress{}, err
	}
	have, err := c.named(ctx, o.Accounts[0].Name)
	if err != nil {
		return action.Progress{}, err
	}
	rows := map[string]grid.Account{}
	var frozen []row
	for _, h := range have {
		rows[h.ID] = h
		frozen = append(frozen, row{ID: h.ID, Name: h.Name})
	}
	if len(frozen) == 0 {
		frozen = o.Accounts
	}
	o.Accounts = frozen
	return c.look(ctx, a, o.order, rows, true), nil
}
