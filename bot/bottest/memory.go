package bottest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot"
)

// Full is a Platform with every capability.
type Full interface {
	bot.Platform
	bot.Whisperer
	bot.KeyedPoster
	bot.Finder
	bot.Seeder
	bot.Grouper
	bot.Audience
	bot.Reader
}

// Reads gives what p has to read messages back, if it can.
func Reads(p bot.Platform) bot.CardReader {
	if r, ok := p.(bot.CardReader); ok {
		return r
	}
	return blind{}
}

// blind is a platform that reads nothing back.
type blind struct{}

func (blind) Face(bot.Thread, bot.Message) (string, error) { return "", errors.ErrUnsupported }

func (blind) ReadBack(context.Context, bot.Thread, string) (bot.Seen, error) {
	return bot.Seen{}, errors.ErrUnsupported
}

// Bare hides every capability of p, so that a test sees how the bot does without them.
func Bare(p bot.Platform) bot.Platform { return struct{ bot.Platform }{p} }

// How is the way in which something was said.
type How string

// The ways.
const (
	Posted    How = "posted"
	Updated   How = "updated"
	Whispered How = "whispered"
)

// Said is one thing that the bot said, as it gave it to the platform.
type Said struct {
	How     How
	Thread  bot.Thread
	ID      string      // of the message; "" for a whisper
	Key     string      // of a keyed post
	To      bot.Account // of a whisper
	Message bot.Message
	At      time.Time // UTC
}

// The strictest limits of the platforms that are served, which their
// renderers cannot work around.
const (
	maxButtons     = 5
	maxButtonLabel = 75  // bytes
	maxButtonValue = 100 // bytes
	maxFiles       = 10
	maxFileSize    = 8 << 20
)

// Errors of Memory that tests look for.
var (
	ErrMalformed = errors.New("bottest: no platform takes this message")
	ErrNoThread  = errors.New("bottest: no such thread")
)

// Memory is a strict Platform that keeps everything in memory. It refuses what
// a real platform would: empty and malformed messages, threads and messages
// that do not exist. It is safe for concurrent use.
type Memory struct {
	name   string
	events chan delivery

	mu     sync.Mutex
	nextID int
	known  map[string]bot.Thread // message ids, typed or posted, and where they stand
	shown  map[string]bot.Message
	keys   map[string]string
	seeds  map[string][]string
	groups map[string][]string
	shared map[string]bool
	reacts map[string][]bot.Reaction // by message
	said   []Said
	files  map[string][]byte // of people, by id
	asked  int
	talk   map[string]bot.Original // what people said, by message
}

type delivery struct {
	event bot.Event
	done  chan error
}

var (
	_ Full           = (*Memory)(nil)
	_ bot.CardReader = (*Memory)(nil)
	_ bot.Fetcher    = (*Memory)(nil)
)

// NewMemory makes a platform of that name.
func NewMemory(name string) *Memory {
	return &Memory{
		name: name, events: make(chan delivery),
		known: map[string]bot.Thread{}, shown: map[string]bot.Message{},
		keys: map[string]string{}, seeds: map[string][]string{},
		groups: map[string][]string{}, shared: map[string]bool{}, reacts: map[string][]bot.Reaction{}, talk: map[string]bot.Original{}, files: map[string][]byte{},
	}
}

// Name implements bot.Platform.
func (m *Memory) Name() string { return m.name }

// NewID makes a message id, for an event about something that was typed in t.
func (m *Memory) NewID(t bot.Thread) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newID(t)
}

func (m *Memory) newID(t bot.Thread) string {
	m.nextID++
	id := "m" + strconv.Itoa(m.nextID)
	m.known[id] = t
	return id
}

// Send delivers an event to whoever listens, again while that fails, and
// returns when it was taken or refused redeliveries times.
func (m *Memory) Send(ctx context.Context, ev bot.Event) error {
	if ev.Message != "" {
		m.mu.Lock()
		m.known[ev.Message] = ev.Thread
		m.talk[ev.Message] = bot.Original{Thread: ev.Thread, Author: ev.Account, At: ev.At, Text: ev.Value}
		m.mu.Unlock()
	}
	if ev.Kind == bot.Reacted || ev.Kind == bot.Unreacted {
		m.React(ev.Target, ev.Account.Key(), ev.Value, ev.Kind == bot.Reacted)
	}
	d := delivery{event: ev, done: make(chan error, 1)}
	select {
	case m.events <- d:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-d.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// redeliveries is how often a platform hands over an event that is refused.
const redeliveries = 5

// Listen implements bot.Platform. Events are handed over concurrently, as
// platforms do that call back over HTTP.
func (m *Memory) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d := <-m.events:
			running.Go(func() { d.done <- handOver(ctx, handle, d.event) })
		}
	}
}

