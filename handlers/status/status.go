package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Part is something that the bot depends on: the journal, a platform, a source
// of records.
type Part interface {
	Name() string
	// Check asks the part whether it works. The error is shown to people only
	// when it has a sentence for them.
	Check(ctx context.Context) error
}

// Dated is a Part that knows how old its data is.
type Dated interface {
	// Newest is the time of the newest record; zero when there is none.
	Newest(ctx context.Context) (time.Time, error)
}

// Detailed is a Part with more to say, a sentence each.
type Detailed interface {
	Details(ctx context.Context) ([]string, error)
}

// Moded is a Part that works in one of several ways, such as "Socket Mode".
type Moded interface {
	Mode() string
}

// Journal is what the command needs of the bot's journal.
type Journal interface {
	OpenActions(ctx context.Context) ([]action.Action, error)
	// Waiting counts deliveries that are queued, and the oldest one's time.
	Waiting(ctx context.Context) (n int, oldest time.Time, err error)
}

// deadline is what every part has for its answer.
const deadline = 5 * time.Second

// New gives the command.
func New(j Journal, parts []Part, log *slog.Logger) []bot.Command {
	x := command{journal: j, parts: parts, log: log}
	return []bot.Command{{
		Name: "status", Summary: "health and data age of every part",
		Example: "status", Role: bot.Anyone, Run: x.run,
	}}
}

type command struct {
	journal Journal
	parts   []Part
	log     *slog.Logger
}

// The states of a part.
const (
	ok     = "ok"
	failed = "failed"
	slow   = "no answer"
)

// answer is the machine form.
type answer struct {
	At          time.Time  `json:"at"`
	Healthy     bool       `json:"healthy"`
	Parts       []part     `json:"parts"`
	OpenActions *int       `json:"open_actions,omitempty"` // absent when the journal did not say
	Outbox      *int       `json:"outbox,omitempty"`
	OutboxSince *time.Time `json:"outbox_since,omitempty"` // since when the oldest one waits
}

// part is how one part is.
type part struct {
	Name   string     `json:"name"`
	State  string     `json:"state"` // ok, failed or no answer
	Mode   string     `json:"mode,omitempty"`
	Error  string     `json:"error,omitempty"`
	Newest *time.Time `json:"newest,omitempty"`
	Notes  []string   `json:"notes,omitempty"`
}

func (x command) run(ctx context.Context, r *bot.Request) (bot.Message, error) {
	if len(r.Words) > 0 {
		return bot.Message{}, bot.Problemf("usage", "status takes no arguments.")
	}
	a := answer{At: r.At.UTC(), Parts: x.ask(ctx)}
	a.Healthy = true
	for _, p := range a.Parts {
		a.Healthy = a.Healthy && p.State == ok
	}
	var m bot.Message
	m.Table = &bot.Table{Columns: []string{"part", "state", "newest data (UTC)", "notes"}}
	for _, p := range a.Parts {
		m.Table.Rows = append(m.Table.Rows, p.row(r.At))
	}
	x.queues(ctx, r.At, &a, &m)
	m.Title = bot.Textf("Everything works")
	if !a.Healthy {
		m.Title = bot.Textf("*Not everything works*")
	}
	m.Partial = !a.Healthy
	m.Answer = map[string]any{"status": a}
	return m, nil
}

// ask asks every part at once. A part that does not come back is left behind:
// one that hangs must not hide the others.
func (x command) ask(ctx context.Context) []part {
	out := make([]part, len(x.parts))
	var wg sync.WaitGroup
	for i, p := range x.parts {
		wg.Go(func() { out[i] = x.look(ctx, p) })
	}
	wg.Wait()
	return out
}

// look asks one part within the deadline.
func (x command) look(ctx context.Context, p Part) part {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	done := make(chan part, 1)
	go func() {
		var out part
		defer func() {
			if v := recover(); v != nil {
				x.log.ErrorContext(ctx, "a part panicked when it was checked", "part", p.Name(), "panic", v)
				out = part{Name: p.Name(), State: failed, Error: "it broke down while it was asked"}
			}
			done <- out
		}()
		out = x.examine(ctx, p)
	}()
	select {
	case out := <-done:
		return out
	case <-ctx.Done():
		return part{Name: p.Name(), State: slow, Error: fmt.Sprintf("no answer within %s", deadline)}
	}
}

func (x command) examine(ctx context.Context, p Part) part {
	out := part{Name: p.Name(), State: ok}
	if m, has := p.(Moded); has {
		out.Mode = m.Mode()
	}
	if err := p.Check(ctx); err != nil {
		x.log.WarnContext(ctx, "a part does not work", "part", p.Name(), "error", err)
		out.State, out.Error = failed, sentence(err)
		if errors.Is(err, context.DeadlineExceeded) {
			out.State, out.Error = slow, fmt.Sprintf("no answer within %s", deadline)
		}
		return out
	}
	if d, has := p.(Dated); has {
		switch newest, err := d.Newest(ctx); {
		case err != nil:
			out.Notes = append(out.Notes, "the age of its data could not be read")
		case newest.IsZero():
			out.Notes = append(out.Notes, "it has no data")
		default:
			newest = newest.UTC()
			out.Newest = &newest
		}
	}
	if d, has := p.(Detailed); has {
		notes, err := d.Details(ctx)
		if err != nil {
			notes = append(notes, "its details could not be read")
		}
		out.Notes = append(out.Notes, notes...)
	}
	return out
}

// sentence is what people may see of an error: addresses and answers of
// servers stay in the log.
func sentence(err error) string {
	var f bot.ForPeople
	if errors.As(err, &f) {
		return f.ForPeople()
	}
	return "it did not work; the reason is in the bot's log and in gridwarden check --probe"
}

func (p part) row(now time.Time) []string {
	newest := ""
	if p.Newest != nil {
		newest = p.Newest.Format("2006-01-02 15:04") + ", " + age(now.Sub(*p.Newest)) + " old"
	}
	notes := p.Error
	said := p.Notes
	if p.Mode != "" {
		said = append([]string{p.Mode}, said...)
	}
	for _, n := range said {
		switch {
		case strings.HasSuffix(notes, "."):
			notes += " "
		case notes != "":
			notes += "; "
		}
		notes += n
	}
	return []string{p.Name, p.State, newest, notes}
}

// queues adds what waits in the journal.
func (x command) queues(ctx context.Context, now time.Time, a *answer, m *bot.Message) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if open, err := x.journal.OpenActions(ctx); err != nil {
		a.Healthy = false
		m.Below("The journal did not say how many actions are open.")
	} else {
		n := len(open)
		a.OpenActions = &n
		m.Below("Open actions: %d. `pending` lists them.", n)
	}
	n, oldest, err := x.journal.Waiting(ctx)
	switch {
	case err != nil:
		a.Healthy = false
		m.Below("The journal did not say how many messages wait to be posted.")
		return
	case n == 0:
		m.Below("No message waits to be posted.")
	default:
		oldest = oldest.UTC()
		a.OutboxSince = &oldest
		m.Below("Messages waiting to be posted: %d, the oldest for %s.", n, age(now.Sub(oldest)))
	}
	a.Outbox = &n
}

// age writes a length of time for people.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
