package reply

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/facts"
)

// How much one mail lists.
const (
	maxPeople = 50
	maxJobs   = 10 // of one person
)

// lag is how late the record of a finished job may come; see grid.Merge.
const lag = 30 * time.Hour

// guest is one of the trace's people, as far as a site is concerned: the
// sightings of that person at that site.
type guest struct {
	grid.Person
	seen []grid.Sighting
}

// proven reports whether a job of the person was seen at the site.
func (g guest) proven() bool {
	return slices.ContainsFunc(g.seen, func(s grid.Sighting) bool { return s.Confidence == grid.Confirmed })
}

// nameable reports whether the site may be told who this is: it is a person,
// it is proven, and the records agree on who.
func (g guest) nameable() bool {
	return g.proven() && !g.Disagreement && g.Label == "" && g.DN+g.Username != ""
}

// confirmed are the jobs that are proven to have been there, in order.
func (g guest) confirmed() []grid.Sighting {
	jobs := slices.DeleteFunc(slices.Clone(g.seen), func(s grid.Sighting) bool { return s.Confidence != grid.Confirmed })
	slices.SortStableFunc(jobs, func(a, b grid.Sighting) int {
		return cmp.Or(a.Job.Start.Compare(b.Job.Start), cmp.Compare(a.Job.ID, b.Job.ID))
	})
	return jobs
}

// listed are those of them that a letter lists.
func (g guest) listed() []grid.Sighting {
	jobs := g.confirmed()
	return jobs[:min(len(jobs), maxJobs)]
}

// site drafts the answer to a site.
func (x commands) site(ctx context.Context, r *bot.Request) (draft, error) {
	if len(r.Words) > 0 {
		return draft{}, bot.Problemf("usage", "%q was not understood. The site is given by site=NAME.", oneLine(r.Words[0].Text))
	}
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
	site, err := x.recipient(f, r.Options["site"])
	if err != nil {
		return draft{}, err
	}
	d := draft{kind: "site", tlp: tlp, site: site, trace: f.Request, partial: !f.Trace.Complete, sites: x.sites, page: x.page}
	d.title = bot.Textf("Draft: the answer to *%s*", whom(site))
	d.subject = "Re: " + asked(f)
	d.note("From `%s`, asked again at %s.", f.Line, utc(f.At))
	if f.OneJob {
		d.note("It tells of that job only. Who else was on the worker node is found by `trace HOST TIME`.")
	}
	guests, elsewhere := x.guests(f, site)
	if elsewhere > 0 {
		d.note("%s at other sites: this mail does not tell of them.", count(elsewhere, "job was", "jobs were"))
	}
	x.tell(ctx, &d, guests)
	done, err := x.done(ctx, r)
	if err != nil {
		return draft{}, err
	}
	given, err := x.given(r)
	if err != nil {
		return draft{}, err
	}
	d.say("Dear colleagues at %s,", whom(site))
	d.say("")
	switch {
	case f.Squid != "":
		d.saySquid(f, given)
	default:
		d.sayFound(f, guests, given)
	}
	d.sayDone(done, guests)
	d.say("")
	d.sayConduct(guests)
	d.say("")
	d.say("Times here are UTC. Names and DNs are personal data: please keep this mail at %s, for those who need it to handle this.", tlp)
	d.say("")
	d.say("Best regards,")
	d.say("%s", r.Person.Display())
	d.next = []string{bot.Echo("reply ask", nil, map[string]string{facts.Option: f.Request})}
	return d, nil
}

// recipient is the site that is written to: the one given, the one that was
// asked about, or the only one there is.
func (x commands) recipient(f facts.Facts, typed string) (string, error) {
	for _, s := range []string{strings.TrimSpace(typed), f.Site, f.Squid, f.NAT} {
		if s != "" {
			return s, nil
		}
	}
	var found []string
	for _, s := range f.Trace.Sightings {
		if name := s.Job.Site; name != "" && !slices.ContainsFunc(found, func(o string) bool { return x.sites.SameSite(o, name) }) {
			found = append(found, name)
		}
	}
	switch {
	case len(found) > 1:
		slices.Sort(found)
		return "", bot.Problemf("usage", "The trace has jobs at %d sites: %s. Say which one you write to by site=NAME; it is told of its own jobs only.", len(found), oneLine(strings.Join(found, ", ")))
	case len(found) == 1:
		return found[0], nil
	}
	return "", nil
}

func whom(site string) string {
	if site == "" {
		return "the site"
	}
	return site
}

