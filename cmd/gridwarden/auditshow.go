package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/handlers/auditlog"
)

// maxShown bounds how many records are held in memory to be shown.
const maxShown = 10000

type auditShowCmd struct {
	Config   string
	Last     int
	Incident string
	Person   string
	JSON     bool
}

// auditShowCommand is the command line of auditShowCmd.
func auditShowCommand(t terminal) *cobra.Command {
	var c auditShowCmd
	x := command("show", "Print the newest checkpoint and the public key, to be kept elsewhere, and the latest records.", `Keep the output on another machine, in a mail or in an incident thread: what is
kept there finds out a log that was forged or put back later, and
audit verify --kept takes the whole text.

The records name people and what they asked. Do not show them to those who may
not see personal data.`, noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.IntVar(&c.Last, "last", 20, "Show the newest `N` records; 0 for none.")
	f.StringVar(&c.Incident, "incident", "", "Only records of the case `ID`.")
	f.StringVar(&c.Person, "person", "", "Only records of the person or account `ID`. Those whose body was erased name nobody any more.")
	f.BoolVar(&c.JSON, "json", false, "Print one JSON object: checkpoint, public_key, and records as in docs/machine-answers.md.")
	return x
}

// shown is the machine form.
type shown struct {
	Checkpoint string           `json:"checkpoint"`
	PublicKey  string           `json:"public_key"`
	Records    []auditlog.Entry `json:"records"`
}

// Run prints the newest checkpoint, the public key and the newest records.
func (c auditShowCmd) Run(ctx context.Context, t terminal) (err error) {
	if c.Last < 0 || c.Last > maxShown {
		return usage("--last takes a number from 0 to %d. `gridwarden audit export` writes all records.", maxShown)
	}
	_, j, err := existingJournal(ctx, c.Config, t)
	if err != nil {
		return err
	}
	defer closing(j, &err)
	checkpoint, err := j.CurrentCheckpoint(ctx)
	if err != nil {
		return notFound(err, "The audit log is empty: there is nothing to keep yet.")
	}
	// What the key did not sign is no checkpoint, and may be anything.
	if err := signedBy(checkpoint, j.PublicKey()); err != nil {
		return exit{status: exitFailed, text: "The newest checkpoint in the database was not signed by gridwarden's key. Run `gridwarden audit verify`."}
	}
	records, err := c.records(ctx, j)
	if err != nil {
		return err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	leaves, err := j.Leaves(ctx, ids)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(t, shown{Checkpoint: checkpoint, PublicKey: j.PublicKey(), Records: auditlog.Entries(records, leaves, true)})
	}
	if _, err := fmt.Fprintf(t.out, `Newest checkpoint of the audit log, %s:

%s
Public key: %s

Keep both on another machine or in a mail. To check later, with this text in a file:
  gridwarden audit verify --config FILE --public KEY --kept TEXT

`, time.Now().UTC().Format("2006-01-02 15:04:05 UTC"), checkpoint, j.PublicKey()); err != nil {
		return err
	}
	if len(records) == 0 {
		return nil
	}
	m := bot.Message{Title: bot.Textf("The newest %d records", len(records)), Table: auditlog.View{Leaves: leaves, Personal: true}.Table(records)}
	m.Below("A record is named by its leaf or its id. Ids, accounts and whole bodies: add `--json`.")
	return t.show(m, readingWidth)
}

// records are the newest that fit, oldest first. A person is part of a record's
// erasable body, which the journal has no index of.
func (c auditShowCmd) records(ctx context.Context, j *journal.Journal) ([]audit.Record, error) {
	switch {
	case c.Last == 0:
		return nil, nil
	case c.Person == "":
		return j.Records(ctx, bot.RecordFilter{Incident: c.Incident, Latest: true, Limit: c.Last})
	}
	var out []audit.Record
	err := eachLeaf(ctx, j, func(l audit.Leaf, r audit.Record) {
		if (r.Person != c.Person && r.Account != c.Person) || (c.Incident != "" && r.Incident != c.Incident) {
			return
		}
		if len(out) == c.Last {
			copy(out, out[1:])
			out = out[:c.Last-1]
		}
		out = append(out, r)
	})
	return out, err
}

// eachLeaf reads every record that has its place, in order.
func eachLeaf(ctx context.Context, src audit.Source, do func(audit.Leaf, audit.Record)) error {
	for line, err := range src.Lines(ctx) {
		if err != nil {
			return fmt.Errorf("audit: reading the log: %w", err)
		}
		if line.Leaf == nil || line.Leaf.Entry == nil {
			continue
		}
		r, err := line.Leaf.Entry.Record(line.Leaf.Body)
		if err != nil {
			return err
		}
		do(*line.Leaf, r)
	}
	return nil
}

func signedBy(checkpoint, public string) error {
	v, err := audit.ParsePublic(public)
	if err == nil {
		_, err = audit.ParseCheckpoint(checkpoint, v)
	}
	return err
}

type auditExportCmd struct {
	Config string
	Output string
}

// auditExportCommand is the command line of auditExportCmd.
func auditExportCommand(t terminal) *cobra.Command {
	var c auditExportCmd
	x := command("export", "Write the whole log as JSON lines, which verify without this machine.", `The export holds everything that people asked and were told: personal data.
Nothing is changed by it, and it can be made while serve runs. An export is
verified by audit verify --export FILE --public KEY.`, noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.StringVar(&c.Output, "output", "", "Write to this new `FILE`, which only you can read, instead of standard output.")
	return x
}

// Run writes the whole log.
func (c auditExportCmd) Run(ctx context.Context, t terminal) (err error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	if err := there(cfg); err != nil {
		return err
	}
	log, err := journal.OpenLog(ctx, cfg.Journal)
	if err != nil {
		return err
	}
	defer closing(log, &err)
	out, name := &measured{to: t.out}, "standard output"
	if c.Output == "" || c.Output == "-" {
		err = audit.Export(ctx, out, log)
	} else {
		name = visible(c.Output)
		err = newFile(c.Output, func(f io.Writer) error {
			out.to = f
			return audit.Export(ctx, out, log)
		})
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.err, "Wrote %d lines, %d bytes, to %s. Verify them: gridwarden audit verify --export FILE --public KEY\n", out.lines, out.bytes, name)
	return err
}

// newFile writes a file that was not there and that only its owner can read.
// Half of one is removed.
func newFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usage("%v. An export never overwrites a file: name a new one.", err)
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// measured counts what is written through it.
type measured struct {
	to           io.Writer
	lines, bytes int64
}

// Write implements io.Writer.
func (m *measured) Write(p []byte) (int, error) {
	n, err := m.to.Write(p)
	m.bytes += int64(n)
	for _, b := range p[:n] {
		if b == '\n' {
			m.lines++
		}
	}
	return n, err
}
