package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// desk is where what happens is shown and what people do is typed.
type desk struct {
	chat chat

	mu      sync.Mutex
	out     io.Writer
	seen    []fakeserver.Seen // messages as they are now, by their number less one
	numbers map[string]int    // by id
}

func newDesk(c chat, out io.Writer) *desk {
	d := &desk{chat: c, out: out, numbers: map[string]int{}}
	c.watch(d.show)
	return d
}

func (d *desk) print(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintln(d.out, line)
}

// welcome says all that is needed to begin.
func (d *desk) welcome(address string) {
	for _, line := range d.chat.facts(address) {
		d.print(line)
	}
	d.print("people: " + listed(d.chat.people()))
	d.print("channels: " + listed(d.chat.channels()))
	d.print("group " + group + ": " + strings.Join(approvers, ", "))
	d.print("`help` says what can be typed")
}

func listed(all map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		words = append(words, name+" "+all[name])
	}
	return strings.Join(words, ", ")
}

// obey does what is typed until there is no more.
func (d *desk) obey(ctx context.Context, in io.Reader) error {
	lines := make(chan string)
	failed := make(chan error, 1)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		for s.Scan() {
			select {
			case lines <- strings.TrimSpace(s.Text()):
			case <-ctx.Done():
				return
			}
		}
		failed <- s.Err()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			switch {
			case !more:
				return <-failed
			case line == "quit":
				return nil
			case line == "help":
				d.print(usage)
			case line != "":
				if err := d.do(line); err != nil {
					d.print("! " + err.Error())
				}
			}
		}
	}
}

// show prints what people see. It is called by the chat.
func (d *desk) show(s fakeserver.Seen) {
	d.mu.Lock()
	defer d.mu.Unlock()
	number, known := d.numbers[s.ID]
	if !known && s.Kind != fakeserver.Reacted && s.Kind != fakeserver.Opened {
		d.seen = append(d.seen, s)
		number = len(d.seen)
		d.numbers[s.ID] = number
	} else if s.Kind == fakeserver.Posted || s.Kind == fakeserver.Edited || s.Kind == fakeserver.Whispered {
		d.seen[number-1] = s
	}
	head := name(d.chat.people(), s.From)
	switch s.Kind {
	case fakeserver.Reacted:
		fmt.Fprintf(d.out, "   %s reacts %s on #%d\n", head, s.Text, number)
		return
	case fakeserver.Opened:
		fmt.Fprintf(d.out, "   a form: %s\n", strings.ReplaceAll(s.Text, "\n", " · "))
		return
	case fakeserver.Edited:
		head += " changes it"
	case fakeserver.Whispered:
		head += " to " + name(d.chat.people(), s.To) + " only"
	case fakeserver.Posted:
	}
	if s.Channel != "" {
		head += " in " + name(d.chat.channels(), s.Channel)
	}
	if root := d.numbers[s.Root]; root > 0 {
		head += fmt.Sprintf(" under #%d", root)
	}
	fmt.Fprintf(d.out, "#%d %s: %s\n", number, head, strings.ReplaceAll(s.Text, "\n", "\n   | "))
	for i, b := range s.Buttons {
		fmt.Fprintf(d.out, "   [%d] %s\n", i+1, b.Label)
	}
	for _, f := range s.Files {
		fmt.Fprintf(d.out, "   file %s\n", f)
	}
}

// name is that of an id, or the id.
func name(of map[string]string, id string) string {
	for name, other := range of {
		if other == id {
			return name
		}
	}
	return id
}

func (d *desk) user(name string) (string, error) {
	id, ok := d.chat.people()[name]
	if !ok || name == botName {
		return "", fmt.Errorf("there is no %s", name)
	}
	return id, nil
}

// message finds one by its number, or the bot's last one, which must have buttons
// when one is to be pressed.
func (d *desk) message(word string, buttons bool) (fakeserver.Seen, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if word == "last" {
		for _, m := range slices.Backward(d.seen) {
			if m.From == d.chat.people()[botName] && (!buttons || len(m.Buttons) > 0) {
				return m, nil
			}
		}
		return fakeserver.Seen{}, errors.New("the bot has posted no such message yet")
	}
	n, err := strconv.Atoi(strings.TrimPrefix(word, "#"))
	if err != nil || n < 1 || n > len(d.seen) {
		return fakeserver.Seen{}, fmt.Errorf("there is no message %s", word)
	}
	return d.seen[n-1], nil
}

func (d *desk) who(person, message string, buttons bool) (string, fakeserver.Seen, error) {
	user, err := d.user(person)
	if err != nil {
		return "", fakeserver.Seen{}, err
	}
	m, err := d.message(message, buttons)
	return user, m, err
}

// button is one by its number or the beginning of its label.
func button(m fakeserver.Seen, word string) (fakeserver.Button, error) {
	if n, err := strconv.Atoi(word); err == nil && n >= 1 && n <= len(m.Buttons) {
		return m.Buttons[n-1], nil
	}
	for _, b := range m.Buttons {
		if strings.HasPrefix(strings.ToLower(b.Label), strings.ToLower(word)) {
			return b, nil
		}
	}
	return fakeserver.Button{}, fmt.Errorf("there is no button %s", word)
}
