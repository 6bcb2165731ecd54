package monitor

import (
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/gridwarden/gridwarden/bot"
)

// Monitor is a bot.Meter whose figures Routes shows. Build it with New.
type Monitor struct {
	log      *slog.Logger
	registry *prometheus.Registry
	parts    []*watchedPart

	telling sync.Mutex
	told    string // the parts that failed when that was last logged

	events     *prometheus.CounterVec
	durable    prometheus.Histogram
	answers    *prometheus.CounterVec
	answer     *prometheus.HistogramVec
	deliveries *prometheus.CounterVec
	delivery   *prometheus.HistogramVec
	steps      *prometheus.CounterVec
	step       *prometheus.HistogramVec
	requests   *prometheus.CounterVec
	request    *prometheus.HistogramVec
}

var _ bot.Meter = (*Monitor)(nil)

// The upper bounds of what is measured, in seconds: of a write to the journal,
// and of what may wait for a backend or a platform.
var (
	writes = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}
	waits  = []float64{.01, .05, .1, .5, 1, 2.5, 5, 10, 20, 60, 300}
)

// New begins to count. version is this program's.
func New(log *slog.Logger, version string) *Monitor {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gridwarden_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gridwarden_" + name, Help: help, Buckets: bounds}, labels)
	}
	m := &Monitor{
		log: log, registry: prometheus.NewRegistry(),
		events: counter("events_received_total", "Events that a platform handed over: fresh, duplicate, or failed when they could not be stored.", "platform", "kind", "outcome"),
		durable: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gridwarden_event_durable_seconds", Help: "Time from an event to the moment when it was stored and the platform could be acknowledged.", Buckets: writes,
		}),
		answers:    counter("answers_total", "Requests that were concluded, by command and by how they ended.", "command", "state"),
		answer:     histogram("answer_seconds", "Time from an event to its answer in the outbox.", waits, "command"),
		deliveries: counter("deliveries_total", "Tries to say a message on a platform.", "platform", "outcome"),
		delivery:   histogram("delivery_seconds", "Time that a message waited until it was said.", waits, "platform"),
		steps:      counter("action_steps_total", "Steps of actions: apply changes something, verify looks whether it took effect.", "command", "step", "outcome"),
		step:       histogram("action_step_seconds", "Time of one step of an action.", waits, "command", "step"),
		requests:   counter("backend_requests_total", "Questions to a source of records or accounts: complete, partial or failed.", "source", "outcome"),
		request:    histogram("backend_request_seconds", "Time of a question to a source.", waits, "source"),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gridwarden_build_info", Help: "Always 1; its labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.events, m.durable, m.answers, m.answer, m.deliveries, m.delivery, m.steps, m.step, m.requests, m.request, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Received implements bot.Meter.
func (m *Monitor) Received(platform string, kind bot.Kind, fresh bool, took time.Duration, err error) {
	outcome := "duplicate"
	switch {
	case err != nil:
		outcome = "failed"
	case fresh:
		outcome = "fresh"
	}
	m.events.WithLabelValues(platform, string(kind), outcome).Inc()
	m.durable.Observe(took.Seconds())
}

// Answered implements bot.Meter.
func (m *Monitor) Answered(command, state string, took time.Duration) {
	if command == "" {
		command = "unknown"
	}
	m.answers.WithLabelValues(command, state).Inc()
	m.answer.WithLabelValues(command).Observe(took.Seconds())
}

// Delivered implements bot.Meter.
func (m *Monitor) Delivered(platform string, waited time.Duration, err error) {
	m.deliveries.WithLabelValues(platform, outcomeOf(err)).Inc()
	if err == nil {
		m.delivery.WithLabelValues(platform).Observe(waited.Seconds())
	}
}

// deliveriesOn shows the tries on a platform before there is one: of a figure
// that begins with its first failure no rate can be told.
func (m *Monitor) deliveriesOn(platform string) {
	for _, outcome := range []string{succeeded, failed} {
		m.deliveries.WithLabelValues(platform, outcome)
	}
}

// Stepped implements bot.Meter.
func (m *Monitor) Stepped(command string, step bot.Step, took time.Duration, err error) {
	m.steps.WithLabelValues(command, string(step), outcomeOf(err)).Inc()
	m.step.WithLabelValues(command, string(step)).Observe(took.Seconds())
}

// Asked tells of one question to a source. outcome is how complete the answer was.
func (m *Monitor) Asked(source, outcome string, took time.Duration) {
	m.requests.WithLabelValues(source, outcome).Inc()
	m.request.WithLabelValues(source).Observe(took.Seconds())
}

// The outcomes of what is tried.
const (
	succeeded = "ok"
	failed    = "failed"
)

func outcomeOf(err error) string {
	if err != nil {
		return failed
	}
	return succeeded
}
