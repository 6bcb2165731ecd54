package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/config"
)

// maxReason bounds what stays in the log for ever, in bytes.
const maxReason = 1000

type auditEraseCmd struct {
	Config string
	Before string
	Due    bool
	Reason string
	Yes    bool
	Record []string
}

// auditEraseCommand is the command line of auditEraseCmd.
func auditEraseCommand(t terminal) *cobra.Command {
	var c auditEraseCmd
	x := command("erase [RECORD...]", "Erase what records say of people. The log still verifies.", `RECORD is the id of a record, or its leaf as audit show lists it.

Erased are the person, the account and the text of each record. Its id, kind,
time and hashes stay, so the log still verifies; that it was erased, by whom and
why is a record itself. Records of actions that are still open are left alone.

With --due the retention in the configuration says which; serve does that by
itself where it may. --due is for a journal on PostgreSQL that is served without
owner_dsn_file: run it every night with a configuration that has it.

This cannot be undone. It does not reach backups, exports, chat, or what the
journal keeps of cases, actions and messages outside of the log.

The operating-system account that runs this answers for it.`, cobra.ArbitraryArgs, func(ctx context.Context, args []string) error {
		c.Record = args
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.StringVar(&c.Before, "before", "", "Erase the bodies of all records made before `TIME`: 2026-06-24 or 2026-06-24T12:00:00Z. A day begins at midnight UTC.")
	f.BoolVar(&c.Due, "due", false, "Erase the bodies of all records that the configured retention keeps no longer.")
	f.StringVar(&c.Reason, "reason", "", "Why, a `TEXT` that stays in the log for ever, so it must name nobody.")
	f.BoolVar(&c.Yes, "yes", false, "Erase without asking.")
	return x
}

// Run erases after asking.
func (c auditEraseCmd) Run(ctx context.Context, t terminal) (err error) {
	e := journal.Erasure{Reason: strings.TrimSpace(c.Reason)}
	if c.Due {
		if c.Before != "" || len(c.Record) > 0 {
			return usage("--due says by itself what to erase: leave --before and records out.")
		}
		if e.Reason == "" {
			e.Reason = "the retention"
		}
	} else if (c.Before == "") == (len(c.Record) == 0) {
		return usage("Name either records, or with --before a time, or say --due.")
	}
	if e.Reason == "" || len(e.Reason) > maxReason {
		return usage("An erasure needs a reason of at most %d bytes: --reason TEXT.", maxReason)
	}
	if c.Before != "" {
		if e.Before, err = moment(c.Before, time.Now()); err != nil {
			return err
		}
	}
	if !c.Yes && !c.Due && !t.interactive() {
		return usage("Nobody can be asked here. Run it in a terminal, or add --yes.")
	}
	cfg, j, err := existingJournal(ctx, c.Config, t)
	if err != nil {
		return err
	}
	defer closing(j, &err)
	links, err := j.Links(ctx)
	if err != nil {
		return err
	}
	people := bot.NewPeople(cfg.Rules(), links)
	me, err := operator(people)
	if err != nil {
		return err
	}
	e.Account = me.Key()
	e.By, _ = people.PersonOf(me.Key())
	if c.Due {
		return c.due(ctx, t, cfg, j, e)
	}
	if _, err := j.Sequence(ctx); err != nil { // only what has its place can be erased
		return err
	}
	if e.Records, err = recordIDs(ctx, j, c.Record); err != nil {
		return err
	}
	found, err := erasable(ctx, j, e)
	if err != nil {
		return err
	}
	if found == 0 {
		_, err := fmt.Fprintln(t.out, "There is nothing to erase: no such record, or their bodies are erased already.")
		return err
	}
	if !c.Yes {
		if err := confirm(t.in, t.err, found, e.Account); err != nil {
			return err
		}
	}
	n, err := j.Erase(ctx, e, time.Now().UTC())
	if err == nil {
		_, err = j.Sequence(ctx) // the erasure's own record
	}
	if n == 0 && err == nil {
		fmt.Fprintln(t.out, "Nothing is older than the retention keeps: nothing was erased.")
	}
	if n > 0 {
		fmt.Fprintf(t.out, "Erased: the person, account and text of %s, by %s.\n", plural(int64(n), "record", "records"), e.Account)
		fmt.Fprintln(t.out, "Kept: their ids, kinds, times and hashes, and the records of this and earlier erasures. The log still verifies.")
	}
	if left := found - n; err == nil && left > 0 {
		fmt.Fprintf(t.out, "Left alone: %s of actions that are still open.\n", plural(int64(left), "record", "records"))
	}
	return err
}

// due erases what the retention says. It is asked for by a configuration, so
// nobody is asked again.
func (auditEraseCmd) due(ctx context.Context, t terminal, cfg *config.Config, j *journal.Journal, e journal.Erasure) error {
	n, err := j.EraseDue(ctx, retention(cfg), e, time.Now().UTC())
	if err == nil {
		_, err = j.Sequence(ctx) // the erasure's own records
	}
	if n == 0 && err == nil {
		fmt.Fprintln(t.out, "Nothing is older than the retention keeps: nothing was erased.")
	}
	if n > 0 {
		fmt.Fprintf(t.out, "Erased: the person, account and text of %s, by %s.\n", plural(int64(n), "record", "records"), e.Account)
	}
	return err
}

// moment reads a time in the past, UTC.
func moment(s string, now time.Time) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		at, err = time.Parse(time.DateOnly, s)
	}
	if err != nil {
		return at, usage("--before takes a day such as 2026-06-24 or a time such as 2026-06-24T12:00:00Z, not %q.", s)
	}
	if at.After(now) {
		return at, usage("--before %s lies in the future: that would erase everything.", s)
	}
	return at.UTC(), nil
}

// erasable counts the bodies that an erasure asks for. Those of open actions
// are among them.
func erasable(ctx context.Context, src audit.Source, e journal.Erasure) (int, error) {
	n := 0
	err := eachLeaf(ctx, src, func(l audit.Leaf, r audit.Record) {
		if l.Body != nil && r.Kind != audit.Erased && (r.At.Before(e.Before) || slices.Contains(e.Records, r.ID)) {
			n++
		}
	})
	return n, err
}

// confirm has a person type the number of bodies: a y is typed too easily.
func confirm(in io.Reader, out io.Writer, n int, account string) error {
	fmt.Fprintf(out, "This erases for ever what at most %s of people, and %s answers for it.\nType the number to go on: ", plural(int64(n), "record says", "records say"), account)
	line, err := bufio.NewReader(io.LimitReader(in, 100)).ReadString('\n')
	if err != nil && line == "" {
		return exit{status: exitRefused, text: "Nothing was erased."}
	}
	if strings.TrimSpace(line) != strconv.Itoa(n) {
		return exit{status: exitRefused, text: "That is not the number. Nothing was erased."}
	}
	return nil
}
