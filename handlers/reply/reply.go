package reply

import (
	"context"
	"maps"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/facts"
)

// Facts gives what a thread knows; see facts.Book.
type Facts interface {
	Of(ctx context.Context, r *bot.Request) (facts.Facts, error)
}

// Parts are what letters are made of and how they go out. All but Facts may be empty.
type Parts struct {
	Facts   Facts
	Sites   *grid.SiteMap
	Jobs    []Jobs
	Actions Actions
	Page    func(pandaID int64) string // the page of a job in PanDA's monitor, for people; nil: there is none
	Outbox  Outbox
	Sender  *Sender // nil: letters are drafted and none is sent
}

// New gives the commands.
func New(p Parts) []bot.Command {
	x := commands{facts: p.Facts, sites: p.Sites, jobs: p.Jobs, actions: p.Actions, page: p.Page, outbox: p.Outbox, sender: p.Sender}
	sender := p.Sender
	sends := "propose to send a reply by mail: drafted anew, shown whole on a card, sent once it is approved"
	if sender == nil {
		sends += "; no mail server is configured"
	}
	return []bot.Command{
		{
			Name: "reply site", Args: `[site=SITE] [dn="DN that the site gave"] [tlp=AMBER] [trace=REQUEST]`,
			Summary: "draft the answer to a site from what was traced, or asked about a job, in this thread",
			Example: "reply site site=T2_CH_CERN",
			Options: []string{"site", "dn", "tlp", facts.Option},
			Role:    bot.Shifter, Run: x.run(x.site),
		},
		{
			Name: "reply ask", Args: "[" + strings.Join(words(), "] [") + "] [site=SITE] [dn=\"DN that the site gave\"] [tlp=AMBER] [trace=REQUEST]",
			Summary: "draft a question to a site for what is missing, with the ways to find it",
			Example: "reply ask batch time site=T2_CH_CERN",
			Options: []string{"site", "dn", "tlp", facts.Option},
			Role:    bot.Shifter, Run: x.run(x.ask),
		},
		{
			Name: "reply user", Args: `["USER"] [tlp=AMBER] [trace=REQUEST]`,
			Summary: "draft a question to the user whose jobs were traced in this thread",
			Example: `reply user "jdoe"`,
			Options: []string{"tlp", facts.Option},
			Role:    bot.Shifter, Run: x.run(x.user),
		},
		{
			Name: "reply send", Args: `site|ask|user ["USER" or WHAT] [to=ADDRESS] [site=SITE] [dn=DN] [tlp=AMBER] [trace=REQUEST]`,
			Summary: sends,
			Example: "reply send site site=T2_CH_CERN to=csirt@site.example.org",
			Options: []string{"site", "dn", "tlp", "to", facts.Option},
			Role:    bot.Shifter, Policy: bot.Mail, Plan: x.planSend, Apply: x.applySend, Verify: x.verifySend,
		},
	}
}

type commands struct {
	facts   Facts
	sites   *grid.SiteMap
	jobs    []Jobs
	actions Actions
	page    func(int64) string
	outbox  Outbox
	sender  *Sender
}

// build makes the draft that a request is for.
type build func(ctx context.Context, r *bot.Request) (draft, error)

func (x commands) drafts() map[string]build {
	return map[string]build{"site": x.site, "ask": x.ask, "user": x.user}
}

// run shows a draft, and how it is sent as it stands.
func (x commands) run(make build) func(context.Context, *bot.Request) (bot.Message, error) {
	return func(ctx context.Context, r *bot.Request) (bot.Message, error) {
		d, err := make(ctx, r)
		if err != nil {
			return bot.Message{}, err
		}
		if x.sender != nil {
			options := maps.Clone(r.Options)
			if d.trace != "" {
				options[facts.Option] = d.trace
			}
			d.send = bot.Echo("reply send", append([]bot.Token{{Text: d.kind}}, r.Words...), options)
		}
		return d.message(), nil
	}
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
