package console

import (
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/gridwarden/gridwarden/bot"
)

// cell is one character as a person sees it.
type cell struct {
	text  string
	width int // columns of the terminal
	style bot.Style
}

// cells splits a line into characters. Code stands between backticks, so that
// what is to be copied can be told without colour.
func cells(t bot.Text) []cell {
	var out []cell
	for _, s := range t {
		text := visible(s.Text)
		if s.Style == bot.Code {
			text = "`" + text + "`"
		}
		out = append(out, split(text, s.Style)...)
	}
	return out
}

func split(text string, style bot.Style) []cell {
	var out []cell
	state := -1
	for text != "" {
		var c cell
		c.text, text, c.width, state = uniseg.FirstGraphemeClusterInString(text, state)
		c.style = style
		out = append(out, c)
	}
	return out
}

func widthOf(line []cell) int {
	n := 0
	for _, c := range line {
		n += c.width
	}
	return n
}

// continued marks a line that was broken inside a word: what follows belongs
// to it without a space.
var continued = cell{text: `\`, width: 1}

// wrap breaks a line so that the first piece fits first columns and the others
// fit rest. It breaks behind a space where it can, inside of code only where that
// is longer than a line, and drops nothing.
func wrap(line []cell, first, rest int) [][]cell {
	var out [][]cell
	limit, left := max(first, 4), widthOf(line)
	for left > limit {
		at, width, space, inCode := 0, 0, 0, 0
		for at < len(line) && width+line[at].width <= limit-1 {
			width += line[at].width
			at++
			if line[at-1].text != " " {
				continue
			}
			if line[at-1].style == bot.Code {
				inCode = at
			} else {
				space = at
			}
		}
		if space == 0 {
			space = inCode
		}
		if space > 0 {
			at = space
			out = append(out, line[:at])
		} else {
			at = max(at, 1)
			out = append(out, append(slices.Clone(line[:at]), continued))
		}
		left -= widthOf(line[:at])
		line = line[at:]
		limit = max(rest, 4)
	}
	return append(out, line)
}

// sgr are the terminal's own names of the styles.
var sgr = map[bot.Style]string{bot.Bold: "1", bot.Italic: "3", bot.Code: "36"}

// paint turns characters into text, with the terminal's styles when colour is allowed.
func paint(line []cell, colour bool) string {
	var b strings.Builder
	now := bot.Plain
	change := func(to bot.Style) {
		if !colour || to == now {
			return
		}
		if now != bot.Plain {
			b.WriteString("\x1b[0m")
		}
		if to != bot.Plain {
			b.WriteString("\x1b[" + sgr[to] + "m")
		}
		now = to
	}
	for _, c := range line {
		style := c.style
		if _, known := sgr[style]; !known {
			style = bot.Plain
		}
		change(style)
		b.WriteString(c.text)
	}
	change(bot.Plain)
	return b.String()
}
