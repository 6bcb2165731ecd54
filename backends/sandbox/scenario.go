package sandbox

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// The sites, each with the name that every experiment gives it.
const (
	bigSite   = "EXAMPLE-LCG2"
	bigCMS    = "T2_XX_Example"
	smallSite = "EXAMPLE-T3"
	smallCMS  = "T3_XX_Example"
)

// incidentHost is the worker node that the site has reported. It takes no new
// jobs after that.
const incidentHost = "wn042.example.org"

var nodes = map[string][]string{
	bigSite:   {"wn040.example.org", "wn041.example.org", incidentHost, "wn043.example.org", "wn044.example.org"},
	smallSite: {"c01.t3.example.net", "c02.t3.example.net", "c03.t3.example.net"},
}

// The addresses from which worker nodes are seen: those of the big site each
// have one, beginning with firstAddress; those of the small site share one.
const (
	squidAddress = "198.51.100.80" // of the big site
	firstAddress = "198.51.100.40"
	natAddress   = "203.0.113.10"
)

// addressOf gives the address of a worker node as others see it.
func addressOf(host string) netip.Addr {
	n := slices.Index(nodes[bigSite], host)
	if n < 0 {
		return netip.MustParseAddr(natAddress)
	}
	a := netip.MustParseAddr(firstAddress)
	for range n {
		a = a.Next()
	}
	return a
}

// beforeStart is how long before the clock's start the site saw something odd.
const beforeStart = 45 * time.Minute

const factoryDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1"

// Incident is the story that is planted in the grid.
type Incident struct {
	Host      string    // the worker node that the site reports
	Site      string    // as ATLAS calls it
	Time      time.Time // simulated, UTC
	FactoryDN string    // the DN that the site names: the pilot factory's
	User      string    // whose payload it is, by the exact PanDA name
}

// Incident tells the planted story, for a demo to tell it to people.
func (g *Grid) Incident() Incident {
	return Incident{
		Host: incidentHost, Site: bigSite, Time: g.clock.Start.Add(-beforeStart).Truncate(time.Minute),
		FactoryDN: factoryDN, User: "Naughty User",
	}
}

// SiteMap is what people would know of this grid beside its records.
func (g *Grid) SiteMap() *grid.SiteMap {
	return &grid.SiteMap{
		Sites: []grid.Site{
			{CMS: []string{bigCMS}, WLCG: []string{"EXAMPLE-SITE"}, ATLAS: []string{bigSite}, Squids: []string{squidAddress}},
			{CMS: []string{smallCMS}, ATLAS: []string{smallSite}, NAT: []string{natAddress}},
		},
		Factories: []grid.Factory{{DN: factoryDN, Name: factoryName, Owner: "the ATLAS pilot factory team at CERN"}},
	}
}

const (
	factoryName   = "CERN-Example-Factory"
	factorySchedd = "schedd1@factory.example.org"
)

// The accounts that tasks belong to.
const (
	naughty = "1001"
	liWei   = "1008"
	mary    = "1005"
	banned  = "1011"
)