func handOver(ctx context.Context, handle func(context.Context, bot.Event) error, ev bot.Event) error {
	var err error
	for try := range redeliveries {
		if err = handle(ctx, ev); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(10 * time.Millisecond << try):
		}
	}
	return err
}

// Post implements bot.Platform.
func (m *Memory) Post(ctx context.Context, t bot.Thread, msg bot.Message) (string, error) {
	return m.PostKeyed(ctx, t, "", msg)
}

// PostKeyed implements bot.KeyedPoster. Like a real platform it says the same
// key twice when it is asked to.
func (m *Memory) PostKeyed(ctx context.Context, t bot.Thread, key string, msg bot.Message) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.accepts(ctx, t, msg); err != nil {
		return "", err
	}
	id := m.newID(t)
	m.shown[id] = msg
	if key != "" {
		m.keys[t.String()+"\n"+key] = id
	}
	m.said = append(m.said, Said{How: Posted, Thread: t, ID: id, Key: key, Message: msg, At: time.Now().UTC()})
	return id, nil
}

// FindPost implements bot.Finder.
func (m *Memory) FindPost(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, ok := m.keys[t.String()+"\n"+key]
	return id, ok, ctx.Err()
}

// Update implements bot.Platform. An older version of a card is refused: on a
// real platform it would silently stand there.
func (m *Memory) Update(ctx context.Context, t bot.Thread, id string, msg bot.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.accepts(ctx, t, msg); err != nil {
		return err
	}
	old, ok := m.shown[id]
	if !ok || m.known[id] != t {
		return fmt.Errorf("bottest: updating message %q: %w", id, bot.ErrNotFound)
	}
	if old.Card != msg.Card || msg.Version < old.Version {
		return fmt.Errorf("%w: version %d of card %q over version %d of %q", ErrMalformed, msg.Version, msg.Card, old.Version, old.Card)
	}
	m.shown[id] = msg
	m.said = append(m.said, Said{How: Updated, Thread: t, ID: id, Message: msg, At: time.Now().UTC()})
	return nil
}

// Delete takes a message away, as somebody who may do that would.
func (m *Memory) Delete(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.shown, id)
	delete(m.talk, id)
}

// Talk has somebody say something that is not for the bot, and returns its id.
func (m *Memory) Talk(seen bot.Original) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.newID(seen.Thread)
	m.talk[id] = seen
	return id
}

// Rewrite changes what somebody said.
func (m *Memory) Rewrite(id, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.talk[id]
	seen.Text = text
	m.talk[id] = seen
}

// Read implements bot.Reader.
func (m *Memory) Read(ctx context.Context, t bot.Thread, id string) (bot.Original, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if said, ok := m.shown[id]; ok && m.known[id].Channel == t.Channel {
		return bot.Original{Thread: m.known[id], Author: bot.Account{Platform: m.name, ID: "gridwarden", Name: "gridwarden", Standing: bot.Bot}, Text: said.Plain()}, ctx.Err()
	}
	seen, ok := m.talk[id]
	if !ok || seen.Thread.Channel != t.Channel {
		return bot.Original{}, fmt.Errorf("bottest: message %q: %w", id, bot.ErrNotFound)
	}
	return seen, ctx.Err()
}

// Alter changes what a message shows, as somebody who may do that would.
func (m *Memory) Alter(id string, change func(*bot.Message)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	msg := m.shown[id]
	change(&msg)
	m.shown[id] = msg
}

// React puts a reaction below a message or takes it away, and tells nobody.
func (m *Memory) React(id, account, name string, stands bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reacts[id] = slices.DeleteFunc(slices.Clone(m.reacts[id]), func(r bot.Reaction) bool { return r.Account == account && r.Name == name })
	if stands {
		m.reacts[id] = append(m.reacts[id], bot.Reaction{Account: account, Name: name})
	}
}

