// Command hold starts one search server of each kind, runs the command of its
// arguments while they are there, named in GRIDWARDEN_TEST_SEARCH, and ends with
// that command's status. What it cannot start it leaves to the tests, which skip or
// fail by the rules of the package searchtest.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gridwarden/gridwarden/backends/searchtest"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	if len(args) == 0 {
		say("usage: hold COMMAND [ARGUMENT...]")
		return 2
	}
	env := os.Environ()
	if os.Getenv(searchtest.Variable) == "" { // otherwise somebody holds servers already
		running, named := start()
		defer stop(running)
		env = append(env, searchtest.Variable+"="+strings.Join(named, " "))
	}
	return command(args, env)
}

// start starts what can be started, side by side.
func start() (running []*searchtest.Running, named []string) {
	kinds := searchtest.Kinds()
	started := make([]*searchtest.Running, len(kinds))
	var all sync.WaitGroup
	for i, kind := range kinds {
		all.Go(func() {
			began := time.Now()
			r, err := searchtest.Start(context.Background(), kind)
			if err != nil {
				say("%s is not held: %v", kind, err)
				return
			}
			say("%s: %s %s at %s after %.1f s", kind, r.Distribution, r.Version, r.URL, time.Since(began).Seconds())
			started[i] = r
		})
	}
	all.Wait()
	for i, r := range started {
		if r != nil {
			running, named = append(running, r), append(named, string(kinds[i])+"="+r.URL)
		}
	}
	return running, named
}

func stop(running []*searchtest.Running) {
	for _, r := range running {
		if err := r.Stop(); err != nil {
			say("stopping the server at %s: %v", r.URL, err)
		}
	}
}

// command runs a command and gives its exit status. An interrupt of the terminal
// reaches the command by itself; the servers outlive it.
func command(args, env []string) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...) //nolint:gosec // running it is the purpose
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	if err := cmd.Start(); err != nil {
		say("%v", err)
		return 1
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s) // it may just have ended
			}
		case err := <-ended:
			var failed *exec.ExitError
			if err == nil {
				return 0
			}
			if errors.As(err, &failed) && failed.ExitCode() > 0 {
				return failed.ExitCode()
			}
			say("%s: %v", args[0], err)
			return 1
		}
	}
}

func say(format string, values ...any) { fmt.Fprintf(os.Stderr, "hold: "+format+"\n", values...) }
