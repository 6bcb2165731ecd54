package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
)

// Platform is all configured workspaces. Build it with New.
type Platform struct {
	workspaces map[string]*workspace
}

var (
	_ bot.Platform    = (*Platform)(nil)
	_ bot.Whisperer   = (*Platform)(nil)
	_ bot.KeyedPoster = (*Platform)(nil)
	_ bot.Finder      = (*Platform)(nil)
	_ bot.Seeder      = (*Platform)(nil)
	_ bot.CardReader  = (*Platform)(nil)
	_ bot.Reader      = (*Platform)(nil)
	_ bot.Grouper     = (*Platform)(nil)
	_ bot.Audience    = (*Platform)(nil)
	_ bot.Connected   = (*Platform)(nil)
	_ bot.Called      = (*Platform)(nil)
	_ bot.Knower      = (*Platform)(nil)
)

// New makes the Platform. It reads the tokens and asks nobody anything.
func New(workspaces []Config, opt Options) (*Platform, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	p := &Platform{workspaces: map[string]*workspace{}}
	for _, c := range workspaces {
		if _, twice := p.workspaces[c.Name]; twice || c.Name == "" {
			return nil, fmt.Errorf("slack: the workspace %q needs a name of its own", c.Name)
		}
		if c.Sockets < 0 || c.Sockets > MaxSockets {
			return nil, fmt.Errorf("slack: workspace %s: %d sockets; give 1 to %d", c.Name, c.Sockets, MaxSockets)
		}
		w, err := newWorkspace(c, opt)
		if err != nil {
			return nil, err
		}
		p.workspaces[c.Name] = w
	}
	return p, nil
}

// Name implements bot.Platform.
func (p *Platform) Name() string { return Name }

// Mode is how Slack and the bot talk, for `status`.
func (p *Platform) Mode() string {
	var modes []string
	for _, w := range p.workspaces {
		if mode := w.mode(); !slices.Contains(modes, mode) {
			modes = append(modes, mode)
		}
	}
	slices.Sort(modes)
	return strings.Join(modes, " and ")
}

// Routes implements bot.Called: the addresses of the workspaces in HTTP mode.
func (p *Platform) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{}
	for name, w := range p.workspaces {
		if w.inbound == nil {
			continue
		}
		for path, kind := range inboundPaths {
			routes["POST "+inboundPath(name, path)] = w.inbound.route(kind)
		}
	}
	return routes
}

// Listen implements bot.Platform. A workspace whose tokens Slack does not take
// ends it when it was never connected; one that loses its token later is tried
// again every minute, and does not stop the others.
func (p *Platform) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	defer func() {
		for _, w := range p.workspaces {
			w.client.CloseIdleConnections()
		}
	}()
	return bot.Together(ctx, maps.Values(p.workspaces), func(ctx context.Context, w *workspace) error { return w.listen(ctx, handle) })
}

// Connection implements bot.Connected: events arrive when every workspace has a
// socket, or in HTTP mode is let in and has a good token.
func (p *Platform) Connection() (up bool, reconnects int) {
	up = true
	for _, w := range p.workspaces {
		w.mu.Lock()
		up = up && w.sockets > 0
		reconnects += w.reconnects
		w.mu.Unlock()
	}
	return up, reconnects
}

var errElsewhere = errors.New("slack: no such place here")

// at finds the workspace of a thread.
func (p *Platform) at(t bot.Thread) (*workspace, error) {
	w, ok := p.workspaces[t.Workspace]
	if t.Platform != Name || !ok || t.Channel == "" {
		return nil, fmt.Errorf("%w: %s", errElsewhere, t)
	}
	return w, nil
}
