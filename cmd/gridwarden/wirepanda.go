package main

import (
	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/handlers"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// pandaGate is PanDA as ban and unban need it: who its users are and what they run,
// and the gate that lets them submit.
type pandaGate struct {
	users
	*panda.Gate
}

// users are PanDA's users and what they run.
type users interface {
	target.Users
	target.Workload
}

// wirePanDA builds what of PanDA is configured.
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
	if cfg.Ban != nil {
		gate, err := panda.OpenGate(*cfg.Ban, store)
		if err != nil {
			return err
		}
		a.closers = append(a.closers, gate.Close)
		a.parts = append(a.parts, gate)
		b.Bans = pandaGate{store, gate}
	}
	return nil
}
