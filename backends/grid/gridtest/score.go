package gridtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Source answers queries, as every source of a trace does.
type Source interface {
	Sightings(ctx context.Context, q grid.Query) (grid.Found, error)
}

// Enricher knows more about what sources have seen, as every enricher of a trace.
type Enricher interface {
	Enrich(ctx context.Context, q grid.Query, seen []grid.Sighting) (grid.Found, error)
}

// Result is how one question was answered.
type Result struct {
	Question  Question
	Needed    int      // jobs that the records show, or cannot exclude
	Found     int      // those of them that were found, confirmed or possible
	Confirmed int      // jobs that were called confirmed
	Right     int      // those of them that truly ran there then
	Possible  int      // jobs that were called possible
	Unseen    int      // jobs that ran there then and of which these records have nothing
	Missed    []string // jobs that were needed and not found
	Accused   []string // jobs that were confirmed and did not run there, or must not be in the answer, or not so
	Unnamed   []string // people of needed jobs whom the answer does not name, or not as disputed
	Exposed   int      // people who came to the same pilots afterwards, and are named for it
	Unexposed []string // those of them who are not named, and who is and did not come there
	Complete  bool     // the answer called itself complete
	Untrue    string   // what is wrong with that; empty when nothing is
	Took      time.Duration
}

// Score asks every question of the sources and then, as a trace does, of the
// enrichers, which together have the records with, and holds the merged answer
// against the truth. now is when they are asked.
func Score(ctx context.Context, questions []Question, with Sources, now time.Time, sources []Source, enrichers ...Enricher) (Scores, error) {
	var out Scores
	for _, q := range questions {
		began := time.Now()
		found, err := ask(ctx, q.Query, sources, enrichers)
		if err != nil {
			return nil, fmt.Errorf("gridtest: asking for %s (%s): %w", q.Typed, q.About, err)
		}
		r := judge(q, with, grid.Merge(q.Query, found, now))
		r.Took = time.Since(began)
		out = append(out, r)
	}
	return out, nil
}

