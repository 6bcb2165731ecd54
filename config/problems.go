package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File string
	Line int    // from 1; 0 where no line is to blame
	Path string // such as people[1].accounts[0]; "" for the file as a whole
	Text string // what is wrong and what to do
}

// String is "file:line: path: text".
func (p Problem) String() string {
	out := p.File
	if p.Line > 0 {
		out += fmt.Sprintf(":%d", p.Line)
	}
	if p.Path != "" {
		out += ": " + p.Path
	}
	return oneLine(out + ": " + p.Text)
}

// Problems is everything that is wrong with a configuration, in the order of
// its files and lines. It is an error for people.
type Problems []Problem

func (p Problems) Error() string {
	if len(p) == 1 {
		return "config: " + p[0].String()
	}
	return fmt.Sprintf("config: %d problems:\n%s", len(p), p.lines())
}

// ForPeople lists the problems, one a line.
func (p Problems) ForPeople() string {
	count := fmt.Sprintf("%d problems", len(p))
	if len(p) == 1 {
		count = "1 problem"
	}
	return fmt.Sprintf("The configuration has %s; nothing was started.\n%s", count, p.lines())
}

func (p Problems) lines() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders problems as the files are read: a file's own by line.
func (p Problems) sorted() Problems {
	var files []string
	for _, one := range p {
		if !slices.Contains(files, one.File) {
			files = append(files, one.File)
		}
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File)), cmp.Compare(a.Line, b.Line))
	})
	return p
}
