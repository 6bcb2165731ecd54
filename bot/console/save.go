package console

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
)

// save writes a file of a message into the configured directory and returns
// its path, "" where files are not saved. The message's number and the time of
// the start set it apart from others.
func (c *Console) save(n int, f bot.File) (string, error) {
	if c.cfg.Files == "" {
		return "", nil
	}
	return saveIn(c.cfg.Files, fmt.Sprintf("%s-%s-%d", c.savedAt, c.opt.Boot, n), f)
}

// Save writes the files of one answer into a directory as a console does, and
// gives their paths by the files' order, "" for one that was not saved. The
// answer's name sets them apart from those of others.
func Save(dir, answer string, files []bot.File) ([]string, error) {
	paths := make([]string, len(files))
	var errs []error
	for i, f := range files {
		var err error
		paths[i], err = saveIn(dir, plainName(answer), f)
		errs = append(errs, err)
	}
	return paths, errors.Join(errs...)
}

// saveIn writes one file. The name that the file came with is foreign: only its
// letters, digits, dots, dashes and underscores are kept, behind what sets it
// apart and the beginning of the content's SHA-256, and nothing that exists is
// overwritten or followed.
func saveIn(dir, apart string, f bot.File) (string, error) {
	sum := sha256.Sum256(f.Data)
	name := fmt.Sprintf("%s-%x-%s", apart, sum[:4], plainName(f.Name))
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("the file was not saved: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only looked into
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return filepath.Join(dir, name), nil // an update carries the same file again
	}
	if err != nil {
		return "", fmt.Errorf("the file was not saved: %w", err)
	}
	_, err = out.Write(f.Data)
	if err = errors.Join(err, out.Close()); err != nil {
		return "", fmt.Errorf("the file was not saved whole: %w", err)
	}
	return filepath.Join(dir, name), nil
}

func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
	return s[max(0, len(s)-80):] // the ending says what it is
}
