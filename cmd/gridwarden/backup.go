package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/config"
)

type backupCmd struct {
	Config string
	To     string
}

// backupCommand is the command line of backupCmd.
func backupCommand(t terminal) *cobra.Command {
	var c backupCmd
	x := command("backup FILE", "Copy the journal to a new file while it is in use, and verify the copy.", `FILE is the new file.

The copy is what was committed when it began, also while serve runs; copying the
file by other means may tear it. The copy is verified as audit verify does it.

The key of the audit log is not in it, so that whoever gets a backup cannot sign
in gridwarden's name: keep the key file once, somewhere else. For a journal on
PostgreSQL it says what to run instead. docs/operations.md has the way back.`, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		c.To = args[0]
		return c.Run(ctx, t)
	})
	configFlag(x, &c.Config)
	return x
}

// Run writes and verifies the copy.
func (c backupCmd) Run(ctx context.Context, t terminal) (err error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	if cfg.Journal.Postgres != nil {
		return exit{status: exitRefused, text: "The journal is on PostgreSQL, whose own tool copies it. As the owner of its tables or a superuser, for the role that serves may not read all of it:\n\n" +
			"  (umask 077; pg_dump --format=custom --file=" + c.To + " --dbname='host=HOST user=gridwarden_owner dbname=gridwarden')\n\nKeep the file " + cfg.Audit.KeyFile + " elsewhere, once."}
	}
	if err := there(cfg); err != nil {
		return err
	}
	if err := journal.Backup(ctx, cfg.Journal, c.To); err != nil {
		return err
	}
	log, err := journal.OpenLog(ctx, journal.Config{SQLite: c.To})
	if err != nil {
		return err
	}
	defer closing(log, &err)
	v, err := auditVerifyCmd{Public: cfg.Audit.KeyFile + audit.PublicSuffix}.log(ctx, "The copy "+c.To, log, "")
	if err != nil {
		return err
	}
	if !v.Sound {
		return exit{status: exitFailed, text: fmt.Sprintf("The copy %s was written, but its audit log is not sound: keep older backups, and run `gridwarden audit verify --config %s`.", c.To, c.Config)}
	}
	_, err = fmt.Fprintf(t.out, "Copied to %s: the audit log in it is sound, with %s. The key %s is not in it.\n", c.To, plural(v.Log.Records, "record", "records"), cfg.Audit.KeyFile)
	return err
}
