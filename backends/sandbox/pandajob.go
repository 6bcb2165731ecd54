package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// most is how many jobs a list has.
const most = 100

// Job tells what PanDA has of a job.
func (g *Grid) Job(_ context.Context, id int64) (grid.PandaJob, error) {
	h, err := g.history()
	if err != nil {
		return grid.PandaJob{}, err
	}
	now := g.Now()
	var out grid.PandaJob
	g.eachJob(h, now, func(j job) bool {
		if j.id != strconv.FormatInt(id, 10) {
			return true
		}
		out = g.pandaJob(j, now)
		return false
	})
	if out.ID == 0 {
		return out, fmt.Errorf("sandbox: %w: %d", grid.ErrNoPandaJob, id)
	}
	return out, nil
}

// Candidates gives those of ids that are jobs.
func (g *Grid) Candidates(_ context.Context, ids []int64) (grid.PandaJobs, error) {
	return g.pandaJobs(func(j job) bool {
		id, err := strconv.ParseInt(j.id, 10, 64)
		return err == nil && slices.Contains(ids, id)
	})
}

// ByBatch gives the jobs that ran in a batch job, latest first.
func (g *Grid) ByBatch(_ context.Context, batch string) (grid.PandaJobs, error) {
	return g.pandaJobs(func(j job) bool { return j.batch == batch && j.ran(g.Now()) })
}

func (g *Grid) pandaJobs(wanted func(job) bool) (grid.PandaJobs, error) {
	h, err := g.history()
	if err != nil {
		return grid.PandaJobs{}, err
	}
	var out grid.PandaJobs
	now := g.Now()
	g.eachJob(h, now, func(j job) bool {
		if wanted(j) {
			out.Jobs = append(out.Jobs, g.pandaRow(j, now))
		}
		return true
	})
	slices.SortFunc(out.Jobs, func(a, b grid.PandaJob) int { return b.Created.Compare(a.Created) })
	if out.Cut = len(out.Jobs) > most; out.Cut {
		out.Jobs = out.Jobs[:most]
	}
	return out, nil
}

// eachJob gives every job there is to yield, until that gives false.
func (g *Grid) eachJob(h history, now time.Time, yield func(job) bool) {
	for _, t := range g.allTasks(h) {
		for _, j := range g.jobsOf(&t, h, now) {
			if !yield(j) {
				return
			}
		}
	}
}

// pandaRow is the job's own row.
func (g *Grid) pandaRow(j job, now time.Time) grid.PandaJob {
	owner := g.accounts[slices.IndexFunc(g.accounts, func(a grid.Account) bool { return a.ID == j.task.account })]
	id, _ := strconv.ParseInt(j.id, 10, 64) // it is made of numbers
	task, _ := strconv.ParseInt(j.task.id, 10, 64)
	out := grid.PandaJob{
		ID: id, Source: g.Name(), Table: "jobsactive4", Status: j.status(now), Label: "user",
		UserID: owner.Name, UserName: owner.Name, Created: j.submitted, Changed: j.submitted, Modified: j.submitted,
		Site: j.task.site, TaskID: task, JobsetID: task, Processing: "panda-client-1.5.62-jedi-run", Scheduler: "harvester-example_1",
		Transformation: "https://pandaserver.example.org:25443/trf/user/runGen-00-00-02", VO: "atlas", Cores: j.task.cores,
	}
	if j.ran(now) {
		out.Started, out.Changed, out.Modified = j.start, j.start, j.contact(now)
		out.Node, out.Host, out.BatchID = "slot1_1@"+j.host, j.host, j.batch
		out.PilotID = fmt.Sprintf("https://factory.example.org/logs/%s.out|HTCondor|PR|3.11.5.1", j.id)
	}
	if !j.live(now) {
		out.Table, out.Ended, out.Changed, out.Modified = "jobsarchived4", j.end, j.gone, j.gone
	}
	if killed, _ := j.known(now); killed {
		out.Command = "tobekilled"
	}
	return out
}

// payloads are what the tasks of an account run, percent-encoded as PanDA's client
// does it. The malicious one is all that the sandbox has of its payload.
var payloads = map[string]struct{ typed, encoded string }{
	naughty: {
		`prun --noBuild --exec "./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u 'x' && echo done" --outDS %s --outputs out.dat`,
		"./mine.sh%20--pool%20stratum%2Btcp%3A//198.51.100.7%3A3333%20-u%20%27x%27%20%26%26%20echo%20done",
	},
	hostileAll: {
		`prun --noBuild --exec "echo '@channel' <!everyone> [x](https://evil.example)" --outDS %s --outputs out.dat`,
		"echo%20%27%40channel%27%20%3C%21everyone%3E%20%5Bx%5D%28https%3A//evil.example%29%20%60%60%60%0A@here%20%E2%80%AEevil",
	},
	"": {
		`prun --noBuild --exec "python run.py --out=hist.root" --outDS %s --outputs hist.root`,
		"python%20run.py%20--out%3Dhist.root",
	},
}

// pandaJob is the job with all that PanDA has of it.
func (g *Grid) pandaJob(j job, now time.Time) grid.PandaJob {
	out := g.pandaRow(j, now)
	owner := g.accounts[slices.IndexFunc(g.accounts, func(a grid.Account) bool { return a.ID == j.task.account })]
	out.Owner.Accounts = []grid.Account{owner}
	for _, a := range g.accounts {
		if a.ID != owner.ID && a.Email != "" && a.Email == owner.Email {
			out.Owner.Others = append(out.Owner.Others, a)
		}
	}
	payload, own := payloads[owner.ID]
	if !own {
		payload = payloads[""]
	}
	const server = "aipanda050.example.org"
	file := fmt.Sprintf("jobO.0c2f9a52-51c1-4b0e-9a5a-%012d.tar.gz", j.task.number)
	out.Parameters = fmt.Sprintf(`-j "" --sourceURL https://%s -r . -a %s -o "{'out.dat': '%s.%06d.out.dat'}" -p "%s"`, server, file, j.task.name, out.ID%1_000_000, payload.encoded)
	out.Task = grid.PandaTask{
		ID: out.TaskID, Name: j.task.name, Status: "running", UserName: owner.Name, Created: j.task.from, Processing: out.Processing,
		Parameters: `{"cliParams": ` + strconv.Quote(fmt.Sprintf(payload.typed, j.task.name)) + `}`,
	}
	out.Uploads = []grid.PandaUpload{{UserName: owner.Name, File: file, Host: server, At: j.task.from.Add(-time.Minute), Size: 48_213, Checksum: "1832419874"}}
	out.History = []grid.PandaChange{{At: j.submitted, Status: "activated", Site: j.task.site}}
	if j.ran(now) {
		out.History = append(out.History, grid.PandaChange{At: j.start, Status: "running", Site: j.task.site})
	}
	if !j.live(now) {
		out.History = append(out.History, grid.PandaChange{At: j.gone, Status: j.final, Site: j.task.site})
	}
	out.Notes = []string{"simulated: this job, its people and its payload do not exist."}
	return out
}
