package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/config"
)

type auditVerifyCmd struct {
	Config string
	Export string
	Proof  string
	Public string
	Kept   []string
	JSON   bool
}

// auditVerifyCommand is the command line of auditVerifyCmd.
func auditVerifyCommand(t terminal) *cobra.Command {
	var c auditVerifyCmd
	x := command("verify", "Check that nothing in the audit log was changed, removed or put in another place.", `Nothing is changed, and the private key is not read: anybody who may read the
database can verify it, also while serve runs. The checkpoint that gridwarden
keeps outside the database is compared, too.

Whoever can change the database can also change the key file beside it, and can
put an old state back whole. So give the public key and a checkpoint that you
kept on another machine: --public and --kept.

Exit status: 0 sound; 1 problems were found, or not all could be read; 2 wrongly
asked.`, noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	f.StringVar(&c.Config, "config", "", "Verify the database of the configuration `FILE`.")
	f.StringVar(&c.Export, "export", "", "Verify the `FILE` that audit export wrote; - is standard input.")
	f.StringVar(&c.Proof, "proof", "", "Verify the `FILE` that audit prove wrote.")
	f.StringVar(&c.Public, "public", "", "The public `KEY`, or a file that holds it. With --config it may be left out: then the file beside the private key is used.")
	f.StringArrayVar(&c.Kept, "kept", nil, "A `FILE` with a checkpoint that was kept elsewhere, such as a mail or the output of audit show; may be repeated.")
	f.BoolVar(&c.JSON, "json", false, "Print one JSON object.")
	x.MarkFlagsMutuallyExclusive("config", "export", "proof")
	return x
}

// Run verifies and prints what was verified and what is wrong.
func (c auditVerifyCmd) Run(ctx context.Context, t terminal) error {
	var v verdict
	var err error
	switch {
	case c.Config+c.Export+c.Proof == "":
		return usage("Say what to verify: --config FILE, --export FILE or --proof FILE.")
	case c.Config != "":
		v, err = c.database(ctx)
	case c.Public == "":
		return usage("This is verified with the public key alone: add --public KEY. `gridwarden audit show` prints the key.")
	case c.Proof != "":
		v, err = c.proof()
	default:
		v, err = c.export(ctx, t)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeJSON(t, v)
	} else {
		err = t.show(v.message(), unbroken)
	}
	if err == nil && !v.Sound {
		return exit{status: exitFailed}
	}
	return err
}

// database verifies the log of a configuration file's journal.
func (c auditVerifyCmd) database(ctx context.Context) (verdict, error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return verdict{}, misconfigured(err)
	}
	return c.journal(ctx, cfg)
}

// journal verifies the log of a configured journal, which may be in use.
func (c auditVerifyCmd) journal(ctx context.Context, cfg *config.Config) (v verdict, err error) {
	if err := there(cfg); err != nil {
		return verdict{}, err
	}
	if c.Public == "" {
		c.Public = cfg.Audit.KeyFile + audit.PublicSuffix
	}
	log, err := journal.OpenLog(ctx, cfg.Journal)
	if err != nil {
		return verdict{}, err
	}
	defer closing(log, &err)
	// Before the database: what is signed in between is in the database, but
	// not yet in this file, and not the other way round.
	outside, err := keptCheckpoint(cfg.Audit.CheckpointFile)
	missing := false
	if _, stat := os.Stat(cfg.Audit.CheckpointFile); errors.Is(stat, fs.ErrNotExist) {
		missing, err = true, nil
	}
	if err != nil {
		return verdict{}, err
	}
	v, err = c.log(ctx, "The audit log in "+cfg.Journal.String(), log, outside)
	if missing && v.Log != nil && v.Log.Records > 0 {
		v.Warnings = append(v.Warnings, fmt.Sprintf("The checkpoint outside the database, %s, is missing: a database that was put back would not show by it.", cfg.Audit.CheckpointFile))
	}
	return v, err
}

// export verifies a log that was exported.
func (c auditVerifyCmd) export(ctx context.Context, t terminal) (verdict, error) {
	if c.Export == "-" {
		return c.log(ctx, "The export on standard input", audit.Import(t.in), "")
	}
	f, err := os.Open(c.Export)
	if err != nil {
		return verdict{}, unreadable(c.Export, err)
	}
	defer f.Close()
	return c.log(ctx, "The export "+c.Export, audit.Import(f), "")
}

