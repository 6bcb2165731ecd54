package elastic

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// ages is what the dates of records tell of how whole they are.
type ages struct {
	newest time.Time     // zero: there is none
	gaps   []grid.Window // of the window asked about, in which nothing was recorded
	silent bool          // the dates cannot be asked for
}

// step is how long nothing must be recorded to be a gap: MONIT gets something
// every 12 minutes; es-cms gets what ended.
func (k Kind) step() time.Duration {
	if k == Snapshots {
		return widening
	}
	return time.Hour
}

// dense is how many records a step must have on average for an empty one to be no
// chance. A look at the queue has records or was not made.
func (k Kind) dense() int64 {
	if k == Snapshots {
		return 1
	}
	return 20
}

// ages asks for the newest record, and for times in the window without any.
func (s *Source) ages(ctx context.Context, p *plan, w grid.Window, now time.Time) (ages, error) {
	f, ok := p.date("RecordTime", "metadata.timestamp")
	if !ok {
		return ages{silent: true}, nil
	}
	step := s.kind.step()
	from, to := w.From.Truncate(step).Add(step), earlier(w.To, now.Add(-step)).Truncate(step)
	aggs := query{"newest": query{"filter": stored(f, time.Unix(1e9, 0), now.Add(time.Hour)), "aggs": query{"at": query{"max": query{"field": f.name}}}}}
	if !w.IsZero() && from.Before(to) {
		steps := query{"date_histogram": query{"field": f.name, "fixed_interval": fmt.Sprintf("%ds", int(step.Seconds())), "min_doc_count": 1}}
		aggs["window"] = query{"filter": stored(f, from, to.Add(-time.Millisecond)), "aggs": query{"steps": steps}}
	}
	body, err := s.client.call(ctx, true, http.MethodPost, p.path+"/_search", available(), query{"size": 0, "track_total_hits": false, "aggs": aggs})
	var found struct {
		Aggregations struct {
			Newest struct {
				At struct {
					Value *float64 `json:"value"`
				} `json:"at"`
			} `json:"newest"`
			Window *struct {
				Count int64 `json:"doc_count"`
				Steps struct {
					Buckets []struct {
						Key int64 `json:"key"`
					} `json:"buckets"`
				} `json:"steps"`
			} `json:"window"`
		} `json:"aggregations"`
	}
	if err == nil {
		err = decode(body, &found)
	}
	if err != nil {
		return ages{}, fmt.Errorf("elastic: newest record of %s: %w", s.Name(), s.explain(err))
	}
	a := ages{}
	if at := found.Aggregations.Newest.At.Value; at != nil {
		a.newest = time.UnixMilli(int64(*at)).UTC()
	}
	window := found.Aggregations.Window
	if window == nil || a.newest.IsZero() {
		return a, nil
	}
	there := map[int64]bool{}
	for _, b := range window.Steps.Buckets {
		there[b.Key] = true
	}
	if len(there) == 0 || window.Count < s.kind.dense()*int64(len(there)) {
		return a, nil
	}
	a.gaps = gaps(there, from, earlier(to, a.newest.Truncate(step)), step)
	return a, nil
}

// stored selects documents by a date as the server has it, for which the units of
// the document and of its mapping have to agree.
func stored(f field, from, to time.Time) query {
	return query{"range": query{f.name: query{"gte": from.UnixMilli(), "lte": to.UnixMilli(), "format": "epoch_millis"}}}
}

// gaps gives the times between the steps that there are, joined.
func gaps(there map[int64]bool, from, to time.Time, step time.Duration) []grid.Window {
	var out []grid.Window
	for t := from; t.Before(to); t = t.Add(step) {
		if there[t.UnixMilli()] {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To.Equal(t) {
			out[n-1].To = t.Add(step)
			continue
		}
		out = append(out, grid.Window{From: t, To: t.Add(step)})
	}
	return out
}
