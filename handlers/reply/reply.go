package reply

import (
	"context"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/facts"
)

// Facts gives what a thread knows; see facts.Book.
type Facts interface {
	Of(ctx context.Context, r *bot.Request) (facts.Facts, error)
}

// New gives the commands. sites may be nil.
func New(f Facts, sites *grid.SiteMap) []bot.Command {
	x := commands{facts: f, sites: sites}
	return []bot.Command{
		{
			Name: "reply site", Args: "[site=SITE] [tlp=AMBER] [trace=REQUEST]",
			Summary: "draft the answer to a site from what was traced in this thread",
			Example: "reply site site=T2_CH_CERN",
			Options: []string{"site", "tlp", facts.Option},
			Role:    bot.Shifter, Run: x.site,
		},
		{
			Name: "reply ask", Args: "[" + strings.Join(words(), "] [") + "] [site=SITE] [tlp=AMBER] [trace=REQUEST]",
			Summary: "draft a question to a site for what is missing, with the ways to find it",
			Example: "reply ask batch time site=T2_CH_CERN",
			Options: []string{"site", "tlp", facts.Option},
			Role:    bot.Shifter, Run: x.ask,
		},
		{
			Name: "reply user", Args: `["USER"] [tlp=AMBER] [trace=REQUEST]`,
			Summary: "draft a question to the user whose jobs were traced in this thread",
			Example: `reply user "jdoe"`,
			Options: []string{"tlp", facts.Option},
			Role:    bot.Shifter, Run: x.user,
		},
	}
}

type commands struct {
	facts Facts
	sites *grid.SiteMap
}

// errWithheld refuses a draft that would show people where that may not be.
func errWithheld(command string) error {
	return bot.Problemf("refused", "`%s` drafts a mail with names and DNs, which this channel may not show. Ask in a channel that is configured for personal data.", command)
}

// tlpOf reads tlp=. What names people is AMBER at least: they are personal data.
func tlpOf(r *bot.Request) (string, error) {
	typed, given := r.Options["tlp"]
	if !given {
		return "TLP:AMBER", nil
	}
	label := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(typed)), "TLP:")
	switch label {
	case "AMBER", "AMBER+STRICT", "RED":
		return "TLP:" + label, nil
	case "GREEN", "CLEAR", "WHITE":
		return "", bot.Problemf("usage", "TLP:%s is for what may be passed on freely. A mail about an open incident is AMBER, AMBER+STRICT or RED.", label)
	}
	return "", bot.Problemf("usage", "tlp= is AMBER, AMBER+STRICT or RED.")
}
