package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// maxWord bounds one argument, in bytes: the longest DN that is read.
const maxWord = 4096

// understand reads a request and checks what all commands have in common.
func (t tracer) understand(r *bot.Request, read reader, asked, now time.Time) (question, error) {
	if len(t.sources) == 0 {
		return question{}, bot.Problemf("unavailable", "No source of job records is configured, so nothing can be traced. An admin adds one under backends.")
	}
	for _, w := range append(r.Args(), mapValues(r.Options)...) {
		if len(w) > maxWord || !utf8.ValidString(w) {
			return question{}, bot.Problemf("usage", "One of the arguments is too long or not text.")
		}
	}
	short, plot := withoutPlot(r)
	q, err := read(short, asked, now)
	if err != nil {
		return question{}, asUsage(err)
	}
	q.Plot = plot
	q.Raw, q.Site = bot.Echo(r.Command, r.Words, r.Options), strings.TrimSpace(r.Options["site"])
	if q.Only, err = t.only(r.Options["source"]); err != nil {
		return question{}, err
	}
	return q, nil
}

func mapValues(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// asUsage gives a refusal of what was typed the code by which the engine adds
// the command's usage and example.
func asUsage(err error) error {
	var typed *grid.InputError
	if errors.As(err, &typed) {
		return &bot.Problem{Code: "usage", Sentence: typed.ForPeople(), Cause: err}
	}
	return err
}

// only reads source=: the names of the sources to ask, all when empty.
func (t tracer) only(typed string) ([]string, error) {
	if typed == "" {
		return nil, nil
	}
	var known, out []string
	for _, s := range t.sources {
		known = append(known, s.Name())
	}
	for _, e := range t.enrichers {
		known = append(known, e.Name())
	}
	for name := range strings.SplitSeq(typed, ",") {
		if !slices.Contains(known, name) {
			return nil, bot.Problemf("usage", "There is no source %q. The sources are: %s.", clip(name, 40), strings.Join(known, ", "))
		}
		out = append(out, name)
	}
	return out, nil
}

// readWindow reads TIME, and the options that say how far around it to search.
func readWindow(q *question, r *bot.Request, words []string, asked, now time.Time) error {
	if len(words) == 0 {
		return bot.Problemf("usage", "The time is missing.")
	}
	at, rest, err := grid.ParseTime(words, asked)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return bot.Problemf("usage", "%q after the time was not understood.", clip(strings.Join(rest, " "), 60))
	}
	if err := at.CheckZone(q.Host, r.Options["site"]); err != nil {
		return err
	}
	q.say(at.Said)
	forward, to, err := readEnd(q, r, at.At, asked)
	if err != nil {
		return err
	}
	margin, err := readMargin(r, grid.DefaultMargin)
	if err != nil {
		return err
	}
	q.Asked = at.At
	q.Window, q.Why, q.OpenUntil = grid.NewWindow(at.At, forward, to, margin, now)
	return nil
}

// readMargin reads margin=, which may be 0.
func readMargin(r *bot.Request, otherwise time.Duration) (time.Duration, error) {
	if typed, ok := r.Options["margin"]; ok {
		return grid.ParseDuration(typed)
	}
	return otherwise, nil
}

// readEnd reads for= and to=.
func readEnd(q *question, r *bot.Request, at, asked time.Time) (forward time.Duration, to time.Time, err error) {
	length, hasLength := r.Options["for"]
	end, hasEnd := r.Options["to"]
	switch {
	case hasLength && hasEnd:
		return 0, time.Time{}, bot.Problemf("usage", "for= and to= both say where the window ends. Give one of them.")
	case hasLength:
		forward, err = grid.ParseDuration(length)
		if err == nil && forward <= 0 {
			err = bot.Problemf("usage", "for= must be longer than nothing, such as for=48h.")
		}
		return forward, time.Time{}, err
	case hasEnd:
		w, rest, err := grid.ParseEnd(strings.Fields(end), asked)
		if err != nil {
			return 0, time.Time{}, err
		}
		if len(rest) > 0 {
			return 0, time.Time{}, bot.Problemf("usage", "%q after the time in to= was not understood.", clip(strings.Join(rest, " "), 60))
		}
		if err := w.CheckZone(q.Host, r.Options["site"]); err != nil {
			return 0, time.Time{}, err
		}
		if !w.At.After(at) {
			return 0, time.Time{}, bot.Problemf("usage", "to= is %s, which is not after %s. Give the later time.", utc(w.At), utc(at))
		}
		q.say(w.Said)
		return 0, w.At, nil
	}
	return 0, time.Time{}, nil
}

// readLongWindow makes the window of a question without a time: everything
// that records are kept for.
func readLongWindow(q *question, r *bot.Request, now time.Time) error {
	for _, name := range []string{"for", "to", "margin"} {
		if _, ok := r.Options[name]; ok {
			return bot.Problemf("usage", "%s= needs a time to count from. Give TIME too.", name)
		}
	}
	q.Window = grid.Window{From: now.Add(-grid.Horizon), To: now}
	q.Why = []string{fmt.Sprintf("No time was given, so the last %d days were searched. Ids are used again: give the time to be sure.", grid.Horizon/(24*time.Hour))}
	return nil
}

// say keeps what was assumed.
func (q *question) say(s string) {
	if s != "" && !slices.Contains(q.Said, s) {
		q.Said = append(q.Said, s)
	}
}

// clip bounds foreign text in a sentence about it.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
