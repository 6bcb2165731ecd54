package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/console"
)

// renamed is a platform under the names of the transcripts, which know channels
// and people of the console: everything else of a message passes as it is.
type renamed struct {
	bottest.Full
	in    renaming
	heard *outage
}

// renaming is how a platform calls what the transcripts name.
type renaming interface {
	there(t bot.Thread) bot.Thread // the address on the platform
	nameOf(id string) string       // of a person or a channel
	speaker(name string) string    // the id under which somebody is answered
	group(name string) string      // as roles name it
	// seen is told of a message that is shown.
	seen(t bot.Thread, id string, m bot.Message)
	// done is told what became of an event.
	done(err error)
}

// Name implements bot.Platform.
func (r renamed) Name() string { return console.Name }

// Listen implements bot.Platform.
func (r renamed) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	return r.Full.Listen(ctx, func(ctx context.Context, ev bot.Event) error {
		name := r.in.nameOf(ev.Account.ID)
		ev.Account = bot.Account{Platform: console.Name, ID: name, Name: name, Standing: ev.Account.Standing}
		ev.Thread = bot.Thread{Platform: console.Name, Channel: r.in.nameOf(ev.Thread.Channel), Root: ev.Thread.Root}
		err := handle(ctx, ev)
		if ev.Kind != bot.Deaf && ev.Kind != bot.Heard { // nobody did that
			r.heard.took(ev, err)
			r.in.done(err)
		}
		return err
	})
}

// outage is a time in which the program does not hear what people do, or only later.
type outage struct {
	cut, mend func()

	mu     sync.Mutex
	away   bool
	missed int             // what people did meanwhile
	ids    map[string]bool // of the events that were taken, ever
	before int             // of those, when it began
}

// newOutage is of a network whose cables are cut, one for each direction.
func newOutage(cables ...*fakeserver.Cable) *outage {
	all := func(do func(*fakeserver.Cable)) func() {
		return func() {
			for _, c := range cables {
				do(c)
			}
		}
	}
	return &outage{cut: all((*fakeserver.Cable).Cut), mend: all((*fakeserver.Cable).Mend), ids: map[string]bool{}}
}

func (o *outage) took(ev bot.Event, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && ev.Kind != bot.Rejected {
		o.ids[ev.ID] = true
	}
}

// misses reports whether the program does not hear now, and counts what it misses.
func (o *outage) misses() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away {
		o.missed++
	}
	return o.away
}

// is reports whether the program does not hear now.
func (o *outage) is() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.away
}

func (o *outage) begins() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away, o.missed, o.before = true, 0, len(o.ids)
}

// ends is of an outage after which some of what people did never comes.
func (o *outage) ends() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = false
}

// Away implements bottest.Cutter.
func (o *outage) Away(context.Context) error {
	o.begins()
	o.cut()
	return nil
}

// enough is longer than any platform and mode takes to bring what was missed.
const enough = 15 * time.Minute

// Back implements bottest.Cutter.
func (o *outage) Back(ctx context.Context) error {
	o.mend()
	return o.caughtUp(ctx)
}

// caughtUp ends it when all that people did meanwhile was taken.
func (o *outage) caughtUp(ctx context.Context) error {
	for end := time.Now().Add(enough); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(time.Second) {
		o.mu.Lock()
		taken, missed := len(o.ids)-o.before, o.missed
		o.mu.Unlock()
		if taken >= missed {
			o.ends()
			return nil
		}
	}
	return fmt.Errorf("of %d things that were done meanwhile some never came", o.missed)
}

// Post implements bot.Platform.
func (r renamed) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return r.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (r renamed) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	id, err := r.Full.PostKeyed(ctx, r.in.there(t), key, m)
	r.in.seen(t, id, m)
	return id, err
}

// Update implements bot.Platform.
func (r renamed) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	err := r.Full.Update(ctx, r.in.there(t), id, m)
	r.in.seen(t, id, m)
	return err
}

// Whisper implements bot.Whisperer.
func (r renamed) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	to.ID = r.in.speaker(to.Name)
	return r.Full.Whisper(ctx, r.in.there(t), to, m)
}

// FindPost implements bot.Finder.
func (r renamed) FindPost(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	return r.Full.FindPost(ctx, r.in.there(t), key)
}

// Seed implements bot.Seeder.
func (r renamed) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	return r.Full.Seed(ctx, r.in.there(t), id, reactions)
}

// Face implements bot.CardReader.
func (r renamed) Face(t bot.Thread, m bot.Message) (string, error) {
	return bottest.Reads(r.Full).Face(r.in.there(t), m)
}

