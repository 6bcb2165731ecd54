package job

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// New gives the command. finders and sites may be empty; evidence may be nil,
// and then no payload is ever fetched.
func New(finders []Finder, sites *grid.SiteMap, evidence *Evidence, log *slog.Logger) []bot.Command {
	x := command{finders: finders, sites: sites, evidence: evidence, log: log}
	return []bot.Command{{
		Name: "job", Args: "ID or pilot directory or lines of a pilot log or address of the monitor, or batch ID [evidence]",
		Summary: "what PanDA knows of a job: who submitted it, from where and when, its payload, the command decoded; evidence keeps the payload unopened",
		Example: "job 6012345678",
		Role:    bot.Shifter,
		Pasted:  true,
		Excerpt: grid.PandaExcerpt,
		Run:     x.run,
	}}
}

type command struct {
	finders  []Finder
	sites    *grid.SiteMap
	evidence *Evidence
	log      *slog.Logger
}

// question is what was asked.
type question struct {
	text     string // without the words of the command's own
	file     string // that the text is an excerpt of; "" for one that was pasted
	batch    bool   // the text is the id of a batch job
	evidence bool
}

// ask is what people can give.
const ask = "Give a PandaID, the directory of a pilot's job, lines of its log or of ps, an address of the monitor, or `job batch ID`. A whole log is attached to a message that says `job`, and at the console named: `job < FILE`."

func read(r *bot.Request) (question, error) {
	var q question
	q.file, q.text = bot.FromFile(strings.TrimSpace(strings.Join(r.Args(), " ")))
	q.text = bare(q.text)
	if rest, ok := strings.CutSuffix(q.text, "evidence"); ok && (rest == "" || strings.TrimSpace(rest) != rest) {
		q.text, q.evidence = bare(rest), true
	}
	if rest, ok := strings.CutPrefix(q.text, "batch "); ok && !strings.ContainsAny(strings.TrimSpace(rest), " \n\t") {
		q.text, q.batch = bare(rest), true
	}
	if q.text == "" {
		return q, bot.Problemf("usage", ask)
	}
	return q, nil
}

// bare is a text without the blanks and quotes around it.
func bare(s string) string {
	s = strings.TrimSpace(s)
	for _, quote := range []string{`"`, `'`, "```", "`"} {
		if n := len(quote); len(s) > 2*n && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
			s = strings.TrimSpace(s[n : len(s)-n])
		}
	}
	return s
}

func (x command) run(ctx context.Context, r *bot.Request) (bot.Message, error) {
	q, err := read(r)
	if err != nil {
		return bot.Message{}, err
	}
	if q.evidence {
		if err := x.evidence.allows(r); err != nil {
			return bot.Message{}, err
		}
	}
	if len(x.finders) == 0 {
		return bot.Message{}, bot.Problemf("unavailable", "No PanDA is configured here, so no job can be looked up. An admin sets backends.panda.")
	}
	m := grid.PandaIDs(q.text)
	switch {
	case q.batch:
		return x.batch(ctx, r, q, q.text)
	case len(m.Jobs) == 1:
		return x.one(ctx, r, q, m)
	case len(m.Jobs) > 1:
		return x.several(ctx, r, q, m)
	case len(m.NoIDs) > 0:
		return bot.Message{}, bot.Problemf("usage", "%s is no PandaID: those are whole numbers from 1 to %d. Nothing was looked up.", m.NoIDs[0], int64(1<<63-2))
	case len(m.Batches) > 0:
		return x.batch(ctx, r, q, m.Batches[0])
	case m.Pilots > 0:
		return bot.Message{}, bot.Problemf("usage", "That is the directory of a pilot: its numbers are a process and a time, and it may have run several jobs. Look inside: a directory PandaJob_N_… or PanDA_Pilot-N, and lines PandaID=N in its log, name the job.")
	case looksLikeBatch(q.text):
		return x.batch(ctx, r, q, q.text)
	}
	return bot.Message{}, bot.Problemf("usage", "Nothing in that names a job, and no number was taken on a guess. "+ask+" From a long log, paste the lines that `grep -iE 'PandaID|PanDA job'` finds.")
}

