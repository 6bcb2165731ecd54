// Command gridwarden is the chat-ops bot for grid security: it traces whose
// code ran on a worker node, and bans and kills only after people agreed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gridwarden/gridwarden/bot"
)

// Exit statuses of every sub-command.
const (
	exitOK      = 0 // answered, proposed or decided
	exitFailed  = 1
	exitUsage   = 2 // usage or configuration
	exitRefused = 3
	exitPartial = 4 // answered in part
)

// version is set by the linker.
var version = "unreleased"

// terminal is what a sub-command talks to.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// attended reports whether anybody or anything can type: at a terminal, through
// a pipe or from a file. A service is given /dev/null, a device that is no terminal.
func (t terminal) attended() bool {
	in, ok := t.in.(*os.File)
	if !ok {
		return true
	}
	is, err := in.Stat()
	return err == nil && (is.Mode()&os.ModeCharDevice == 0 || t.interactive())
}

// together reports whether standard output and standard error are the same terminal.
func (t terminal) together() bool {
	out, isFile := t.out.(*os.File)
	log, too := t.err.(*os.File)
	if !isFile || !too || !term.IsTerminal(int(log.Fd())) {
		return false
	}
	a, err := out.Stat()
	if err != nil {
		return false
	}
	b, err := log.Stat()
	return err == nil && os.SameFile(a, b)
}

// exit ends the program with a status; its text, if any, was meant for people.
type exit struct {
	status int
	text   string
}

func (e exit) Error() string { return e.text }

// endWithin is how long the program takes to end after it was told to.
const endWithin = 9500 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		time.Sleep(endWithin)
		fmt.Fprintln(os.Stderr, "gridwarden: something did not end in time and was cut off. What was in hand is in the journal; the next start takes it up.")
		os.Exit(exitFailed)
	}()
	status := run(ctx, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(status)
}

// run is main without the process around it.
func run(ctx context.Context, args []string, t terminal) int {
	root := program(t)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var began began
	if err != nil && !errors.As(err, &began) {
		fmt.Fprintf(t.err, "gridwarden: %v\nTry: gridwarden --help\n", err)
		return exitUsage
	}
	return ended(began.err, t)
}

// ended turns a sub-command's error into words and an exit status.
func ended(err error, t terminal) int {
	var e exit
	var people bot.ForPeople
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return exitOK
	case errors.As(err, &e):
		if e.text != "" {
			fmt.Fprintln(t.err, e.text)
		}
		return e.status
	case errors.As(err, &people):
		fmt.Fprintln(t.err, people.ForPeople())
		return exitFailed
	}
	fmt.Fprintln(t.err, "gridwarden:", err)
	return exitFailed
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(t terminal) error {
	_, err := fmt.Fprintln(t.out, "gridwarden", version)
	return err
}

// versionCommand is the command line of versionCmd.
func versionCommand(t terminal) *cobra.Command {
	return command("version", "Print the version.", "", noWords, func(context.Context, []string) error { return versionCmd{}.Run(t) })
}
