package console

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

const help = `-- Type a command, such as: trace HOST TIME. ` + "`help`" + ` lists them all.
-- This console also understands:
--   click WORD [#N] [REASON]  press a button: click deny #3 wrong user
--   react NAME [#N]           react to a message; unreact takes it back
--   COMMAND < FILE            give a log in a file: job < pilotlog.txt
--   say TEXT                  say something that is not for the bot
--   edit #N TEXT, delete #N   change or delete a message
--   threads                   list the threads
--   thread [#N]               go into a thread; without a number, leave it
--   exit                      wait for the answers and leave (also Ctrl-D)
`

const helpTrusted = `-- and, because it is trusted:
--   NAME> LINE                say or do LINE as somebody else
--   as NAME                   be somebody else for all lines that follow
--   group NAME add|remove PERSON
--                             change one of the console's groups
--   standing PERSON member|guest|outsider|bot|bridged|deactivated
--                             change what kind of account somebody has
--   dup LINE                  deliver LINE twice, as a platform that stutters
`

// line is one line of input, taken apart.
type line struct {
	who   string // "" for the current speaker
	twice bool
	text  string
}

var speech = regexp.MustCompile(`^([A-Za-z0-9._-]{1,64})>\s*(.*)$`)

func parseLine(s string) line {
	l := line{text: strings.TrimSpace(s)}
	if m := speech.FindStringSubmatch(l.text); m != nil {
		l.who, l.text = m[1], m[2]
	}
	if rest, ok := strings.CutPrefix(l.text, "dup "); ok {
		l.twice, l.text = true, strings.TrimSpace(rest)
		if m := speech.FindStringSubmatch(l.text); l.who == "" && m != nil {
			l.who, l.text = m[1], m[2]
		}
	}
	return l
}

// obey does what one line says, and reports whether it was the last.
func (c *Console) obey(ctx context.Context, handle handler, raw string) (last bool) {
	l := parseLine(raw)
	if l.text == "" {
		return false
	}
	speaker, ok := c.speakerOf(l.who)
	if !ok {
		c.echo(c.self(), raw)
		c.refuse()
		return false
	}
	words := strings.Fields(l.text)
	args := words[1:]
	switch words[0] {
	case "click", "react", "unreact":
		c.echo(speaker, l.text)
		c.press(ctx, handle, l, speaker, words)
		return false
	case "say", "edit", "delete":
		c.echo(speaker, l.text)
		c.talk(ctx, handle, l, speaker, words)
		return false
	case "thread", "threads", "as", "group", "standing", "exit":
		c.echo(speaker, l.text)
	case "help":
		if !slices.Equal(args, []string{"console"}) {
			c.typed(ctx, handle, l, speaker)
			return false
		}
		c.echo(speaker, l.text)
	default:
		if !c.paste(ctx, handle, l, speaker) {
			c.typed(ctx, handle, l, speaker)
		}
		return false
	}
	switch {
	case words[0] == "exit" && len(args) == 0:
		return true
	case words[0] == "help":
		c.showHelp()
	case words[0] == "threads" && len(args) == 0:
		c.listThreads()
	case words[0] == "thread" && len(args) <= 1:
		c.enter(args)
	case words[0] == "as" && len(args) == 1:
		if a, ok := c.speakerOf(args[0]); ok {
			c.mu.Lock()
			c.speaker = a
			c.mu.Unlock()
		} else {
			c.refuse()
		}
	case !c.cfg.Trusted:
		c.refuse()
	case words[0] == "group" && len(args) == 3 && (args[1] == "add" || args[1] == "remove"):
		c.regroup(args[0], args[1] == "add", args[2])
	case words[0] == "standing" && len(args) == 2 && slices.Contains(standings, bot.Standing(args[1])):
		c.mu.Lock()
		c.standing[c.accountOf(args[0]).Key()] = bot.Standing(args[1])
		c.mu.Unlock()
	default:
		c.tell("That is not how `%s` is written; see `help console`.", words[0])
	}
	return false
}

