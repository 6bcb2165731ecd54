package main

import (
	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// users are PanDA's users and what they run.
type users interface {
	target.Users
	target.Workload
}

// pandaBans is PanDA as bans need it.
type pandaBans struct {
	users
	*panda.Gate
}

// servedBans are bans of which the server can be asked, too.
type servedBans struct {
	users
	*panda.Gate
	*panda.Server
}

// pandaKills is PanDA as kills need it.
type pandaKills struct {
	*panda.Store
	*panda.Killer
}

// wirePanDA builds what of PanDA is configured: the database, the server and the gate.
func (a *app) wirePanDA(cfg panda.Config, sites *grid.SiteMap, w wiring, b *handlers.Backends) error {
	if err := a.wireEvidence(cfg.Evidence, b); err != nil {
		return err
	}
	if cfg.JobPage != "" {
		b.JobPage = cfg.PageOf
	}
	if cfg.Database == nil {
		return nil
	}
	store, err := panda.Open(*cfg.Database, sites)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, store.Close)
	a.parts = append(a.parts, store)
	b.Sources = append(b.Sources, w.source(store))
	b.Directories = append(b.Directories, w.directory(store))
	b.Jobs = append(b.Jobs, store)
	var server *panda.Server
	if cfg.Server != nil {
		if server, err = panda.OpenServer(*cfg.Server); err != nil {
			return err
		}
		a.closers = append(a.closers, server.Close)
		a.parts = append(a.parts, server)
		b.Kills = pandaKills{store, panda.NewKiller(server, store)}
	}
	if cfg.Ban == nil {
		return nil
	}
	gate, err := panda.OpenGate(*cfg.Ban, store)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, gate.Close)
	a.parts = append(a.parts, gate)
	b.Bans = pandaBans{store, gate}
	if server != nil {
		b.Bans = servedBans{store, gate, server}
	}
	return nil
}

// wireEvidence builds what keeps payloads, where that is configured.
func (a *app) wireEvidence(cfg *panda.EvidenceConfig, b *handlers.Backends) error {
	if cfg == nil {
		return nil
	}
	quarantine, err := panda.NewQuarantine(*cfg)
	if err != nil {
		return err
	}
	a.parts = append(a.parts, quarantine)
	b.Evidence.Keeper = quarantine
	for _, role := range cfg.Roles {
		b.Evidence.Roles = append(b.Evidence.Roles, bot.Role(role))
	}
	return nil
}
