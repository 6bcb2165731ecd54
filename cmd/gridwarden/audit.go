package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/term"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/config"
)

// Bounds of files that people hand in, in bytes.
const (
	maxKeptFile  = 1 << 16 // a checkpoint, with a mail around it
	maxProofFile = 64 << 20
)

// Widths of what is printed where it is no terminal: for reading, and so wide
// that each line of the message is one line of output, for tools.
const (
	readingWidth = 100
	unbroken     = 1 << 16
	narrowest    = 40 // a terminal that says it has less is not believed
)

// openJournal opens the journal of a configuration, and makes it when it is missing.
func openJournal(ctx context.Context, cfg *config.Config, log *slog.Logger, holder string) (*journal.Journal, error) {
	o := journalOptions(cfg, log)
	o.Holder = holder
	return journal.Open(ctx, cfg.Journal, o)
}

func journalOptions(cfg *config.Config, log *slog.Logger) journal.Options {
	return journal.Options{Log: log, KeyFile: cfg.Audit.KeyFile, CheckpointFile: cfg.Audit.CheckpointFile}
}

// existingJournal opens the journal of a configuration file, and never makes one.
func existingJournal(ctx context.Context, file string, t terminal) (*config.Config, *journal.Journal, error) {
	cfg, err := config.Load(file)
	if err != nil {
		return nil, nil, misconfigured(err)
	}
	if err := there(cfg); err != nil {
		return nil, nil, err
	}
	j, err := openJournal(ctx, cfg, logger(t.err, slog.LevelWarn), self())
	return cfg, j, err
}

// there refuses a journal that is missing, which SQLite would make anew: an
// empty log is not the one that somebody asks about.
func there(cfg *config.Config) error {
	if cfg.Journal.Postgres != nil { // which refuses by itself
		return nil
	}
	if _, err := os.Stat(cfg.Journal.SQLite); err != nil {
		return exit{status: exitFailed, text: fmt.Sprintf("The journal %s cannot be opened: %v. Look at journal.sqlite in the configuration.", cfg.Journal.SQLite, err)}
	}
	return nil
}

// closing closes c when a sub-command ends. A journal that cannot be closed may
// not have kept what was written.
func closing(c io.Closer, err *error) { *err = errors.Join(*err, c.Close()) }

// usage ends a sub-command that was wrongly asked.
func usage(format string, args ...any) error {
	return exit{status: exitUsage, text: fmt.Sprintf(format, args...)}
}

// handedIn reads a file that a person named, up to a bound.
func handedIn(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if int64(len(data)) > most {
		return nil, usage("The file %s is larger than %d bytes: it is another file than was asked for.", path, most)
	}
	return data, nil
}

// unreadable says of a file that a person named why it cannot be read.
func unreadable(path string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	if errors.Is(err, fs.ErrPermission) {
		return usage("The file %s cannot be read: %v. Make it readable for the account that runs this command.", visible(path), err)
	}
	return usage("The file %s cannot be read: %v.", visible(path), err)
}

// publicKey reads a public key: its text, or a file that holds it.
func publicKey(s string) (note.Verifier, error) {
	if v, err := audit.ParsePublic(s); err == nil {
		return v, nil
	}
	data, err := handedIn(s, maxKeptFile)
	if err != nil {
		return nil, usage("The public key %s is neither a key nor a file that can be read. `gridwarden audit show` prints the key; name it with --public.", visible(s))
	}
	v, err := audit.ParsePublic(string(data))
	if err != nil {
		return nil, usage("The file %s holds no public key. It is one line, NAME+NUMBER+KEY, as `gridwarden audit show` prints it.", visible(s))
	}
	return v, nil
}

// keptCheckpoint reads a checkpoint that somebody kept, from a file that may
// hold a whole mail or what `audit show` printed: the checkpoint is what stands
// between its first line and its signature. Text without one is returned as it
// is, for the verification to refuse.
func keptCheckpoint(path string) (string, error) {
	data, err := handedIn(path, maxKeptFile)
	if err != nil {
		return "", err
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	from := strings.Index("\n"+text, "\ngridwarden audit log\n")
	if from < 0 {
		return text, nil
	}
	text = text[from:]
	signature := strings.Index(text, "\n— ")
	if signature < 0 {
		return text, nil
	}
	end := strings.IndexByte(text[signature+1:], '\n')
	return text[:signature+1+end+1], nil
}

// show prints a message as wide as the terminal is, or elsewhere as wide as
// said. All in it that is foreign is escaped.
func (t terminal) show(m bot.Message, elsewhere int) error {
	_, err := io.WriteString(t.out, console.Render(m, t.width(elsewhere), console.Style{}))
	return err
}

// width is how many columns what is printed has.
func (t terminal) width(elsewhere int) int {
	if out, ok := t.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		if columns, _, err := term.GetSize(int(out.Fd())); err == nil && columns > 0 {
			return max(columns, narrowest)
		}
	}
	return elsewhere
}

// visible escapes foreign text for a terminal, on one line.
func visible(s string) string {
	return strings.TrimSuffix(console.Render(bot.Say("%s", s), unbroken, console.Style{}), "\n")
}

// interactive reports whether somebody can be asked.
func (t terminal) interactive() bool {
	f, ok := t.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// notFound gives an error of the journal about something that is not there a
// sentence of its own.
func notFound(err error, format string, args ...any) error {
	if errors.Is(err, bot.ErrNotFound) {
		return exit{status: exitFailed, text: fmt.Sprintf(format, args...)}
	}
	return err
}
