package monitor

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// scrapeDeadline is what the journal and the sources have for one scrape.
const scrapeDeadline = 2 * time.Second

// sourceEvery is how long the age of a source's data is believed: it may be on
// a server that has more to do than to be asked at each scrape.
const sourceEvery = time.Minute

// Journal is the bot's own database, without which nothing works.
type Journal interface {
	Part
	// Backlog tells what waits.
	Backlog(ctx context.Context) (bot.Backlog, error)
}

// Source is a source of records that knows how new they are.
type Source interface {
	Name() string
	// Newest is the time of the newest record; zero when there is none.
	Newest(ctx context.Context) (time.Time, error)
}

// Watch adds what is looked at whenever somebody asks. It is called once,
// before Routes.
func (m *Monitor) Watch(j Journal, sources []Source, platforms []bot.Platform) {
	w := &watched{journal: j}
	for _, s := range sources {
		w.sources = append(w.sources, &dated{source: s})
	}
	m.parts = append(m.parts, &watchedPart{Part: j}, &watchedPart{Part: sequencer{j}})
	m.deliveriesOn(bot.RunPlatform)
	m.deliveriesOn("unknown")
	for _, p := range platforms {
		m.deliveriesOn(p.Name())
		if c, ok := p.(bot.Connected); ok {
			w.platforms = append(w.platforms, connected{p.Name(), c})
			m.parts = append(m.parts, &watchedPart{Part: connected{p.Name(), c}})
		}
	}
	m.registry.MustRegister(w)
}

// watched is a prometheus.Collector.
type watched struct {
	journal   Journal
	waits     latest[bot.Backlog]
	sources   []*dated
	platforms []connected
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gridwarden_"+name, help, labels, nil)
}

var (
	journalUp        = desc("journal_up", "1 if the journal could be read for this scrape. If it is 0, the figures of what waits are missing.")
	unfinished       = desc("requests_pending", "Requests that were received and not answered yet.")
	oldestUnfinished = desc("requests_pending_oldest_seconds", "Age of the oldest request that is not answered yet, 0 for none.")
	waiting          = desc("outbox_waiting", "Messages that wait to be said.")
	oldestWaiting    = desc("outbox_waiting_oldest_seconds", "Age of the oldest message that waits to be said, 0 for none.")
	open             = desc("actions_open", "Open actions, by state.", "state")
	unplaced         = desc("audit_records_unplaced", "Records that wait for their place in the audit log.")
	oldestUnplaced   = desc("audit_records_unplaced_oldest_seconds", "Age of the oldest record that waits for its place in the audit log, 0 for none: how far the sequencer is behind.")
	newestPlaced     = desc("audit_newest_placed_seconds", "Age of the newest record with a place, missing when there is none: the last checkpoint was signed after it.")
	newestRecord     = desc("source_newest_record_seconds", "Age of a source's newest record, missing when there is none or it did not say; a minute old at most.", "source")
	platformUp       = desc("platform_connected", "1 if events of the platform arrive now.", "platform")
	reconnects       = desc("platform_reconnects_total", "How often the connection to the platform was lost and made again.", "platform")
)

// Describe implements prometheus.Collector.
func (w *watched) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		journalUp, unfinished, oldestUnfinished, waiting, oldestWaiting, open, unplaced, oldestUnplaced, newestPlaced, newestRecord, platformUp, reconnects,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector. The journal and every source are
// asked at once, so that none takes the time of another.
func (w *watched) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeDeadline)
	defer cancel()
	var asked sync.WaitGroup
	defer asked.Wait()
	asked.Go(func() { w.backlog(ctx, out) })
	for _, s := range w.sources {
		asked.Go(func() {
			if newest := s.newest(ctx); !newest.IsZero() {
				out <- gauge(newestRecord, age(newest), s.source.Name())
			}
		})
	}
	for _, p := range w.platforms {
		up, n := p.Connection()
		out <- gauge(platformUp, truth(up), p.name)
		out <- prometheus.MustNewConstMetric(reconnects, prometheus.CounterValue, float64(n), p.name)
	}
}

func (w *watched) backlog(ctx context.Context, out chan<- prometheus.Metric) {
	b, err := w.waits.get(ctx, 0, w.journal.Backlog)
	out <- gauge(journalUp, truth(err == nil))
	if err != nil {
		return
	}
	out <- gauge(unfinished, float64(b.Unfinished))
	out <- gauge(oldestUnfinished, age(b.OldestUnfinished))
	out <- gauge(waiting, float64(b.Waiting))
	out <- gauge(oldestWaiting, age(b.OldestWaiting))
	for _, state := range []action.State{action.Proposed, action.Approved, action.Running, action.Applied} {
		out <- gauge(open, float64(b.Open[state]), string(state))
	}
	out <- gauge(unplaced, float64(b.Unplaced))
	out <- gauge(oldestUnplaced, age(b.OldestUnplaced))
	if !b.NewestPlaced.IsZero() {
		out <- gauge(newestPlaced, age(b.NewestPlaced))
	}
}

// dated remembers for a while how new a source's records are.
type dated struct {
	source Source
	known  latest[time.Time]
}

// newest is the time of the newest record, zero when it is not known.
func (d *dated) newest(ctx context.Context) time.Time {
	newest, err := d.known.get(ctx, sourceEvery, d.source.Newest)
	if err != nil {
		return time.Time{}
	}
	return newest
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// age is how long ago t was, in seconds; 0 for no time. The simulated grid's
// clock may be ahead.
func age(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(time.Since(t).Seconds(), 0)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
