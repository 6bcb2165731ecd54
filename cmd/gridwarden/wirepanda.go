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

// remoteBans are bans where PanDA's database is not known.
type remoteBans struct {
	*panda.Remote
	*panda.RemoteGate
}

// remoteKills are kills where PanDA's database is not known.
type remoteKills struct {
	*panda.Remote
	*panda.RemoteKiller
}

// wirePanDA builds what of PanDA is configured: the database or the monitor, the
// server and the gate.
func (a *app) wirePanDA(cfg panda.Config, sites *grid.SiteMap, w wiring, b *handlers.Backends) error {
	if err := a.wireEvidence(cfg.Evidence, b); err != nil {
		return err
	}
	if cfg.JobPage != "" {
		b.JobPage = cfg.PageOf
	}
	var store *panda.Store
	var server *panda.Server
	var remote *panda.Remote
	var err error
	if cfg.Database != nil {
		if store, err = panda.Open(*cfg.Database, sites); err != nil {
			return err
		}
		a.closers = append(a.closers, store.Close)
		a.parts = append(a.parts, store)
	}
	if cfg.Server != nil {
		if server, err = panda.OpenServer(*cfg.Server); err != nil {
			return err
		}
		a.closers = append(a.closers, server.Close)
		a.parts = append(a.parts, server)
	}
	if cfg.Monitor != nil {
		monitor, err := panda.OpenMonitor(*cfg.Monitor)
		if err != nil {
			return err
		}
		a.closers = append(a.closers, monitor.Close)
		a.parts = append(a.parts, monitor)
		remote = panda.NewRemote(monitor, server, sites)
	}
	switch {
	case store != nil:
		return a.wireDatabase(cfg, store, server, remote, w, b)
	case remote != nil:
		a.wireRemote(cfg, server, remote, w, b)
	}
	return nil
}

// wireDatabase builds what asks the database. A monitor beside it is a second witness
// of single jobs, and has those that the database has not any more.
func (a *app) wireDatabase(cfg panda.Config, store *panda.Store, server *panda.Server, remote *panda.Remote, w wiring, b *handlers.Backends) error {
	b.Sources = append(b.Sources, w.source(store))
	b.Directories = append(b.Directories, w.directory(store))
	b.Jobs = append(b.Jobs, store)
	if remote != nil {
		b.Jobs[len(b.Jobs)-1] = panda.NewWitnessed(store, remote)
	}
	if server != nil {
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

// wireRemote builds what asks the monitor, and the server where there is one: without
// it nobody tells who is banned or which tasks there are.
func (a *app) wireRemote(cfg panda.Config, server *panda.Server, remote *panda.Remote, w wiring, b *handlers.Backends) {
	b.Sources = append(b.Sources, w.source(remote))
	b.Jobs = append(b.Jobs, remote)
	if server == nil {
		return
	}
	b.Directories = append(b.Directories, w.directory(remote))
	b.Kills = remoteKills{remote, panda.NewRemoteKiller(server, remote)}
	if cfg.Ban != nil {
		gate := panda.OpenRemoteGate(*cfg.Ban, remote)
		a.parts = append(a.parts, gate)
		b.Bans = remoteBans{remote, gate}
	}
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
