package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	es "github.com/olivere/elastic/v7"

	"github.com/gridwarden/gridwarden/backends/wording"
)

// keepAlive is how long the server holds a walk between two pages.
const keepAlive = "1m"

// walk is one way through all documents that a query finds, page by page, with no
// more than one document of each share in memory.
type walk struct {
	source *Source
	plan   *plan
	ask    query
	parts  any // which parts of documents
	// readers read the documents, one for each share.
	readers []reader
	// look is called for each page, of one share at a time.
	look func(share int, p *page)
	// again is called when a share begins anew and gives what it gave again.
	again func(share int)
	few   bool // most likely all fit in one page

	mu      sync.Mutex
	trouble []string // what the server could not search
}

// share is what one of the walks at the same time goes through.
type share struct {
	number int
	path   string // of its indices
	slice  query  // of the documents, nil for all
}

// shares divides the work: by indices, as each costs a server much of its time for
// the query alone, or by documents where an address has no room for all names.
func (w *walk) shares() []share {
	n := max(1, min(w.source.walks, len(w.plan.indices)))
	dealt := make([][]string, n)
	for i, name := range w.plan.indices { // in turns: neighbouring days are alike
		dealt[i%n] = append(dealt[i%n], name)
	}
	var all []share
	for i, names := range dealt {
		path := listing(names)
		if len(path) > w.source.room {
			all = nil
			break
		}
		all = append(all, share{number: i, path: path})
	}
	for i := len(all); i < n; i++ {
		all = append(all, share{number: i, path: w.plan.path, slice: query{"id": i, "max": n}})
	}
	return all
}

// fewest is how many documents are asked for where there are most likely few.
const fewest = 1000

