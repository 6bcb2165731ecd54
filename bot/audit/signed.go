package audit

import (
	"cmp"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// signed holds the checkpoints against the tree while it grows.
type signed struct {
	due      []claim // by size
	newest   int64   // size of the newest stored checkpoint
	stored   map[int64]bool
	lastGood int64
	bad      int64 // checkpoints that do not match, after the first
	firstBad bool
}

// claim is a checkpoint that the tree must meet at its size.
type claim struct {
	Checkpoint
	kept bool // somebody kept it outside the log
}

// store takes a stored checkpoint; they come by size.
func (s *signed) store(r *Report, v note.Verifier, sc StoredCheckpoint) {
	c, err := ParseCheckpoint(sc.Note, v)
	if err != nil {
		r.problem("The checkpoint stored for %d records is not valid: %v.", sc.Size, err)
		return
	}
	if c.Size != sc.Size {
		r.problem("The checkpoint stored for %d records is one of %d records.", sc.Size, c.Size)
		return
	}
	if c.Follows != s.newest {
		r.problem("The checkpoint of %d records follows one of %d records, but the one stored before it has %d: one is missing or does not belong there.", c.Size, c.Follows, s.newest)
	}
	s.newest = c.Size
	if s.stored == nil {
		s.stored = map[int64]bool{}
	}
	s.stored[c.Size] = true
	s.due = append(s.due, claim{Checkpoint: c})
}

// keep adds the checkpoints that somebody kept, once all stored ones were read.
func (s *signed) keep(r *Report, v note.Verifier, kept []string) {
	for i, text := range kept {
		c, err := ParseCheckpoint(text, v)
		if err != nil {
			r.problem("Kept checkpoint %d cannot be used: %v.", i+1, err)
			continue
		}
		if !s.stored[c.Size] {
			r.problem("The kept checkpoint of %d records is not among the stored ones: it was removed, or the log was rolled back.", c.Size)
		}
		s.due = append(s.due, claim{Checkpoint: c, kept: true})
	}
	slices.SortStableFunc(s.due, func(a, b claim) int { return cmp.Compare(a.Size, b.Size) })
}

// reach compares what was signed for the present size of the tree.
func (s *signed) reach(r *Report, size int64, root func() tlog.Hash) {
	for len(s.due) > 0 && s.due[0].Size == size {
		c := s.due[0]
		s.due = s.due[1:]
		switch {
		case c.Root == root():
			s.lastGood = size
			if !c.kept {
				r.Checkpoints++
			}
		case c.kept:
			r.problem("The log is another one than that of the kept checkpoint of %d records: it was forked or changed.", size)
		case s.firstBad:
			s.bad++
		default:
			s.firstBad = true
			r.problem("The checkpoint of %d records does not match the log: something among leaves %d to %d was changed, removed, invented or put in another place.", size, s.lastGood, size-1)
		}
	}
}

func (s *signed) finish(r *Report, size int64, whole bool) {
	if s.bad > 0 {
		r.problem("%d later checkpoints do not match either.", s.bad)
	}
	if !whole {
		r.problem("%d checkpoints could not be compared, because leaves are missing.", len(s.due))
		return
	}
	over := map[int64]bool{}
	for _, c := range s.due {
		over[c.Size] = true
	}
	for _, n := range slices.Sorted(maps.Keys(over)) {
		r.problem("A checkpoint of %d records was signed, but the log holds %d: it was rolled back, or records were removed from its end.", n, size)
	}
	if size > s.newest {
		r.problem("No checkpoint covers leaves %d to %d: it was removed, or they were invented.", s.newest, size-1)
	}
}
