package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/config"
)

type auditResumeCmd struct {
	Config string
	Reason string
}

// auditResumeCommand is the command line of auditResumeCmd.
func auditResumeCommand(t terminal) *cobra.Command {
	var c auditResumeCmd
	x := command("resume", "Go on with a journal from a backup that is older than the last checkpoint, and record the gap.", `A journal that was restored from a backup lacks what was recorded after it, and
gridwarden does not start with it: it would sign another history of the same
log. This is for when no newer journal is left. That records were lost, how many,
and the root that was signed for them becomes a record; the checkpoint file is
kept under another name. A checkpoint that somebody kept from the lost part will
not match any more, which is right: tell those who hold one.

It lists the actions that were open in the backup. Each may have run since: look
before serve is started, and withdraw what has.

The operating-system account that runs this answers for it.`, noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.StringVar(&c.Reason, "reason", "", "What happened, a `TEXT` that stays in the log for ever, so it must name nobody.")
	require(x, "reason")
	return x
}

// Run goes on with the log, or says that there is no reason to.
func (c auditResumeCmd) Run(ctx context.Context, t terminal) error {
	r := journal.Resumption{Reason: strings.TrimSpace(c.Reason)}
	if r.Reason == "" || len(r.Reason) > maxReason {
		return usage("Going on needs a reason of at most %d bytes: --reason TEXT.", maxReason)
	}
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	if err := there(cfg); err != nil {
		return err
	}
	people := bot.NewPeople(cfg.Rules(), map[string]action.PersonID{})
	me, err := operator(people)
	if err != nil {
		return err
	}
	r.Account = me.Key()
	r.By, _ = people.PersonOf(me.Key())
	gap, err := journal.Resume(ctx, cfg.Journal, journalOptions(cfg, logger(t.err, slog.LevelWarn)), r, time.Now().UTC())
	if err != nil {
		return err
	}
	if gap.Signed == 0 {
		_, err := fmt.Fprintln(t.out, "Nothing is missing: the journal goes on from the last checkpoint. Nothing was changed.")
		return err
	}
	fmt.Fprintf(t.out, "Of %s %d are there. The gap is recorded, by %s; the checkpoint of what is lost is kept as %s.\n",
		plural(gap.Signed, "signed record", "signed records"), gap.Here, r.Account, gap.Kept)
	for _, a := range gap.Open {
		if _, err := fmt.Fprintln(t.out, visible(fmt.Sprintf("Open in the backup, may have ended since: %s (%s) %s %s", a.ID, a.State, a.Command, a.Frozen.Plan.Target.Name))); err != nil {
			return err
		}
	}
	return nil
}