// Face implements bot.CardReader.
func (m *Memory) Face(_ bot.Thread, msg bot.Message) (string, error) {
	return strings.Join(Lines(msg), "\n"), nil
}

// ReadBack implements bot.CardReader.
func (m *Memory) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	msg, ok := m.shown[id]
	if !ok || m.known[id] != t {
		return bot.Seen{}, fmt.Errorf("bottest: reading message %q: %w", id, bot.ErrNotFound)
	}
	return bot.Seen{Face: strings.Join(Lines(msg), "\n"), Reactions: slices.Clone(m.reacts[id])}, ctx.Err()
}

// Whisper implements bot.Whisperer.
func (m *Memory) Whisper(ctx context.Context, t bot.Thread, to bot.Account, msg bot.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.accepts(ctx, t, msg); err != nil {
		return err
	}
	if to.ID == "" {
		return fmt.Errorf("%w: a whisper to nobody", ErrMalformed)
	}
	m.said = append(m.said, Said{How: Whispered, Thread: t, To: to, Message: msg, At: time.Now().UTC()})
	return nil
}

// Seed implements bot.Seeder.
func (m *Memory) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.shown[id]; !ok || m.known[id] != t {
		return fmt.Errorf("bottest: reactions under message %q: %w", id, bot.ErrNotFound)
	}
	m.seeds[id] = append(m.seeds[id], reactions...)
	return ctx.Err()
}

// Seeded are the reactions that the bot put under a message.
func (m *Memory) Seeded(id string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seeds[id])
}

// Members implements bot.Grouper.
func (m *Memory) Members(ctx context.Context, group string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	members, ok := m.groups[group]
	if !ok {
		return nil, fmt.Errorf("bottest: group %q: %w", group, bot.ErrNotFound)
	}
	return slices.Clone(members), ctx.Err()
}

// SetGroup makes a group of account keys.
func (m *Memory) SetGroup(group string, members ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.groups[group] = members
}

// Shared implements bot.Audience.
func (m *Memory) Shared(ctx context.Context, t bot.Thread) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shared[t.Channel], ctx.Err()
}

// Share says whether others than the team can read a channel.
func (m *Memory) Share(channel string, shared bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared[channel] = shared
}

// Said is everything that the bot said, in order.
func (m *Memory) Said() []Said {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.said)
}

// accepts refuses what a platform would not take. The caller holds mu.
func (m *Memory) accepts(ctx context.Context, t bot.Thread, msg bot.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.Platform != m.name || t.Channel == "" {
		return fmt.Errorf("%w: %s", ErrNoThread, t)
	}
	if root, ok := m.known[t.Root]; t.Root != "" && (!ok || root.Channel != t.Channel || root.Root != "") {
		return fmt.Errorf("%w: %s", ErrNoThread, t)
	}
	return wellFormed(msg)
}

func wellFormed(msg bot.Message) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	switch {
	case msg.Empty():
		return wrong("it is empty")
	case len(msg.Buttons) > maxButtons:
		return wrong("%d buttons", len(msg.Buttons))
	case len(msg.Files) > maxFiles:
		return wrong("%d files", len(msg.Files))
	case msg.Version < 0 || msg.Card == "" && msg.Version != 0:
		return wrong("card %q has version %d", msg.Card, msg.Version)
	}
	for _, b := range msg.Buttons {
		if b.Label == "" || b.Value == "" || b.Typed == "" || len(b.Label) > maxButtonLabel || len(b.Value) > maxButtonValue {
			return wrong("button %+v", b)
		}
	}
	for _, f := range msg.Files {
		if f.Name == "" || f.Media == "" || strings.ContainsAny(f.Name, "/\\\x00") || len(f.Data) > maxFileSize {
			return wrong("file %q (%s, %d bytes)", f.Name, f.Media, len(f.Data))
		}
	}
	for _, id := range msg.Notify {
		if id == "" {
			return wrong("it notifies nobody")
		}
	}
	for _, line := range Lines(msg) {
		if !utf8.ValidString(line) {
			return wrong("line %q is not UTF-8", line)
		}
	}
	return nil
}
