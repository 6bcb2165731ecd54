package slack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Signing secrets of the fake app: the one in use, and one that comes after it.
const (
	signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	nextSecret    = "c0ffee00c0ffee00c0ffee00c0ffee00"
)

// calledAs gives a configuration in HTTP mode that takes two secrets.
func calledAs(t testing.TB) Config {
	t.Helper()
	c := tokens(t, "grid")
	dir := filepath.Dir(string(c.AppTokenFile))
	c.AppTokenFile = ""
	for i, text := range []string{nextSecret, signingSecret} {
		file := filepath.Join(dir, fmt.Sprintf("secret%d", i))
		if err := os.WriteFile(file, []byte(text+"\n"), fs.FileMode(0o600)); err != nil {
			t.Fatal(err)
		}
		c.SigningSecretFiles = append(c.SigningSecretFiles, secret.File(file))
	}
	return c
}

// routed serves the Platform's addresses as the program does.
func routed(p *Platform) http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range p.Routes() {
		mux.Handle(pattern, h)
	}
	return mux
}

// settings are those of an app that is called at an address.
func settings(base string, dial func(context.Context, string, string) (net.Conn, error)) fakeslack.HTTP {
	return fakeslack.HTTP{
		Events: base + inboundPath("grid", "events"), Commands: base + inboundPath("grid", "commands"), Actions: base + inboundPath("grid", "actions"),
		Secret: signingSecret, Client: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}},
	}
}

// inHTTP is in for HTTP mode.
func inHTTP(t *testing.T, retries []time.Duration, play func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := workplace(retries...)
		wire, ours := fakeserver.NewWire(), fakeserver.NewWire()
		t.Cleanup(s.Serve(wire))
		p := overAs(t, calledAs(t), "slack.fake", wire.Dial, "CSEC")
		t.Cleanup(fakeserver.Serve(ours, routed(p), nil))
		l := bottest.Hear(t, p)
		synctest.Wait()
		if err := s.CallBack(t.Context(), settings("http://gridwarden.test", ours.Dial)); err != nil {
			t.Fatal(err)
		}
		play(t, s, p, l)
	})
}

// both plays in either mode.
func both(t *testing.T, retries []time.Duration, play func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing)) {
	t.Helper()
	t.Run("Socket Mode", func(t *testing.T) { in(t, retries, play) })
	t.Run("HTTP", func(t *testing.T) { inHTTP(t, retries, play) })
}

func TestHTTPModePasses(t *testing.T) {
	var slack, app atomic.Pointer[http.Handler]
	serve := func(now *atomic.Pointer[http.Handler]) string {
		l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*now.Load()).ServeHTTP(w, r) }))
		t.Cleanup(l.Close)
		return l.URL
	}
	slackURL, appURL := serve(&slack), serve(&app)
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		s := workplace(10*time.Millisecond, 100*time.Millisecond, time.Second)
		t.Cleanup(s.Close)
		there := http.Handler(s)
		slack.Store(&there)
		p := overAs(t, calledAs(t), strings.TrimPrefix(slackURL, "http://"), nil, "CSEC")
		here := routed(p)
		app.Store(&here)
		if err := s.CallBack(t.Context(), settings(appURL, nil)); err != nil {
			t.Fatal(err)
		}
		return bottest.Harness{
			Platform: p, Channel: channel("CSEC"), Shown: s.Shown,
			Type: func(text string, times int) {
				letIn(t, p)
				_, d := s.Type("UALICE", "CSEC", "", me+text)
				for range times - 1 {
					d.Acknowledged(10 * time.Second)
					d.Again()
				}
			},
			Strangers: strangers(s, func() { letIn(t, p) }),
		}
	})
}

// letIn waits until the Platform listens.
func letIn(t testing.TB, p *Platform) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if up, _ := p.Connection(); up {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nobody is let in")
		}
	}
}

// spoken is an event that Slack could send.
func spoken(ts, more string) []byte {
	return []byte(`{"type":"event_callback","team_id":"` + fakeslack.Team + `","event_id":"Ev` + ts + `"` + more + `,"event":{"type":"message","channel":"CSEC","user":"UALICE","text":"!pending","ts":"` + ts + `"}}`)
}

