package sandbox

import (
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// maxCrowd is how many people more than the story's the grid may have.
const maxCrowd = 500

// crowd gives so many people a job on the incident's worker node in the hours of it.
func crowd(people int, start time.Time) []cmsJob {
	var out []cmsJob
	for n := range people {
		out = append(out, cmsJob{
			id: fmt.Sprintf("crab3@vocms0200.example.org#%d.0#1", 80_000+n), login: fmt.Sprintf("crowd%03d", n),
			name: fmt.Sprintf("Crowd Member %03d With One Of Those Long Names That Stand In Certificates", n),
			site: bigCMS, host: incidentHost, start: start.Add(-2 * time.Hour).Add(time.Duration(n) * time.Second), end: start,
		})
	}
	return out
}

// Who tries to become more than text in a chat. Every name can be an account's: a
// user chooses it, and so does whoever makes records.
const (
	hostileAll     = "1101"
	hostileMarkup  = "1102"
	hostileUnseen  = "1103"
	hostileCommand = "1104"
)

// hostileNames are the names of those accounts: mentions of everybody on each
// platform, Markdown and links of each, signs that turn the direction or are not
// seen, and what would end a piece of code or be a command.
var hostileNames = map[string]string{
	hostileAll:     "@channel <!channel> @everyone @here <@U0001>",
	hostileMarkup:  "**bold** [CERN](https://evil.example) <https://evil.example|cern.ch> ![x](http://evil.example/x.png)",
	hostileUnseen:  "Ev\u202Elive\u202C \u05D0\u05D1 Us\u200Ber\u2066\u2069",
	hostileCommand: "``` /ban `x` || # head\t~struck~ :tada: $1$",
}

// hostileAccounts are the rows of the users table with those names.
func hostileAccounts() []grid.Account {
	var out []grid.Account
	for _, id := range []string{hostileAll, hostileMarkup, hostileUnseen, hostileCommand} {
		name := hostileNames[id]
		out = append(out, grid.Account{ID: id, Name: name, DN: "/DC=org/DC=example/OU=People/CN=" + name, Email: "h" + id + "@example.org", Kind: grid.PersonAccount})
	}
	return out
}

// hostileTasks give the first of them a task whose name and payload are as hostile,
// with one job on the incident's worker node.
func hostileTasks(start time.Time) []task {
	return []task{{
		id: "41000901", number: 9, account: hostileAll, name: "user.x.@everyone_<!here>", site: bigSite, from: start.Add(-4 * time.Hour),
		slots: 1, cores: 1, length: 30 * time.Hour, first: []string{incidentHost},
	}}
}

// hostileJobs are the jobs of the others on the incident's worker node, as the
// other experiment's records tell them.
func hostileJobs(start time.Time) []cmsJob {
	var out []cmsJob
	for n, id := range []string{hostileMarkup, hostileUnseen, hostileCommand} {
		out = append(out, cmsJob{
			fmt.Sprintf("crab3@vocms0201.example.org#%d.0#1", 90_000+n), hostileNames[id], hostileNames[id], bigCMS, incidentHost, start.Add(-3 * time.Hour), start,
		})
	}
	return out
}
