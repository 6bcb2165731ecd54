package fakeslack

import (
	"crypto/hmac"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const testSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// app is called by the fake; what it answers is for the test to say.
type app struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	answer   func(w http.ResponseWriter, n int) // n: how many came before
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	n := len(a.requests)
	a.requests, a.bodies = append(a.requests, r), append(a.bodies, string(body))
	answer := a.answer
	a.mu.Unlock()
	if strings.Contains(string(body), "url_verification") {
		_, after, _ := strings.Cut(string(body), `"challenge":"`)
		challenge, _, _ := strings.Cut(after, `"`)
		_, _ = io.WriteString(w, challenge)
		return
	}
	if answer != nil {
		answer(w, n)
	}
}

func (a *app) headers(name string) (out []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.requests[1:] { // behind the challenge
		out = append(out, r.Header.Get(name))
	}
	return out
}

func called(t *testing.T, answer func(w http.ResponseWriter, n int)) (desk, *app) {
	t.Helper()
	d := newDesk(t)
	d.AckWithin, d.Retries = 200*time.Millisecond, []time.Duration{0, 20 * time.Millisecond, 50 * time.Millisecond}
	a := &app{answer: answer}
	l := httptest.NewServer(a)
	t.Cleanup(l.Close)
	h := HTTP{Events: l.URL + "/e", Commands: l.URL + "/c", Actions: l.URL + "/a", Secret: testSecret}
	if err := d.CallBack(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	return d, a
}

func TestEveryRequestIsSigned(t *testing.T) {
	d, a := called(t, nil)
	_, said := d.Type("U1", "C1", "", "hello")
	said.Acknowledged(5 * time.Second)
	d.Slash("U1", "C1", "/gridwarden", "a&b=c").Acknowledged(5 * time.Second)
	_, click := d.Click("U1", "C1", "1.1", "gridwarden:x", "approve:x")
	click.Acknowledged(5 * time.Second)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.requests) != 4 {
		t.Fatalf("%d requests", len(a.requests))
	}
	for i, r := range a.requests {
		at, err := strconv.ParseInt(r.Header.Get("X-Slack-Request-Timestamp"), 10, 64)
		_, want := Sign(testSecret, time.Unix(at, 0), []byte(a.bodies[i]))
		if err != nil || time.Since(time.Unix(at, 0)) > time.Minute || !hmac.Equal([]byte(want), []byte(r.Header.Get("X-Slack-Signature"))) {
			t.Errorf("request %d: %v", i, r.Header)
		}
	}
	for i, want := range []string{"/e", "/e", "/c", "/a"} {
		if a.requests[i].URL.Path != want {
			t.Errorf("request %d went to %s", i, a.requests[i].URL.Path)
		}
	}
	if !strings.Contains(a.bodies[2], "text=a%26b%3Dc") || !strings.HasPrefix(a.bodies[3], "payload=%7B") {
		t.Errorf("forms %.80q, %.80q", a.bodies[2], a.bodies[3])
	}
}

func TestAnEventIsRepeatedThreeTimes(t *testing.T) {
	d, a := called(t, func(w http.ResponseWriter, n int) {
		switch n {
		case 1:
			time.Sleep(300 * time.Millisecond)
		case 2:
			w.WriteHeader(http.StatusInternalServerError)
		case 3:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		}
	})
	_, said := d.Type("U1", "C1", "", "hello")
	if !said.Acknowledged(5 * time.Second) {
		t.Fatal("the last repetition was not acknowledged")
	}
	if got := strings.Join(a.headers("X-Slack-Retry-Num"), " ") + "; " + strings.Join(a.headers("X-Slack-Retry-Reason"), " "); got != " 1 2 3;  http_timeout http_error http_error" {
		t.Errorf("repeated as %q", got)
	}
	d.Retries = nil
	_, said = d.Type("U1", "C1", "", "hello")
	said.Acknowledged(5 * time.Second)
	said.Again()
	if !said.Acknowledged(5 * time.Second) {
		t.Fatal("no second delivery")
	}
	signatures := a.headers("X-Slack-Signature")
	if n := len(signatures); signatures[n-1] == signatures[n-2] {
		t.Error("a repetition has the signature of the first: it was in the same second")
	}
}

func TestWhoeverPressesIsNotRepeatedButTold(t *testing.T) {
	d, a := called(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "not JSON")
	})
	d.Slash("U1", "C1", "/gridwarden", "help")
	if !d.Until(5*time.Second, func() bool { return d.Timeouts() == 1 }) {
		t.Fatal("nobody was told that a command failed")
	}
	d.Click("U1", "C1", "1.1", "gridwarden:x", "approve:x")
	if !d.Until(5*time.Second, func() bool { return d.Timeouts() == 2 }) {
		t.Errorf("%d complaints; want one about each", d.Timeouts())
	}
	if n := len(a.headers("Host")); n != 2 {
		t.Errorf("%d requests", n)
	}
	d.Slash("U1", "C1", "/gridwarden", "help").Acknowledged(5 * time.Second)
	messages := d.Messages("C1")
	if len(messages) != 1 || messages[0].To != "U1" || messages[0].Text != "not JSON" {
		t.Errorf("an answer to a command is shown to who asked: %+v", messages)
	}
}

func TestAnAppThatFailsIsSwitchedOff(t *testing.T) {
	good := false
	d, a := called(t, func(w http.ResponseWriter, _ int) {
		if !good {
			w.Header().Set("X-Slack-No-Retry", "1")
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for range disableAfter - 1 {
		d.mu.Lock()
		d.count(false)
		d.mu.Unlock()
	}
	if d.SwitchedOff() {
		t.Fatal("switched off before a thousand events")
	}
	d.Type("U1", "C1", "", "the thousandth")
	if !d.Until(5*time.Second, d.SwitchedOff) {
		t.Fatal("not switched off")
	}
	d.Type("U1", "C1", "", "never seen")
	a.mu.Lock()
	n := len(a.requests)
	good = true
	a.mu.Unlock()
	d.SwitchOn()
	_, said := d.Type("U1", "C1", "", "seen")
	if !said.Acknowledged(5*time.Second) || len(a.headers("Host")) != n {
		t.Errorf("%d requests before, %d after", n, len(a.headers("Host"))+1)
	}
}

func TestTheChallengeMustBeSaidAgain(t *testing.T) {
	d := newDesk(t)
	for name, answer := range map[string]http.HandlerFunc{
		"nothing":   func(http.ResponseWriter, *http.Request) {},
		"an error":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"something": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") },
	} {
		l := httptest.NewServer(answer)
		if err := d.CallBack(t.Context(), HTTP{Events: l.URL, Secret: testSecret}); err == nil {
			t.Errorf("%s was taken for the challenge", name)
		}
		l.Close()
	}
}