func TestOnlySlackIsLetIn(t *testing.T) {
	inHTTP(t, nil, func(t *testing.T, _ *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		routes := routed(p)
		type change func(*http.Request)
		send := func(path string, body []byte, secret string, age time.Duration, changes ...change) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/slack/grid/"+path, bytes.NewReader(body))
			at, signature := fakeslack.Sign(secret, time.Now().Add(-age), body)
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			r.Header.Set("X-Slack-Request-Timestamp", at)
			r.Header.Set("X-Slack-Signature", signature)
			for _, c := range changes {
				c(r)
			}
			w := httptest.NewRecorder()
			routes.ServeHTTP(w, r)
			return w.Code
		}
		set := func(key string, values ...string) change {
			return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(key)] = values }
		}
		body := func(b []byte) change {
			return func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(b)) }
		}
		_, other := fakeslack.Sign(signingSecret, time.Now().Add(-time.Minute), spoken("1.1", ""))
		now, good := fakeslack.Sign(signingSecret, time.Now(), spoken("1.1", ""))
		for name, got := range map[string]int{
			"another secret":           send("events", spoken("1.1", ""), "somebody-elses-secret-of-32-chars", 0),
			"an empty secret":          send("events", spoken("1.1", ""), "", 0),
			"no signature":             send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Signature")),
			"no time":                  send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Request-Timestamp")),
			"two signatures":           send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Signature", good, good)),
			"two times":                send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Request-Timestamp", now, now)),
			"a time that is none":      send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Request-Timestamp", "now")),
			"a time written otherwise": send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Request-Timestamp", "+"+now)),
			"a time of another day":    send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Request-Timestamp", "99999999999999999999")),
			"a form of later days":     send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Signature", "v1="+good[3:])),
			"a cut signature":          send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Signature", good[:40])),
			"no hexadecimal signature": send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Signature", "v0="+strings.Repeat("z", 64))),
			"a signature of earlier":   send("events", spoken("1.1", ""), signingSecret, 0, set("X-Slack-Signature", other)),
			"too old":                  send("events", spoken("1.1", ""), signingSecret, 301*time.Second),
			"not yet":                  send("events", spoken("1.1", ""), signingSecret, -301*time.Second),
			"another body":             send("events", spoken("1.1", ""), signingSecret, 0, body(spoken("1.2", ""))),
			"a challenge of strangers": send("events", []byte(`{"type":"url_verification","challenge":"x"}`), nextSecret+"x", 0),
		} {
			if got != http.StatusUnauthorized {
				t.Errorf("%s: %d; want 401", name, got)
			}
		}
		if got := send("events", append(spoken("1.1", ""), bytes.Repeat([]byte(" "), maxBody)...), signingSecret, 0); got != http.StatusRequestEntityTooLarge {
			t.Errorf("too long: %d", got)
		}
		for name, c := range map[string]struct {
			path, body string
			changes    []change
		}{
			"no JSON":                {"events", "payload", nil},
			"an unknown type":        {"events", `{"type":"something"}`, nil},
			"an empty challenge":     {"events", `{"type":"url_verification","challenge":""}`, nil},
			"a form for events":      {"events", string(spoken("1.3", "")), []change{set("Content-Type", "application/x-www-form-urlencoded")}},
			"JSON for commands":      {"commands", `{"command":"/gridwarden"}`, nil},
			"no command":             {"commands", "text=pending", []change{set("Content-Type", "application/x-www-form-urlencoded")}},
			"a command twice":        {"commands", "command=/gridwarden&command=/other", []change{set("Content-Type", "application/x-www-form-urlencoded")}},
			"an action of no JSON":   {"actions", "payload=x", []change{set("Content-Type", "application/x-www-form-urlencoded")}},
			"an event as an action":  {"actions", string(spoken("1.4", "")), nil},
			"a broken percent":       {"commands", "command=%zz", []change{set("Content-Type", "application/x-www-form-urlencoded")}},
			"no type of its content": {"events", string(spoken("1.5", "")), []change{set("Content-Type")}},
		} {
			if got := send(c.path, []byte(c.body), signingSecret, 0, c.changes...); got != http.StatusBadRequest {
				t.Errorf("%s: %d; want 400", name, got)
			}
		}
		refused := 0
		for _, ev := range l.All() {
			if ev.Kind != bot.Rejected || ev.Account.ID != "" || !strings.HasPrefix(ev.Value, "/slack/grid/events: ") {
				t.Fatalf("an event of strangers was taken: %+v", ev)
			}
			refused++
		}
		if refused != 17 {
			t.Errorf("%d refusals are recorded; want one for each stranger", refused)
		}
		for range 100 {
			send("events", spoken("1.1", ""), "somebody-elses-secret-of-32-chars", 0)
		}
		if n := len(l.All()); n > grumbles {
			t.Errorf("strangers wrote %d times within a minute", n)
		}
		l.Forget()
		for i, secret := range []string{signingSecret, nextSecret} { // while it is changed
			if got := send("events", spoken(fmt.Sprintf("2.%d", i), ""), secret, time.Duration(299-598*i)*time.Second); got != http.StatusOK {
				t.Errorf("signed by secret %d: %d", i, got)
			}
		}
		if got := send("commands", []byte("ssl_check=1&token=x"), signingSecret, 0, set("Content-Type", "application/x-www-form-urlencoded")); got != http.StatusOK {
			t.Errorf("a look at the certificate: %d", got)
		}
		if n := len(l.All()); n != 2 {
			t.Errorf("%d events; want 2", n)
		}
	})
}

