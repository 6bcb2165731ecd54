package bottest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Screened is a Bot whose platform can tell what people saw of the bot.
type Screened interface {
	// Shown is everything that the bot had people see since the start, in order,
	// with the names of people in To; without the platform's own second looks,
	// whose number was checked.
	Shown() ([]fakeserver.Seen, error)
	// Live is what of everything that is shown is more than text: mentions of
	// others than were notified, links, marks that the bot does not make.
	Live() []string
}

// wholes are the files that hold a message that did not fit.
var wholes = []string{"answer.txt", "whole-message.txt"}

// besides is what some platforms write above files that a changed message cannot have.
const besides = "The files of the message as it is now."

// unaccounted holds what people saw against what the bot said: all of it must have
// been seen, once, and nothing else.
func unaccounted(said []Said, seen []fakeserver.Seen) error {
	whole := wholeOf(seen)
	left := slices.Clone(seen)
	take := func(want func(fakeserver.Seen) bool) (fakeserver.Seen, bool) {
		i := slices.IndexFunc(left, want)
		if i < 0 {
			return fakeserver.Seen{}, false
		}
		s := left[i]
		left = slices.Delete(left, i, i+1)
		return s, true
	}
	files := map[string]bool{}
	for _, s := range said {
		for _, f := range s.Message.Files {
			files[f.Name] = true
		}
		switch s.How {
		case Posted, Updated:
			kind := fakeserver.Posted
			if s.How == Updated {
				kind = fakeserver.Edited
			}
			v, ok := take(func(v fakeserver.Seen) bool { return v.Kind == kind && v.ID == s.ID && v.To == "" })
			if !ok {
				return fmt.Errorf("nobody saw this, which was %s:\n%s", s.How, blockOf(s))
			}
			if missing := lost(s.Message, v.Text, whole); missing != "" {
				return fmt.Errorf("%q is missing in what people saw:\n%s\nof this, which was %s:\n%s", missing, v.Text, s.How, blockOf(s))
			}
		case Whispered: // which may be several
			all, missing := "", "all"
			for missing != "" {
				v, ok := take(func(v fakeserver.Seen) bool { return v.To == s.To.Name || v.To == s.To.ID })
				if !ok {
					return fmt.Errorf("%q is missing in what %s saw:\n%s\nof this:\n%s", missing, s.To.Name, all, blockOf(s))
				}
				all += v.Text + "\n"
				missing = lost(s.Message, all, whole)
			}
		}
	}
	for _, v := range left {
		own := func(name string) bool { return files[name] || slices.Contains(wholes, name) || name == "table.csv" }
		beside := len(v.Files) > 0 && (v.Text == "" || v.Text == besides) && !slices.ContainsFunc(v.Files, func(name string) bool { return !own(name) })
		if !beside {
			return fmt.Errorf("people saw this, and nobody said it: %s of %s in %s to %q with the files %q:\n%s", v.Kind, v.ID, v.Channel, v.To, v.Files, v.Text)
		}
	}
	return nil
}

// wholeOf gives what the files hold in which people saw messages that did not fit.
func wholeOf(seen []fakeserver.Seen) []string {
	var out []string
	for _, v := range seen {
		for i, name := range v.Files {
			if slices.Contains(wholes, name) && i < len(v.Data) {
				out = append(out, string(v.Data[i]))
			}
		}
	}
	return out
}

// lost is what of a message is not in a text, nor, where the text names it, in one
// of the files of what did not fit; "" for nothing.
func lost(m bot.Message, text string, whole []string) string {
	want := wanted(m)
	missing := absent(want, bare(text))
	if missing == "" || !slices.ContainsFunc(wholes, func(name string) bool { return strings.Contains(bare(text), bare(name)) }) {
		return missing
	}
	for _, data := range whole {
		if absent(want, bare(data)) == "" {
			return ""
		}
	}
	return missing
}

// wanted is what has to be seen of a message. Cells of a table may be broken over
// lines, and the names of its columns may be left out.
func wanted(m bot.Message) []string {
	var want []string
	if len(m.Title) > 0 {
		want = append(want, m.Title.String())
	}
	for _, t := range slices.Concat(m.Lines, m.After) {
		want = append(want, t.String())
	}
	if m.Table != nil {
		for _, row := range m.Table.Rows {
			for _, cell := range row {
				want = append(want, strings.Fields(cell)...)
			}
		}
	}
	return want
}

// absent is the first of what is wanted that is not in a bare text.
func absent(want []string, shown string) string {
	for _, line := range want {
		if !strings.Contains(shown, bare(line)) {
			return line
		}
	}
	return ""
}

// shownAs is how signs that are not seen are made visible.
var shownAs = regexp.MustCompile(`⟨U\+[0-9A-F]+⟩`)

// bare leaves the letters and digits of a text: platforms differ in the marks
// that they set between.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, shownAs.ReplaceAllString(s, ""))
}

// overflowed reports whether the latest message did not fit, as people saw it: a
// summary, and everything in a file.
func overflowed(said Said, seen []fakeserver.Seen) error {
	const most = summaryLines + 2 // where what is asked about stands in the answer again
	at := slices.IndexFunc(seen, func(v fakeserver.Seen) bool { return v.ID == said.ID })
	if at < 0 {
		return fmt.Errorf("nobody saw it:\n%s", blockOf(said))
	}
	n, shown := 0, bare(seen[at].Text)
	for _, line := range Lines(said.Message) {
		if line = bare(line); line != "" && strings.Contains(shown, line[:min(len(line), begins)]) {
			n++
		}
	}
	if n > most {
		return fmt.Errorf("%d lines are shown:\n%s", n, seen[at].Text)
	}
	want := wanted(said.Message)
	if !slices.ContainsFunc(wholeOf(seen), func(data string) bool { return absent(want, bare(data)) == "" }) {
		return fmt.Errorf("no file has all of it; people see:\n%s", seen[at].Text)
	}
	if absent(want, bare(seen[at].Text)) == "" {
		return fmt.Errorf("it fits:\n%s", seen[at].Text)
	}
	return nil
}

// begins is how much of a line is shown in every summary, in bytes.
const begins = 80

// summaryLines is how many lines are shown of what does not fit.
const summaryLines = 15
