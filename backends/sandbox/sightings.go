package sandbox

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Sightings gives the jobs of both experiments that match. Their times are
// simulated ones. A window that reaches beyond the simulated present is
// answered in part.
func (g *Grid) Sightings(_ context.Context, q grid.Query) (grid.Found, error) {
	h, err := g.history()
	if err != nil {
		return grid.Found{}, err
	}
	now := g.Now()
	q.Sites = g.dialects(q.Sites)
	jobs := g.records(h, now)
	found := grid.Found{Report: grid.Report{
		Name: g.Name(), Experiment: g.Experiment(), State: grid.Complete, Records: len(jobs), Newest: now,
		Searched: "all simulated records until the simulated " + stamp(now),
	}}
	for _, j := range jobs {
		if s, ok := grid.Match(q, j); ok {
			found.Sightings = append(found.Sightings, s)
		}
	}
	found.Report.Matched = len(found.Sightings)
	if q.Window.To.After(now) { // "no one" must not be said of hours that have no records
		found.Report.State = grid.Partial
		found.Report.Notes = append(found.Report.Notes, fmt.Sprintf("the simulated clock shows %s: what comes after has not happened yet", stamp(now)))
		found.Report.WouldChange = append(found.Report.WouldChange, fmt.Sprintf("The simulated clock reaches the end of the window at %s.", stamp(g.RealTime(q.Window.To))))
	}
	return found, nil
}

// dialects adds the names that a site has in the other experiment, for the
// records of both are here.
func (g *Grid) dialects(sites []string) []string {
	var out []string
	for _, name := range sites {
		out = append(out, name)
		for _, e := range []grid.Experiment{grid.ATLAS, grid.CMS} {
			own, _ := g.SiteMap().SitesFor(e, name)
			out = append(out, own...)
		}
	}
	return out
}

// records are the job records of both experiments as they are now.
func (g *Grid) records(h history, now time.Time) []grid.Job {
	var out []grid.Job
	for _, t := range g.allTasks(h) {
		i := slices.IndexFunc(g.accounts, func(a grid.Account) bool { return a.ID == t.account })
		for _, j := range g.jobsOf(&t, h, now) {
			if j.ran(now) {
				out = append(out, j.record(g.accounts[i], now))
			}
		}
	}
	for _, c := range g.batch {
		out = append(out, c.record(g.Name()))
	}
	return out
}

// record is the job as PanDA's tables tell it.
func (j job) record(a grid.Account, now time.Time) grid.Job {
	r := grid.Job{
		ID: j.id, Experiment: grid.ATLAS, Source: "sandbox", Kind: grid.Snapshot,
		Site: j.task.site, Status: j.status(now), Type: "analysis", Task: j.task.id,
		Hosts:     []grid.HostClaim{{Host: j.host, Field: "modificationHost", Last: true}},
		Addresses: []netip.Addr{addressOf(j.host)},
		Pilot: grid.Pilot{
			ID:      grid.PilotID{Schedd: factorySchedd, Cluster: 10_000_000 + j.task.number, Proc: j.proc},
			Factory: factoryName, Batch: j.batch, Queue: "ce01." + siteDomain(j.host),
		},
		Submitted: j.submitted, FirstStart: j.start, Start: j.start, Recorded: now, Starts: 1,
		Identities: []grid.Identity{
			{Kind: "panda", Value: a.Name, AssertedBy: grid.BySchedd, Source: "sandbox"},
			{Kind: "dn", Value: a.DN, AssertedBy: grid.BySubmitter, Source: "sandbox"},
		},
	}
	if !now.Before(j.end) {
		r.Kind, r.End, r.EndField = grid.Finished, j.end, "endTime"
	}
	return r
}

// record is the job as HTCondor's history tells it.
func (c cmsJob) record(source string) grid.Job {
	r := grid.Job{
		ID: c.id, Experiment: grid.CMS, Source: source, Kind: grid.Finished,
		Site: c.site, Status: "Completed", Type: "analysis", Task: c.start.Format("060102_150405") + ":" + c.login + "_crab_dy",
		Submitted: c.start.Add(-time.Hour), FirstStart: c.start, Start: c.start, End: c.end, EndField: "CompletionDate", Recorded: c.end, Starts: 1,
		Identities: []grid.Identity{
			{Kind: "crab", Value: c.login, AssertedBy: grid.BySubmitter, Source: source},
			{Kind: "dn", Value: fmt.Sprintf("/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=%s/CN=70%04d/CN=%s", c.login, 100*len(c.login)+len(c.name), c.name), AssertedBy: grid.BySubmitter, Source: source},
		},
	}
	r.Schedd, _, _ = strings.Cut(c.id, "#")
	if c.host != "" {
		r.Hosts = []grid.HostClaim{{Host: c.host, Field: "LastRemoteHost", Last: true}}
		r.Addresses = []netip.Addr{addressOf(c.host)}
	}
	return r
}

func siteDomain(host string) string {
	_, domain, _ := strings.Cut(host, ".")
	return domain
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
