package main

import (
	"context"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot/monitor"
	"github.com/gridwarden/gridwarden/handlers"
	"github.com/gridwarden/gridwarden/handlers/trace"
	"github.com/gridwarden/gridwarden/handlers/whois"
)

// source has what a source answers counted, if anybody looks.
func (w wiring) source(s trace.Source) trace.Source {
	if w.monitor == nil {
		return s
	}
	return measuredSource{s, w.monitor}
}

// directory has what a directory answers counted, if anybody looks.
func (w wiring) directory(d whois.Directory) whois.Directory {
	if w.monitor == nil {
		return d
	}
	if l, ok := d.(whois.Lookup); ok {
		return measuredLookup{measuredDirectory{d, w.monitor}, l}
	}
	return measuredDirectory{d, w.monitor}
}

// register has what a register of people answers counted, if anybody looks.
func (w wiring) register(r handlers.Register) handlers.Register {
	if w.monitor == nil {
		return r
	}
	return measuredRegister{r, w.monitor}
}

// measuredSource is a source whose answers are counted.
type measuredSource struct {
	trace.Source
	monitor *monitor.Monitor
}

// Sightings implements trace.Source.
func (s measuredSource) Sightings(ctx context.Context, q grid.Query) (grid.Found, error) {
	began := time.Now()
	found, err := s.Source.Sightings(ctx, q)
	outcome := grid.Partial // as an answer counts that does not say how complete it is
	switch {
	case err != nil:
		outcome = grid.Failed
	case found.Report.State != "":
		outcome = found.Report.State
	}
	s.monitor.Asked(s.Name(), string(outcome), time.Since(began))
	return found, err
}

// measuredDirectory is a directory of accounts whose answers are counted.
type measuredDirectory struct {
	whois.Directory
	monitor *monitor.Monitor
}

// Accounts implements whois.Directory.
func (d measuredDirectory) Accounts(ctx context.Context) ([]grid.Account, error) {
	return d.measured(ctx, d.Directory.Accounts)
}

func (d measuredDirectory) measured(ctx context.Context, ask func(context.Context) ([]grid.Account, error)) ([]grid.Account, error) {
	began := time.Now()
	accounts, err := ask(ctx)
	outcome := grid.Complete
	if err != nil {
		outcome = grid.Failed
	}
	d.monitor.Asked(d.Name(), string(outcome), time.Since(began))
	return accounts, err
}

// measuredLookup is a directory without a list of everybody whose answers are counted.
type measuredLookup struct {
	measuredDirectory
	lookup whois.Lookup
}

// AccountsOf implements whois.Lookup.
func (d measuredLookup) AccountsOf(ctx context.Context, query string) ([]grid.Account, error) {
	return d.measured(ctx, func(ctx context.Context) ([]grid.Account, error) { return d.lookup.AccountsOf(ctx, query) })
}

// Limits implements whois.Lookup.
func (d measuredLookup) Limits() []string { return d.lookup.Limits() }

// measuredRegister is a register of people whose answers are counted.
type measuredRegister struct {
	asked   handlers.Register
	monitor *monitor.Monitor
}

// Name implements handlers.Register.
func (r measuredRegister) Name() string { return r.asked.Name() }

// Experiment implements handlers.Register.
func (r measuredRegister) Experiment() grid.Experiment { return r.asked.Experiment() }

// Register implements handlers.Register.
func (r measuredRegister) Register(ctx context.Context) (*grid.Register, error) {
	began := time.Now()
	register, err := r.asked.Register(ctx)
	outcome := grid.Complete
	if err != nil {
		outcome = grid.Failed
	}
	r.monitor.Asked(r.Name(), string(outcome), time.Since(began))
	return register, err
}