// one asks for one page of documents, for which a server need hold nothing; done is
// false when there may be more.
func (w *walk) one(ctx context.Context) (done bool, err error) {
	size := min(fewest, w.source.config.Page)
	q := question{path: w.plan.path + "/_search", params: available(), body: query{"size": size, "query": w.ask, "_source": w.parts, "sort": []string{"_doc"}}}
	var page *page
	err = w.source.client.read(ctx, true, q, func(answer io.Reader) (err error) {
		page, err = w.readers[0].page(answer, nil)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("elastic: documents of %s: %w", w.source.Name(), w.source.explain(err))
	}
	if page.hits >= size {
		return false, nil
	}
	w.tell(page)
	w.look(0, page)
	return true, nil
}

// run walks through all shares at the same time. It returns the first error; what
// was given until then was given.
func (w *walk) run(ctx context.Context, what server) error {
	if w.few {
		if done, err := w.one(ctx); done || err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	shares := w.shares()
	pits := map[string]string{} // by path: slices of documents are of one point in time
	defer func() {
		for _, pit := range pits {
			w.close(ctx, pit)
		}
	}()
	if what.shardDoc() {
		for _, s := range shares {
			if pits[s.path] != "" {
				continue
			}
			pit, err := w.open(ctx, s.path)
			if err != nil {
				return fmt.Errorf("elastic: opening a point in time of %s: %w", w.source.Name(), w.source.explain(err))
			}
			pits[s.path] = pit
		}
	}
	errs := make(chan error, len(shares))
	for _, s := range shares {
		go func() {
			if pit := pits[s.path]; pit != "" {
				errs <- w.points(ctx, pit, s)
				return
			}
			errs <- w.scrollOn(ctx, s)
		}()
	}
	var first error
	for range shares {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	if first != nil {
		return fmt.Errorf("elastic: documents of %s: %w", w.source.Name(), w.source.explain(first))
	}
	return nil
}

func (w *walk) body(s share) query {
	b := query{"size": w.source.config.Page, "query": w.ask, "_source": w.parts}
	if s.slice != nil {
		b["slice"] = s.slice
	}
	return b
}

// open opens a point in time of Elasticsearch.
func (w *walk) open(ctx context.Context, path string) (string, error) {
	params := available()
	params.Set("keep_alive", keepAlive)
	body, err := w.source.client.call(ctx, true, http.MethodPost, path+"/_pit", params, nil)
	var opened struct {
		ID string `json:"id"`
	}
	if err == nil {
		err = decode(body, &opened)
	}
	if err == nil && opened.ID == "" {
		err = errBody
	}
	if err != nil {
		return "", err
	}
	return opened.ID, nil
}

// close frees what the server holds. It would end by itself after a minute.
func (w *walk) close(ctx context.Context, pit string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = w.source.client.call(ctx, false, http.MethodDelete, "/_pit", nil, query{"id": pit})
}

// points goes from page to page of a point in time. A page can be asked for again.
func (w *walk) points(ctx context.Context, pit string, s share) error {
	var after []json.RawMessage
	for {
		b := w.body(s)
		b["track_total_hits"] = false
		b["pit"] = query{"id": pit, "keep_alive": keepAlive}
		b["sort"] = []query{{"_shard_doc": "asc"}}
		if after != nil {
			b["search_after"] = after
		}
		var page *page
		err := w.source.client.read(ctx, true, question{path: "/_search", body: b}, func(answer io.Reader) (err error) {
			page, err = w.readers[s.number].page(answer, nil)
			return err
		})
		if err != nil {
			return err
		}
		w.tell(page)
		w.look(s.number, page)
		if page.pit != "" {
			pit = page.pit
		}
		if page.hits < w.source.config.Page {
			return nil
		}
		if after, err = page.after(); err != nil {
			return err
		}
	}
}

// scrollOn scrolls. When a page is lost the server has gone on: then the share
// begins anew, for a page that was skipped would be people who are missed.
func (w *walk) scrollOn(ctx context.Context, s share) error {
	pause := firstPause
	for try := 0; ; try++ {
		err := w.scroll(ctx, s)
		if err == nil || try == retries || !mayPass(err) || ctx.Err() != nil {
			return err
		}
		w.again(s.number)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// scroll goes from page to page of a scroll. The next page is asked for as soon as
// one begins to arrive, and waits on its way until that one is read.
func (w *walk) scroll(ctx context.Context, s share) error {
	ctx, cancel := context.WithCancel(ctx)
	b := w.body(s)
	b["sort"] = []string{"_doc"}
	params := available()
	params.Set("scroll", keepAlive)
	next, id := w.ahead(ctx, s, question{path: s.path + "/_search", params: params, body: b}), ""
	defer func() {
		cancel()
		for ; next != nil; next = next.next {
			<-next.read // the server would not free what it is busy with
			id = cmp.Or(next.scroll, id)
		}
		if id == "" {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = w.source.client.call(ctx, false, http.MethodDelete, "/_search/scroll", nil, query{"scroll_id": []string{id}})
	}()
	for seen := 0; ; {
		<-next.read
		if next.err != nil {
			return next.err
		}
		page := next.page
		id = cmp.Or(page.scroll, next.scroll, id)
		w.tell(page)
		w.look(s.number, page)
		seen += page.hits
		switch {
		case page.hits < w.source.config.Page:
			return nil
		case next.next != nil:
			next = next.next
		case page.scroll == "":
			return errBody
		default:
			next = w.ahead(ctx, s, onwards(page.scroll, seen, nil))
		}
	}
}

// question is for one page.
type question struct {
	path   string
	params url.Values
	body   query
	seen   int             // documents of the pages before
	turn   <-chan struct{} // closed when those are read; nil: they are
}

func onwards(scroll string, seen int, turn <-chan struct{}) question {
	return question{path: "/_search/scroll", body: query{"scroll": keepAlive, "scroll_id": scroll}, seen: seen, turn: turn}
}

// answer is a page that was asked for.
type answer struct {
	read   chan struct{} // closed when it is read, or lost; before, nothing else is known
	page   *page
	err    error
	scroll string  // where the next is, as far as is known
	next   *answer // nil: not asked for
}

// ahead asks for a page and does not wait for it.
func (w *walk) ahead(ctx context.Context, s share, q question) *answer {
	a := &answer{read: make(chan struct{})}
	begun := func(head string) {
		var total int
		a.scroll, total = beginning(head) // to be freed, also when the rest is lost
		if seen := q.seen + w.source.config.Page; a.next == nil && a.scroll != "" && seen < total {
			a.next = w.ahead(ctx, s, onwards(a.scroll, seen, a.read))
		}
	}
	go func() {
		defer close(a.read)
		a.err = w.source.client.read(ctx, false, q, func(text io.Reader) (err error) {
			a.page, err = w.readers[s.number].page(text, begun)
			return err
		})
	}()
	return a
}

// tell keeps what the server could not search.
func (w *walk) tell(p *page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.stopped {
		w.note("the server stopped a search before its end: records may be missing")
	}
	if p.shards.Failed > 0 {
		w.note("%d of %d shards could not be searched%s: records may be missing", p.shards.Failed, p.shards.Total, failedIndices(p.shards))
	}
}

// note keeps a sentence once. Callers hold the lock.
func (w *walk) note(format string, args ...any) {
	w.trouble = appendNew(w.trouble, fmt.Sprintf(format, args...))
}

// failedIndices names the indices of shards that failed, such as " (cms-2026-06-24)".
func failedIndices(shards *es.ShardsInfo) string {
	var names []string
	for _, f := range shards.Failures {
		if f != nil && indexPattern.MatchString(f.Index) {
			names = appendNew(names, f.Index)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s)", wording.Some(names, 5))
}

// cutShort tells whether an error only says that the time was over.
func cutShort(err error) bool {
	return errors.Is(err, context.DeadlineExceeded)
}