// log verifies a whole log. outside is the checkpoint that gridwarden itself
// kept, "" for none.
func (c auditVerifyCmd) log(ctx context.Context, what string, src audit.Source, outside string) (verdict, error) {
	key, err := publicKey(c.Public)
	if err != nil {
		return verdict{}, err
	}
	var kept []string
	for _, path := range c.Kept {
		text, err := keptCheckpoint(path)
		if err != nil {
			return verdict{}, err
		}
		kept = append(kept, text)
	}
	v := verdict{What: what, Key: keyName(key), Problems: []string{}}
	log := &counts{Kept: len(kept)}
	if outside != "" {
		if _, err := audit.ParseCheckpoint(outside, key); err != nil {
			v.Problems = append(v.Problems, "The checkpoint outside the database was not signed by this key, or was changed.")
		} else {
			kept, log.Outside = append(kept, outside), true
		}
	}
	w := &witness{Source: src}
	report, err := audit.Verify(ctx, w, key, kept)
	if err != nil {
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		v.Problems = append(v.Problems, fmt.Sprintf("It could not be read to its end: %v.", err))
		return v, nil
	}
	v.Log, v.Problems, v.More = log, append(v.Problems, report.Problems...), report.More
	v.Sound = len(v.Problems) == 0
	log.Records, log.Erased, log.Waiting = report.Records, report.Erased, report.Waiting
	log.Checkpoints, log.Rows, log.Root = report.Checkpoints, report.Subjects, report.Root.String()
	if v.Sound && w.size > 0 {
		log.Newest = &covered{Size: w.size, Latest: w.latest}
	}
	if len(kept) == 0 {
		v.Warnings = append(v.Warnings, "No checkpoint was given that was kept elsewhere: a log that was put back whole to an older state would look sound. Keep what `gridwarden audit show` prints, and give it with --kept.")
	}
	return v, nil
}

// proof verifies what audit prove wrote.
func (c auditVerifyCmd) proof() (verdict, error) {
	if len(c.Kept) > 0 {
		return verdict{}, usage("A proof brings its checkpoints with it: leave --kept out.")
	}
	key, err := publicKey(c.Public)
	if err != nil {
		return verdict{}, err
	}
	data, err := handedIn(c.Proof, maxProofFile)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{What: "The proof " + c.Proof, Key: keyName(key), Problems: []string{}}
	p, err := parseProof(data)
	if err == nil {
		v.Proven, err = p.verify(key)
	}
	if err != nil {
		v.Problems = append(v.Problems, fmt.Sprintf("It proves nothing: %v.", err))
	}
	v.Sound = err == nil
	return v, nil
}

// proof is the file form of a proof: exactly one field is set.
type proof struct {
	Inclusion *audit.Inclusion `json:"inclusion,omitempty"`
	Growth    *audit.Growth    `json:"growth,omitempty"`
}

func parseProof(data []byte) (proof, error) {
	var p proof
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("this is not what audit prove writes: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || (p.Inclusion == nil) == (p.Growth == nil) {
		return p, errors.New("this is not what audit prove writes")
	}
	return p, nil
}

// verify says in sentences what is proven.
func (p proof) verify(key note.Verifier) ([]string, error) {
	if p.Growth != nil {
		older, newer, err := p.Growth.Verify(key)
		if err != nil {
			return nil, err
		}
		return []string{
			fmt.Sprintf("The log of %d records begins with the log of %d records: nothing in it was changed, removed or put in between.", newer.Size, older.Size),
		}, nil
	}
	r, err := p.Inclusion.Verify(key)
	if err != nil {
		return nil, err
	}
	c, err := audit.ParseCheckpoint(p.Inclusion.Checkpoint, key)
	if err != nil {
		return nil, err
	}
	said := fmt.Sprintf("by %s %s: %s", r.Person, r.Account, r.Body)
	if p.Inclusion.Body == nil {
		said = "its body was erased or withheld"
	}
	return []string{
		fmt.Sprintf("The record %s is leaf %d of the log of %d records.", r.ID, p.Inclusion.Leaf, c.Size),
		fmt.Sprintf("It was made at %s: %s %s; %s", r.At.Format("2006-01-02 15:04:05 UTC"), r.Kind, r.Subject, said),
	}, nil
}

