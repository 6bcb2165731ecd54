// Command generate writes synthetic records of CMS jobs into a folder, with the
// truth about them: see the package gridtest.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("generate", flag.ExitOnError)
	jobs := flags.Int("jobs", 20_000, "how many jobs, beside the planted incidents")
	seed := flags.Uint64("seed", 1, "another seed is another world")
	days := flags.Int("days", 0, "days that the records reach back; 0: as many as give 20,000 jobs a day, 14 to 90")
	every := flags.Duration("every", 2*time.Hour, "between MONIT's snapshots; the real ones are taken every 12m")
	logs := flags.Int("logs", 20, "one in so many pilots gets logs; 0: the planted ones only")
	out := flags.String("out", "", "the folder to write into; it is made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || *jobs < 1 {
		return errors.New("name the folder to write into with -out, and at least one job with -jobs")
	}
	began := time.Now()
	last := time.Time{}
	g := gridtest.New(gridtest.Config{Jobs: *jobs, Seed: *seed, Days: *days, Every: *every, Logs: *logs})
	err := g.Write(*out, func(p gridtest.Progress) {
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "\r%d of %d jobs, %d documents, %d pilots' logs", p.Jobs, p.Of, p.Documents, p.Logs)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "\r%d jobs in %s: %s\n", *jobs, time.Since(began).Round(time.Second), *out)
	return nil
}
