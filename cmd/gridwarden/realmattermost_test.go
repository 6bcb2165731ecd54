package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/realmattermost"
	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
)

// TestTranscriptsOnRealMattermost plays every conversation on the server that
// the environment names, in both modes. The program has the transcript's clock;
// its platform, the people and the server have their own. What no person can do
// on that server is handed over as the event that it would be, and logged.
func TestTranscriptsOnRealMattermost(t *testing.T) {
	server := realmattermost.Named(t)
	calls := server.Listen(t)
	out, end := openOutside()
	defer end()
	files, err := filepath.Glob("../../testdata/transcripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	settings, err := server.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	town := &realTown{server: server, calls: calls, out: out, users: map[string]string{}, nobody: []bot.Standing{bot.Guest, bot.Outsider, bot.Deactivated}}
	if !*settings.ServiceSettings.EnablePostUsernameOverride { // then a relay is its bot
		town.nobody = append(town.nobody, bot.Bridged)
	}
	for _, full := range []bool{false, true} {
		mode := "websocket only"
		if full {
			mode = "full"
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".txtar")
			t.Run(mode+"/"+name, func(t *testing.T) {
				if slices.Contains([]string{"outage", "gaps", "halfopen", "late", "withdrawn", "barred"}, name) {
					t.Skip("nothing of that kind is done to a real server here")
				}
				bottest.RunTranscript(t, file, func(t *testing.T, s bottest.Setup) bottest.Bot { return town.open(t, s, full) })
			})
		}
	}
}

// realTown is a server with the people of all transcripts.
type realTown struct {
	server *realmattermost.Server
	calls  *realmattermost.Calls
	out    *outside
	// What nobody can be there: guests need a licence, members of elsewhere another
	// server, and whoever is deactivated does nothing any more.
	nobody []bot.Standing

	mu    sync.Mutex
	users map[string]string // ids by name; a bot called NAME is "NAME bot"
}

// user is the id of somebody, who is made when new.
func (w *realTown) user(ctx context.Context, name string, standing bot.Standing) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := name
	if standing == bot.Bot {
		key += " bot"
	}
	if id := w.users[key]; id != "" {
		return id, nil
	}
	var id string
	if standing == bot.Bot {
		var err error
		if id, _, err = w.server.AddBot(ctx, name+"-bot"); err != nil {
			return "", err
		}
	} else {
		u, err := w.server.AddUser(ctx, name)
		if err != nil {
			return "", err
		}
		id = u.Id
	}
	w.users[key] = id
	return id, nil
}

func (w *realTown) nameOf(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, other := range w.users {
		if other == id {
			return strings.TrimSuffix(key, " bot")
		}
	}
	return ""
}

// realMattermostBot is the program on a real server, in a team of its own.
type realMattermostBot struct {
	*app
	town   *realTown
	room   *bottest.Recorder
	beyond *beyond
	full   bool
	team   *model.Team
	me     string
	cfg    *config.Config
	t      *testing.T
	sent   string // the transcript's id of the latest event

	mu       sync.Mutex
	channels map[string]string // ids by name
	speaking map[string]string // the id under which somebody spoke last
}

