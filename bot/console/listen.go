package console

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// handler takes an event into the inbox.
type handler = func(context.Context, bot.Event) error

// maxLine bounds one line of input, in bytes.
const maxLine = 64 << 10

var errTooLong = errors.New("the line is too long")

// Listen reads lines until the input ends, `exit` is typed or ctx ends. In the
// first two cases it waits until everything is answered and returns nil. When
// ctx ends it closes an input that can be closed, because a read cannot be
// interrupted in any other way.
func (c *Console) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	next, restore := c.plainLines(), func() {}
	if c.editor != nil {
		next, restore = c.editor.lines(c.plainLines())
	}
	defer restore()
	if c.welcome != "" && !c.piped {
		c.tell("%s", c.welcome)
	}
	type read struct {
		line string
		err  error
	}
	prompts, reads := make(chan string), make(chan read, 1)
	defer close(prompts)
	go func() {
		for prompt := range prompts {
			line, err := next(prompt)
			reads <- read{line, err}
		}
	}()
	for {
		prompts <- c.prompt()
		var r read
		select {
		case r = <-reads:
		case <-ctx.Done():
			if closer, ok := c.in.(io.Closer); ok && c.editor == nil {
				_ = closer.Close() // only to wake the reader
			}
			return ctx.Err()
		}
		switch {
		case errors.Is(r.err, errTooLong):
			c.tell("A line may have %d bytes; this one was not read.", maxLine)
			continue
		case r.err != nil && ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(r.err, io.EOF):
			return c.idle(ctx)
		case r.err != nil:
			return r.err
		}
		if c.obey(ctx, handle, r.line) {
			return c.idle(ctx)
		}
		if c.piped {
			if err := c.idle(ctx); err != nil {
				return err
			}
		}
	}
}

func (c *Console) idle(ctx context.Context) error {
	if c.opt.Idle == nil {
		return nil
	}
	return c.opt.Idle(ctx)
}

// prompt says who speaks and where.
func (c *Console) prompt() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.promptOf(c.speaker, c.root)
}

// promptOf is the prompt of an account in a thread. The caller holds mu.
func (c *Console) promptOf(a bot.Account, root string) string {
	p := visible(a.Name) + "@" + visible(c.cfg.Channel)
	if m, ok := c.byID[root]; ok {
		p += "#" + strconv.Itoa(m.n)
	}
	return p + "> "
}

// plainLines reads lines without an editor. The prompt is shown where the
// input is a terminal.
func (c *Console) plainLines() func(prompt string) (string, error) {
	in := bufio.NewReader(c.in)
	return func(prompt string) (string, error) {
		if !c.piped {
			c.mu.Lock()
			_, _ = io.WriteString(c.out, prompt)
			c.mu.Unlock()
		}
		var line []byte
		for {
			part, more, err := in.ReadLine()
			if err != nil {
				return "", err
			}
			if len(line) <= maxLine {
				line = append(line, part...)
			}
			if !more {
				break
			}
		}
		if len(line) > maxLine {
			return "", errTooLong
		}
		return string(line), nil
	}
}

// attempts is how often an event is handed over before the person is told.
const attempts = 4

// deliver hands an event over, again when that fails, always with the same id.
func (c *Console) deliver(ctx context.Context, handle handler, ev bot.Event) {
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		err := handle(ctx, ev)
		if err == nil {
			return
		}
		if try == attempts || ctx.Err() != nil {
			reason := "gridwarden could not store what you typed"
			var f bot.ForPeople
			if errors.As(err, &f) {
				reason = f.ForPeople()
			}
			c.tell("Not received: %s. Nothing was done; type it again.", reason)
			return
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
		}
	}
}