// ReadBack implements bot.CardReader.
func (r renamed) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	seen, err := bottest.Reads(r.Full).ReadBack(ctx, r.in.there(t), id)
	for i := range seen.Reactions {
		key := seen.Reactions[i].Account
		seen.Reactions[i].Account = console.Name + "/" + r.in.nameOf(key[strings.LastIndex(key, "/")+1:])
	}
	return seen, err
}

// Members implements bot.Grouper.
func (r renamed) Members(ctx context.Context, group string) ([]string, error) {
	keys, err := r.Full.Members(ctx, r.in.group(group))
	for i, key := range keys {
		keys[i] = console.Name + "/" + r.in.nameOf(key[strings.LastIndex(key, "/")+1:])
	}
	slices.Sort(keys)
	return keys, err
}

// Read implements bot.Reader.
func (r renamed) Read(ctx context.Context, t bot.Thread, id string) (bot.Original, error) {
	seen, err := r.Full.Read(ctx, r.in.there(t), id)
	name := r.in.nameOf(seen.Author.ID)
	seen.Author = bot.Account{Platform: console.Name, ID: name, Name: name, Standing: seen.Author.Standing}
	seen.Thread = bot.Thread{Platform: console.Name, Channel: t.Channel, Root: seen.Thread.Root}
	return seen, err
}

// Fetch implements bot.Fetcher.
func (r renamed) Fetch(ctx context.Context, t bot.Thread, message string, file bot.Attachment, most int) ([]byte, error) {
	return bottest.Fetches(r.Full).Fetch(ctx, r.in.there(t), message, file, most)
}

// Shared implements bot.Audience.
func (r renamed) Shared(ctx context.Context, t bot.Thread) (bool, error) {
	return r.Full.Shared(ctx, r.in.there(t))
}

// neverShared is a platform on which the transcripts have guests in a channel
// that is the team's, which it would call shared.
type neverShared struct{ bottest.Full }

// Face implements bot.CardReader.
func (n neverShared) Face(t bot.Thread, m bot.Message) (string, error) {
	return bottest.Reads(n.Full).Face(t, m)
}

// ReadBack implements bot.CardReader.
func (n neverShared) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	return bottest.Reads(n.Full).ReadBack(ctx, t, id)
}

// Fetch implements bot.Fetcher.
func (n neverShared) Fetch(ctx context.Context, t bot.Thread, message string, file bot.Attachment, most int) ([]byte, error) {
	return bottest.Fetches(n.Full).Fetch(ctx, t, message, file, most)
}

// Shared implements bot.Audience.
func (neverShared) Shared(context.Context, bot.Thread) (bool, error) { return false, nil }

// directory are the ids of a fake server by the names of the transcripts.
type directory struct {
	mu       sync.Mutex
	channels map[string]string // ids by name
	users    map[string]string // ids by name and standing
	names    map[string]string // by id
	speaking map[string]string // the id under which somebody spoke last
	buttons  map[string]string // by message and value: people press what was there a moment ago
}

func newDirectory() *directory {
	return &directory{
		channels: map[string]string{}, users: map[string]string{}, names: map[string]string{}, speaking: map[string]string{}, buttons: map[string]string{},
	}
}

// channel gives the id of a channel, which make makes when it is new. make may
// use the directory, whose lock is held.
func (d *directory) channelOf(name string, make func(n int) string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id := d.channels[name]; id != "" {
		return id
	}
	id := make(len(d.channels) + 1)
	d.channels[name], d.names[id] = id, name
	return id
}

// userOf gives the id of a name; with another standing it is another account.
func (d *directory) userOf(name string, standing bot.Standing, make func(n int) string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := name + " " + string(standing)
	if id := d.users[key]; id != "" {
		return id
	}
	id := make(len(d.users) + 1)
	d.users[key], d.names[id] = id, name
	return id
}

// alias calls a channel by its id.
func (d *directory) alias(channel string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.channels[channel], d.names[channel] = channel, channel
}

func (d *directory) speaks(name, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.speaking[name] = id
}

func (d *directory) speaker(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.speaking[name]
}

func (d *directory) nameOf(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[id]
}

// everywhere are the ids of the channels.
func (d *directory) everywhere() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.channels))
}

// keep remembers the buttons of a message, which find gives by their values.
func (d *directory) keep(id string, m bot.Message, find func(value string) string) {
	for _, b := range m.Buttons {
		if button := find(b.Value); button != "" {
			d.mu.Lock()
			d.buttons[id+" "+b.Value] = button
			d.mu.Unlock()
		}
	}
}

// pressed takes what a transcript says of a press apart: the button that the
// message showed, "" for none, its value, and the reason that is given.
func (d *directory) pressed(ev bot.Event) (button, value, reason string) {
	word, rest, _ := strings.Cut(ev.Value, ":")
	id, reason, _ := strings.Cut(rest, ":")
	value = word + ":" + id
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buttons[ev.Target+" "+value], value, reason
}