// witness passes a log through and remembers how far its newest checkpoint
// reaches, and when the last record under it was made.
type witness struct {
	audit.Source
	size   int64
	latest time.Time
}

// Lines implements audit.Source.
func (w *witness) Lines(ctx context.Context) iter.Seq2[audit.Line, error] {
	return func(yield func(audit.Line, error) bool) {
		for l, err := range w.Source.Lines(ctx) {
			switch {
			case l.Checkpoint != nil:
				w.size = l.Checkpoint.Size
			case l.Leaf != nil && l.Leaf.Entry != nil && l.Leaf.Number < w.size:
				w.latest = time.UnixMicro(l.Leaf.Entry.At).UTC()
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// verdict is what a verification came to, for people and as JSON.
type verdict struct {
	What     string   `json:"what"`
	Sound    bool     `json:"sound"`
	Key      string   `json:"key"`           // the beginning of the public key
	Log      *counts  `json:"log,omitempty"` // nil: not a whole log, or it could not be read
	Proven   []string `json:"proven,omitempty"`
	Problems []string `json:"problems"`
	More     int64    `json:"more_problems,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// counts are what was verified of a whole log.
type counts struct {
	Records     int64    `json:"records"`
	Erased      int64    `json:"erased_bodies"`
	Waiting     int64    `json:"waiting"`
	Checkpoints int64    `json:"checkpoints"`
	Rows        int64    `json:"rows"`
	Kept        int      `json:"kept_checkpoints"`   // that people kept
	Outside     bool     `json:"outside_checkpoint"` // gridwarden's own, outside the database
	Root        string   `json:"root"`               // of all records, base64
	Newest      *covered `json:"newest,omitempty"`   // only of a sound log
}

// covered is how far the newest checkpoint reaches.
type covered struct {
	Size   int64     `json:"size"`
	Latest time.Time `json:"latest_record"` // when its last record was made, UTC
}

// message says it for people: each problem is a line of its own.
func (v verdict) message() bot.Message {
	m := bot.Message{Title: bot.Textf("%s", v.What)}
	if v.Log != nil {
		m.Table = v.Log.table()
	}
	for _, s := range v.Proven {
		m.Below("%s", s)
	}
	for _, s := range v.Problems {
		m.Below("problem: %s", s)
	}
	if v.More > 0 {
		m.Below("problem: %s not listed.", plural(v.More, "more is", "more are"))
	}
	for _, s := range v.Warnings {
		m.Below("warning: %s", s)
	}
	switch {
	case !v.Sound:
		m.Below("*NOT SOUND: %s.* Keep everything as it is, the checkpoints too, and tell the security team.", plural(int64(len(v.Problems))+v.More, "problem", "problems"))
	case v.Log != nil && v.Log.Records == 0:
		m.Below("*Sound*, but empty: nothing was signed yet.")
	case v.Log != nil:
		m.Below("*Sound:* every signed record is there, unchanged and in its place, by the key %s.", v.Key)
	default:
		m.Below("*Sound*, by the key %s.", v.Key)
	}
	return m
}

func (c counts) table() *bot.Table {
	var t bot.Table
	row := func(name, format string, args ...any) {
		t.Rows = append(t.Rows, []string{name, fmt.Sprintf(format, args...)})
	}
	row("records", "%d", c.Records)
	row("erased bodies", "%d, named by the records of their erasure", c.Erased)
	row("checkpoints", "%d match the log", c.Checkpoints)
	row("rows", "%d as their latest record says: actions, cases, linked accounts", c.Rows)
	if c.Waiting > 0 {
		row("waiting", "%s no place in the log yet, so nothing vouches for them: verify again in a moment", plural(c.Waiting, "record has", "records have"))
	}
	var with []string
	if c.Kept > 0 {
		with = append(with, plural(int64(c.Kept), "kept checkpoint", "kept checkpoints"))
	}
	if c.Outside {
		with = append(with, "the checkpoint outside the database")
	}
	if len(with) > 0 {
		row("compared with", "%s", strings.Join(with, " and "))
	}
	if c.Newest != nil {
		row("newest checkpoint", "%s, the last one made at %s", plural(c.Newest.Size, "record", "records"), c.Newest.Latest.Format("2006-01-02 15:04:05 UTC"))
		row("root", "%s", c.Root)
	}
	return &t
}

// keyName is how a public key begins: enough to tell it from another.
func keyName(v note.Verifier) string { return fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash()) }

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
