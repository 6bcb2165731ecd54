package monitor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/monitor"
)

// journal is one whose answers are set.
type journal struct {
	check   error
	checked int
	backlog bot.Backlog
	err     error
	hang    chan struct{} // not nil: no method returns before it is closed, whatever the context says
}

func (j *journal) Name() string { return "journal" }

func (j *journal) Check(context.Context) error {
	j.wait()
	j.checked++
	return j.check
}

func (j *journal) Backlog(context.Context) (bot.Backlog, error) {
	j.wait()
	return j.backlog, j.err
}

func (j *journal) wait() {
	if j.hang != nil {
		<-j.hang
	}
}

// platform holds a connection that is set.
type platform struct {
	bot.Platform
	up         bool
	reconnects int
}

func (p *platform) Name() string            { return "slack" }
func (p *platform) Connection() (bool, int) { return p.up, p.reconnects }

// quiet is a platform that does not say whether it is connected.
type quiet struct{ bot.Platform }

func (quiet) Name() string { return "console" }

// source has a newest record.
type source struct {
	name   string
	newest time.Time
	err    error
	asked  int
}

func (s *source) Name() string { return s.name }

func (s *source) Newest(context.Context) (time.Time, error) {
	s.asked++
	return s.newest, s.err
}

// watched is a monitor with what it watches.
type watched struct {
	*monitor.Monitor
	t       *testing.T
	journal *journal
	slack   *platform
	log     bytes.Buffer
	mux     *http.ServeMux
}

func watch(t *testing.T, sources ...monitor.Source) *watched {
	t.Helper()
	w := &watched{t: t, journal: &journal{}, slack: &platform{up: true}, mux: http.NewServeMux()}
	w.Monitor = monitor.New(slog.New(slog.NewTextHandler(&w.log, nil)), "v1.2.3")
	w.Watch(w.journal, sources, []bot.Platform{w.slack, quiet{}})
	w.Routes(w.mux)
	return w
}

func (w *watched) get(path string) (int, string) {
	w.t.Helper()
	return w.do(http.MethodGet, path)
}

func (w *watched) do(method, path string) (int, string) {
	w.t.Helper()
	r := httptest.NewRecorder()
	w.mux.ServeHTTP(r, httptest.NewRequestWithContext(w.t.Context(), method, path, nil))
	return r.Code, r.Body.String()
}

// scrape returns gridwarden's own figures, a line each.
func (w *watched) scrape() []string {
	w.t.Helper()
	status, text := w.get("/metrics")
	if status != http.StatusOK {
		w.t.Fatalf("status %d: %s", status, text)
	}
	if !strings.Contains(text, "\ngo_goroutines ") {
		w.t.Errorf("nothing of the runtime is told")
	}
	return regexp.MustCompile(`(?m)^gridwarden_.*$`).FindAllString(text, -1)
}

func (w *watched) shows(lines []string, want ...string) {
	w.t.Helper()
	all := "\n" + strings.Join(lines, "\n") + "\n"
	for _, l := range want {
		if !strings.Contains(all, "\n"+l+"\n") {
			w.t.Errorf("%q is not shown", l)
		}
	}
	if w.t.Failed() {
		w.t.Logf("shown:%s", all)
	}
}

func TestWhatHappensIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		w.Received("slack", bot.Typed, true, 3*time.Millisecond, nil)
		w.shows(w.scrape(), // before there is any
			`gridwarden_deliveries_total{outcome="ok",platform="slack"} 0`,
			`gridwarden_deliveries_total{outcome="failed",platform="slack"} 0`,
			`gridwarden_deliveries_total{outcome="failed",platform="console"} 0`,
			`gridwarden_deliveries_total{outcome="failed",platform="unknown"} 0`,
		)
		w.Received("slack", bot.Typed, false, time.Millisecond, nil)
		w.Received("slack", bot.Clicked, false, 7*time.Second, errors.New("disk full"))
		w.Answered("trace", "partial", 800*time.Millisecond)
		w.Answered("", "refused", time.Millisecond)
		w.Delivered("slack", 2*time.Second, nil)
		w.Delivered("slack", time.Hour, errors.New("rate limited"))
		w.Stepped("ban", bot.ApplyStep, time.Second, nil)
		w.Stepped("ban", bot.VerifyStep, time.Second, errors.New("no answer"))
		w.Asked("cms-history", "complete", 30*time.Millisecond)
		w.shows(w.scrape(),
			`gridwarden_events_received_total{kind="typed",outcome="fresh",platform="slack"} 1`,
			`gridwarden_events_received_total{kind="typed",outcome="duplicate",platform="slack"} 1`,
			`gridwarden_events_received_total{kind="clicked",outcome="failed",platform="slack"} 1`,
			`gridwarden_event_durable_seconds_bucket{le="0.0025"} 1`,
			`gridwarden_event_durable_seconds_bucket{le="0.005"} 2`,
			`gridwarden_event_durable_seconds_bucket{le="5"} 2`,
			`gridwarden_event_durable_seconds_count 3`,
			`gridwarden_answers_total{command="trace",state="partial"} 1`,
			`gridwarden_answers_total{command="unknown",state="refused"} 1`,
			`gridwarden_answer_seconds_bucket{command="trace",le="0.5"} 0`,
			`gridwarden_answer_seconds_bucket{command="trace",le="1"} 1`,
			`gridwarden_deliveries_total{outcome="ok",platform="slack"} 1`,
			`gridwarden_deliveries_total{outcome="failed",platform="slack"} 1`,
			`gridwarden_delivery_seconds_sum{platform="slack"} 2`,
			`gridwarden_action_steps_total{command="ban",outcome="ok",step="apply"} 1`,
			`gridwarden_action_steps_total{command="ban",outcome="failed",step="verify"} 1`,
			`gridwarden_action_step_seconds_count{command="ban",step="apply"} 1`,
			`gridwarden_backend_requests_total{outcome="complete",source="cms-history"} 1`,
			`gridwarden_backend_request_seconds_sum{source="cms-history"} 0.03`,
		)
	})
}

func TestWhatWaitsIsReadAtEveryScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
		history := &source{name: "cms-history", newest: ago(3 * time.Hour)}
		w := watch(t, history, &source{name: "empty"}, &source{name: "broken", newest: ago(time.Hour), err: errors.New("gone")})
		w.shows(w.scrape(), "gridwarden_journal_up 1", "gridwarden_outbox_waiting 0", "gridwarden_outbox_waiting_oldest_seconds 0")
		w.journal.backlog = bot.Backlog{
			Unfinished: 2, OldestUnfinished: ago(5 * time.Second), Waiting: 7, OldestWaiting: ago(time.Minute),
			Open:     map[action.State]int{action.Proposed: 3, action.Applied: 1},
			Unplaced: 4, OldestUnplaced: ago(2 * time.Second), NewestPlaced: ago(10 * time.Second),
		}
		w.slack.up, w.slack.reconnects = false, 6
		lines := w.scrape()
		w.shows(lines,
			"gridwarden_journal_up 1",
			"gridwarden_requests_pending 2", "gridwarden_requests_pending_oldest_seconds 5",
			"gridwarden_outbox_waiting 7", "gridwarden_outbox_waiting_oldest_seconds 60",
			`gridwarden_actions_open{state="proposed"} 3`, `gridwarden_actions_open{state="approved"} 0`,
			`gridwarden_actions_open{state="running"} 0`, `gridwarden_actions_open{state="applied"} 1`,
			"gridwarden_audit_records_unplaced 4", "gridwarden_audit_records_unplaced_oldest_seconds 2", "gridwarden_audit_newest_placed_seconds 10",
			`gridwarden_source_newest_record_seconds{source="cms-history"} 10800`,
			`gridwarden_platform_connected{platform="slack"} 0`, `gridwarden_platform_reconnects_total{platform="slack"} 6`,
		)
		for _, l := range lines {
			if strings.Contains(l, `"empty"`) || strings.Contains(l, `"broken"`) || strings.Contains(l, `"console"`) && !strings.Contains(l, "deliveries_total") {
				t.Errorf("nobody knows %s", l)
			}
		}
		if !regexp.MustCompile(`gridwarden_build_info\{go="go1\.[^"]+",version="v1\.2\.3"\} 1`).MatchString(strings.Join(lines, "\n")) {
			t.Error("what runs is not told")
		}
		if history.asked != 1 {
			t.Errorf("a source was asked %d times in two scrapes", history.asked)
		}
		time.Sleep(time.Minute)
		w.shows(w.scrape(), `gridwarden_source_newest_record_seconds{source="cms-history"} 10860`)
		if history.asked != 2 {
			t.Errorf("a source was asked %d times in a minute", history.asked)
		}
	})
}

