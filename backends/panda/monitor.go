package panda

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/endpoint"
)

// What the monitor gets. It refuses an address that asks more than 1000 times
// within an hour (TRAFFIC_CONTROL_MAX_REQUESTS_PER_HOUR, core/settings/base.py of
// panda-bigmon-core), behind which other people may be.
const (
	monitorRetries = 2
	monitorAtOnce  = 3
	askedInAnHour  = 600
)

// maxMonitorReply bounds one answer of the monitor, and maxPage what is looked at of a
// page that is no JSON.
const (
	maxMonitorReply = 64 << 20
	maxPage         = 256 << 10
)

// Monitor is BigPanDA. It is safe for concurrent use.
type Monitor struct {
	config MonitorConfig
	client *http.Client
	again  failsafe.Executor[any]
	slots  chan struct{}
}

// OpenMonitor prepares asking for a checked configuration. No connection is made yet.
func OpenMonitor(c MonitorConfig) (*Monitor, error) {
	authorities, err := endpoint.Authorities(c.CA)
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library has it so
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	t.MaxIdleConnsPerHost, t.MaxResponseHeaderBytes = monitorAtOnce, 64<<10
	// Redirects are not followed: they lead to the page for logging in, and would
	// carry the token elsewhere.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	breaker := circuitbreaker.NewBuilder[any]().HandleIf(func(_ any, err error) bool { return isMonitorFailure(err) }).
		WithFailureThreshold(failuresInARow).WithDelay(restAfterFailures).Build()
	retry := retrypolicy.NewBuilder[any]().HandleIf(func(_ any, err error) bool { return isMonitorPassing(err) }).
		WithMaxRetries(monitorRetries).WithBackoff(firstPause, longestPause).WithJitterFactor(.25).ReturnLastFailure().Build()
	return &Monitor{
		config: c, client: &http.Client{Transport: t, CheckRedirect: stay}, slots: make(chan struct{}, monitorAtOnce),
		again: failsafe.With[any](retry, breaker, ratelimiter.NewBursty[any](askedInAnHour, time.Hour)),
	}, nil
}

// Name is the word for the monitor in answers and for source=.
func (m *Monitor) Name() string { return "panda-monitor" }

// Close ends the connections.
func (m *Monitor) Close() error {
	m.client.CloseIdleConnections()
	return nil
}

// Check tells whether the monitor answers, with JSON, and takes the token.
func (m *Monitor) Check(ctx context.Context) error {
	_, err := m.Newest(ctx)
	return err
}

// Newest is when a running job was changed last; zero when there is none.
func (m *Monitor) Newest(ctx context.Context) (time.Time, error) {
	jobs, err := m.jobs(ctx, url.Values{"jobstatus": {"running"}, "limit": {"1"}}, []string{"pandaid", "modificationtime"})
	if err != nil {
		return time.Time{}, fmt.Errorf("panda: asking the monitor for its newest job: %w", err)
	}
	var newest time.Time
	for _, j := range jobs.rows {
		newest = latest(newest, j.Modified)
	}
	return newest, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ask asks a page for JSON, which read takes from its beginning at each try. Its
// errors have a sentence for people.
func (m *Monitor) ask(ctx context.Context, page string, query url.Values, read func(*json.Decoder) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, m.config.Deadline, errLate)
	defer cancel()
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-ctx.Done():
		return m.explain(context.Cause(ctx))
	}
	err := m.again.WithContext(ctx).Run(func() error {
		err := m.once(ctx, page, query, read)
		if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errLate) {
			return errLate // the monitor's time is over, not the caller's
		}
		return err
	})
	return m.explain(err)
}

// once asks once.
func (m *Monitor) once(ctx context.Context, page string, query url.Values, read func(*json.Decoder) error) error {
	all := url.Values{"json": {""}}
	for name, values := range query {
		for _, v := range values {
			all.Add(name, strings.ReplaceAll(v, "%", "%25")) // it decodes what it has decoded once more (unquote_plus in setupView)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(m.config.URL, "/")+"/"+page+"?"+all.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "gridwarden")
	if err := m.authorize(r); err != nil {
		return err
	}
	answer, err := m.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body := bufio.NewReader(trouble.Bounded(answer.Body, maxMonitorReply, errLarge))
	if answer.StatusCode != http.StatusOK || isPage(answer, body) {
		text, err := io.ReadAll(io.LimitReader(body, maxPage))
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", errCut, err)
		case answer.StatusCode != http.StatusOK:
			return &statusError{status: answer.StatusCode, text: monitorSays(text)}
		}
		return &pageError{text: string(text)}
	}
	d := json.NewDecoder(body)
	d.UseNumber()
	return decodeProblem(read(d))
}

// authorize shows the token. One of the monitor's own has no dots; one of IAM is a
// JWT, which has two (core/oauth/authentication.py).
func (m *Monitor) authorize(r *http.Request) error {
	if m.config.TokenFile == "" {
		return nil
	}
	token, err := m.config.TokenFile.Read()
	if err != nil {
		return err
	}
	kind := "Token "
	if strings.Count(token.Reveal(), ".") == 2 {
		kind = "Bearer "
	}
	r.Header.Set("Authorization", kind+token.Reveal())
	return nil
}

// isPage tells a page for people: the monitor and what stands in front of it give
// such with status 200, too.
func isPage(answer *http.Response, body *bufio.Reader) bool {
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		return true
	}
	for n := 1; n <= 64; n++ {
		start, err := body.Peek(n)
		if err != nil || len(start) < n {
			return false
		}
		if c := start[n-1]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c == '<'
		}
	}
	return false
}

// monitorSays is the one line that an error's JSON has, {"error": …} or {"detail": …}.
func monitorSays(body []byte) string {
	var said struct {
		Error  string `json:"error"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	return firstLine(said.Error + said.Detail)
}
