package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/gridwarden/gridwarden/bot"
)

// Name is the platform's word in configuration and addresses.
const Name = "console"

// Console is a terminal as a Platform. Build it with New.
type Console struct {
	cfg     Config
	opt     Options
	in      io.Reader
	colour  bool
	piped   bool // input is no terminal: it is echoed, and each line is answered before the next is read
	savedAt string
	welcome string // said before the first prompt, "" for nothing

	mu       sync.Mutex // guards all below, and the order in which lines are shown
	out      io.Writer
	editor   *editor // nil: plain lines
	messages []*message
	byID     map[string]*message
	keys     map[string]string // thread and key of a keyed post, to its message id
	groups   map[string]map[string]bool
	standing map[string]bot.Standing // by account key, where it was changed
	speaker  bot.Account
	root     string // the thread that is entered, "" for the channel
	events   int
}

// message is one numbered line of the conversation.
type message struct {
	n      int
	id     string
	thread bot.Thread // as it was posted; the address that events about it carry
	by     string     // who typed it, "" for the bot
	who    bot.Account
	at     time.Time
	event  string // the id of the event that it was, "" when it was not for the bot
	gone   bool   // deleted
	text   string // what was typed, or the message as it was last rendered
	last   bot.Message
	live   []string // words of the buttons shown now
	known  map[string]string
}

// New makes a console of an input and an output. It fails on settings that
// cannot work.
func New(cfg Config, opt Options, in io.Reader, out io.Writer) (*Console, error) {
	c := &Console{
		cfg: cfg, opt: opt, in: in, out: out,
		byID: map[string]*message{}, keys: map[string]string{},
		groups: map[string]map[string]bool{}, standing: map[string]bot.Standing{},
	}
	if c.cfg.Channel == "" {
		c.cfg.Channel = "security"
	}
	if c.cfg.Files != "" {
		if info, err := os.Stat(c.cfg.Files); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("console: files: %q is not a directory; make it, or leave files: out", c.cfg.Files)
		}
	}
	if c.opt.Boot == "" {
		c.opt.Boot = strings.ToLower(rand.Text()[:8])
	}
	if !regexp.MustCompile(`^[a-z0-9]+$`).MatchString(c.opt.Boot) {
		return nil, errors.New("console: the boot name may hold lower-case letters and digits only")
	}
	c.savedAt = time.Now().UTC().Format("20060102T150405Z")
	for group, members := range cfg.Groups {
		c.groups[group] = map[string]bool{}
		for _, name := range members {
			c.groups[group][c.accountOf(name).Key()] = true
		}
	}
	c.speaker = opt.Self
	if c.speaker.ID == "" {
		self, err := OSAccount()
		if err != nil {
			return nil, err
		}
		c.seat(self)
	}
	tty, width := terminalOf(out)
	c.colour = tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if c.opt.Width == 0 {
		c.opt.Width = width
	}
	input, _ := terminalOf(in)
	c.piped = !input
	if input && tty && os.Getenv("TERM") != "dumb" && in == io.Reader(os.Stdin) && out == io.Writer(os.Stdout) {
		c.editor = newEditor(opt.Commands, out)
	}
	return c, nil
}

// Name implements bot.Platform.
func (c *Console) Name() string { return Name }

// terminalOf reports whether f is a terminal, and how many columns to use.
func terminalOf(f any) (bool, int) {
	file, ok := f.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return false, 100
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return true, 80
	}
	return true, min(max(width, 40), 120)
}

// accountOf is the account behind a name. A name that is not configured is an
// account of its own that belongs to nobody, so that strangers can be played.
func (c *Console) accountOf(name string) bot.Account { return accountOf(c.opt.People, name) }

// add gives a message its number. The caller holds mu.
func (c *Console) add(t bot.Thread, by, text string) *message {
	n := len(c.messages) + 1
	return c.adopt(fmt.Sprintf("%s-%d", c.opt.Boot, n), t, by, text)
}

// adopt numbers a message that has an id already. The caller holds mu.
func (c *Console) adopt(id string, t bot.Thread, by, text string) *message {
	m := &message{n: len(c.messages) + 1, id: id, thread: t, by: by, text: text, at: time.Now().UTC(), known: map[string]string{}}
	c.messages = append(c.messages, m)
	c.byID[id] = m
	return m
}

// numberOf is the number of a thread's first message; threads of an earlier
// process get one when they are first seen. The caller holds mu.
func (c *Console) numberOf(t bot.Thread) int {
	if t.Root == "" {
		return 0
	}
	m, ok := c.byID[t.Root]
	if !ok {
		root := t
		root.Root = ""
		m = c.adopt(t.Root, root, "", "(from before this start)")
	}
	return m.n
}

// print shows a block of whole lines. The caller holds mu.
func (c *Console) print(block string) {
	if c.editor != nil {
		c.editor.print(block)
		return
	}
	// A terminal that is gone is noticed by its input; there is nobody to tell here.
	_, _ = io.WriteString(c.out, block)
}

// tell says something about the console itself, each line behind two dashes.
func (c *Console) tell(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, piece := range wrap(split(visible(fmt.Sprintf(format, args...)), bot.Plain), c.opt.Width-3, c.opt.Width-3) {
		c.print("-- " + strings.TrimRight(paint(piece, false), " ") + "\n")
	}
}