// guests gives the people with jobs at a site, and how many jobs there are
// elsewhere. A job whose record names no site counts as the site's when the
// question was about its machine.
func (x commands) guests(f facts.Facts, site string) (out []guest, elsewhere int) {
	for _, p := range f.Trace.People {
		g := guest{Person: p}
		for _, s := range grid.SightingsOf(f.Trace, p) {
			switch {
			case site == "", x.sites.SameSite(s.Job.Site, site), s.Job.Site == "" && f.Trace.Query.Kind != grid.ByUser:
				g.seen = append(g.seen, s)
			default:
				elsewhere++
			}
		}
		if len(g.seen) > 0 {
			out = append(out, g)
		}
	}
	return out, elsewhere
}

// asked says what was asked about. A person who was asked for is named in the
// mail where that may be, never in its subject.
func asked(f facts.Facts) string {
	what := f.Subject
	if f.Trace.Query.Kind == grid.ByUser {
		what = "jobs at your site"
	}
	if f.Trace.Query.Asked.IsZero() {
		return what
	}
	return what + ", " + utc(f.Trace.Query.Asked)
}

func (d *draft) saySquid(f facts.Facts, given given) {
	d.say("We have looked into %s, %s.", f.Subject, utc(f.Trace.Query.Asked))
	whose := "a squid server of yours"
	if !d.sites.SameSite(d.site, f.Squid) && d.site != f.Squid {
		whose = "a squid server of " + f.Squid
	}
	d.say("The address is %s, through which all worker nodes of the site speak. Our job records do not tell them apart, so we cannot name a job or a user from it.", whose)
	if contacts := d.sites.Contacts(f.Squid); len(contacts) > 0 {
		d.say("Who runs it can be reached at %s.", strings.Join(contacts, ", "))
	}
	given.say(d)
	d.say("The access log of the squid has the address of the worker node for each request. With that address and the time we can look again.")
}

func (d *draft) sayFound(f facts.Facts, guests []guest, given given) {
	q := f.Trace.Query
	switch {
	case f.OneJob:
		d.say("We have looked into %s.", asked(f))
	default:
		d.say("We have looked into %s. We searched the job records from %s to %s.", asked(f), utc(q.Window.From), utc(q.Window.To))
	}
	given.say(d)
	d.say("")
	var named, services, unsure []guest
	for _, g := range guests {
		switch {
		case g.nameable():
			named = append(named, g)
		case g.proven() && g.Label != "" && !g.Disagreement:
			services = append(services, g)
		default:
			unsure = append(unsure, g)
		}
	}
	if len(named) > 0 {
		lead := "A DN that your batch system or computing element shows may be that of a pilot factory. "
		if given != "" {
			lead = ""
		}
		d.say("%sPilots pick up the payloads of many people; these are not submitted by the factory but by:", lead)
		for i, g := range named[:min(len(named), maxPeople)] {
			d.say("")
			d.sayGuest(i+1, g, q)
		}
		if more := len(named) - maxPeople; more > 0 {
			d.say("")
			d.say("and %d more, whom we can name in another mail.", more)
		}
		d.say("")
	}
	d.named = min(len(named), maxPeople)
	for _, g := range services {
		d.say("Also seen: %s of a service and not of one person: %s (%s).", count(len(g.seen), "job", "jobs"), g.Label, string(g.Experiment))
	}
	if n := len(unsure); n > 0 {
		d.say("%s cannot be excluded, or the records do not agree on who it was. We do not name people who may have nothing to do with this; we will write again if that changes.", count(n, "more person", "more people"))
		d.note("%s not named: only possible, or the records disagree on who it is.", count(n, "person is", "people are"))
	}
	if len(guests) == 0 {
		d.sayNobody(f)
	}
	if f.OneJob {
		d.say("This is about the one job that we were asked for. Who else was on the worker node in that time we have not looked for.")
	} else {
		d.saySearched(f)
	}
	if len(named) > 0 {
		d.say("We will contact the people involved and investigate further.")
		d.note("It names %s with proven jobs at %s, by DN, else by login. Addresses of people are not in it.", count(d.named, "person", "people"), whom(d.site))
	}
}

func (d *draft) sayNobody(f facts.Facts) {
	if f.Trace.Complete {
		d.say("Our records have no job there in that time, and everything that we asked could be searched.")
		return
	}
	d.say("We found no job there in what we could search. That is not the same as no job.")
}

