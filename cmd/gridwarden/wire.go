package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/gridwarden/gridwarden/backends/cric"
	"github.com/gridwarden/gridwarden/backends/elastic"
	"github.com/gridwarden/gridwarden/backends/history"
	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/backends/pilotlog"
	"github.com/gridwarden/gridwarden/backends/sandbox"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/mail"
	"github.com/gridwarden/gridwarden/bot/monitor"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/handlers"
	"github.com/gridwarden/gridwarden/handlers/status"
)

// wiring says what a sub-command needs of the program.
type wiring struct {
	in     io.Reader
	out    io.Writer
	listen bool // run the console
	serves bool // goes on until it is stopped, and so removes what was kept long enough
	chats  bool // build the configured chat platforms; whoever runs the program listens on them
	brief  bool // the console shows only what is new in a changed message
	// monitor counts what happens; nil: nobody looks.
	monitor *monitor.Monitor
	// platforms are used instead of the configured ones, and the configured ones are
	// reached at api, by tests.
	platforms []bot.Platform
	api       func(platform string) string
}

// app is the whole program, built by hand.
type app struct {
	journal *journal.Journal
	people  *bot.People
	engine  *bot.Engine
	sandbox *sandbox.Grid    // nil: not configured
	console *console.Console // nil: not listening
	parts   []status.Part
	chats   []bot.Platform // of the configuration, but the console
	mail    *mail.Mail     // nil: not configured
	// commands are the names of all commands; what is built before them asks later.
	commands  []string
	described []discord.Command  // the same with their arguments and what they do
	keep      *journal.Retention // nil: this process removes nothing
	log       *slog.Logger
	closers   []func() error
}

// wire builds everything, in order: journal, decider, handlers, engine, platforms.
func wire(ctx context.Context, cfg *config.Config, log *slog.Logger, w wiring) (_ *app, err error) {
	a := &app{log: log}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	holder := self()
	if a.journal, err = openJournal(ctx, cfg, log, holder); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, a.journal.Close, func() error { return a.settleLog(ctx) })
	a.parts = append(a.parts, a.journal)
	if w.serves {
		r := retention(cfg)
		a.keep = &r
	}
	rules := cfg.Rules()
	links, err := a.journal.Links(ctx)
	if err != nil {
		return nil, err
	}
	a.people = bot.NewPeople(rules, links)
	decider := bot.NewDecider(log, a.journal, a.people)

	if w.chats {
		if err := a.wireChats(cfg, w); err != nil {
			return nil, err
		}
	}
	if err := a.wireMail(cfg); err != nil {
		return nil, err
	}
	b := handlers.Backends{Sites: cfg.Sites(), Mail: sender(cfg)}
	if h := cfg.Backends.CMS.History; h != nil {
		store, err := history.Open(ctx, *h)
		if err != nil {
			return nil, err
		}
		a.closers = append(a.closers, store.Close)
		a.parts = append(a.parts, store)
		b.Sources = append(b.Sources, w.source(store))
	}
	if r := cfg.Backends.CMS.CRIC; r != nil {
		people := cric.New(*r)
		a.closers = append(a.closers, people.Close)
		a.parts = append(a.parts, people)
		b.Registers = append(b.Registers, w.register(people))
	}
	if configs := cfg.Backends.CMS.PilotLogs; len(configs) > 0 {
		logs, err := pilotlog.New(configs)
		if err != nil {
			return nil, err
		}
		a.parts = append(a.parts, logs)
		b.Enrichers = append(b.Enrichers, logs)
	}
	if err := a.wireSearch(cfg.Backends.CMS, w, &b); err != nil {
		return nil, err
	}
	if p := cfg.Backends.PanDA; p != nil {
		if err := a.wirePanDA(*p, cfg.Sites(), w, &b); err != nil {
			return nil, err
		}
	}
	if s := cfg.Backends.Sandbox; s != nil {
		if a.sandbox, err = sandbox.New(*s); err != nil {
			return nil, err
		}
		a.parts = append(a.parts, a.sandbox)
		b.Sources = append(b.Sources, w.source(a.sandbox))
		b.Directories = append(b.Directories, w.directory(a.sandbox))
		b.Jobs = append(b.Jobs, a.sandbox)
		b.Bans, b.Kills = a.sandbox, a.sandbox // never beside PanDA's: the configuration refuses that
		if b.Sites == nil {
			b.Sites = a.sandbox.SiteMap()
		}
	}
	b.Parts = a.parts
	commands := handlers.All(log, a.journal, decider, a.people, b)

	for _, c := range commands {
		a.commands = append(a.commands, c.Name)
		a.described = append(a.described, discord.Command{Name: c.Name, Args: c.Args, Summary: c.Summary})
	}
	platforms := append(slices.Clone(w.platforms), a.chats...)
	if a.mail != nil {
		platforms = append(platforms, a.mail)
	}
	if w.listen {
		options, err := a.consoleOptions(rules)
		if err != nil {
			return nil, err
		}
		options.Brief = w.brief
		if a.console, err = console.New(cfg.Console, options, w.in, w.out); err != nil {
			return nil, err
		}
		platforms = append(platforms, a.console)
	}
	parts := bot.Parts{
		Log: log, Journal: a.journal, People: a.people, Decider: decider,
		Commands: commands, Platforms: platforms, Holder: holder, Dead: hasEnded, Elsewhere: []string{console.Name},
		Groups: map[string]bot.Grouper{console.Name: console.Groups{Config: cfg.Console.Groups, People: consolePeople(rules)}},
	}
	if w.monitor != nil {
		parts.Meter = w.monitor
		w.monitor.Watch(a.journal, a.dated(), platforms)
	}
	if a.engine, err = bot.New(parts); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { return a.engine.Leave(context.WithoutCancel(ctx)) })
	return a, nil
}

