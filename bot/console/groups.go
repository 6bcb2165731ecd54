package console

import (
	"context"

	"github.com/gridwarden/gridwarden/bot"
)

// Groups are the console's groups as they are configured, for programs in which
// no console runs.
type Groups struct {
	Config map[string][]string    // as Config.Groups
	People map[string]bot.Account // as Options.People
}

// Members implements bot.Grouper. A group that is not configured is empty, of
// which the configuration's own check warns.
func (g Groups) Members(_ context.Context, group string) ([]string, error) {
	keys := []string{}
	for _, name := range g.Config[group] {
		keys = append(keys, accountOf(g.People, name).Key())
	}
	return keys, nil
}

// accountOf is the account behind a name: a person's, or the console's own.
func accountOf(people map[string]bot.Account, name string) bot.Account {
	a, ok := people[name]
	if !ok {
		return bot.Account{Platform: Name, ID: name, Name: name, Standing: bot.Member}
	}
	if a.Name == "" {
		a.Name = name
	}
	return a
}
