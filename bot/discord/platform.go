package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"github.com/gridwarden/gridwarden/bot"
)

// Platform is all configured servers. Build it with New.
type Platform struct {
	guilds map[string]*guild
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
	_ bot.Knower      = (*Platform)(nil)
)

// New makes the Platform. It reads the tokens and asks nobody anything.
func New(guilds []Config, opt Options) (*Platform, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	p := &Platform{guilds: map[string]*guild{}}
	for _, c := range guilds {
		if _, twice := p.guilds[c.Name]; twice || c.Name == "" {
			return nil, fmt.Errorf("discord: the server %q needs a name of its own", c.Name)
		}
		if !IsID(c.Guild) {
			return nil, fmt.Errorf("discord: server %s: %.40q is no id of a server", c.Name, c.Guild)
		}
		g, err := newGuild(c, opt)
		if err != nil {
			return nil, err
		}
		g.configured = p.configured
		p.guilds[c.Name] = g
	}
	return p, nil
}

// configured reports whether a server is one of those that are listened to, by id.
func (p *Platform) configured(id string) bool {
	for _, g := range p.guilds {
		if g.id == id {
			return true
		}
	}
	return false
}

// Name implements bot.Platform.
func (p *Platform) Name() string { return Name }

// Mode is how Discord and the bot talk, for `status`.
func (p *Platform) Mode() string { return "gateway" }

// Listen implements bot.Platform. A server that Discord does not let the bot into
// ends it when it was never connected; one that is lost later is tried again
// every few minutes, and does not stop the others.
func (p *Platform) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	defer func() {
		for _, g := range p.guilds {
			g.transport.CloseIdleConnections()
		}
	}()
	return bot.Together(ctx, maps.Values(p.guilds), func(ctx context.Context, g *guild) error { return g.listen(ctx, handle) })
}

// Connection implements bot.Connected: events arrive when every server has its session.
func (p *Platform) Connection() (up bool, reconnects int) {
	up = true
	for _, g := range p.guilds {
		g.mu.Lock()
		up = up && g.up
		reconnects += g.reconnects
		g.mu.Unlock()
	}
	return up, reconnects
}

var errElsewhere = errors.New("discord: no such place here")

// at finds the server of a thread.
func (p *Platform) at(t bot.Thread) (*guild, error) {
	g, ok := p.guilds[t.Workspace]
	if t.Platform != Name || !ok || !IsID(t.Channel) || t.Root != "" && !IsID(t.Root) {
		return nil, fmt.Errorf("%w: %s", errElsewhere, t)
	}
	return g, nil
}
