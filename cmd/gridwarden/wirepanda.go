package main

import (
	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
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
	users
	*panda.Killer
}

// wirePanDA builds what of PanDA is configured: the database, the server and the gate.
func (a *app) wirePanDA(cfg panda.Config, sites *grid.SiteMap, w wiring, b *handlers.Backends) error {
	if cfg.Database == nil {
		return nil
	}
	store, err := panda.Open(*cfg.Database, sites)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, store.Close)
	a.parts = append(a.parts, store)
	b.Directories = append(b.Directories, w.directory(store))
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
