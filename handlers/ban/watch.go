package ban

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// How often the bans are looked at for who watches them, and for how long: a
// campaign lasts for weeks, and nobody remembers to stop.
const (
	watchEvery = 10 * time.Minute
	watchFor   = 30 * 24 * time.Hour
)

// watch is what a look is compared to.
type watch struct {
	Until  time.Time         `json:"until"`
	Banned map[string]string `json:"banned"` // names by id
}

func namesByID(accounts []grid.Account) map[string]string {
	names := map[string]string{}
	for _, a := range accounts {
		names[a.ID] = a.Name
	}
	return names
}

// watch answers as bans does, as the first look of many.
func (c commands) watch(ctx context.Context, r *bot.Request) (bot.Message, error) {
	m, banned, err := c.standing(ctx, r)
	if err != nil {
		return m, err
	}
	now := time.Now()
	w := watch{Until: now.Add(watchFor).UTC(), Banned: namesByID(banned)}
	again, err := w.next(now)
	if err != nil {
		return m, err
	}
	m.Again = again
	m.Below("Looked at every %d minutes until %s UTC; what changes is told here.", int(watchEvery/time.Minute), w.Until.Format("2006-01-02 15:04"))
	return m, nil
}

func (w watch) next(now time.Time) (*bot.Again, error) {
	state, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("bans: keeping what to compare with: %w", err)
	}
	return &bot.Again{At: now.Add(watchEvery), State: state}, nil
}

// watched looks once more and says only what is different.
func (c commands) watched(ctx context.Context, r *bot.Request, state []byte) (bot.Message, error) {
	var w watch
	if err := json.Unmarshal(state, &w); err != nil {
		return bot.Message{}, fmt.Errorf("bans: reading what to compare with: %w", err)
	}
	all, err := c.backend.Accounts(ctx)
	if err != nil {
		return bot.Message{}, fmt.Errorf("bans: reading the users: %w", err)
	}
	banned := slices.DeleteFunc(slices.Clone(all), func(a grid.Account) bool { return !a.Banned })
	origins, _, err := c.origins(ctx, banned)
	if err != nil {
		return bot.Message{}, fmt.Errorf("bans: %w", err)
	}
	m, changes := w.changes(banned, origins, r.Personal)
	if changes > 0 {
		m.Title = bot.Textf("*Bans have changed*")
	}
	w.Banned = namesByID(banned)
	now := time.Now()
	if !now.Before(w.Until) {
		m.Line("The bans are not looked at any more. `bans watch` goes on.")
		return m, nil
	}
	m.Again, err = w.next(now)
	return m, err
}

// changes words what is different from the last look.
func (w watch) changes(banned []grid.Account, origins ledger, personal bool) (m bot.Message, n int) {
	tell := func(what, id, name, by string) {
		n++
		if !personal {
			name, id, by = "withheld", "withheld", ""
		}
		m.Line("%s: `%s` (id %s)%s", what, name, id, by)
	}
	now := map[string]bool{}
	for _, a := range banned {
		now[a.ID] = true
		if _, before := w.Banned[a.ID]; before {
			continue
		}
		by := ", not by gridwarden"
		if from, ours := origins.of(a); ours {
			by = ", by action " + string(from.action) + " of " + from.by
		}
		tell("Banned", a.ID, a.Name, by)
	}
	for _, id := range slices.Sorted(maps.Keys(w.Banned)) {
		if now[id] {
			continue
		}
		by := ", by an unban"
		if from, ours := origins.of(grid.Account{ID: id, Name: w.Banned[id]}); ours {
			by = ", not by gridwarden, whose action " + string(from.action) + " had banned it: find out who did"
		}
		tell("Not banned any more", id, w.Banned[id], by)
	}
	return m, n
}
