package sandbox

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// open makes a grid in which a simulated minute passes in a real second.
func open(t *testing.T, c Config) *Grid {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// pass lets simulated time go by.
func pass(g *Grid, simulated time.Duration) {
	time.Sleep(time.Duration(float64(simulated) / g.clock.Speed))
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func live(t *testing.T, g *Grid, account string) ([]grid.LiveJob, []grid.LiveTask) {
	t.Helper()
	jobs, tasks, err := g.LiveJobs(t.Context(), grid.Account{ID: account})
	if err != nil {
		t.Fatal(err)
	}
	return jobs, tasks
}

func ids(jobs []grid.LiveJob) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.ID)
	}
	return out
}

func status(t *testing.T, g *Grid, id string) grid.JobKill {
	t.Helper()
	return must[[]grid.JobKill](t)(g.KillStatus(t.Context(), []string{id}, time.Time{}))[0]
}

func TestTraceOfTheIncidentFindsTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		story := g.Incident()
		found := must[grid.Found](t)(g.Sightings(t.Context(), grid.Query{
			Kind: grid.ByHost, Host: story.Host, Asked: story.Time,
			Window: grid.Window{From: story.Time.Add(-10 * time.Minute), To: story.Time.Add(48 * time.Hour)},
		}))
		got := map[string]grid.Confidence{}
		for _, s := range found.Sightings {
			got[grid.Resolve(s.Job, nil).Username] = s.Confidence
		}
		want := map[string]grid.Confidence{story.User: grid.Confirmed, "jdoe": grid.Confirmed, "aschmidt": grid.Possible}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if found.Report.Matched != 3 {
			t.Errorf("report: %+v", found.Report)
		}
		if kind, _ := grid.KindOfDN(story.FactoryDN, nil); kind != grid.PilotFactory {
			t.Errorf("the DN that the site names reads as %s", kind)
		}
		if !story.Time.Before(time.Now()) {
			t.Error("the incident lies in the real future")
		}
	})
}

// TestMorePeople adds a crowd and people with hostile names to the incident.
func TestMorePeople(t *testing.T) {
	for _, crowd := range []int{-1, maxCrowd + 1} {
		if _, err := New(Config{Crowd: crowd}); err == nil {
			t.Errorf("a crowd of %d was taken", crowd)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{Crowd: 80, Hostile: true})
		story := g.Incident()
		found := must[grid.Found](t)(g.Sightings(t.Context(), grid.Query{
			Kind: grid.ByHost, Host: story.Host, Asked: story.Time,
			Window: grid.Window{From: story.Time.Add(-10 * time.Minute), To: story.Time.Add(time.Hour)},
		}))
		if want := 3 + 80 + len(hostileNames); found.Report.Matched != want {
			t.Errorf("%d jobs; want %d", found.Report.Matched, want)
		}
		names := map[string]bool{}
		for _, a := range must[[]grid.Account](t)(g.Accounts(t.Context())) {
			names[a.Name] = true
		}
		for _, name := range hostileNames {
			if !names[name] {
				t.Errorf("nobody is called %q", name)
			}
		}
	})
}

// TestTheSimulatedFutureIsNotSearched holds that an answer is complete only up
// to the simulated present, however long ago that is by the real clock.
func TestTheSimulatedFutureIsNotSearched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		from := g.Incident().Time
		report := func(to time.Time) grid.Report {
			t.Helper()
			return must[grid.Found](t)(g.Sightings(t.Context(), grid.Query{
				Kind: grid.ByHost, Host: "wn999.example.org", Asked: from, Window: grid.Window{From: from, To: to},
			})).Report
		}
		end := g.Now().Add(time.Hour)
		if r := report(g.Now()); r.State != grid.Complete || len(r.Notes)+len(r.WouldChange) != 0 {
			t.Errorf("up to the simulated present: %+v", r)
		}
		r := report(end)
		if r.State != grid.Partial || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "the simulated clock shows "+stamp(g.Now())) {
			t.Errorf("an hour beyond it: %+v", r)
		}
		if len(r.WouldChange) != 1 || !strings.Contains(r.WouldChange[0], stamp(g.RealTime(end))) {
			t.Errorf("an hour beyond it, when to ask again: %q", r.WouldChange)
		}
		pass(g, time.Hour+time.Second)
		if r := report(end); r.State != grid.Complete || len(r.Notes) != 0 {
			t.Errorf("an hour later: %+v", r)
		}
	})
}

func TestSiteFilterKnowsBothExperimentsNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		story := g.Incident()
		for _, site := range []string{bigSite, bigCMS} {
			found := must[grid.Found](t)(g.Sightings(t.Context(), grid.Query{
				Kind: grid.ByHost, Host: story.Host, Sites: []string{site},
				Window: grid.Window{From: story.Time, To: story.Time.Add(time.Hour)},
			}))
			seen := map[grid.Experiment]bool{}
			for _, s := range found.Sightings {
				seen[s.Job.Experiment] = true
			}
			if !seen[grid.ATLAS] || !seen[grid.CMS] {
				t.Errorf("site %s: only jobs of %v", site, seen)
			}
		}
		if errs := g.SiteMap().Validate(); len(errs) > 0 {
			t.Error(errs)
		}
	})
}

// TestEveryWayToAsk holds that a drill can ask by each identifier that a site
// may report.
func TestEveryWayToAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		story := g.Incident()
		window := grid.Window{From: story.Time, To: story.Time.Add(30 * time.Minute)}
		ask := func(q grid.Query) string {
			q.Window = window
			var who []string
			for _, s := range must[grid.Found](t)(g.Sightings(t.Context(), q)).Sightings {
				who = append(who, grid.Resolve(s.Job, nil).Username+" "+string(s.Confidence))
			}
			slices.Sort(who)
			return strings.Join(slices.Compact(who), ", ")
		}
		jobs, _ := live(t, g, naughty)
		i := slices.IndexFunc(jobs, func(j grid.LiveJob) bool { return j.Host == story.Host })
		for name, c := range map[string]struct {
			q    grid.Query
			want string
		}{
			"batch":        {grid.Query{Kind: grid.ByBatch, Batch: jobs[i].Batch, Sites: []string{story.Site}}, "Naughty User confirmed"},
			"pilot":        {grid.Query{Kind: grid.ByPilotID, Pilot: grid.PilotID{Schedd: factorySchedd, Cluster: 10_000_001}}, "Naughty User confirmed"},
			"user":         {grid.Query{Kind: grid.ByUser, User: "Li Wei"}, "Li Wei confirmed"},
			"a node's own": {grid.Query{Kind: grid.ByIP, IP: addressOf(story.Host)}, "Naughty User confirmed, jdoe confirmed"},
		} {
			if got := ask(c.q); got != c.want {
				t.Errorf("by %s: %s, want %s", name, got, c.want)
			}
		}
		if site, ok := g.SiteMap().NAT(addressOf(nodes[smallSite][1])); !ok || site != smallCMS {
			t.Errorf("the small site's shared address is that of %q", site)
		}
		if _, ok := g.SiteMap().Squid(netip.MustParseAddr(squidAddress)); !ok {
			t.Error("the squid is not known")
		}
		if addressOf(story.Host) != netip.MustParseAddr("198.51.100.42") {
			t.Errorf("%s has the address %s", story.Host, addressOf(story.Host))
		}
	})
}

func TestEqualSeedsGiveEqualGrids(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, other := open(t, Config{Seed: 4}), open(t, Config{Seed: 4}), open(t, Config{Seed: 5})
		pass(a, 100*time.Hour)
		one, _ := live(t, a, naughty)
		two, _ := live(t, b, naughty)
		if diff := cmp.Diff(one, two); diff != "" {
			t.Error(diff)
		}
		if three, _ := live(t, other, naughty); cmp.Equal(one, three) {
			t.Error("another seed gives the same grid")
		}
	})
}