var standings = []bot.Standing{bot.Member, bot.Guest, bot.Outsider, bot.Bot, bot.Bridged, bot.Deactivated}

// refuse answers what only a trusted console does.
func (c *Console) refuse() {
	c.tell("This console speaks for one person only. In a sandbox, console: {trusted: true} lets it play several.")
}

func (c *Console) self() bot.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speaker
}

// speakerOf is the account that a line speaks for; false where that is not allowed.
func (c *Console) speakerOf(who string) (bot.Account, bool) {
	self := c.self()
	if who == "" || who == self.Name {
		return c.withStanding(self), true
	}
	if !c.cfg.Trusted {
		return bot.Account{}, false
	}
	return c.withStanding(c.accountOf(who)), true
}

func (c *Console) withStanding(a bot.Account) bot.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.standing[a.Key()]; ok {
		a.Standing = s
	}
	return a
}

// echo shows a line of piped input, so that what is printed reads as a
// conversation. A terminal shows what is typed by itself.
func (c *Console) echo(a bot.Account, text string) {
	if !c.piped {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.print(c.promptOf(a, c.root) + visible(text) + "\n")
}

// typed sends a line to the bot.
func (c *Console) typed(ctx context.Context, handle handler, l line, speaker bot.Account) {
	c.mu.Lock()
	t := bot.Thread{Platform: Name, Channel: c.cfg.Channel, Root: c.root}
	msg := c.add(t, speaker.Name, l.text)
	if c.piped {
		c.print(fmt.Sprintf("%s#%d %s%s\n", indent(t), msg.n, c.promptOf(speaker, c.root), visible(l.text)))
	}
	ev := c.event(bot.Typed, speaker, t, l.text)
	ev.Message = msg.id
	msg.who, msg.event = speaker, ev.ID
	c.mu.Unlock()
	c.send(ctx, handle, l, ev)
}

// event makes an event with an id of its own. The caller holds mu.
func (c *Console) event(kind bot.Kind, a bot.Account, t bot.Thread, value string) bot.Event {
	c.events++
	return bot.Event{
		ID:   fmt.Sprintf("%s-e%d", c.opt.Boot, c.events),
		Kind: kind, Account: a, Thread: t, Value: value, At: time.Now().UTC(),
	}
}

func (c *Console) send(ctx context.Context, handle handler, l line, ev bot.Event) {
	c.deliver(ctx, handle, ev)
	if l.twice {
		c.deliver(ctx, handle, ev)
	}
}

var numbered = regexp.MustCompile(`^#?([0-9]{1,9})$`)

// press clicks a button or changes a reaction.
func (c *Console) press(ctx context.Context, handle handler, l line, speaker bot.Account, words []string) {
	if len(words) < 2 {
		c.tell("Say what to %s: see `help console`.", words[0])
		return
	}
	n, rest := 0, words[2:]
	if len(rest) > 0 && strings.HasPrefix(rest[0], "#") {
		m := numbered.FindStringSubmatch(rest[0])
		if m == nil {
			c.tell("%q is no message number.", rest[0])
			return
		}
		n, _ = strconv.Atoi(m[1])
		rest = rest[1:]
	}
	c.mu.Lock()
	var ev bot.Event
	var problem string
	if words[0] == "click" {
		word := strings.ToLower(words[1])
		var msg *message
		if msg, problem = c.withButton(word, n); msg != nil {
			value := msg.known[word]
			if reason := strings.Join(rest, " "); reason != "" {
				value += ":" + reason
			}
			ev = c.event(bot.Clicked, speaker, msg.thread, value)
			ev.Target = msg.id
		}
	} else {
		kind := bot.Reacted
		if words[0] == "unreact" {
			kind = bot.Unreacted
		}
		var msg *message
		if msg, problem = c.toReact(n); msg != nil {
			ev = c.event(kind, speaker, msg.thread, strings.Trim(words[1], ":"))
			ev.Target = msg.id
		}
	}
	c.mu.Unlock()
	if problem != "" {
		c.tell("%s", problem)
		return
	}
	c.send(ctx, handle, l, ev)
}

// withButton finds the message whose button is meant: the one with the number,
// else the latest here that shows the button, else the latest that did. In the
// channel, where several threads are in view, two candidates are one too many.
// The caller holds mu.
func (c *Console) withButton(word string, n int) (*message, string) {
	var live, gone []*message
	for _, m := range c.inView(n) {
		if slices.Contains(m.live, word) {
			live = append(live, m)
		} else if _, ok := m.known[word]; ok {
			gone = append(gone, m)
		}
	}
	switch {
	case len(live) > 1 && c.root == "":
		return nil, fmt.Sprintf("%d messages have that button. Say which one: click %s #%d.", len(live), word, live[len(live)-1].n)
	case len(live) > 0:
		return live[len(live)-1], ""
	case len(gone) > 0:
		return gone[len(gone)-1], ""
	}
	return nil, fmt.Sprintf("No message here has a button %q.", word)
}

// toReact finds the message that a reaction is meant for: the one with the
// number, else the latest here with buttons, else the latest of the bot. The
// caller holds mu.
func (c *Console) toReact(n int) (*message, string) {
	var latest, offered *message
	for _, m := range c.inView(n) {
		if m.by != "" && n == 0 {
			continue
		}
		latest = m
		if len(m.live) > 0 {
			offered = m
		}
	}
	switch {
	case offered != nil:
		return offered, ""
	case latest != nil:
		return latest, ""
	}
	return nil, "There is no such message here."
}

// inView are the messages of the thread that was entered, of all threads in
// the channel, or the one with a number. The caller holds mu.
func (c *Console) inView(n int) []*message {
	var out []*message
	for _, m := range c.messages {
		switch {
		case n > 0 && m.n == n,
			n == 0 && c.root == "",
			n == 0 && c.root != "" && (m.thread.Root == c.root || m.id == c.root):
			out = append(out, m)
		}
	}
	return out
}

// enter goes into the thread that a message is in or begins, or back to the channel.
func (c *Console) enter(args []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(args) == 0 {
		c.root = ""
		return
	}
	m := numbered.FindStringSubmatch(args[0])
	n := 0
	if m != nil {
		n, _ = strconv.Atoi(m[1])
	}
	if n < 1 || n > len(c.messages) {
		c.print("-- There is no such message; `threads` lists the threads.\n")
		return
	}
	if msg := c.messages[n-1]; msg.thread.Root != "" {
		c.root = msg.thread.Root
	} else {
		c.root = msg.id
	}
}

// listThreads shows what began each thread and how long it is.
func (c *Console) listThreads() {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := map[string]int{}
	for _, m := range c.messages {
		if m.thread.Root != "" {
			count[m.thread.Root]++
		}
	}
	if len(count) == 0 {
		c.print("-- There are no threads yet.\n")
		return
	}
	for _, m := range c.messages {
		if count[m.id] == 0 {
			continue
		}
		by := m.by
		if by == "" {
			by = "gridwarden"
		}
		first, _, _ := strings.Cut(m.text, "\n")
		for i, piece := range wrap(split(visible(by+": "+first), bot.Plain), c.opt.Width-12, c.opt.Width-12) {
			lead := fmt.Sprintf("-- #%-4d %3d  ", m.n, count[m.id])
			if i > 0 {
				lead = "--            "
			}
			c.print(lead + paint(piece, false) + "\n")
		}
	}
}

func (c *Console) regroup(group string, add bool, person string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups[group] == nil {
		c.groups[group] = map[string]bool{}
	}
	if key := c.accountOf(person).Key(); add {
		c.groups[group][key] = true
	} else {
		delete(c.groups[group], key)
	}
}

func (c *Console) showHelp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.print(help)
	if c.cfg.Trusted {
		c.print(helpTrusted)
	}
}
