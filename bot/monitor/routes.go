package monitor

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Routes are the addresses that answer who watches. GET /healthz is 200 while
// everything that the bot cannot work without works, and 503 otherwise; its
// text has a line for each part. GET /healthz/live is 200 as long as this
// process answers at all: a database that is gone is no reason to start it
// anew. GET /metrics is for Prometheus.
func (m *Monitor) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", m.healthz)
	mux.HandleFunc("GET /healthz/live", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive\n") })
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4,
	}))
}

func (m *Monitor) healthz(w http.ResponseWriter, r *http.Request) {
	status, title := http.StatusOK, "ready"
	var lines strings.Builder
	for _, f := range m.look(r.Context()) {
		if f.err != nil {
			status, title = http.StatusServiceUnavailable, "not ready"
		}
		fmt.Fprintf(&lines, "%s: %s\n", f.name, f.word())
	}
	answer(w, status, title+"\n"+lines.String())
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}
