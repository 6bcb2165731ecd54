package main

import (
	"path/filepath"

	"github.com/gridwarden/gridwarden/bot/console"
)

// paster is the engine of a program whose console is built before it.
type paster struct{ *app }

// Pastes implements console.Paster.
func (p paster) Pastes(line string) bool { return p.engine.Pastes(line) }

// Paste implements console.Paster.
func (p paster) Paste(line, file string, text []byte) (string, error) {
	return p.engine.Paste(line, file, text)
}

// value is what is said to the engine: the command, with the text of --file; or with
// that of a standard input that is no terminal, where the command takes one and has
// no words of its own.
func (c runCmd) value(a *app, t terminal) (string, error) {
	typed := line(c.Command)
	stdin := c.File == "-" || c.File == "" && a.engine.Pastes(typed) && t.attended() && !t.interactive()
	switch {
	case stdin:
		text, err := console.ReadText(t.in)
		if err != nil {
			return "", err
		}
		if len(text) == 0 && c.File == "" {
			return typed, nil
		}
		return a.engine.Paste(typed, "standard input", text)
	case c.File != "":
		text, err := console.ReadFile(c.File)
		if err != nil {
			return "", err
		}
		return a.engine.Paste(typed, filepath.Base(c.File), text)
	}
	return typed, nil
}
