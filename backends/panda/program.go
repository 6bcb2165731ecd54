package panda

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// program writes bans by a program on this or another machine, such as ssh to
// PanDA's banUser.py, which changes every user of a name.
type program struct{ ban, unban []string }

// What a program may take.
const (
	programDeadline = 15 * time.Second // a step of an action has 20 s
	maxOutput       = 64 << 10
)

func newProgram(c BanConfig) program {
	p := program{ban: c.Command, unban: c.UnbanCommand}
	if len(p.unban) == 0 {
		p.unban = append(append([]string{}, c.Command...), "--unban")
	}
	return p
}

func (p program) close() {}

// check looks for the programs. It cannot tell whether they would work.
func (p program) check(context.Context) error {
	for _, argv := range [][]string{p.ban, p.unban} {
		if _, err := exec.LookPath(argv[0]); err != nil {
			return trouble.Errorf(err, "The program %q of %s.command is not on this machine, or may not be run.", argv[0], Setting+".ban")
		}
	}
	return nil
}

// rowsUpdated is what banUser.py prints.
var rowsUpdated = regexp.MustCompile(`(?m)^\s*([0-9]{1,9}) rows? updated\b`)

// write runs the program. It knows names only, so the id is not told.
func (p program) write(ctx context.Context, _ int64, name string, banned bool) (int64, error) {
	argv, err := filled(p.ban, name)
	if !banned {
		argv, err = filled(p.unban, name)
	}
	if err != nil {
		return 0, err
	}
	out, err := run(ctx, argv)
	said := printable(out)
	found := rowsUpdated.FindAllStringSubmatch(out, -1)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, trouble.Errorf(fmt.Errorf("it printed %q", said), "The program %q of %s.command did not end within %s and was stopped: whether it wrote the status of %q is not known. `bans` tells.", argv[0], Setting+".ban", programDeadline, name)
	case err != nil:
		return 0, trouble.Errorf(fmt.Errorf("%w; it printed %q", err, said), "The program %q of %s.command failed (%v): whether it wrote the status of %q is not known. `bans` tells; the log has what it printed.", argv[0], Setting+".ban", err, name)
	case len(found) != 1:
		return 0, trouble.Errorf(fmt.Errorf("it printed %q", said), "The program %q of %s.command did not say how many rows it updated: whether it wrote the status of %q is not known. `bans` tells; the log has what it printed.", argv[0], Setting+".ban", name)
	}
	return strconv.ParseInt(found[0][1], 10, 64)
}

// filled puts a name into a template. A name that a program could take for an
// option, or that no user can have, is refused.
func filled(template []string, name string) ([]string, error) {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return nil, trouble.Errorf(nil, "The name %q has characters that cannot be given to a program, so nothing was run. Ban it on the server.", name)
	}
	quoted := "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	argv := make([]string, len(template))
	for i, word := range template {
		if (word == bareName || word == quotedName) && strings.HasPrefix(name, "-") {
			return nil, trouble.Errorf(nil, "The name %q begins as an option does, so nothing was run. Ban it on the server, or write the name behind its option in %s.command, as in --user={name}.", name, Setting+".ban")
		}
		argv[i] = strings.NewReplacer(quotedName, quoted, bareName, name).Replace(word)
	}
	return argv, nil
}

// run gives what a program prints, its beginning if that is long.
func run(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programDeadline)
	defer cancel()
	var out limited
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // it is the configuration that says what is run
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return out.String(), err
}

// limited keeps the first maxOutput bytes and takes the rest.
type limited struct{ kept bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxOutput - l.kept.Len(); room > 0 {
		l.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (l *limited) String() string { return l.kept.String() }

// printable is a program's text for the log.
func printable(s string) string {
	return bare(strings.ToValidUTF8(s, "?"))
}