// accountsAt gives the users table. Three names look like the malicious user's;
// Mary has an account by certificate and one by token. hostile adds those of hostileNames.
func accountsAt(start time.Time, hostile bool) []grid.Account {
	const people = "/DC=ch/DC=cern/OU=Organic Units/OU=Users"
	accounts := []grid.Account{
		{ID: naughty, Name: "Naughty User", DN: people + "/CN=nuser/CN=123456/CN=Naughty User", Email: "naughty.user@example.org", Kind: grid.PersonAccount},
		{ID: "1002", Name: "naughty user", DN: "/DC=org/DC=example/OU=People/CN=naughty user", Email: "n.user@example.net", Kind: grid.PersonAccount},
		{ID: "1003", Name: "Naughty Usеr", DN: "/DC=org/DC=example/OU=People/CN=Naughty Usеr", Email: "nu@example.com", Kind: grid.PersonAccount},
		{ID: "1004", Name: "Naughty Usher", DN: people + "/CN=nusher/CN=234567/CN=Naughty Usher", Email: "naughty.usher@example.org", Kind: grid.PersonAccount},
		{ID: mary, Name: "Mary McDonald", DN: people + "/CN=mmcdonal/CN=345678/CN=Mary McDonald", Email: "mary.mcdonald@example.org", Kind: grid.PersonAccount},
		{ID: "1006", Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:mmcdonal", Email: "mary.mcdonald@example.org", Kind: grid.PersonAccount},
		{ID: "1007", Name: "atlpilo1", DN: factoryDN, Kind: grid.PilotFactory},
		{ID: liWei, Name: "Li Wei", DN: people + "/CN=liwei/CN=456789/CN=Li Wei", Email: "li.wei@example.org", Kind: grid.PersonAccount},
		{ID: "1009", Name: "gangarbt", DN: people + "/CN=gangarbt/CN=601234/CN=Robot: Ganga Robot", Kind: grid.RobotAccount},
		{ID: "1010", Name: "ddm.example.org", DN: "/DC=ch/DC=cern/OU=computers/CN=ddm.example.org", Kind: grid.ServiceAccount},
		{ID: banned, Name: "Ivan Petrov", DN: people + "/CN=ipetrov/CN=567890/CN=Ivan Petrov", Email: "ivan.petrov@example.org", Kind: grid.PersonAccount},
	}
	if hostile {
		accounts = append(accounts, hostileAccounts()...)
	}
	for i := range accounts {
		accounts[i].Experiment = grid.ATLAS
		accounts[i].LastSeen = start.Add(-time.Duration(i+1) * 24 * time.Hour)
	}
	return accounts
}

// eventsBefore is what was done to the grid before the clock's start: a ban
// that nobody here knows the origin of.
func eventsBefore(start time.Time) []event {
	return []event{{At: start.Add(-40 * 24 * time.Hour), Do: doBan, IDs: []string{banned}}}
}

// task keeps a number of slots busy: when a job of a slot has ended, however it
// ended, the next one is made.
type task struct {
	id      string
	number  int64 // the part of the job ids that is the task's
	account string
	name    string
	site    string
	from    time.Time
	slots   int
	waiting int           // of the slots, how many wait long for a worker node
	cores   int           // of each job
	length  time.Duration // of each job
	first   []string      // hosts of the first jobs, by slot
	evades  bool          // the first job survives its pilot's order
}

// tasksAt gives the tasks that run when the clock starts. Only the malicious
// user's first job is on the incident's host.
func tasksAt(start time.Time) []task {
	return []task{
		{
			id: "41000101", number: 1, account: naughty, name: "user.nuser.calib_v3", site: bigSite, from: start.Add(-5 * time.Hour),
			slots: 7, waiting: 3, cores: 8, length: 30 * time.Hour, evades: true,
			first: []string{incidentHost, "wn040.example.org", "wn043.example.org", "wn044.example.org"},
		},
		{
			id: "41000102", number: 2, account: naughty, name: "user.nuser.calib_v4", site: smallSite, from: start.Add(-3 * time.Hour),
			slots: 4, waiting: 1, cores: 4, length: 30 * time.Hour, first: nodes[smallSite],
		},
		{
			id: "41000201", number: 3, account: liWei, name: "user.liwei.higgs_ntuple", site: bigSite, from: start.Add(-9 * time.Hour),
			slots: 3, waiting: 1, cores: 1, length: 6 * time.Hour, first: []string{"wn040.example.org", "wn041.example.org"},
		},
		{
			id: "41000301", number: 4, account: mary, name: "user.mmcdonal.susy_scan", site: bigSite, from: start.Add(-7 * time.Hour),
			slots: 2, cores: 1, length: 8 * time.Hour, first: []string{"wn041.example.org", "wn044.example.org"},
		},
	}
}

// submitted is a task that somebody submitted while the clock ran.
func submitted(e event, n int) task {
	return task{
		id: e.IDs[1], number: int64(firstSubmitted + n), account: e.IDs[0], name: "user.submitted." + e.IDs[1], site: bigSite, from: e.At,
		slots: 3, waiting: 1, cores: 1, length: 12 * time.Hour, first: []string{"wn043.example.org", "wn044.example.org"},
	}
}

// firstSubmitted is the number of the first task that was submitted while the clock ran.
const firstSubmitted = 100

// cmsJob is a job of the other experiment, whose record is complete.
type cmsJob struct {
	id, login, name string
	site, host      string // host "" is a record without one
	start, end      time.Time
}

// cmsJobsAt gives the other experiment's jobs: one beside the malicious payload,
// one whose record names no host and so cannot be excluded, one elsewhere.
func cmsJobsAt(start time.Time) []cmsJob {
	at := func(d time.Duration) time.Time { return start.Add(-beforeStart + d) }
	return []cmsJob{
		{"crab3@vocms0198.example.org#70112.0#1", "jdoe", "John Doe", bigCMS, incidentHost, at(-2 * time.Hour), at(20 * time.Minute)},
		{"crab3@vocms0198.example.org#70113.4#1", "aschmidt", "Anna Schmidt", bigCMS, "", at(-time.Hour), at(30 * time.Minute)},
		{"crab3@vocms0199.example.org#70240.1#1", "jdoe", "John Doe", smallCMS, "c02.t3.example.net", at(-3 * time.Hour), at(-time.Hour)},
	}
}