// A request that somebody copied on the way is refused as long as its time is
// good, also when it was signed for five minutes hence; then it is too old.
func TestAReplayIsRefused(t *testing.T) {
	inHTTP(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		s.Skew(4 * time.Minute)
		id, err := p.Post(t.Context(), channel("CSEC"), bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		s.Click("UBOB", "CSEC", id, s.Button("CSEC", id, "approve:abc234"), "approve:abc234")
		s.Slash("UALICE", "CSEC", "/gridwarden", "pending")
		s.Type("UALICE", "CSEC", "", me+"pending")
		time.Sleep(time.Second)
		if len(l.All()) != 3 {
			t.Fatalf("events %s", bottest.Kinds(l.All()))
		}
		copied := slices.DeleteFunc(s.Requests(), func(r fakeslack.Request) bool {
			return r.Status != http.StatusOK || bytes.Contains(r.Body, []byte("url_verification"))
		})
		routes := routed(p)
		replay := func(want int) {
			t.Helper()
			for _, c := range copied {
				r := httptest.NewRequestWithContext(t.Context(), c.Method, c.URL, bytes.NewReader(c.Body))
				r.Header = c.Header.Clone()
				w := httptest.NewRecorder()
				routes.ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("%s again after some time: %d; want %d", c.URL, w.Code, want)
				}
			}
		}
		replay(http.StatusConflict)
		for range 8 {
			time.Sleep(time.Minute)
			s.Type("UALICE", "CSEC", "", me+"pending") // the halves turn
			replay(http.StatusConflict)
		}
		time.Sleep(2 * time.Minute)
		replay(http.StatusUnauthorized)
		events := slices.DeleteFunc(l.Distinct(), func(ev bot.Event) bool { return ev.Kind == bot.Rejected })
		if len(events) != 11 || len(l.Distinct()) == 11 {
			t.Errorf("%d different events, want 11; %d with refusals", len(events), len(l.Distinct()))
		}
	})
}

// What is replayed after a start, when nothing is remembered, is the same event.
func TestAReplayAfterAStartIsTheSameEvent(t *testing.T) {
	inHTTP(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		s.Slash("UALICE", "CSEC", "/gridwarden", "pending")
		time.Sleep(time.Second)
		first := l.One(t)
		requests := s.Requests()
		copied := requests[len(requests)-1]
		p.workspaces["grid"].inbound.seen = replays{}
		r := httptest.NewRequestWithContext(t.Context(), copied.Method, copied.URL, bytes.NewReader(copied.Body))
		r.Header = copied.Header.Clone()
		w := httptest.NewRecorder()
		routed(p).ServeHTTP(w, r)
		if all := l.All(); w.Code != http.StatusOK || len(all) != 2 || all[1].ID != first.ID {
			t.Errorf("%d: %+v; want the first one's id, which the journal knows", w.Code, all)
		}
	})
}