// TestAScrapeAnswersWithoutTheJournal has the journal fail, and hang in a way
// that no context ends.
func TestAScrapeAnswersWithoutTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, &source{name: "cms-history", newest: time.Now()})
		waits := regexp.MustCompile(`(?m)^gridwarden_(requests_pending|outbox|actions_open|audit)`)
		without := func(when string) {
			t.Helper()
			lines := w.scrape()
			w.shows(lines, "gridwarden_journal_up 0", `gridwarden_platform_connected{platform="slack"} 1`)
			if found := waits.FindString(strings.Join(lines, "\n")); found != "" {
				t.Errorf("%s: %s is shown", when, found)
			}
		}
		w.journal.err = errors.New("disk full")
		without("failing")

		w.journal.err, w.journal.hang = nil, make(chan struct{})
		for range 2 {
			began := time.Now()
			without("hanging")
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the scrape took %s", took)
			}
		}
		close(w.journal.hang)
		synctest.Wait()
		w.shows(w.scrape(), "gridwarden_journal_up 1")
	})
}

func TestHealth(t *testing.T) {
	const ready = "ready\njournal: ok\naudit log: ok\nslack: ok\n"
	for name, c := range map[string]struct {
		breaks func(*watched)
		want   string
		log    string
	}{
		"everything works": {func(*watched) {}, ready, ""},
		"the journal cannot be written": {
			func(w *watched) { w.journal.check = errors.New("writing for jdoe: disk full") },
			"not ready\njournal: failed\naudit log: ok\nslack: ok\n", `part=journal error="writing for jdoe: disk full"`,
		},
		"the journal cannot be read": {
			func(w *watched) { w.journal.err = errors.New("no such table") },
			"not ready\njournal: ok\naudit log: failed\nslack: ok\n", `part="audit log"`,
		},
		"the journal hangs": {
			func(w *watched) { w.journal.hang = make(chan struct{}) },
			"not ready\njournal: no answer\naudit log: no answer\nslack: ok\n", "part=journal",
		},
		"records wait for their place": {
			func(w *watched) {
				w.journal.backlog = bot.Backlog{Unplaced: 3, OldestUnplaced: time.Now().Add(-2 * time.Minute)}
			},
			"not ready\njournal: ok\naudit log: failed\nslack: ok\n", "3 records wait",
		},
		"records have just been written": {
			func(w *watched) {
				w.journal.backlog = bot.Backlog{Unplaced: 3, OldestUnplaced: time.Now().Add(-time.Second)}
			},
			ready, "",
		},
		"a platform is not connected": {
			func(w *watched) { w.slack.up = false },
			"not ready\njournal: ok\naudit log: ok\nslack: failed\n", "part=slack",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(t)
				c.breaks(w)
				defer func() {
					if w.journal.hang != nil {
						close(w.journal.hang)
					}
				}()
				want := http.StatusOK
				if c.want != ready {
					want = http.StatusServiceUnavailable
				}
				for range 3 { // a log line for the first only
					if status, text := w.get("/healthz"); status != want || text != c.want {
						t.Errorf("%d: %q, want %q", status, text, c.want)
					}
					time.Sleep(2 * time.Second)
				}
				if status, text := w.get("/healthz/live"); status != http.StatusOK || text != "alive\n" {
					t.Errorf("alive: %d %q", status, text)
				}
				if got := w.log.String(); !strings.Contains(got, c.log) || (c.log == "") != (got == "") || strings.Count(got, "part=journal") > 1 {
					t.Errorf("logged: %s", got)
				}
			})
		})
	}
}

// TestHealthComesBack holds that an answer is believed for a second only, and
// no longer asked for by each of many.
func TestHealthComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		w.journal.check = errors.New("locked")
		for range 50 {
			if status, _ := w.get("/healthz"); status != http.StatusServiceUnavailable {
				t.Fatalf("status %d", status)
			}
		}
		if w.journal.checked != 1 {
			t.Errorf("the journal was written %d times at once", w.journal.checked)
		}
		w.journal.check = nil
		time.Sleep(time.Second)
		if status, text := w.get("/healthz"); status != http.StatusOK {
			t.Errorf("%d: %s", status, text)
		}
		if got := w.log.String(); strings.Count(got, "not ready") != 1 || strings.Count(got, "ready again") != 1 {
			t.Errorf("logged: %s", got)
		}
	})
}

func TestOnlyWhatIsThereAnswers(t *testing.T) {
	w := watch(t)
	for _, path := range []string{"/healthz", "/healthz/live", "/metrics"} {
		if status, _ := w.do(http.MethodPost, path); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	for _, path := range []string{"/", "/healthz/", "/debug/pprof/", "/metrics/x", "/../etc/passwd"} {
		if status, _ := w.get(path); status != http.StatusNotFound && status != http.StatusTemporaryRedirect && status != http.StatusMovedPermanently {
			t.Errorf("GET %s: %d", path, status)
		}
	}
}
