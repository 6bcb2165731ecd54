package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// program is the whole command line.
func program(t terminal) *cobra.Command {
	root := command("gridwarden", "Chat-ops for grid security: who ran on that node, and bans that two people agreed on.", "", cobra.NoArgs, nil)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	printVersion := root.Flags().Bool("version", false, "Print the version, too.")
	root.RunE = func(x *cobra.Command, _ []string) error {
		if *printVersion {
			return begin(versionCmd{}.Run(t))
		}
		return x.Help()
	}
	root.AddCommand(
		initCommand(t), demoCommand(t), serveCommand(t), checkCommand(t), runCommand(t), importCommand(t),
		group("audit", "Verify, keep, export and prove the audit log; erase personal data from it; go on after a restore.",
			auditVerifyCommand(t), auditShowCommand(t), auditExportCommand(t), auditProveCommand(t), auditEraseCommand(t), auditResumeCommand(t)),
		manifestCommand(t),
		group("setup", "Set a chat server up for the bot.", setupMattermostCommand(t)),
		backupCommand(t), versionCommand(t),
	)
	return root
}

// began is what a sub-command ended with. Every other error of the command line
// means that nothing has begun, for it was not understood.
type began struct{ err error }

func (b began) Error() string { return b.err.Error() }

func (b began) Unwrap() error { return b.err }

func begin(err error) error {
	if err == nil {
		return nil
	}
	return began{err}
}

// command is a sub-command. use is its name and arguments; long may be empty.
// The caller adds the flags.
func command(use, summary, long string, args cobra.PositionalArgs, do func(ctx context.Context, args []string) error) *cobra.Command {
	x := &cobra.Command{
		Use: use, Short: summary, Long: strings.TrimSpace(summary + "\n\n" + long),
		Args: func(x *cobra.Command, given []string) error {
			if err := args(x, given); err != nil {
				return fmt.Errorf("%w; usage: %s", err, x.UseLine())
			}
			return nil
		},
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(x *cobra.Command, args []string) error { return begin(do(x.Context(), args)) },
	}
	x.Flags().SortFlags = false
	x.Flags().BoolP("help", "h", false, "Show this.")
	return x
}

// noWords is for sub-commands that take options only.
func noWords(x *cobra.Command, given []string) error {
	if len(given) > 0 {
		return fmt.Errorf("%q is no option of %s", given[0], x.CommandPath())
	}
	return nil
}

// group is a sub-command that has only sub-commands.
func group(name, summary string, all ...*cobra.Command) *cobra.Command {
	var names []string
	for _, x := range all {
		names = append(names, x.Name())
	}
	g := command(name, summary, "", cobra.NoArgs, nil)
	g.RunE = func(*cobra.Command, []string) error {
		return fmt.Errorf("%s needs one more word: %s", name, strings.Join(names, ", "))
	}
	g.AddCommand(all...)
	return g
}

// configFlag is --config of those that cannot do without.
func configFlag(x *cobra.Command, into *string) {
	x.Flags().StringVar(into, "config", "", "Configuration `FILE`; always needed.")
	require(x, "config")
}

// require makes a flag one that must be given.
func require(x *cobra.Command, flag string) {
	if err := x.MarkFlagRequired(flag); err != nil {
		panic(err) // the flag was not added before
	}
}