func TestHTTPAnswersWhenItIsKept(t *testing.T) {
	inHTTP(t, asSlack, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		until := time.Now().Add(30 * time.Second)
		l.Refuse(func(bot.Event) error {
			if time.Now().Before(until) {
				return errors.New("the journal is busy")
			}
			return nil
		})
		_, d := s.Type("UALICE", "CSEC", "", "!pending")
		if d.Acknowledged(29 * time.Second) {
			t.Fatal("acknowledged, and kept by nobody")
		}
		for i, r := range s.Requests()[1:] { // behind the challenge
			if r.Status != http.StatusServiceUnavailable {
				t.Errorf("request %d was answered with %d; Slack waits for 3 s", i, r.Status)
			}
		}
		if !d.Acknowledged(time.Minute) || l.One(t).Value != "pending" {
			t.Error("not taken although it could be")
		}
		requests := s.Requests()
		if last := requests[len(requests)-1]; last.Header.Get("X-Slack-Retry-Num") != "2" || last.Header.Get("X-Slack-Retry-Reason") != "http_error" {
			t.Errorf("taken with %v", last.Header)
		}
	})
}

func TestALostCommandOverHTTPIsTold(t *testing.T) {
	inHTTP(t, asSlack, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		l.Refuse(func(bot.Event) error { return errors.New("the journal is busy") })
		began := time.Now()
		s.Slash("UALICE", "CSEC", "/gridwarden", "pending")
		if !s.Until(time.Minute, func() bool { return s.Timeouts() == 1 }) || time.Since(began) >= 3*time.Second {
			t.Errorf("%d complaints of Slack after %s", s.Timeouts(), time.Since(began))
		}
		told := slices.DeleteFunc(s.Messages("CSEC"), func(m fakeslack.Message) bool { return m.To != "UALICE" })
		if len(told) != 1 || !strings.Contains(told[0].Text, "could not store") {
			t.Errorf("told %+v", told)
		}
	})
}

// When nothing reached us for longer than Slack repeats, the first thing that
// does lets us read what was said meanwhile.
func TestWhatNeverReachedUsIsReadAfterwards(t *testing.T) {
	inHTTP(t, asSlack, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		id, err := p.Post(t.Context(), channel("CSEC"), bottest.Ballot(0))
		if err == nil {
			err = p.Seed(t.Context(), channel("CSEC"), id, []string{"white_check_mark"})
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		s.Lose(1000)
		s.Type("UALICE", "CSEC", "", me+"trace wn042")
		s.React("UBOB", "CSEC", id, "+1")
		time.Sleep(7 * time.Minute)
		if len(l.All()) != 0 {
			t.Fatalf("something got through: %s", bottest.Kinds(l.All()))
		}
		_, d := s.Type("UBOB", "CSEC", "", me+"pending")
		time.Sleep(time.Second)
		s.Lose(0)
		if !d.Acknowledged(2 * time.Minute) {
			t.Fatal("the next event was not taken")
		}
		time.Sleep(10 * time.Second)
		got := strings.Split(bottest.Kinds(l.Distinct()), "; ")
		slices.Sort(got)
		if want := []string{"reacted +1", "typed pending", "typed trace wn042"}; !slices.Equal(got, want) {
			t.Errorf("%q; want %q", got, want)
		}
	})
}

// When nothing tells that anything is missing it is read now and then.
func TestSilenceIsLookedInto(t *testing.T) {
	inHTTP(t, nil, func(t *testing.T, s *fakeslack.Server, _ *Platform, l *bottest.Hearing) {
		s.Lose(1)
		s.Type("UALICE", "CSEC", "", me+"trace wn042")
		time.Sleep(rereadEvery + 2*lookEvery)
		if l.One(t).Value != "trace wn042" {
			t.Errorf("events %s", bottest.Kinds(l.All()))
		}
		calls := len(s.Calls("conversations.history"))
		time.Sleep(time.Hour)
		if n := len(s.Calls("conversations.history")) - calls; n > 7 || len(l.All()) != 1 {
			t.Errorf("read %d times in an hour; %s", n, bottest.Kinds(l.All()))
		}
	})
}

func TestATokenRevokedMidwayIsNoticedOverHTTP(t *testing.T) {
	inHTTP(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		s.Revoke()
		s.Slash("UALICE", "CSEC", "/gridwarden", "pending")
		time.Sleep(2 * lookEvery)
		if up, _ := p.Connection(); up {
			t.Error("a revoked token is called a connection")
		}
		if ev := l.One(t); ev.Account.Standing != "" {
			t.Errorf("standing %q; nobody could tell it", ev.Account.Standing)
		}
		s.Lose(1)
		s.Type("UALICE", "CSEC", "", me+"trace wn042")
		s.Restore()
		time.Sleep(2 * lookEvery)
		if up, n := p.Connection(); !up || n != 1 || len(l.Distinct()) != 2 {
			t.Errorf("up %t after %d reconnects; events %s", up, n, bottest.Kinds(l.All()))
		}
	})
}

func TestNobodyIsLetInBeforeSomebodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := workplace()
		wire := fakeserver.NewWire()
		t.Cleanup(s.Serve(wire))
		p := overAs(t, calledAs(t), "slack.fake", wire.Dial)
		send := func() int {
			body := spoken("1.1", "")
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/slack/grid/events", bytes.NewReader(body))
			at, signature := fakeslack.Sign(signingSecret, time.Now(), body)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Slack-Request-Timestamp", at)
			r.Header.Set("X-Slack-Signature", signature)
			w := httptest.NewRecorder()
			routed(p).ServeHTTP(w, r)
			return w.Code
		}
		if got := send(); got != http.StatusServiceUnavailable {
			t.Errorf("before: %d", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		taken := 0
		go func() {
			ended <- p.Listen(ctx, func(_ context.Context, ev bot.Event) error {
				if ev.Kind == bot.Typed {
					taken++
				}
				return nil
			})
		}()
		synctest.Wait()
		if got := send(); got != http.StatusOK || taken != 1 { // the same request: nobody had taken it
			t.Errorf("while listening: %d, %d taken", got, taken)
		}
		cancel()
		<-ended
		time.Sleep(time.Second)
		if got := send(); got != http.StatusServiceUnavailable || taken != 1 {
			t.Errorf("afterwards: %d, %d taken", got, taken)
		}
	})
}

// An event for another workspace, where the same app is installed, is nobody's
// here, also when an account of that id exists.
func TestAnotherTeamsEventsAreOutsiders(t *testing.T) {
	both(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		id, err := p.Post(t.Context(), channel("CSEC"), bottest.Ballot(1))
		if err != nil {
			t.Fatal(err)
		}
		s.From("T0OTHER", fakeslack.Team) // it happened there, and is for us
		s.Type("UALICE", "CSEC", "", me+"pending")
		time.Sleep(time.Second)
		if ev := l.One(t); ev.Account.Standing != bot.Member {
			t.Errorf("a shared channel made %+v of a member", ev.Account)
		}
		for _, act := range []func(){
			func() { s.Type("UALICE", "CSEC", "", me+"pending") },
			func() { s.React("UALICE", "CSEC", id, "+1") },
			func() { s.Slash("UALICE", "CSEC", "/gridwarden", "pending") },
			func() {
				s.Click("UALICE", "CSEC", id, s.Button("CSEC", id, "approve:abc234"), "approve:abc234")
			},
		} {
			l.Forget()
			s.From("T0OTHER")
			act()
			time.Sleep(time.Second)
			if ev := l.One(t); ev.Account.Standing != bot.Outsider {
				t.Errorf("%+v; want an outsider", ev)
			}
		}
	})
}

func TestHTTPModeNeedsASecret(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"an empty file":     func(c *Config) { write(t, c.SigningSecretFiles[0], "") },
		"a short one":       func(c *Config) { write(t, c.SigningSecretFiles[1], "short") },
		"blanks":            func(c *Config) { write(t, c.SigningSecretFiles[1], strings.Repeat(" ", 40)) },
		"no file":           func(c *Config) { c.SigningSecretFiles[0] += "x" },
		"both modes":        func(c *Config) { c.AppTokenFile = c.BotTokenFile },
		"an empty bot file": func(c *Config) { write(t, c.BotTokenFile, "") },
	} {
		c := calledAs(t)
		change(&c)
		if _, err := New([]Config{c}, Options{}); err == nil || strings.Contains(err.Error(), signingSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := New([]Config{calledAs(t)}, Options{})
	if err != nil || len(p.Routes()) != 3 || p.Mode() != "HTTP" {
		t.Errorf("%v, %d addresses, mode %s", err, len(p.Routes()), p.Mode())
	}
}

func write(t *testing.T, file secret.File, text string) {
	t.Helper()
	if err := os.WriteFile(string(file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
