package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/backends/history"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config"
)

type importCmd struct {
	Config string
	JSON   bool
	Quiet  bool
	Paths  []string
}

// importCommand is the command line of importCmd.
func importCommand(t terminal) *cobra.Command {
	var c importCmd
	x := command("import PATH...", "Read job records into the embedded store: condor_history and condor_q as JSON, Elasticsearch dumps.", `Reads what these write, plain or compressed with gzip or zstd:
  condor_history -json or -jsonl, also with -epochs; condor_q -json or -jsonl
  Elasticsearch's _bulk files and _search answers, with documents of es-cms or MONIT

What is no record is counted and listed, and the rest is imported. Importing a
file again changes nothing; a later copy of a record replaces an older one. An
import that was stopped goes on where it was when it is started again.

Exit status: 0 all was read, 4 some pieces were no records, 1 it stopped.`, cobra.MinimumNArgs(1), func(ctx context.Context, args []string) error {
		c.Paths = args
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.BoolVar(&c.JSON, "json", false, "Print the result as one JSON object.")
	f.BoolVarP(&c.Quiet, "quiet", "q", false, "Show no progress.")
	return x
}

// Run imports, shows progress on standard error and the result on standard output.
func (c importCmd) Run(ctx context.Context, t terminal) (err error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	if cfg.Backends.CMS.History == nil {
		return usage("There is no store to import into. Add to %s:\n  backends: {cms: {history: {sqlite: history.db}}}", c.Config)
	}
	store, err := history.Open(ctx, *cfg.Backends.CMS.History)
	if err != nil {
		return err
	}
	defer closing(store, &err)
	began := time.Now()
	show := newProgress(t.err, c.Quiet, began)
	report, err := store.Import(ctx, c.Paths, t.in, show.update)
	show.end()
	if err == nil || report.Records+report.Rejected > 0 {
		if err := c.print(t, report, time.Since(began)); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil:
		return exit{status: exitFailed, text: "Stopped. What is listed above is stored; the same command goes on from there."}
	case err != nil:
		return err
	case report.Rejected > 0:
		return exit{status: exitPartial}
	}
	return nil
}

// imported is the machine form of a report.
type imported struct {
	Files     int               `json:"files"`
	Resumed   int               `json:"resumed"`
	Records   int64             `json:"records"`
	New       int64             `json:"new"`
	Replaced  int64             `json:"replaced"`
	Unchanged int64             `json:"unchanged"`
	Rejected  int64             `json:"rejected"`
	Undated   int64             `json:"undated"`
	Ahead     int64             `json:"ahead"`
	Problems  []history.Problem `json:"problems"`
	Seconds   float64           `json:"seconds"`
}

func (c importCmd) print(t terminal, r history.Report, took time.Duration) error {
	if c.JSON {
		return writeJSON(t, imported{
			Files: r.Files, Resumed: r.Resumed, Records: r.Records, New: r.New, Replaced: r.Replaced, Unchanged: r.Unchanged,
			Rejected: r.Rejected, Undated: r.Undated, Ahead: r.Ahead, Problems: r.Problems, Seconds: took.Seconds(),
		})
	}
	return t.show(importMessage(r, took), readingWidth)
}

// importMessage says what an import came to.
func importMessage(r history.Report, took time.Duration) bot.Message {
	m := bot.Message{Title: bot.Textf("%s from %s in %s", counted(r.Records, "record", "records"), counted(int64(r.Files), "file", "files"), spent(took))}
	m.Line("%s new, %s replaced an older copy, %s were there already.", thousands(r.New), thousands(r.Replaced), thousands(r.Unchanged))
	if r.Resumed > 0 {
		m.Line("%s read on from where an earlier import stopped.", counted(int64(r.Resumed), "file was", "files were"))
	}
	if r.Undated > 0 {
		m.Line("%s no date of a run: traces of any time show them as possible.", counted(r.Undated, "record has", "records have"))
	}
	if r.Ahead > 0 {
		m.Line("%s dates in the future: some clock was wrong.", counted(r.Ahead, "record has", "records have"))
	}
	if r.Rejected == 0 {
		return m
	}
	m.Line("")
	m.Line("*%s not understood as records*, and jobs may be missing:", counted(r.Rejected, "piece was", "pieces were"))
	for _, p := range r.Problems {
		m.Line("%s", "  "+p.String())
	}
	if rest := r.Rejected - int64(len(r.Problems)); rest > 0 {
		m.Line("  and %s more", thousands(rest))
	}
	return m
}

// counted gives a number with its noun.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands gives a number that can be read at a glance.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func spent(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// progress shows how far an import is: a bar on a terminal, a line now and then
// elsewhere.
type progress struct {
	out   io.Writer
	quiet bool
	began time.Time
	bar   *progressbar.ProgressBar
	next  time.Time // of the next line, without a bar
}

// lineEvery is how often a log learns how far an import is.
const lineEvery = 10 * time.Second

func newProgress(out io.Writer, quiet bool, began time.Time) *progress {
	return &progress{out: out, quiet: quiet, began: began, next: began.Add(lineEvery)}
}

func (p *progress) update(at history.Progress) {
	if p.quiet {
		return
	}
	what := fmt.Sprintf("%s records, %s/s", thousands(at.Records), thousands(int64(float64(at.Records)/max(time.Since(p.began).Seconds(), 0.001))))
	if at.Rejected > 0 {
		what += ", " + thousands(at.Rejected) + " rejected"
	}
	if at.FilesTotal > 1 {
		what += fmt.Sprintf(", file %d of %d", min(at.FilesDone+1, at.FilesTotal), at.FilesTotal)
	}
	if !colours(p.out) {
		if now := time.Now(); !now.Before(p.next) {
			p.next = now.Add(lineEvery)
			done := ""
			if at.BytesTotal > 0 {
				done = fmt.Sprintf(", %d %%", at.BytesDone*100/at.BytesTotal)
			}
			fmt.Fprintln(p.out, "importing: "+what+done)
		}
		return
	}
	if p.bar == nil {
		total := at.BytesTotal
		if total == 0 {
			total = -1 // a spinner
		}
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.out), progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(20),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	}
	p.bar.Describe(what)
	done := at.BytesDone
	if at.BytesTotal > 0 {
		done = min(done, at.BytesTotal) // a file may have grown
	}
	p.drawn(p.bar.Set64(done))
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		p.drawn(p.bar.Clear())
	}
}

// drawn gives the bar up when it cannot be drawn: an import does not fail for it.
func (p *progress) drawn(err error) { p.quiet = p.quiet || err != nil }
