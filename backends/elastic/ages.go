package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	es "github.com/olivere/elastic/v7"

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
	there := map[int64]bool{}
	var failed error
	var both sync.WaitGroup
	if !w.IsZero() && from.Before(to) {
		both.Go(func() { there, failed = s.recorded(ctx, p, f, from, to) })
	}
	newest, err := s.newest(ctx, p, f, now)
	both.Wait()
	if err = cmp.Or(err, failed); err != nil {
		return ages{}, fmt.Errorf("elastic: newest record of %s: %w", s.Name(), s.explain(err))
	}
	a := ages{newest: newest}
	if len(there) > 0 && !newest.IsZero() {
		a.gaps = gaps(there, from, earlier(to, newest.Truncate(step)), step)
	}
	return a, nil
}

// newest asks for the latest date until an hour from now: the first of an order, for
// which a server need not look at all documents, as it does for a maximum of some.
func (s *Source) newest(ctx context.Context, p *plan, f field, now time.Time) (time.Time, error) {
	var found struct {
		Hits struct {
			Hits []struct {
				Sort []json.Number `json:"sort"`
			} `json:"hits"`
		} `json:"hits"`
	}
	err := s.summary(ctx, p, query{
		"size": 1, "_source": false, "query": stored(f, time.Unix(1e9, 0), now.Add(time.Hour)), "sort": []query{{f.name: query{"order": "desc", "unmapped_type": "date"}}},
	}, &found)
	if err != nil || len(found.Hits.Hits) == 0 {
		return time.Time{}, err
	}
	if len(found.Hits.Hits[0].Sort) != 1 {
		return time.Time{}, errBody
	}
	ms, err := found.Hits.Hits[0].Sort[0].Int64()
	if err != nil {
		return time.Time{}, errBody
	}
	return time.UnixMilli(ms).UTC(), nil
}

// recorded asks in which steps of a time something was recorded, in ms since 1970;
// none where there is so little that an empty step tells nothing.
func (s *Source) recorded(ctx context.Context, p *plan, f field, from, to time.Time) (map[int64]bool, error) {
	steps := query{"date_histogram": query{"field": f.name, "fixed_interval": fmt.Sprintf("%ds", int(s.kind.step().Seconds())), "min_doc_count": 1}}
	var found struct {
		Aggregations struct {
			Steps struct {
				Buckets []struct {
					Key   int64 `json:"key"`
					Count int64 `json:"doc_count"`
				} `json:"buckets"`
			} `json:"steps"`
		} `json:"aggregations"`
	}
	err := s.summary(ctx, p, query{"size": 0, "query": stored(f, from, to.Add(-time.Millisecond)), "aggs": query{"steps": steps}}, &found)
	if err != nil {
		return nil, err
	}
	there, records := map[int64]bool{}, int64(0)
	for _, b := range found.Aggregations.Steps.Buckets {
		there[b.Key] = true
		records += b.Count
	}
	if records < s.kind.dense()*int64(len(there)) {
		return nil, nil
	}
	return there, nil
}

// errPart says that a server worked something out of a part of the documents.
var errPart = errors.New("the server did not search all documents")

// summary asks for what a server works out of all documents; of a part it would be
// wrong and not look so.
func (s *Source) summary(ctx context.Context, p *plan, ask query, into any) error {
	ask["track_total_hits"] = false
	body, err := s.client.call(ctx, true, http.MethodPost, p.path+"/_search", available(), ask)
	if err != nil {
		return err
	}
	var whole struct {
		Cut    bool           `json:"timed_out"`
		Shards *es.ShardsInfo `json:"_shards"`
	}
	if err := decode(body, &whole); err != nil {
		return err
	}
	if whole.Cut || whole.Shards == nil || whole.Shards.Failed > 0 {
		return errPart
	}
	return decode(body, into)
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
