package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// maxProblems bounds how many problems a Report lists; all are counted.
const maxProblems = 1000

// Report is what a verification found. The log is as it was signed when there
// are no Problems.
type Report struct {
	Records     int64     // with a place in the log
	Erased      int64     // of those, how many bodies were lawfully erased
	Waiting     int64     // records without a place yet
	Checkpoints int64     // that match the log
	Subjects    int64     // rows that are as their latest record says
	Root        tlog.Hash // of all records
	Problems    []string  // what is wrong and where, in sentences
	More        int64     // problems beyond those listed
}

// Sound reports whether no problem was found.
func (r *Report) Sound() bool { return len(r.Problems) == 0 }

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