func TestSpeed(t *testing.T) {
	for _, speed := range []float64{-1, 1e6} {
		if _, err := New(Config{Speed: speed}); err == nil {
			t.Errorf("speed %v was taken", speed)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{Speed: 120})
		began, start := time.Now(), g.Now()
		time.Sleep(time.Minute)
		if passed := g.Now().Sub(start); passed != 2*time.Hour {
			t.Errorf("in a minute at 120 passed %s", passed)
		}
		if real := g.RealTime(start.Add(2 * time.Hour)); real.Sub(began).Round(time.Millisecond) != time.Minute {
			t.Errorf("two hours later is %s later in reality", real.Sub(began))
		}
		if g.GateDelay() != 5*time.Second {
			t.Errorf("gate delay %s", g.GateDelay())
		}
	})
}

func TestBanNeedsTheExactRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		for _, c := range []struct{ id, name, found string }{
			{naughty, "naughty User", "Naughty User"},
			{"1003", "Naughty User", "Naughty Usеr"},
			{"9999", "Naughty User", ""},
		} {
			err := g.Ban(t.Context(), c.id, c.name)
			var wrong *MismatchError
			if !errors.As(err, &wrong) || wrong.Found != c.found || wrong.ForPeople() == "" {
				t.Errorf("ban of %s %q: %v", c.id, c.name, err)
			}
		}
		if got := bannedNames(t, g); !slices.Equal(got, []string{"Ivan Petrov"}) {
			t.Errorf("banned: %q", got)
		}
	})
}

func bannedNames(t *testing.T, g *Grid) []string {
	t.Helper()
	var names []string
	for _, a := range must[[]grid.Account](t)(g.Accounts(t.Context())) {
		if a.Banned {
			names = append(names, a.Name)
		}
	}
	return names
}

func TestBanAndUnban(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		at := g.Now()
		for range 2 {
			if err := g.Ban(t.Context(), naughty, "Naughty User"); err != nil {
				t.Fatal(err)
			}
			pass(g, time.Hour)
		}
		accounts := must[[]grid.Account](t)(g.Accounts(t.Context()))
		if a := accounts[0]; !a.Banned || !a.BannedAt.Equal(at) {
			t.Errorf("after two bans: banned %t since %s, want %s", a.Banned, a.BannedAt, at)
		}
		if err := g.Unban(t.Context(), naughty, "Naughty User"); err != nil {
			t.Fatal(err)
		}
		if got := bannedNames(t, g); !slices.Equal(got, []string{"Ivan Petrov"}) {
			t.Errorf("banned after the unban: %q", got)
		}
	})
}

func TestFrontEndsCloseWithinTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		if err := g.Ban(t.Context(), naughty, "Naughty User"); err != nil {
			t.Fatal(err)
		}
		open, shut := 0, 0
		for range 40 {
			pass(g, 15*time.Second)
			switch _, err := g.Submit(t.Context(), naughty, "Naughty User"); {
			case errors.Is(err, ErrBanned):
				shut++
			case err != nil:
				t.Fatal(err)
			default:
				open++
			}
		}
		if open == 0 || shut == 0 {
			t.Errorf("within 10 min of the ban %d submissions passed and %d were refused; want both", open, shut)
		}
		for range 40 {
			pass(g, time.Minute)
			if _, err := g.Submit(t.Context(), naughty, "Naughty User"); !errors.Is(err, ErrBanned) {
				t.Fatalf("submission after the delay: %v", err)
			}
		}
	})
}

