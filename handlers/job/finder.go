package job

import (
	"context"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Finder is a source of PanDA's jobs, such as its database or its monitor.
type Finder interface {
	Name() string
	// Job gives all that the source knows of a job. The error wraps
	// grid.ErrNoPandaJob when it has none with that id.
	Job(ctx context.Context, id int64) (grid.PandaJob, error)
	// Candidates gives those of at most 100 ids that are jobs here, each with its
	// row only, in any order.
	Candidates(ctx context.Context, ids []int64) (grid.PandaJobs, error)
	// ByBatch gives the jobs that ran in a batch job, latest first, each with its
	// row only. The id is as the batch system or the job's record has it:
	// 9708243, 9708243.svr016.gla.example.org, 123.0, schedd#123.0#1786000000.
	ByBatch(ctx context.Context, batch string) (grid.PandaJobs, error)
}