// looksLikeBatch reports whether a text can be the id of a batch job and nothing else.
func looksLikeBatch(s string) bool {
	return len(s) <= 128 && strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, "#.") && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-#@:", r)
	}) < 0
}

// one answers about the only job that was named. A plain number that is no job
// is looked for as the id of a batch job, too.
func (x command) one(ctx context.Context, r *bot.Request, q question, m grid.PandaMentions) (bot.Message, error) {
	id := m.Jobs[0].ID
	found := x.job(ctx, id)
	if found.job.ID != 0 {
		return x.about(ctx, r, q, found, inFile(q, named(m.Jobs[0])))
	}
	if plainNumber(q.text) && found.complete() {
		jobs := x.byBatch(ctx, q.text)
		if len(jobs.jobs) > 0 || !jobs.complete() {
			out := x.listed(r, jobs, nil, "")
			out.Lines = append([]bot.Text{bot.Textf("No job has the PandaID %d. As the id of a batch job it was found in these:", id)}, out.Lines...)
			if len(jobs.jobs) == 0 {
				out.Lines[0] = bot.Textf("No job has the PandaID %d.", id)
			}
			return out, nil
		}
	}
	return bot.Message{}, found.missing(id)
}

func plainNumber(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// named tells how a text named the job, for one that was not typed as it is.
func named(m grid.PandaMention) string {
	if slices.Equal(m.Forms, []string{"a number"}) {
		return ""
	}
	return "Named by: " + strings.Join(m.Forms, "; ") + "."
}

// inFile adds which file the text is of.
func inFile(q question, named string) string {
	if q.file == "" {
		return named
	}
	return strings.TrimSpace("Found in " + show(q.file) + ". " + named)
}

// several looks up all jobs that were named. It goes on with the only one that
// exists, and shows several.
func (x command) several(ctx context.Context, r *bot.Request, q question, m grid.PandaMentions) (bot.Message, error) {
	ids := make([]int64, len(m.Jobs))
	for i, j := range m.Jobs {
		ids[i] = j.ID
	}
	found := x.candidates(ctx, ids)
	if len(found.jobs) == 1 && found.complete() && !found.cut && m.More == 0 && !m.Cut {
		id := found.jobs[0].ID
		one := x.job(ctx, id)
		if one.job.ID == 0 {
			return bot.Message{}, one.missing(id)
		}
		at := slices.IndexFunc(m.Jobs, func(j grid.PandaMention) bool { return j.ID == id })
		return x.about(ctx, r, q, one, strings.TrimSpace(inFile(q, named(m.Jobs[at]))+" Of "+strconv.Itoa(len(ids))+" numbers in the text it is the only one that is a job."))
	}
	if q.evidence {
		return bot.Message{}, bot.Problemf("usage", "That names %d jobs. The payload of one is fetched at a time: `job ID evidence`.", len(m.Jobs))
	}
	return x.listed(r, found, &m, q.file), nil
}

// batch looks for the jobs of a batch job.
func (x command) batch(ctx context.Context, r *bot.Request, q question, id string) (bot.Message, error) {
	if len(id) > 128 {
		return bot.Message{}, bot.Problemf("usage", "The id of a batch job has 128 characters at most. Nothing was looked up.")
	}
	found := x.byBatch(ctx, id)
	found.batch = id
	if q.evidence && (len(found.jobs) != 1 || !found.complete()) {
		return bot.Message{}, bot.Problemf("usage", "That batch job has %d jobs. The payload of one is fetched at a time: `job ID evidence`.", len(found.jobs))
	}
	if len(found.jobs) == 1 && found.complete() && !found.cut {
		one := x.job(ctx, found.jobs[0].ID)
		if one.job.ID == 0 {
			return bot.Message{}, one.missing(found.jobs[0].ID)
		}
		return x.about(ctx, r, q, one, "It is the only job of that batch job.")
	}
	return x.listed(r, found, nil, q.file), nil
}

// about answers about one job, and fetches its payload where that was asked for.
func (x command) about(ctx context.Context, r *bot.Request, q question, found one, named string) (bot.Message, error) {
	if q.evidence {
		return x.evidence.take(ctx, r, found.job)
	}
	return x.tell(r, found, named), nil
}
