package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/config"
)

type runCmd struct {
	Config   string
	As       string
	Incident string
	JSON     bool
	Wait     bool
	File     string
	Command  []string
}

// runCommand is the command line of runCmd.
func runCommand(t terminal) *cobra.Command {
	var c runCmd
	x := command("run COMMAND...", "Run one command through the same engine, roles and audit as chat.", "COMMAND is the command, a word each; a single argument is a whole line as in chat.", cobra.MinimumNArgs(1), func(ctx context.Context, args []string) error {
		c.Command = args
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.StringVar(&c.As, "as", "", "Speak as `PERSON`; only where the configuration says console: {trusted: true}.")
	f.StringVar(&c.Incident, "incident", "", "Make the command part of the case `ID`.")
	f.BoolVar(&c.JSON, "json", false, "Print one JSON object (docs/machine-answers.md).")
	f.StringVar(&c.File, "file", "", "Give the text of `FILE` to a command that takes lines of logs, such as job; - is standard input.")
	f.BoolVar(&c.Wait, "wait", false, "Work the queue until the action is settled.")
	x.Flags().SetInterspersed(false) // what follows is the command, with its own dashes
	return x
}

// Run gives one command to the engine and prints its answer.
func (c runCmd) Run(ctx context.Context, t terminal) error {
	t.err = &lines{w: t.err} // the log and the progress of --wait
	cfg, err := config.Load(c.Config)
	if err != nil {
		return c.broken(t, err)
	}
	log := logger(t.err, slog.LevelWarn)
	a, err := wire(ctx, cfg, log, wiring{})
	if err != nil {
		return c.broken(t, err)
	}
	defer a.close()
	account, err := c.account(a, cfg)
	if err != nil {
		return c.broken(t, err)
	}
	if err := c.known(ctx, a); err != nil {
		return c.broken(t, err)
	}
	value, err := c.value(a, t)
	if err != nil {
		return c.broken(t, err)
	}
	reply, err := a.engine.Do(ctx, bot.Event{
		ID: "run-" + string(bot.NewActionID()) + "-" + fmt.Sprint(time.Now().UnixNano()), Kind: bot.Typed, Account: account,
		Thread: bot.Thread{Platform: bot.RunPlatform, Channel: "terminal", Root: string(bot.NewActionID())},
		Value:  value, At: time.Now().UTC(), Incident: c.Incident,
	})
	if err != nil {
		return c.broken(t, err)
	}
	if c.Wait {
		if reply, err = c.wait(ctx, a, t, reply); err != nil {
			return c.broken(t, err)
		}
	}
	return c.print(t, reply, saved(t, cfg.Console.Files, reply))
}

// saved writes the answer's files where the configuration wants those of the
// console, and gives their paths; "" for one that was not saved.
func saved(t terminal, dir string, reply bot.Reply) []string {
	if dir == "" || len(reply.Message.Files) == 0 {
		return make([]string, len(reply.Message.Files))
	}
	paths, err := console.Save(dir, time.Now().UTC().Format("20060102T150405Z-")+reply.Request, reply.Message.Files)
	if err != nil {
		fmt.Fprintln(t.err, visible(err.Error()))
	}
	return paths
}

// answerFile is a file beside an answer, for machines.
type answerFile struct {
	Name  string `json:"name"`
	Media string `json:"media"`
	Bytes int    `json:"bytes"`
	Saved string `json:"saved,omitempty"` // where; absent when it was not saved
}

// known reports a problem with --incident before anything is asked.
func (c runCmd) known(ctx context.Context, a *app) error {
	if c.Incident == "" {
		return nil
	}
	_, err := a.journal.Incident(ctx, c.Incident)
	if errors.Is(err, bot.ErrNotFound) {
		return bot.Problemf("not-found", "There is no case %q.", c.Incident)
	}
	return err
}

// account is the operating-system account, or with --as a person's.
func (c runCmd) account(a *app, cfg *config.Config) (bot.Account, error) {
	me, err := operator(a.people)
	if err != nil {
		return me, err
	}
	if c.As != "" {
		if !cfg.Console.Trusted {
			return me, bot.Problemf("refused", "--as works only where the configuration says `console: {trusted: true}`, for drills and tests.")
		}
		person, ok := a.people.Person(action.PersonID(c.As))
		if !ok {
			return me, bot.Problemf("refused", "There is no person %q in the configuration.", c.As)
		}
		for _, key := range person.Accounts {
			if id, ok := strings.CutPrefix(key, "console/"); ok {
				return bot.Account{Platform: "console", ID: id, Name: c.As + " (by --as)", Standing: bot.Member}, nil
			}
		}
		return me, bot.Problemf("refused", "%s has no console account in the configuration.", c.As)
	}
	return me, nil
}

// operator is the operating-system account that runs this process, by its uid,
// or by its login where the configuration lists that.
func operator(people *bot.People) (bot.Account, error) {
	me, err := console.OSAccount()
	if err != nil {
		return me, err
	}
	if _, known := people.PersonOf(me.Key()); !known && me.Name != "" {
		byLogin := me
		byLogin.ID = me.Name
		if _, known := people.PersonOf(byLogin.Key()); known {
			return byLogin, nil
		}
	}
	return me, nil
}

// wait works the queue until the action that the reply is about is settled.
func (c runCmd) wait(ctx context.Context, a *app, t terminal, reply bot.Reply) (bot.Reply, error) {
	m, ok := reply.Message.Answer["action"].(action.Machine)
	if !ok {
		return reply, nil
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- a.run(running) }()
	defer func() { cancel(); <-done }() //nolint:errcheck // what mattered was returned by the loop
	told := ""
	for {
		got, err := a.journal.Action(ctx, m.ID)
		if err != nil {
			return reply, err
		}
		if now := fmt.Sprintf("%s %s", got.State, got.Progress.Said); now != told {
			told = now
			fmt.Fprintln(t.err, time.Now().UTC().Format("15:04:05 UTC"), got.ID, now)
		}
		if got.State.Final() {
			reply.Message = bot.CardMessage(got)
			return reply, nil
		}
		select {
		case err := <-done:
			done <- err
			return reply, errors.Join(err, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// print writes the answer as text or as one JSON object. paths is where its
// files were saved.
func (c runCmd) print(t terminal, reply bot.Reply, paths []string) error {
	text := reply.Message.Plain()
	if reply.Code == "unknown-person" && os.Geteuid() == 0 {
		text += " Or run this as the account of the service: runuser -u gridwarden -- gridwarden run …"
	}
	if c.JSON {
		out := map[string]any{"request": reply.Request, "command": reply.Command, "state": reply.State, "text": text}
		maps.Copy(out, reply.Message.Answer)
		var files []answerFile
		for i, f := range reply.Message.Files {
			files = append(files, answerFile{Name: f.Name, Media: f.Media, Bytes: len(f.Data), Saved: paths[i]})
		}
		if files != nil {
			out["files"] = files
		}
		if reply.Err != nil {
			out["error"] = map[string]string{"code": reply.Code, "message": text}
		}
		if err := writeJSON(t, out); err != nil {
			return err
		}
	} else if reply.Err != nil {
		fmt.Fprintln(t.err, text)
	} else {
		shown := console.Render(reply.Message, t.width(readingWidth), console.Style{Saved: paths})
		if _, err := io.WriteString(t.out, shown); err != nil {
			return err
		}
	}
	return exit{status: exitOf(reply)}
}

// broken ends a run before the engine answered; with --json it still prints one object.
func (c runCmd) broken(t terminal, err error) error {
	text := err.Error()
	var people bot.ForPeople
	if errors.As(err, &people) {
		text = people.ForPeople()
	}
	code, state, status := "failed", "failed", exitFailed
	var problem *bot.Problem
	var bad config.Problems
	switch {
	case errors.As(err, &problem):
		code, state, status = problem.Code, "refused", exitRefused
		if problem.Code == "usage" {
			status = exitUsage
		}
	case errors.As(err, &bad):
		code, status = "configuration", exitUsage
	}
	if c.JSON {
		if err := writeJSON(t, map[string]any{"request": "", "command": "", "state": state, "text": text, "error": map[string]string{"code": code, "message": text}}); err != nil {
			return err
		}
		return exit{status: status}
	}
	return exit{status: status, text: text}
}

func writeJSON(t terminal, v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func exitOf(r bot.Reply) int {
	switch {
	case r.State == "answered", r.State == "proposed", r.State == "decided":
		return exitOK
	case r.State == "partial":
		return exitPartial
	case r.State == "failed":
		return exitFailed
	case r.Code == "usage", r.Code == "unknown-command":
		return exitUsage
	}
	return exitRefused
}

// line makes one line of a command: each argument is one word of it, a single
// argument is a whole line.
func line(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \t\"'\\`“”‘’«»„") {
			words[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a) + `"`
		}
	}
	return strings.Join(words, " ")
}
