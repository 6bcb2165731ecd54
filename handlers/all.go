package handlers

import (
	"log/slog"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/auditlog"
	"github.com/gridwarden/gridwarden/handlers/ban"
	"github.com/gridwarden/gridwarden/handlers/containment"
	"github.com/gridwarden/gridwarden/handlers/decision"
	"github.com/gridwarden/gridwarden/handlers/facts"
	"github.com/gridwarden/gridwarden/handlers/help"
	"github.com/gridwarden/gridwarden/handlers/incident"
	"github.com/gridwarden/gridwarden/handlers/job"
	"github.com/gridwarden/gridwarden/handlers/kill"
	"github.com/gridwarden/gridwarden/handlers/person"
	"github.com/gridwarden/gridwarden/handlers/reply"
	"github.com/gridwarden/gridwarden/handlers/status"
	"github.com/gridwarden/gridwarden/handlers/target"
	"github.com/gridwarden/gridwarden/handlers/trace"
	"github.com/gridwarden/gridwarden/handlers/whois"
)

// Journal is what the commands together need of the bot's journal.
type Journal interface {
	incident.Journal
	incident.Checkpointer
	status.Journal
	auditlog.Leaves
	reply.Outbox
	job.Recorder
}

// Decider is what the commands together need of the bot's decider.
type Decider interface {
	decision.Decider
	person.Linker
}

// Backends are the systems that the commands ask. Everything may be empty: a
// command without its backend says so.
type Backends struct {
	Sources     []trace.Source
	Enrichers   []trace.Enricher
	Directories []whois.Directory
	Registers   []Register
	Sites       *grid.SiteMap
	Bans        ban.Backend
	Kills       kill.Backend
	Jobs        []job.Finder
	Evidence    Evidence
	Parts       []status.Part
	Mail        *reply.Sender      // nil: nothing is sent by mail
	JobPage     func(int64) string // the page of a job in PanDA's monitor, by PandaID; nil: there is none
}

// Evidence is what keeps payloads, and who may have one fetched; without a
// keeper nobody may.
type Evidence struct {
	Keeper job.Keeper
	Roles  []bot.Role
}

// Register is what traces and whois ask who has which login and DN.
type Register interface {
	trace.Register
	whois.Register
}

// All returns every command, in /help order. The log has why a backend
// failed; people see only that it did.
func All(log *slog.Logger, j Journal, d Decider, people person.Policies, b Backends) []bot.Command {
	var all []bot.Command
	var forTraces []trace.Register
	var forWhois []whois.Register
	for _, r := range b.Registers {
		forTraces, forWhois = append(forTraces, r), append(forWhois, r)
	}
	all = append(all, trace.New(b.Sources, b.Enrichers, b.Sites, log, forTraces...)...)
	all = append(all, job.New(b.Jobs, b.Sites, &job.Evidence{Keeper: b.Evidence.Keeper, Recorder: j, Roles: b.Evidence.Roles}, log)...)
	all = append(all, whois.New(b.Directories, b.Sites, log, forWhois...)...)
	bans, kills := ban.New(b.Bans, j, b.Sites), kill.New(b.Kills, b.Sites)
	if b.Bans == nil {
		target.Lacking(bans, "ban")
	}
	if b.Kills == nil {
		target.Lacking(kills, "kill")
	}
	all = append(all, bans...)
	all = append(all, kills...)
	known := facts.New(j, trace.NewAsker(b.Sources, b.Enrichers, b.Sites, log, forTraces...))
	all = append(all, containment.New(known, b.Sites)...)
	all = append(all, decision.New(d, j)...)
	all = append(all, incident.New(j, j)...)
	var forReplies []reply.Jobs
	for _, f := range b.Jobs {
		forReplies = append(forReplies, f)
	}
	all = append(all, reply.New(reply.Parts{
		Facts: known.WithJobs(job.NewAsker(b.Jobs, log)), Sites: b.Sites, Jobs: forReplies, Actions: j, Page: b.JobPage, Outbox: j, Sender: b.Mail,
	})...)
	all = append(all, auditlog.New(j, j)...)
	all = append(all, status.New(j, b.Parts, log)...)
	all = append(all, person.New(d, people)...)
	return append(all, help.New(func() []bot.Command { return all }))
}