func TestKilledJobsComeBackUnlessBannedOrTheTaskIsKilled(t *testing.T) {
	kill := func(t *testing.T, g *Grid) []string {
		jobs, _ := live(t, g, liWei)
		must[[]bool](t)(g.KillJobs(t.Context(), ids(jobs)))
		return ids(jobs)
	}
	reborn := func(t *testing.T, g *Grid, killed []string) int {
		pass(g, 90*time.Minute)
		jobs, _ := live(t, g, liWei)
		n := 0
		for _, j := range jobs {
			if !slices.Contains(killed, j.ID) {
				n++
			}
		}
		return n
	}
	t.Run("free", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := open(t, Config{})
			if n := reborn(t, g, kill(t, g)); n == 0 {
				t.Error("no job was made anew")
			}
		})
	})
	t.Run("banned, then free again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := open(t, Config{})
			if err := g.Ban(t.Context(), liWei, "Li Wei"); err != nil {
				t.Fatal(err)
			}
			killed := kill(t, g)
			if n := reborn(t, g, killed); n != 0 {
				t.Errorf("%d jobs were made for a banned user", n)
			}
			if _, tasks := live(t, g, liWei); len(tasks) != 1 || tasks[0].Status != "pending" {
				t.Errorf("the held task: %+v", tasks)
			}
			if err := g.Unban(t.Context(), liWei, "Li Wei"); err != nil {
				t.Fatal(err)
			}
			if n := reborn(t, g, killed); n == 0 {
				t.Error("the held task does not go on")
			}
		})
	})
	t.Run("task killed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := open(t, Config{})
			if !must[bool](t)(g.KillTask(t.Context(), "41000201")) {
				t.Fatal("the kill was refused")
			}
			if n := reborn(t, g, kill(t, g)); n != 0 {
				t.Errorf("%d jobs were made by a killed task", n)
			}
			if jobs, tasks := live(t, g, liWei); len(jobs) != 0 || len(tasks) != 0 {
				t.Errorf("left: %v, %v", jobs, tasks)
			}
			if must[bool](t)(g.KillTask(t.Context(), "41000201")) {
				t.Error("a task that is over was killed again")
			}
		})
	})
}

func TestKillIsSeenAtTheHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		jobs, _ := live(t, g, liWei)
		var running, waiting grid.LiveJob
		for _, j := range jobs {
			if j.Status == "running" {
				running = j
			} else {
				waiting = j
			}
		}
		if running.ID == "" || waiting.ID == "" || running.Heartbeat.IsZero() || !waiting.Heartbeat.IsZero() {
			t.Fatalf("want one job of each: %+v", jobs)
		}
		if k := status(t, g, running.ID); k.State != "" {
			t.Errorf("before the kill: %+v", k)
		}
		batch := []string{running.ID, waiting.ID, "1"}
		for i, want := range [][]bool{{true, true, false}, {false, false, false}} {
			if got := must[[]bool](t)(g.KillJobs(t.Context(), batch)); !slices.Equal(got, want) {
				t.Errorf("kill %d: %v, want %v", i+1, got, want)
			}
		}
		if k := status(t, g, waiting.ID); k.State != grid.KillGone || !strings.Contains(k.Evidence, "never started") {
			t.Errorf("the waiting job: %+v", k)
		}
		k := status(t, g, running.ID)
		if k.State != grid.KillRequested || !k.Due.Equal(running.Heartbeat.Add(heartbeat)) || !strings.Contains(k.Evidence, "commandToPilot=tobekilled") {
			t.Errorf("right after the kill: %+v", k)
		}
		pass(g, k.Due.Sub(g.Now())+time.Second)
		if k := status(t, g, running.ID); k.State != grid.KillDelivered || k.Job.Status != "holding" {
			t.Errorf("after the heartbeat: %+v", k)
		}
		pass(g, stageOut)
		if k := status(t, g, running.ID); k.State != grid.KillGone || !strings.Contains(k.Evidence, "1144") {
			t.Errorf("at last: %+v", k)
		}
	})
}

func TestOnePayloadSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{})
		if err := g.Ban(t.Context(), naughty, "Naughty User"); err != nil {
			t.Fatal(err)
		}
		jobs, tasks := live(t, g, naughty)
		for _, task := range tasks {
			must[bool](t)(g.KillTask(t.Context(), task.ID))
		}
		must[[]bool](t)(g.KillJobs(t.Context(), ids(jobs)))
		seen := map[grid.KillState]bool{}
		for range 75 {
			pass(g, time.Minute)
			for _, k := range must[[]grid.JobKill](t)(g.KillStatus(t.Context(), ids(jobs), time.Time{})) {
				seen[k.State] = true
			}
		}
		for _, s := range []grid.KillState{grid.KillRequested, grid.KillDelivered, grid.KillGone, grid.KillEvading} {
			if !seen[s] {
				t.Errorf("no job was ever %s", s)
			}
		}
		var left []grid.JobKill
		for _, k := range must[[]grid.JobKill](t)(g.KillStatus(t.Context(), ids(jobs), time.Time{})) {
			if k.State != grid.KillGone {
				left = append(left, k)
			}
		}
		if len(left) != 1 || left[0].State != grid.KillEvading || left[0].Job.Host != incidentHost || left[0].Job.Batch == "" || left[0].Job.Site != bigSite {
			t.Fatalf("left: %+v", left)
		}
		if g.Now().Sub(left[0].Job.Heartbeat) > heartbeat {
			t.Error("its pilot does not call any more")
		}
		if _, tasks := live(t, g, naughty); len(tasks) != 1 || tasks[0].Status != "aborting" {
			t.Errorf("tasks: %+v", tasks)
		}
	})
}

func TestFileIsSharedAndSurvives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "grid.json")
	synctest.Test(t, func(t *testing.T) {
		one, two := open(t, Config{File: file}), open(t, Config{File: file})
		if err := one.Ban(t.Context(), naughty, "Naughty User"); err != nil {
			t.Fatal(err)
		}
		if got := bannedNames(t, two); !slices.Contains(got, "Naughty User") {
			t.Errorf("the other process sees %q", got)
		}
		jobs, _ := live(t, two, liWei)
		must[[]bool](t)(two.KillJobs(t.Context(), ids(jobs)))
		time.Sleep(time.Second)
		three := open(t, Config{File: file})
		if !three.Now().Equal(one.Now()) {
			t.Errorf("after a restart it is %s, was %s", three.Now(), one.Now())
		}
		if k := status(t, three, jobs[0].ID); k.State == "" {
			t.Errorf("after a restart the kill is forgotten: %+v", k)
		}
		if three.Incident() != one.Incident() {
			t.Error("after a restart the story is another")
		}
	})
	if _, err := New(Config{File: file, Speed: 7}); err == nil || !strings.Contains(err.Error(), "speed 60") {
		t.Errorf("another speed: %v", err)
	}
	g := open(t, Config{File: file})
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString(`{"at":"2026-`)
	if err := g.Check(t.Context()); err != nil {
		t.Errorf("a line that is being written: %v", err)
	}
	f.WriteString("nonsense\n")
	if err := g.Check(t.Context()); err == nil {
		t.Error("a broken file passes")
	}
	other := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(other, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{File: other}); err == nil {
		t.Error("a foreign file was taken")
	}
}

func TestNamesAreLookAlikesAndOnePersonHasTwoAccounts(t *testing.T) {
	g := open(t, Config{})
	all := must[[]grid.Account](t)(g.Accounts(t.Context()))
	m := grid.MatchAccounts("Naughty User", all)
	if len(m.Exact) != 1 || len(m.LookAlike) != 3 || len(m.SamePerson) != 0 {
		t.Errorf("exact %d, look-alike %d, same person %d", len(m.Exact), len(m.LookAlike), len(m.SamePerson))
	}
	m = grid.MatchAccounts("Mary McDonald", all)
	if len(m.Exact) != 1 || len(m.SamePerson) != 1 || m.SamePerson[0].Name != "Mary Mcdonald" {
		t.Errorf("Mary: %+v", m)
	}
	for _, a := range all {
		if a.Kind == grid.PersonAccount && grid.PandaName(a.DN) != a.Name {
			t.Errorf("PanDA would call the owner of %s %q, not %q", a.DN, grid.PandaName(a.DN), a.Name)
		}
	}
}
