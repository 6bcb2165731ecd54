package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/config"
)

type initCmd struct {
	Dir string
}

// initCommand is the command line of initCmd.
func initCommand(t terminal) *cobra.Command {
	var c initCmd
	x := command("init DIR", "Write a commented configuration that works at once.", "DIR is the directory to write into; it is made when it is missing.", cobra.ExactArgs(1), func(_ context.Context, args []string) error {
		c.Dir = args[0]
		return c.Run(t)
	})
	return x
}

// Run writes a configuration that works at once, and says what to do next.
func (c initCmd) Run(t terminal) error {
	me, err := console.OSAccount()
	if err != nil {
		return err
	}
	written, err := config.Init(c.Dir, me.Key(), me.Name)
	if err != nil {
		return misconfigured(err)
	}
	for _, file := range written {
		fmt.Fprintln(t.out, "wrote", file)
	}
	_, err = fmt.Fprintf(t.out, `
Next:
  gridwarden check  --config %[1]s/gridwarden.yaml
  gridwarden import --config %[1]s/gridwarden.yaml FILES...     job records: condor_history -json, ES dumps
  gridwarden run    --config %[1]s/gridwarden.yaml trace HOST TIME
  gridwarden serve  --config %[1]s/gridwarden.yaml              a conversation in this terminal
`, c.Dir)
	return err
}