// sayGuest tells what the procedure passes to a site: who submitted, when, and,
// for PanDA, from which host; and which jobs these are in the site's own terms.
func (d *draft) sayGuest(n int, g guest, q grid.Query) {
	who := g.DN
	if who == "" {
		who = g.Username
	}
	d.say("%d. %s", n, who)
	d.say("   experiment %s, %s", string(g.Experiment), trust(g.Person))
	jobs := g.confirmed()
	for _, s := range g.listed() {
		d.say("   - %s", d.job(s, q))
		d.sayPage(s.Job)
		if j, ok := d.panda[s.Job.ID]; ok && s.Job.Experiment == grid.ATLAS {
			d.sayPanda(j)
		}
	}
	if more := len(jobs) - maxJobs; more > 0 {
		d.say("   - and %s", count(more, "more job", "more jobs"))
	}
}

// trust says on whose word a person is named.
func trust(p grid.Person) string {
	for _, id := range p.Identities {
		if id.AssertedBy == grid.BySchedd && (id.Kind == "dn" || id.Kind == "panda") {
			return "authenticated when the jobs were submitted"
		}
	}
	return "as the jobs say of themselves; not authenticated"
}

func (d *draft) job(s grid.Sighting, q grid.Query) string {
	j := s.Job
	parts := []string{"job " + j.ID}
	if s.Host != "" && !grid.SameHost(s.Host, q.Host) {
		parts = append(parts, "on "+s.Host)
	}
	end := "not seen to end"
	if !j.End.IsZero() {
		end = "until " + utc(j.End)
	}
	switch {
	case j.Start.IsZero() && j.Experiment == grid.ATLAS:
		parts = append(parts, "was not started")
	default:
		parts = append(parts, "ran from "+utc(j.Start)+", "+end)
	}
	if !j.Submitted.IsZero() {
		from := ""
		if j.Experiment == grid.ATLAS && j.SubmitAddress != "" { // PanDA's creationHost; in CMS it may be where somebody lives
			from = " from host " + j.SubmitAddress
		}
		parts = append(parts, "submitted "+utc(j.Submitted)+from)
	}
	if j.Pilot.Batch != "" {
		parts = append(parts, "batch id "+strings.TrimSpace(j.Pilot.Batch+" "+j.Pilot.Queue))
	}
	if id := j.Pilot.ID; id != (grid.PilotID{}) {
		parts = append(parts, "pilot "+id.String())
	}
	if owner, ok := d.sites.Factory(j.Pilot.Factory); ok {
		parts = append(parts, "its pilot is of the factory "+j.Pilot.Factory+", which "+owner+" runs")
	}
	return strings.Join(parts, "; ")
}

// saySearched tells how complete the answer is, by experiment: how our servers
// are called is nothing for others.
func (d *draft) saySearched(f facts.Facts) {
	worst := map[grid.Experiment]grid.SourceState{}
	rank := map[grid.SourceState]int{grid.NotAsked: 0, grid.Complete: 1, grid.Partial: 2, grid.Failed: 3}
	var order []grid.Experiment
	for _, r := range f.Trace.Reports {
		old, known := worst[r.Experiment]
		if !known {
			order = append(order, r.Experiment)
		}
		if !known || rank[r.State] > rank[old] {
			worst[r.Experiment] = r.State
		}
	}
	words := map[grid.SourceState]string{
		grid.NotAsked: "were not asked", grid.Complete: "could be searched completely",
		grid.Partial: "could be searched only in part, so there may be more", grid.Failed: "could not all be searched, so there may be more",
	}
	for _, e := range order {
		d.say("The records of %s %s.", string(e), words[worst[e]])
	}
	if open := f.Trace.OpenUntil; !open.IsZero() {
		d.say("The time to look at goes on until %s: we will write again if more comes to light.", utc(open))
	}
	if f.At.Before(f.Trace.Query.Window.To.Add(lag)) {
		d.say("Records follow up to 30 hours late: what we found is what they had at %s.", utc(f.At))
	}
}

// sayConduct is what EGI's and OSG's procedures ask of a site.
func (d *draft) sayConduct(guests []guest) {
	d.say("Until this is understood, please")
	d.say("- isolate the worker node from the network, and do not power it off, reboot or wipe it: memory and files are evidence;")
	d.say("- keep the logs of the batch system, the computing element and the network, and the working directories of the pilots;")
	d.say("- write down every action with its time in UTC, and follow your own incident procedure;")
	d.say("- tell us before you end pilots, for that destroys what is on the node.")
	if slices.ContainsFunc(guests, func(g guest) bool { return g.In(grid.ATLAS) }) {
		d.sayEvade()
	}
	d.say("Malicious code can survive the end of its job. Only you can see what is left on the node.")
}
