package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot/display"
)

// Bounds of one question.
const (
	callDeadline = 10 * time.Second
	uploadWithin = time.Minute
	maxAnswer    = 16 << 20 // bytes
	longestLimit = time.Hour
)

// question is one request of the API.
type question struct {
	what   string // for errors: paths of interactions hold a secret
	method string
	path   string // below the version, such as channels/1/messages
	route  string // what shares a limit: the path without the ids of messages
	body   any
	files  []*discordgo.File
	// dated is told of each answer's header, and when it was asked and answered; nil: nobody.
	dated func(h http.Header, sent, received time.Time)
}

// refusal is an answer of Discord that is no success.
type refusal struct {
	what    string
	status  int
	code    int // Discord's own, such as 10008
	message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("discord: %s: %d, code %d %s", r.what, r.status, r.code, r.message)
}

// code is Discord's number for an error, 0 for one that is not Discord's.
func code(err error) int {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r.code
	}
	return 0
}

// statusOf is the HTTP status of a refusal, 0 when Discord did not answer.
func statusOf(err error) int {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r.status
	}
	return 0
}

// ask asks Discord, and again after the time that Discord names when it is asked
// too often: that had no effect. Everything else is for the caller to judge.
// The limiter of discordgo is not used: it sleeps without looking at ctx.
func (g *guild) ask(ctx context.Context, q question, out any) error {
	kind, data, err := q.encode()
	if err != nil {
		return fmt.Errorf("discord: %s: %w", q.what, err)
	}
	within := callDeadline
	if len(q.files) > 0 {
		within = uploadWithin
	}
	for {
		if err := g.wait(ctx, q.route); err != nil {
			return fmt.Errorf("discord: %s: %w", q.what, err)
		}
		one, cancel := context.WithTimeout(ctx, within)
		t := &tap{next: g.transport}
		// In discordgo a bucket of its own for each request never waits.
		bucket := discordgo.NewRatelimiter().LockBucket("one")
		answer, err := g.session.RequestWithLockedBucket(q.method, g.base+q.path, kind, data, bucket, 0,
			discordgo.WithContext(one), discordgo.WithClient(&http.Client{Transport: t}), discordgo.WithRetryOnRatelimit(false), discordgo.WithRestRetries(0))
		cancel()
		g.heed(q.route, t)
		if q.dated != nil && t.header != nil {
			q.dated(t.header, t.sent, t.received)
		}
		switch {
		case t.status == http.StatusTooManyRequests:
			if deadline, ok := ctx.Deadline(); ok && deadline.Before(time.Now().Add(t.retry)) || t.retry > longestLimit {
				return &refusal{what: q.what, status: t.status, message: "asked too often; again after " + t.retry.String()}
			}
			continue
		case t.status >= http.StatusMultipleChoices:
			r := &refusal{what: q.what, status: t.status}
			if e := (*discordgo.RESTError)(nil); errors.As(err, &e) && e.Message != nil {
				r.code, r.message = e.Message.Code, cut(display.Visible(e.Message.Message), 200)
			}
			return r
		case err != nil:
			return fmt.Errorf("discord: %s: %w", q.what, bare(err))
		case out == nil:
			return nil
		}
		if err := json.Unmarshal(answer, out); err != nil {
			return fmt.Errorf("discord: %s: the answer is not understood: %w", q.what, err)
		}
		return nil
	}
}

func (q question) encode() (kind string, data []byte, err error) {
	switch {
	case len(q.files) > 0:
		return discordgo.MultipartBodyWithJSON(q.body, q.files)
	case q.body == nil:
		return "", nil, nil
	}
	data, err = json.Marshal(q.body)
	return "application/json", data, err
}

// bare is err without the address, which may hold the token of an interaction.
func bare(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// heed notes when a route may be asked again.
func (g *guild) heed(route string, t *tap) {
	if t.retry <= 0 {
		return
	}
	if t.global {
		route = ""
	}
	until := time.Now().Add(t.retry)
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.not[route]) {
		g.not[route] = until
	}
}

// wait returns when Discord may be asked again. The empty route is all of them.
func (g *guild) wait(ctx context.Context, route string) error {
	for {
		g.mu.Lock()
		left := max(time.Until(g.not[route]), time.Until(g.not[""]))
		if left <= 0 {
			delete(g.not, route)
		}
		g.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
		}
	}
}

// tap looks at one answer on its way to discordgo.
type tap struct {
	next   http.RoundTripper
	status int
	retry  time.Duration // how long to leave the route alone
	global bool

	header         http.Header // nil: no answer
	sent, received time.Time
}

// RoundTrip implements http.RoundTripper.
func (t *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	t.sent = time.Now()
	a, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	t.status, t.header, t.received = a.StatusCode, a.Header, time.Now()
	body := a.Body
	a.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, maxAnswer), body}
	switch {
	case a.StatusCode == http.StatusTooManyRequests:
		var said struct {
			After  float64 `json:"retry_after"`
			Global bool    `json:"global"`
		}
		data, err := io.ReadAll(io.LimitReader(body, 64<<10))
		if err != nil || json.Unmarshal(data, &said) != nil || said.After <= 0 { // an outer wall of Discord answers in its own way
			data = []byte("{}")
			said.After, _ = strconv.ParseFloat(a.Header.Get("Retry-After"), 64)
		}
		a.Body = struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(data), body}
		t.retry = max(seconds(said.After), time.Second)
		t.global = said.Global || a.Header.Get("X-RateLimit-Global") != ""
	case a.Header.Get("X-RateLimit-Remaining") == "0":
		after, _ := strconv.ParseFloat(a.Header.Get("X-RateLimit-Reset-After"), 64)
		t.retry = min(seconds(after), time.Minute)
	}
	return a, nil
}

// seconds bounds what a server says before it becomes a duration.
func seconds(s float64) time.Duration {
	if !(s > 0) { // NaN too
		return 0
	}
	return time.Duration(min(s, 1e6) * float64(time.Second))
}
