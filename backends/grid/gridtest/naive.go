package gridtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Naive answers questions as CMS's job traceability page tells a person to, in
// the search page of es-cms: choose the site, widen the time picker by 8 hours
// on both sides, and type the host, or filter on GLIDEIN_SiteWMS_JobId. Typing a
// host finds it in the fields that can be searched, which LastRemoteHost is not.
// Whatever comes up is taken for who was there. Add documents in any order.
type Naive struct {
	questions []Question
	found     []map[string]bool
}

// NewNaive prepares for questions.
func NewNaive(questions []Question) *Naive {
	n := &Naive{questions: questions}
	for range questions {
		n.found = append(n.found, map[string]bool{})
	}
	return n
}

// widened is by how much the page tells to widen the picker.
const widened = 8 * time.Hour

// searchable are the fields of es-cms that the page's filters can reach.
type searchable struct {
	GlobalJobId string
	Site        string
	RecordTime  int64
	Slot        string `json:"GLIDEIN_SiteWMS_Slot"`
	Batch       string `json:"GLIDEIN_SiteWMS_JobId"`
	Cluster     string `json:"GLIDEIN_ClusterId"`
	Proc        int64  `json:"GLIDEIN_ProcId"`
	Login       string `json:"CRAB_UserHN"`
}

// Add looks at one document of es-cms.
func (n *Naive) Add(d Doc) error {
	var s searchable
	if err := json.Unmarshal(d.Source, &s); err != nil {
		return fmt.Errorf("gridtest: the document %s: %w", d.ID, err)
	}
	for i := range n.questions {
		if n.finds(&n.questions[i], d.Index, &s) {
			n.found[i][s.GlobalJobId] = true
		}
	}
	return nil
}

func (n *Naive) finds(q *Question, index string, s *searchable) bool {
	from, to := q.Query.Asked.Add(-widened), q.Query.Asked.Add(grid.DefaultForward+widened)
	if at := time.Unix(s.RecordTime, 0); at.Before(from) || at.After(to) {
		return false
	}
	if sites := q.Query.Sites; len(sites) > 0 && !slices.Contains(sites, s.Site) {
		return false
	}
	// The daily indices are taken for those of the days that are asked about.
	if d := strings.TrimPrefix(index, "cms-"); d < from.Format(time.DateOnly) || d > to.Format(time.DateOnly) {
		return false
	}
	switch q.Query.Kind {
	case grid.ByHost, grid.ByIP:
		return strings.Contains(s.Slot, q.Typed)
	case grid.ByBatch:
		return s.Batch == q.Typed
	case grid.ByPilotID:
		return s.Cluster == fmt.Sprint(q.Query.Pilot.Cluster) && s.Proc == q.Query.Pilot.Proc
	case grid.ByUser:
		return s.Login == q.Typed
	}
	return false
}

// Scores holds what was found against the truth. Everything that it found it
// calls confirmed, and every answer complete.
func (n *Naive) Scores() Scores {
	var out Scores
	for i, q := range n.questions {
		r := Result{Question: q, Complete: true, Needed: len(q.Truth), Confirmed: len(n.found[i])}
		truly := map[string]bool{}
		for _, e := range q.Truth {
			truly[e.Job] = true
			if !n.found[i][e.Job] {
				r.Missed = append(r.Missed, e.Job)
			}
		}
		r.Found = r.Needed - len(r.Missed)
		r.Right = r.Found
		for id := range n.found[i] {
			if !truly[id] {
				r.Accused = append(r.Accused, id)
			}
		}
		slices.Sort(r.Accused)
		if len(r.Missed) > 0 {
			r.Untrue = "nothing says that somebody is missing"
		}
		out = append(out, r)
	}
	return out
}