// wireSearch builds the sources that are search servers.
func (a *app) wireSearch(cms config.CMS, w wiring, b *handlers.Backends) error {
	for _, x := range []struct {
		kind elastic.Kind
		*elastic.Config
	}{{elastic.Finished, cms.Elastic}, {elastic.Snapshots, cms.MONIT}} {
		if x.Config == nil {
			continue
		}
		source, err := elastic.New(x.kind, *x.Config)
		if err != nil {
			return err
		}
		a.closers = append(a.closers, source.Close)
		a.parts = append(a.parts, source)
		b.Sources = append(b.Sources, w.source(source))
	}
	return nil
}

// dated are the parts whose data has an age.
func (a *app) dated() []monitor.Source {
	var out []monitor.Source
	for _, p := range a.parts {
		if s, ok := p.(monitor.Source); ok {
			out = append(out, s)
		}
	}
	return out
}

// consoleOptions lets a trusted console speak for everybody with a console account.
func (a *app) consoleOptions(rules bot.Rules) (console.Options, error) {
	o := console.Options{People: consolePeople(rules), Paste: paster{a}, Idle: func(ctx context.Context) error { return a.engine.Idle(ctx) }}
	me, err := operator(a.people)
	if err != nil {
		return o, err
	}
	if _, known := a.people.PersonOf(me.Key()); known {
		o.Self = me // otherwise a trusted console begins as one of those who may be played
	}
	o.Commands = a.commands
	return o, nil
}

// consolePeople are the console accounts by person.
func consolePeople(rules bot.Rules) map[string]bot.Account {
	people := map[string]bot.Account{}
	for _, p := range rules.People {
		for _, key := range p.Accounts {
			if id, ok := strings.CutPrefix(key, console.Name+"/"); ok {
				people[string(p.ID)] = bot.Account{Platform: console.Name, ID: id, Name: string(p.ID), Standing: bot.Member}
				break
			}
		}
	}
	return people
}

// retention is the configured retention of the journal.
func retention(cfg *config.Config) journal.Retention {
	return journal.Retention{Requests: cfg.Retention.Requests, PersonalData: cfg.Retention.PersonalData}
}

// run runs the engine, the journal's sequencer and its retention until ctx ends
// or every platform has no more input.
func (a *app) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sequencer := make(chan error, 1)
	go func() { sequencer <- a.journal.Run(ctx) }()
	var keeping sync.WaitGroup
	if a.keep != nil {
		keeping.Go(func() { a.journal.Retain(ctx, *a.keep) })
	}
	err := a.engine.Run(ctx)
	cancel()
	keeping.Wait()
	if serr := <-sequencer; err == nil && ctx.Err() == nil {
		err = serr
	}
	return err
}

// settleLog signs what was recorded: a sub-command that does not run the
// sequencer would leave it waiting until the next serve.
func (a *app) settleLog(ctx context.Context) error {
	_, err := a.journal.Sequence(context.WithoutCancel(ctx))
	return err
}

// close closes what was opened, last first.
func (a *app) close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		if err := a.closers[i](); err != nil {
			a.log.Error("closing failed", "error", err)
		}
	}
	a.closers = nil
}
