package mattermost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gridwarden/gridwarden/bot"
)

// Name is the platform's word in configuration and addresses.
const Name = "mattermost"

// The capabilities of Mattermost.
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

// Platform is the Mattermost servers of one configuration. Build it with New.
type Platform struct {
	servers []*server
}

// New makes a Platform. It reads the tokens and connects to nothing.
func New(configs []Config, o Options) (*Platform, error) {
	p := &Platform{}
	for _, c := range configs {
		if problems := c.Problems(); len(problems) > 0 {
			return nil, fmt.Errorf("mattermost: %s: %s %s", c.Name, problems[0].Setting, problems[0].Text)
		}
		s, err := newServer(c, o)
		if err != nil {
			return nil, err
		}
		p.servers = append(p.servers, s)
	}
	if len(p.servers) == 0 {
		return nil, errors.New("mattermost: no server is configured")
	}
	return p, nil
}

// Name implements bot.Platform.
func (p *Platform) Name() string { return Name }

// Listen implements bot.Platform. It ends with ctx only: a server that cannot
// be reached, or that refuses the token, is asked again.
func (p *Platform) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	var all sync.WaitGroup
	for _, s := range p.servers {
		all.Go(func() { s.listen(ctx, handle) })
	}
	all.Wait()
	return ctx.Err()
}

// Connection implements bot.Connected. It is up when every server is.
func (p *Platform) Connection() (up bool, reconnects int) {
	up = true
	for _, s := range p.servers {
		s.mu.Lock()
		up = up && s.up
		reconnects += max(s.connections-1, 0)
		s.mu.Unlock()
	}
	return up, reconnects
}

// Parts are the servers, for `status` and `check --probe`.
func (p *Platform) Parts() []*Part {
	parts := make([]*Part, len(p.servers))
	for i, s := range p.servers {
		parts[i] = &Part{s}
	}
	return parts
}

// at gives the server of an address.
func (p *Platform) at(t bot.Thread) (*server, error) {
	i := slices.IndexFunc(p.servers, func(s *server) bool { return s.config.Name == t.Workspace })
	if i < 0 || t.Platform != Name || t.Channel == "" {
		return nil, fmt.Errorf("mattermost: %s is no place on a server of this configuration", t)
	}
	return p.servers[i], nil
}

// Post implements bot.Platform.
func (p *Platform) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return p.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster. Within half a minute the server itself
// refuses to make a second post of a key; later FindPost finds the first.
func (p *Platform) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	s, err := p.at(t)
	if err != nil {
		return "", err
	}
	return s.post(ctx, t, key, m)
}

// Update implements bot.Platform.
func (p *Platform) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	s, err := p.at(t)
	if err != nil {
		return err
	}
	return s.update(ctx, t, id, m)
}

// FindPost implements bot.Finder.
func (p *Platform) FindPost(ctx context.Context, t bot.Thread, key string) (id string, found bool, err error) {
	s, err := p.at(t)
	if err != nil {
		return "", false, err
	}
	return s.find(ctx, t, key)
}

// Whisper implements bot.Whisperer: a post that only this account sees, or a
// direct message where the bot may not make such posts.
func (p *Platform) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	s, err := p.at(t)
	if err != nil {
		return err
	}
	return s.whisper(ctx, t, to, m)
}

// Seed implements bot.Seeder.
func (p *Platform) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	s, err := p.at(t)
	if err != nil {
		return err
	}
	return s.seed(ctx, id, reactions)
}

// Members implements bot.Grouper. A group is WORKSPACE/channel/NAME: the full
// members of a private channel. One that anybody can join is refused.
func (p *Platform) Members(ctx context.Context, group string) ([]string, error) {
	parts := strings.Split(group, "/")
	if len(parts) != 3 || parts[1] != "channel" {
		return nil, fmt.Errorf("mattermost: group %q is not of the form WORKSPACE/channel/NAME", group)
	}
	s, err := p.at(bot.Thread{Platform: Name, Workspace: parts[0], Channel: parts[2]})
	if err != nil {
		return nil, err
	}
	return s.members(ctx, parts[2])
}

// Shared implements bot.Audience: a public channel, one with guests, one that
// is shared with other organisations.
func (p *Platform) Shared(ctx context.Context, t bot.Thread) (bool, error) {
	s, err := p.at(t)
	if err != nil {
		return false, err
	}
	return s.shared(ctx, t.Channel)
}
