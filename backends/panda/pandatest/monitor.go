package pandatest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Monitor is BigPanDA over HTTPS on a test's database, for who asks for JSON. Its
// rules are those of panda-bigmon-core 34439cc6, named by file and function where
// they are. A condition that the real one passes over fails the test.
//
// It is the one of ATLAS: lists have 12 hours unless they are told otherwise.
type Monitor struct {
	URL       string
	Authority *Authority

	database *Database
	options  MonitorOptions
	columns  []string // of the tables of jobs

	mu       sync.Mutex
	troubles []*Trouble
	asked    []Asked
}

// MonitorOptions are what a monitor knows. The zero value lets everybody ask.
type MonitorOptions struct {
	Tokens map[string]bool // that it takes, each with its word: "Token …", "Bearer …"
	Closed bool            // to who shows no token: the refusal is there in the source, commented out (core/oauth/decorators.py)
	// Most is how many requests it takes from here, 0: any number. The real one takes
	// 1000 within an hour (core/middleware.py).
	Most int
	// Change changes a row before it is sent.
	Change func(page string, row map[string]any)
}

// Asked is one question that was heard, refused ones among them.
type Asked struct {
	Page  string // such as jobs/
	Query url.Values
}

// NewMonitor starts a monitor, which ends with the test.
func NewMonitor(d *Database, o MonitorOptions) *Monitor {
	d.t.Helper()
	m := &Monitor{Authority: NewAuthority(d.t), database: d, options: o}
	m.columns = All[string](d, `SELECT column_name FROM information_schema.columns
		WHERE (table_schema = 'doma_panda' AND table_name IN ('jobsactive4', 'jobsarchived4', 'jobsdefined4') OR table_schema = 'doma_pandaarch' AND table_name = 'jobsarchived')
		AND column_name NOT IN ('jobparameters', 'metadata') GROUP BY column_name HAVING count(*) = 4 ORDER BY 1`)
	h := httptest.NewUnstartedServer(m)
	h.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{m.Authority.server()}}
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.StartTLS()
	d.t.Cleanup(h.Close)
	m.URL = h.URL
	return m
}

// Trouble makes questions to come go wrong. Its Path is a page, such as jobs/.
func (m *Monitor) Trouble(t Trouble) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.troubles = toCome(m.troubles, t)
}

// Asked are the questions that were heard until now.
func (m *Monitor) Asked() []Asked {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Asked(nil), m.asked...)
}

func (m *Monitor) now() time.Time { return m.database.Now().UTC() }

// hear notes a question, and gives what goes wrong with it.
func (m *Monitor) hear(page string, query url.Values) (t Trouble, tooMany bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, Asked{page, query})
	return troubleFor(m.troubles, page), m.options.Most > 0 && len(m.asked) > m.options.Most
}

// ServeHTTP implements http.Handler.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, rest := pageOf(r.URL.Path)
	trouble, tooMany := m.hear(page, r.URL.Query())
	if trouble.before(w, r) {
		return
	}
	accept := r.Header.Get("Accept")
	asJSON := r.URL.Query().Has("json") || accept == "application/json" || accept == "text/json" // is_json_request, core/utils.py
	switch header := r.Header.Get("Authorization"); {
	case tooMany:
		refuseJSON(w, http.StatusTooManyRequests, "error", "too many requests per hour, please try later")
		return
	case header != "" && !m.options.Tokens[header]:
		refuseJSON(w, http.StatusUnauthorized, "detail", "Invalid token.")
		return
	case header == "" && asJSON && m.options.Closed:
		refuseJSON(w, http.StatusUnauthorized, "error", "No token provided")
		return
	case header == "" && !asJSON:
		http.Redirect(w, r, "/login/?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusFound)
		return
	case !asJSON:
		m.database.t.Errorf("the monitor was asked for a page for people: %s", r.URL)
		givePage(w, http.StatusOK, "<html><body>a page</body></html>")
		return
	}
	query, problem := m.conditions(page, r.URL.Query())
	if problem != "" {
		refuseJSON(w, http.StatusBadRequest, "error", problem)
		return
	}
	give, known := monitorPages[page]
	if !known {
		givePage(w, http.StatusNotFound, "<html><body><h1>Not Found</h1></body></html>")
		return
	}
	data, err := give(m, r.Context(), rest, query)
	switch {
	case err != nil:
		givePage(w, http.StatusInternalServerError, "<html><body><h1>Server Error (500)</h1></body></html>")
	case data == nil: // jobInfo, for a job that it does not have
		givePage(w, http.StatusOK, "<html>\n<body>\n    <p>Job "+query["pandaid"]+" not found.</p>\n</body></html>")
	default:
		body, err := json.Marshal(data)
		if err != nil {
			givePage(w, http.StatusInternalServerError, "")
			return
		}
		if trouble.Lose || trouble.HalfDone { // the connection ends within the answer
			_, _ = w.Write(body[:len(body)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
}

// pageOf is the page of a path, and what stands behind it.
func pageOf(path string) (page, rest string) {
	path = strings.TrimPrefix(path, "/")
	if path == "job" {
		return path, ""
	}
	first, rest, _ := strings.Cut(path, "/")
	return first + "/", strings.TrimSuffix(rest, "/")
}

// monitorPages are the pages that the monitor knows, by their path. What they give
// is written as JSON; nil for a job that is none.
var monitorPages = map[string]func(*Monitor, context.Context, string, map[string]string) (any, error){
	"jobs/":         (*Monitor).jobList,
	"job":           (*Monitor).jobInfo,
	"jobstatuslog/": (*Monitor).statusLog,
	"tasks/":        (*Monitor).taskList,
	"sites/":        (*Monitor).siteList,
}

func givePage(w http.ResponseWriter, status int, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, page)
}

func refuseJSON(w http.ResponseWriter, status int, name, why string) {
	body, err := json.Marshal(map[string]string{name: why})
	if err != nil {
		panic(err) // texts have JSON
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
