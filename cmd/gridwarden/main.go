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

	"github.com/alecthomas/kong"
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

type cli struct {
	Init     initCmd     `cmd:"" help:"Write a commented configuration that works at once."`
	Demo     demoCmd     `cmd:"" help:"Play a guided incident on a simulated grid in this terminal; no server, no account."`
	Serve    serveCmd    `cmd:"" help:"Run the bot."`
	Check    checkCmd    `cmd:"" help:"Check the whole configuration and print the policy in force."`
	Run      runCmd      `cmd:"" help:"Run one command through the same engine, roles and audit as chat."`
	Import   importCmd   `cmd:"" help:"Read job records into the embedded store: condor_history and condor_q as JSON, Elasticsearch dumps."`
	Audit    auditCmd    `cmd:"" help:"Verify, keep, export and prove the audit log; erase personal data from it; go on after a restore."`
	Manifest manifestCmd `cmd:"" help:"Print what is pasted into a chat platform's settings to make the app."`
	Setup    setupCmd    `cmd:"" help:"Set a chat server up for the bot."`
	Backup   backupCmd   `cmd:"" help:"Copy the journal to a new file while it is in use, and verify the copy."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	PrintVersion kong.VersionFlag `name:"version" help:"Print the version, too."`
}

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
	var c cli
	quit := -1
	parser, err := kong.New(&c, kong.Name("gridwarden"),
		kong.Description("Chat-ops for grid security: who ran on that node, and bans that two people agreed on."),
		kong.UsageOnError(), kong.Vars{"version": "gridwarden " + version}, kong.Writers(t.out, t.err),
		kong.Exit(func(status int) { quit = status }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(t))
	if err != nil {
		fmt.Fprintln(t.err, "gridwarden:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if quit >= 0 { // --help was answered
		return quit
	}
	if err != nil {
		fmt.Fprintf(t.err, "gridwarden: %v\nTry: gridwarden --help\n", err)
		return exitUsage
	}
	return ended(parsed.Run(), t)
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
