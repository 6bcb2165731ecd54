package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot/audit"
)

type auditProveCmd struct {
	Config string
	Since  string
	Record string
}

// auditProveCommand is the command line of auditProveCmd.
func auditProveCommand(t terminal) *cobra.Command {
	var c auditProveCmd
	x := command("prove [RECORD]", "Write the proof that a record is in the log, or that the log only grew.", `RECORD is the id of a record, or its leaf as audit show lists it.

The proof is JSON on standard output. Whoever has the public key verifies it
without this machine: audit verify --proof FILE --public KEY. The proof of a record
holds what the record says, and nothing of the other records.`, cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		if len(args) > 0 {
			c.Record = args[0]
		}
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.StringVar(&c.Since, "since", "", "Prove that the log since the checkpoint kept in `FILE` only grew.")
	return x
}

// Run writes one proof.
func (c auditProveCmd) Run(ctx context.Context, t terminal) (err error) {
	if (c.Since == "") == (c.Record == "") {
		return usage("Name either a record, or with --since a kept checkpoint.")
	}
	since := ""
	if c.Since != "" {
		if since, err = keptCheckpoint(c.Since); err != nil {
			return err
		}
	}
	_, j, err := existingJournal(ctx, c.Config, t)
	if err != nil {
		return err
	}
	defer closing(j, &err)
	if since != "" {
		g, err := j.Growth(ctx, since)
		if err != nil {
			return err
		}
		return writeJSON(t, proof{Growth: &g})
	}
	if _, err := j.Sequence(ctx); err != nil {
		return err
	}
	ids, err := recordIDs(ctx, j, []string{c.Record})
	if err != nil {
		return err
	}
	p, err := j.Prove(ctx, ids[0])
	if err != nil {
		return notFound(err, "The audit log has no record %q. `gridwarden audit show` lists them.", c.Record)
	}
	return writeJSON(t, proof{Inclusion: &p})
}

// recordIDs turns leaves among the names of records into ids. An id is never
// taken for a leaf: it has 32 digits.
func recordIDs(ctx context.Context, src audit.Source, names []string) ([]string, error) {
	out := append([]string(nil), names...)
	at := map[int64][]int{}
	for i, name := range names {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && n >= 0 {
			at[n] = append(at[n], i)
		}
	}
	if len(at) == 0 {
		return out, nil
	}
	err := eachLeaf(ctx, src, func(l audit.Leaf, r audit.Record) {
		for _, i := range at[l.Number] {
			out[i] = r.ID
		}
		delete(at, l.Number)
	})
	if err != nil {
		return nil, err
	}
	for n := range at {
		return nil, exit{status: exitFailed, text: fmt.Sprintf("The audit log has no leaf %d.", n)}
	}
	return out, nil
}
