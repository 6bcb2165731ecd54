package console

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// The capabilities of the console.
var (
	_ bot.Platform    = (*Console)(nil)
	_ bot.Whisperer   = (*Console)(nil)
	_ bot.KeyedPoster = (*Console)(nil)
	_ bot.Finder      = (*Console)(nil)
	_ bot.Seeder      = (*Console)(nil)
	_ bot.Grouper     = (*Console)(nil)
	_ bot.Audience    = (*Console)(nil)
	_ bot.Reader      = (*Console)(nil)
)

// Post implements bot.Platform.
func (c *Console) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return c.post(ctx, t, "", "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (c *Console) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	return c.post(ctx, t, key, "", m)
}

// FindPost implements bot.Finder. Posts of an earlier process are not found:
// they scrolled away with its terminal, so saying them again is right.
func (c *Console) FindPost(_ context.Context, t bot.Thread, key string) (string, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.keys[t.String()+"\n"+key]
	return id, ok, nil
}

// Whisper implements bot.Whisperer: one terminal shows it to whoever sits
// there, and says whom it is for.
func (c *Console) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	who := to.Name
	if who == "" {
		who = to.ID
	}
	_, err := c.post(ctx, t, "", who, m)
	return err
}

func (c *Console) post(ctx context.Context, t bot.Thread, key, to string, m bot.Message) (string, error) {
	if err := c.accepts(ctx, t); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if form := earlier.FindStringSubmatch(t.Root); c.byID[t.Root] == nil && t.Root != "" && (form == nil || form[1] == c.opt.Boot) {
		return "", fmt.Errorf("console: posting in thread %q: %w", t.Root, bot.ErrNotFound)
	}
	root := c.numberOf(t) // before the message's own number: the thread is older
	msg := c.add(t, "", "")
	note := ""
	if to != "" {
		note = ", only to " + visible(to)
	}
	c.show(msg, root, note, m)
	if key != "" {
		c.keys[t.String()+"\n"+key] = msg.id
	}
	return msg.id, nil
}

// earlier is the form of a message id of another process.
var earlier = regexp.MustCompile(`^([a-z0-9]+)-[0-9]+$`)

// Update implements bot.Platform. A message of an earlier process is shown
// anew; an id that no console gave is an error that wraps bot.ErrNotFound.
func (c *Console) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	if err := c.accepts(ctx, t); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	msg, ok := c.byID[id]
	if form := earlier.FindStringSubmatch(id); !ok && form != nil && form[1] != c.opt.Boot {
		root := c.numberOf(t)
		c.show(c.adopt(id, t, "", ""), root, " (updated, from before this start)", m)
		return nil
	}
	if !ok || msg.thread != t {
		return fmt.Errorf("console: updating message %q: %w", id, bot.ErrNotFound)
	}
	c.show(msg, c.numberOf(t), " (updated)", m)
	return nil
}

// Seed implements bot.Seeder by naming the reactions that decide.
func (c *Console) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	if err := c.accepts(ctx, t); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	msg, ok := c.byID[id]
	if !ok || msg.thread != t {
		return fmt.Errorf("console: reactions under message %q: %w", id, bot.ErrNotFound)
	}
	ways := make([]string, len(reactions))
	for i, r := range reactions {
		ways[i] = fmt.Sprintf("react %s #%d", visible(r), msg.n)
	}
	c.print(indent(t) + "   also: " + strings.Join(ways, ", ") + "\n")
	return nil
}

// Members implements bot.Grouper.
func (c *Console) Members(_ context.Context, group string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	members, ok := c.groups[group]
	if !ok {
		return nil, fmt.Errorf("console: group %q: %w", group, bot.ErrNotFound)
	}
	keys := []string{}
	for key := range members {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, nil
}

// Shared implements bot.Audience: a terminal is read by who sits at it.
func (c *Console) Shared(context.Context, bot.Thread) (bool, error) { return false, nil }

func (c *Console) accepts(ctx context.Context, t bot.Thread) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.Platform != Name || t.Channel == "" {
		return fmt.Errorf("console: %s is not a place on this console", t)
	}
	return nil
}

// show prints a message under its head and remembers its buttons. An update
// that looks the same is not printed. The caller holds mu.
func (c *Console) show(msg *message, root int, note string, m bot.Message) {
	lead := indent(msg.thread)
	style := Style{Colour: c.colour, Saved: make([]string, len(m.Files))}
	var trouble []string
	for i, f := range m.Files {
		path, err := c.save(msg.n, f)
		if err != nil {
			trouble = append(trouble, err.Error())
		}
		style.Saved[i] = path
	}
	// One look decides whether an update changed anything; colours and the
	// place of saved files have no part in it.
	plain := Render(m, c.opt.Width, Style{})
	msg.live = nil
	for _, b := range m.Buttons {
		for _, word := range wordsOf(b) {
			msg.known[word] = b.Value
			msg.live = append(msg.live, word)
		}
	}
	if plain == msg.text {
		return
	}
	shown := m
	if c.opt.Brief && msg.text != "" {
		shown = news(msg.last, m)
	}
	msg.text, msg.last = plain, m
	head := fmt.Sprintf("%s#%d", lead, msg.n)
	if root != 0 {
		head += fmt.Sprintf(" in #%d", root)
	}
	if msg.thread.Channel != c.cfg.Channel {
		head += " in " + visible(msg.thread.Channel)
	}
	head += " gridwarden" + note
	if c.colour {
		head = "\x1b[2m" + head + time.Now().UTC().Format("  2006-01-02 15:04:05Z") + "\x1b[0m"
	} else {
		head += time.Now().UTC().Format("  2006-01-02 15:04:05Z")
	}
	bar := lead + "│ "
	var b strings.Builder
	b.WriteString(head + "\n")
	for line := range strings.Lines(Render(shown, c.opt.Width-len(lead)-2, style)) {
		b.WriteString(bar + line)
	}
	for _, t := range trouble {
		b.WriteString("-- " + visible(t) + "\n")
	}
	c.print(b.String())
}

// indent sets messages in threads apart from those in the channel.
func indent(t bot.Thread) string {
	if t.Root == "" {
		return ""
	}
	return "  "
}

// wordsOf are the words that `click` understands for a button: the first of its
// label, of its value and of its command.
func wordsOf(b bot.Button) []string {
	var out []string
	verb, _, _ := strings.Cut(b.Value, ":")
	for _, s := range []string{b.Label, verb, b.Typed} {
		if words := strings.Fields(strings.ToLower(s)); len(words) > 0 && !slices.Contains(out, words[0]) {
			out = append(out, words[0])
		}
	}
	return out
}