func ask(ctx context.Context, q grid.Query, sources []Source, enrichers []Enricher) ([]grid.Found, error) {
	var found []grid.Found
	var seen []grid.Sighting
	for _, s := range sources {
		f, err := s.Sightings(ctx, q)
		if err != nil {
			return nil, err
		}
		found, seen = append(found, f), append(seen, f.Sightings...)
	}
	for _, e := range enrichers {
		f, err := e.Enrich(ctx, q, slices.Clone(seen))
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// judge holds one answer against the truth.
func judge(q Question, with Sources, t grid.Trace) Result {
	r := Result{Question: q, Complete: t.Complete}
	confirmed, all := map[string]bool{}, map[string]bool{}
	for _, s := range t.Sightings {
		all[s.Job.ID] = true
		if s.Confidence == grid.Confirmed {
			confirmed[s.Job.ID] = true
		}
	}
	r.Confirmed, r.Possible = len(confirmed), len(all)-len(confirmed)
	truly := map[string]bool{}
	for _, e := range q.Truth {
		truly[e.Job] = true
		switch {
		case e.By&with == 0 && !all[e.Job]:
			r.Unseen++
		default:
			r.Needed++
			if !all[e.Job] {
				r.Missed = append(r.Missed, e.Job)
				continue
			}
			r.Found++
			if !names(t.People, e) && !slices.Contains(r.Unnamed, e.Person) {
				r.Unnamed = append(r.Unnamed, e.Person)
			}
		}
	}
	for id := range confirmed {
		if truly[id] {
			r.Right++
		} else {
			r.Accused = append(r.Accused, id)
		}
	}
	for _, id := range q.Never {
		if all[id] && !slices.Contains(r.Accused, id) {
			r.Accused = append(r.Accused, id)
		}
	}
	for _, s := range t.Sightings {
		if slices.Contains(q.Forged, s.Job.ID) && !onPilotsWord(s) && !slices.Contains(r.Accused, s.Job.ID) {
			r.Accused = append(r.Accused, s.Job.ID)
		}
	}
	r.judgeExposed(with, t)
	slices.Sort(r.Accused)
	r.Untrue = untrue(q, r, t)
	return r
}

// judgeExposed holds who is said to have come to the same pilots afterwards
// against the truth. Only a pilot with a confirmed job can be looked into, and a
// job that may have been there in the window is in the answer already.
func (r *Result) judgeExposed(with Sources, t grid.Trace) {
	pilots, there := map[string]bool{}, map[string]bool{}
	for _, s := range t.Sightings {
		there[s.Job.ID] = true
		if s.Confidence == grid.Confirmed {
			pilots[numberOf(s.Job.Pilot.ID.String())] = true
		}
	}
	came := map[string]bool{}
	for _, f := range t.FollowOn {
		if strings.HasPrefix(f.Why, "came to the pilot") {
			came[f.Person] = false
		}
	}
	r.Exposed = len(came)
	for _, e := range r.Question.After {
		if _, named := came[e.Person]; named {
			came[e.Person] = true
		} else if !there[e.Job] && e.By&with != 0 && pilots[numberOf(e.Pilot)] && !slices.Contains(r.Unexposed, e.Person) {
			r.Unexposed = append(r.Unexposed, e.Person)
		}
	}
	for person, truly := range came {
		if !truly {
			r.Unexposed = append(r.Unexposed, person+" who did not")
		}
	}
	slices.Sort(r.Unexposed)
}

// numberOf is a pilot without its schedd, which MONIT does not tell.
func numberOf(pilot string) string { return pilot[strings.LastIndexByte(pilot, '#')+1:] }

// onPilotsWord tells whether a sighting is possible only, and names its owner by
// nothing but what a worker node says.
func onPilotsWord(s grid.Sighting) bool {
	return s.Confidence == grid.Possible && !slices.ContainsFunc(s.Job.Identities, func(id grid.Identity) bool { return id.AssertedBy != grid.ByPilot })
}

// names tells whether a person is in the answer, as disputed when that is so.
func names(people []grid.Person, e Expected) bool {
	return slices.ContainsFunc(people, func(p grid.Person) bool {
		return p.Username == e.Person && (p.Disagreement || !e.Disputed)
	})
}

// untrue says what is wrong with an answer that calls itself complete.
func untrue(q Question, r Result, t grid.Trace) string {
	notes := slices.Clone(t.WouldChange)
	for _, report := range t.Reports {
		notes = append(notes, report.Notes...)
	}
	said := q.Excuse != "" && strings.Contains(strings.Join(notes, "\n"), q.Excuse)
	switch {
	case !t.Complete:
		return ""
	case r.Unseen > 0 && !said:
		return fmt.Sprintf("it calls itself complete, and %d who ran there are not in it", r.Unseen)
	case !q.Query.OpenUntil.IsZero() && t.OpenUntil.IsZero():
		return "it calls itself complete, and does not say that the window is not over"
	}
	return ""
}

// Scores are the results of many questions.
type Scores []Result

// Recall is the share of needed jobs that were found, confirmed or possible.
func (s Scores) Recall() float64 {
	return share(s, func(r Result) (int, int) { return r.Found, r.Needed })
}

// Precision is the share of confirmed jobs that truly ran there then.
func (s Scores) Precision() float64 {
	return share(s, func(r Result) (int, int) { return r.Right, r.Confirmed })
}

func share(s Scores, of func(Result) (int, int)) float64 {
	part, whole := 0, 0
	for _, r := range s {
		p, w := of(r)
		part, whole = part+p, whole+w
	}
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// Problems says, a sentence each, what is wrong with the answers: who was missed,
// accused or not named, and what was wrongly called complete.
func (s Scores) Problems() []string {
	var out []string
	say := func(q Question, what string, which []string) {
		if n := len(which); n > 0 {
			out = append(out, fmt.Sprintf("(%s) %s, %s at %s: %d %s: %s", order(q), q.About, q.Typed, q.Query.Asked.Format(time.RFC3339), n, what, strings.Join(which[:min(n, 5)], ", ")))
		}
	}
	for _, r := range s {
		say(r.Question, "missed", r.Missed)
		say(r.Question, "accused wrongly", r.Accused)
		say(r.Question, "not named", r.Unnamed)
		say(r.Question, "wrong about exposure", r.Unexposed)
		if r.Untrue != "" {
			say(r.Question, "untrue statement", []string{r.Untrue})
		}
	}
	return out
}
