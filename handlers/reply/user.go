package reply

import (
	"context"
	"net/mail"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/facts"
)

// user drafts a question to a user. It tells of that user's own jobs only: not
// who reported, what, or who else was there.
func (x commands) user(ctx context.Context, r *bot.Request) (draft, error) {
	tlp, err := tlpOf(r)
	if err != nil {
		return draft{}, err
	}
	if !r.Personal {
		return draft{}, errWithheld(r.Command)
	}
	f, err := x.facts.Of(ctx, r)
	if err != nil {
		return draft{}, err
	}
	p, err := addressee(f.Trace.People, strings.TrimSpace(strings.Join(r.Args(), " ")))
	if err != nil {
		return draft{}, err
	}
	g := guest{Person: p, seen: slices.DeleteFunc(grid.SightingsOf(f.Trace, p), func(s grid.Sighting) bool { return s.Confidence != grid.Confirmed })}
	done, err := x.done(ctx, r)
	if err != nil {
		return draft{}, err
	}
	d := draft{kind: "user", tlp: tlp, to: address(p.Email), trace: f.Request, named: 1, partial: !f.Trace.Complete, sites: x.sites, page: x.page}
	d.title = bot.Textf("Draft: a question to *%s*", facts.Display(p))
	d.subject = "a question about your grid jobs"
	d.note("From `%s`, asked again at %s.", f.Line, utc(f.At))
	d.note("Agree with the security team before you send it. If the account is stolen, the intruder may read its mail and be warned: ask by telephone, or through the institute.")
	if d.to == "" {
		d.note("The records have no address that can be used: take it from the experiment's register, not from the job.")
	} else {
		d.note("The address comes from the job records: hold it against the experiment's register.")
	}
	d.sayQuestion(g, done, r.Person.Display())
	d.next = []string{bot.Echo("reply site", nil, map[string]string{facts.Option: f.Request})}
	return d, nil
}

// address is the one mail address that s is; "" when it is none, or could be
// read as several.
func address(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || oneLine(s) != s {
		return ""
	}
	return s
}

// addressee finds who is written to. Nobody is asked whose jobs are not proven
// to be there, or whom the records do not agree on.
func addressee(people []grid.Person, name string) (grid.Person, error) {
	var fit, proven []grid.Person
	for _, p := range people {
		if name != "" && !facts.Called(p, name) {
			continue
		}
		fit = append(fit, p)
		if (guest{Person: p, seen: []grid.Sighting{{Confidence: p.Confidence}}}).nameable() {
			proven = append(proven, p)
		}
	}
	switch {
	case len(proven) == 1:
		return proven[0], nil
	case len(proven) > 1:
		return grid.Person{}, bot.Problemf("usage", "Several people fit: %s. Name one.", names(proven))
	case len(people) == 0:
		return grid.Person{}, bot.Problemf("refused", "The trace found no one, so there is nobody to ask.")
	case len(fit) == 0:
		return grid.Person{}, bot.Problemf("not-found", "%q is not among the people of that trace. They are: %s.", oneLine(name), names(people))
	}
	return grid.Person{}, bot.Problemf("refused", "%s: %s. People who may have nothing to do with it are not written to, and the owner of a service or of a disputed name is asked by the security team in person.", names(fit), doubt(fit[0]))
}

// doubt says why somebody is not written to.
func doubt(p grid.Person) string {
	switch {
	case p.Confidence != grid.Confirmed:
		return "only possible, no record proves the jobs to have been there"
	case p.Disagreement:
		return "the records disagree about who this is"
	case p.Label != "":
		return p.Label
	}
	return "the records have no name"
}

func names(people []grid.Person) string {
	var out []string
	for _, p := range people[:min(len(people), 10)] {
		out = append(out, facts.Display(p))
	}
	if len(people) > 10 {
		out = append(out, "and more")
	}
	return strings.Join(out, ", ")
}

func (d *draft) sayQuestion(g guest, done []action.Action, sender string) {
	greeting := g.Name
	if greeting == "" {
		greeting = "colleague"
	}
	d.say("Dear %s,", greeting)
	d.say("")
	d.say("We look after the security of the grid jobs of %s and have a question about jobs that ran under your name. It is a question and no accusation: most such questions have a simple answer, and sometimes somebody else has used a credential.", strings.ToUpper(string(g.Experiment)))
	d.say("")
	who := g.DN
	if who == "" {
		who = g.Username
	}
	d.say("The jobs bear this name: %s", who)
	for _, s := range g.seen[:min(len(g.seen), maxJobs)] {
		what := "job " + s.Job.ID
		if s.Job.Task != "" {
			what = "task " + s.Job.Task + ", " + what
		}
		d.say("- %s, submitted %s", what, utc(s.Job.Submitted))
		d.sayPage(s.Job)
	}
	if more := len(g.seen) - maxJobs; more > 0 {
		d.say("- and %s", count(more, "more job", "more jobs"))
	}
	d.say("")
	d.say("Please tell us")
	d.say("1. Did you submit these jobs yourself? If somebody else did with your agreement, who?")
	d.say("2. What do they do, and where does the code come from that they run?")
	d.say("3. From which machine did you submit them, and where do you keep your certificate, keys and tokens?")
	d.say("4. Have you noticed anything unusual with your account or that machine?")
	d.say("")
	d.say("Until we have spoken, please do not delete or change the jobs, their code and their logs. If you do not know these jobs, tell us at once, do not use the credential and the machine any more, and leave the machine as it is.")
	d.say("Your jobs may be stopped meanwhile.")
	d.sayDone(done, []guest{g})
	d.say("")
	d.say("Please keep this to yourself and answer to us only.")
	d.say("")
	d.say("Best regards,")
	d.say("%s", sender)
}