// open builds the program in a bubble, and its platform outside.
func (w *realTown) open(t *testing.T, s bottest.Setup, full bool) bottest.Bot {
	b := &realMattermostBot{town: w, full: full, cfg: readConfig(t, s), t: t, channels: map[string]string{}, speaking: map[string]string{}}
	dir := t.TempDir()
	var p *mattermost.Platform
	if err := w.out.try(func(ctx context.Context) (err error) { p, err = b.settle(ctx, dir); return err }); err != nil {
		t.Fatal(err)
	}
	for group, names := range b.cfg.Console.Groups {
		if err := b.SetGroup(t.Context(), group, names...); err != nil {
			t.Fatal(err)
		}
	}
	var stop func() error
	b.beyond, stop = goBeyond(w.out, p)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	b.room = bottest.NewRecorder(renamed{b.beyond, b, newOutage()})
	b.app = runOn(t, b.cfg, b.room)
	err := w.out.try(func(ctx context.Context) error {
		for up := false; !up; up, _ = p.Connection() {
			select {
			case <-ctx.Done():
				return errors.New("the bot does not connect")
			case <-time.After(10 * time.Millisecond):
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// settle makes on the server what the configuration names.
func (b *realMattermostBot) settle(ctx context.Context, dir string) (*mattermost.Platform, error) {
	var err error
	if b.team, err = b.town.server.AddTeam(ctx); err != nil {
		return nil, err
	}
	var token string
	if b.me, token, err = b.town.server.AddBot(ctx, "gridwarden-"+b.team.Name[strings.LastIndex(b.team.Name, "-")+1:]); err != nil {
		return nil, err
	}
	var listed []string
	for _, c := range b.cfg.Channels {
		if _, err := b.channel(ctx, c.Name); err != nil {
			return nil, err
		}
		listed = append(listed, c.Name)
	}
	c := mattermost.Config{Name: "grid", URL: b.town.server.URL, Team: b.team.Name, TokenFile: secret.File(filepath.Join(dir, "token"))}
	if err := os.WriteFile(string(c.TokenFile), []byte(token), 0o600); err != nil {
		return nil, err
	}
	if b.full {
		command, err := b.town.server.AddCommand(ctx, b.team.Id, "gridwarden", b.town.calls.Public+"/mattermost/grid/command")
		if err != nil {
			return nil, err
		}
		c.CommandTokensFile = secret.File(filepath.Join(dir, "commands"))
		if err := os.WriteFile(string(c.CommandTokensFile), []byte(command.Token), 0o600); err != nil {
			return nil, err
		}
	}
	p, err := mattermost.New([]mattermost.Config{c}, mattermost.Options{
		Public: b.town.calls.Public, Channels: func(string) []string { return listed },
		Commands: func() []string { return b.app.commands }, Accounts: b.accounts,
	})
	if err != nil {
		return nil, err
	}
	routes := http.NewServeMux()
	mount(routes, []bot.Platform{p}, b.town.calls.Public)
	b.town.calls.Lead(routes)
	return p, nil
}

func (b *realMattermostBot) Platform() bottest.Watched      { return b.room }
func (b *realMattermostBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// SetGroup implements bottest.Regrouper.
func (b *realMattermostBot) SetGroup(_ context.Context, group string, names ...string) error {
	return b.town.out.try(func(ctx context.Context) error {
		channel, err := b.channel(ctx, group)
		if err != nil {
			return err
		}
		in := map[string]bool{b.me: true}
		for _, name := range names {
			id, err := b.town.user(ctx, name, bot.Member)
			if err != nil {
				return err
			}
			in[id] = true
			if err := b.town.server.Join(ctx, channel, id); err != nil {
				return err
			}
		}
		return b.town.server.LeaveAllBut(ctx, channel, in)
	})
}

// Send does on the server what makes the event. Nobody can make a server deliver
// anything twice: the second delivery of an event is the first one again.
func (b *realMattermostBot) Send(ctx context.Context, ev bot.Event) error {
	if ev.Kind == bot.Clicked && !b.full {
		return bottest.ErrNoSurface
	}
	if b.sent == ev.ID {
		return b.beyond.handle(ctx, b.beyond.latest)
	}
	b.sent = ev.ID
	var user, channel string
	err := b.town.out.try(func(ctx context.Context) (err error) {
		if user, err = b.town.user(ctx, ev.Account.Name, ev.Account.Standing); err != nil {
			return err
		}
		if channel, err = b.channel(ctx, ev.Thread.Channel); err == nil {
			err = b.town.server.Join(ctx, channel, user)
		}
		return err
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.speaking[ev.Account.Name] = user
	b.mu.Unlock()
	if s := ev.Account.Standing; slices.Contains(b.town.nobody, s) {
		b.t.Logf("nobody on this server can be made a %s: the event %+v is handed over", s, ev)
		ev.Account.ID = user
		ev.Thread.Channel = channel
		return b.beyond.handle(ctx, ev)
	}
	awaited := func(got bot.Event) bool { return got.Account.ID == user && got.Kind == ev.Kind }
	return b.beyond.perform(ctx, awaited, func(ctx context.Context) error { return b.act(ctx, user, channel, ev) })
}

func (b *realMattermostBot) act(ctx context.Context, user, channel string, ev bot.Event) error {
	server := b.town.server
	switch {
	case ev.Kind == bot.Clicked:
		return b.press(ctx, user, channel, ev)
	case ev.Kind == bot.Reacted:
		return server.React(ctx, user, ev.Target, ev.Value)
	case ev.Kind == bot.Unreacted:
		return server.Unreact(ctx, user, ev.Target, ev.Value)
	case ev.Account.Standing == bot.Bridged:
		return server.Relay(ctx, user, channel, ev.Account.Name, "@gridwarden "+ev.Value)
	case b.full && ev.Thread.Root != "":
		return server.Command(ctx, user, channel, ev.Thread.Root, "/gridwarden "+ev.Value)
	}
	_, err := server.Type(ctx, user, channel, ev.Thread.Root, "@gridwarden "+ev.Value)
	return err
}

// formsWithin is how long a form may take to open; where none is asked for any
// more, nothing opens.
const formsWithin = 5 * time.Second

// press presses a button and fills in the form that asks for a reason.
func (b *realMattermostBot) press(ctx context.Context, user, channel string, ev bot.Event) error {
	word, rest, _ := strings.Cut(ev.Value, ":")
	_, reason, _ := strings.Cut(rest, ":")
	server := b.town.server
	button, err := server.Button(ctx, user, ev.Target, word)
	if err != nil {
		return err
	}
	if button == "" {
		return fmt.Errorf("the post shows no button %s: %w", word, bottest.ErrNoSurface)
	}
	if err := server.Watch(ctx, user); err != nil {
		return err
	}
	if err := server.Click(ctx, user, ev.Target, button); err != nil || word != "deny" {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, formsWithin)
	defer cancel()
	d := server.Dialog(soon, user)
	if d == nil {
		return nil
	}
	answer, err := server.Submit(ctx, user, b.team.Id, channel, d, map[string]any{"reason": reason})
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	return err
}

func (b *realMattermostBot) channel(ctx context.Context, name string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id := b.channels[name]; id != "" {
		return id, nil
	}
	c, err := b.town.server.AddChannel(ctx, b.team.Id, name, b.me)
	if err != nil {
		return "", err
	}
	b.channels[name] = c.Id
	return c.Id, nil
}

// accounts are the accounts of a person on the server.
func (b *realMattermostBot) accounts(person string) (keys []string) {
	b.town.mu.Lock()
	defer b.town.mu.Unlock()
	for _, q := range b.cfg.People {
		for _, key := range q.Accounts {
			if name, ok := strings.CutPrefix(key, "console/"); ok && string(q.ID) == person {
				keys = append(keys, "mattermost/grid/"+b.town.users[name])
			}
		}
	}
	return keys
}

func (b *realMattermostBot) nameOf(id string) string {
	if name := b.town.nameOf(id); name != "" {
		return name
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, other := range b.channels {
		if other == id {
			return name
		}
	}
	return id
}

func (b *realMattermostBot) speaker(name string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.speaking[name]
}

func (b *realMattermostBot) group(name string) string { return "grid/channel/" + name }

func (b *realMattermostBot) seen(bot.Thread, string, bot.Message) {}

func (b *realMattermostBot) done(error) {}

// there is a thread's address on the server.
func (b *realMattermostBot) there(t bot.Thread) bot.Thread {
	t.Platform, t.Workspace = mattermost.Name, "grid"
	for _, c := range b.cfg.Channels {
		if c.Name == t.Channel {
			return t
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if id := b.channels[t.Channel]; id != "" {
		t.Channel = id
	}
	return t
}
