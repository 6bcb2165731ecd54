package main

import (
	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/handlers"
)

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
	return nil
}
