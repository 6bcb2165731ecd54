package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
)

// Paster makes of a command and a text from a file the line that says both; see
// bot.Engine.
type Paster interface {
	// Pastes reports whether a line is no more than the name of a command that takes such a text.
	Pastes(line string) bool
	Paste(line, file string, text []byte) (string, error)
}

var fromFile = regexp.MustCompile(`^(\S+)\s*<\s*(\S.*)$`)

// paste types a command with what is in a file, as a shell would: job < FILE. It
// reports false for a line that is none.
func (c *Console) paste(ctx context.Context, handle handler, l line, speaker bot.Account) bool {
	m := fromFile.FindStringSubmatch(l.text)
	if m == nil || c.opt.Paste == nil || !c.opt.Paste.Pastes(m[1]) {
		return false
	}
	text, err := ReadFile(strings.Trim(m[2], `"'`))
	if err == nil {
		l.text, err = c.opt.Paste.Paste(m[1], filepath.Base(m[2]), text)
	}
	if err != nil {
		c.echo(speaker, m[0])
		sentence := "that file could not be read"
		var f bot.ForPeople
		if errors.As(err, &f) {
			sentence = f.ForPeople()
		}
		c.tell("%s", sentence)
		return true
	}
	c.typed(ctx, handle, l, speaker)
	return true
}

// ReadFile reads a file that somebody gives with a command: of a longer one a byte
// more than is taken. Its errors are for people.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, bot.Problemf("usage", "%q is no file. Nothing was run.", path)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		why := "cannot be read"
		switch {
		case errors.Is(err, os.ErrNotExist):
			why = "is not there"
		case errors.Is(err, os.ErrPermission):
			why = "may not be read by this account"
		}
		return nil, &bot.Problem{Code: "usage", Sentence: fmt.Sprintf("The file %q %s. Nothing was run.", path, why), Cause: err}
	}
	defer f.Close()
	return ReadText(f)
}

// ReadText reads a text that is given with a command: of a longer one a byte more
// than is taken.
func ReadText(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, bot.MaxPasted+1))
	if err != nil {
		return nil, &bot.Problem{Code: "usage", Sentence: "The text could not be read to its end. Nothing was run.", Cause: err}
	}
	return text, nil
}
