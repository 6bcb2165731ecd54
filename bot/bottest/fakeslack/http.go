package fakeslack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// HTTP is where an app is called, as its settings have it.
type HTTP struct {
	Events, Commands, Actions string // Request URLs
	Secret                    string // with which everything is signed
	// Client makes the calls; nil: one of the network. It does not follow redirects.
	Client *http.Client
}

// Rules of HTTP mode (docs.slack.dev: events-api "Responding to events", "Error
// handling" and "Failure limits"; slash-commands; handling-user-interaction).
const (
	disableAfter  = 1000 // events within the hour; who gets fewer is not switched off
	disableWindow = time.Hour
	disableShare  = 0.95
	maxAnswer     = 64 << 10
	agent         = "Slackbot 1.0 (+https://api.slack.com/robots)"
)

// attempt is how one delivery of an event went.
type attempt struct {
	at   time.Time
	good bool
}

// CallBack puts the app into HTTP mode: from now on it is called, and nothing
// goes by sockets. As Slack's settings do it first sends a challenge to the
// address of events, and refuses one that does not say it again.
func (s *Server) CallBack(ctx context.Context, h HTTP) error {
	client := http.Client{}
	if h.Client != nil {
		client = *h.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.Client = &client
	challenge := "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
	body := encode(map[string]any{"token": verification, "challenge": challenge, "type": "url_verification"})
	a := s.call(ctx, h, h.Events, "application/json", body, nil, 0)
	if a.err != nil {
		return fmt.Errorf("fakeslack: the challenge: %w", a.err)
	}
	said := strings.TrimSpace(string(a.body))
	if strings.HasPrefix(a.media, "application/json") {
		var v struct{ Challenge string }
		_ = json.Unmarshal(a.body, &v)
		said = v.Challenge
	}
	if said = strings.TrimPrefix(said, "challenge="); said != challenge {
		return errors.New("fakeslack: the challenge was not said again")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http, s.linkOff, s.switchedOff, s.attempts = &h, true, false, nil
	s.changes.Tell()
	return nil
}

// verification is the token of the time before signatures; it proves nothing.
const verification = "deprecated-verification-token"

// ChangeSecret has what comes from now on signed with another secret.
func (s *Server) ChangeSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := *s.http
	h.Secret = secret
	s.http = &h
}

// Skew signs what comes from now on as if it were at another time.
func (s *Server) Skew(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = by
}

// SwitchedOff reports whether events are not delivered any more, because nearly
// all of more than a thousand in an hour had failed; SwitchOn undoes that, as the app's owner does.
func (s *Server) SwitchedOff() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switchedOff
}

// SwitchOn has events delivered again.
func (s *Server) SwitchOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switchedOff, s.attempts = false, nil
}

// HoldBack tells the app that its events of a minute are held back, as Slack
// does beyond 30,000 an hour.
func (s *Server) HoldBack() Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	payload := map[string]any{"type": "app_rate_limited", "token": verification, "team_id": Team, "api_app_id": "A0FAKE", "minute_rate_limited": time.Now().Unix()}
	return Delivery{s, s.send("events_api", payload, true)}
}

// Request is a request that was sent, as somebody on the way could have copied it.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	Status      int // of the answer; 0: none came
}

// Requests are the latest requests to the app, in order, 256 at most.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Sign signs a body as Slack does.
func Sign(secret string, at time.Time, body []byte) (timestamp, signature string) {
	timestamp = strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("v0:" + timestamp + ":"))
	m.Write(body)
	return timestamp, "v0=" + hex.EncodeToString(m.Sum(nil))
}

// answered is what the app said.
type answered struct {
	err    error
	reason string // as X-Slack-Retry-Reason has it; "" when the answer was good
	media  string
	body   []byte
	final  bool // the app wants no repetition
}

// call sends one request and waits as long as Slack does.
func (s *Server) call(ctx context.Context, h HTTP, address, media string, body []byte, header http.Header, skew time.Duration) answered {
	ctx, cancel := context.WithTimeout(ctx, s.AckWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answered{err: err, reason: "connection_failed"}
	}
	for key, values := range header {
		r.Header[key] = values
	}
	timestamp, signature := Sign(h.Secret, time.Now().Add(skew), body)
	r.Header.Set("Content-Type", media)
	r.Header.Set("User-Agent", agent)
	r.Header.Set("X-Slack-Request-Timestamp", timestamp)
	r.Header.Set("X-Slack-Signature", signature)
	response, err := h.Client.Do(r)
	status := 0
	a := answered{}
	if err == nil {
		defer response.Body.Close()
		status, a.media = response.StatusCode, response.Header.Get("Content-Type")
		a.final = response.Header.Get("X-Slack-No-Retry") == "1"
		a.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	switch {
	case ctx.Err() != nil:
		a.err, a.reason = fmt.Errorf("no answer within %s", s.AckWithin), "http_timeout"
	case err != nil:
		a.err, a.reason = err, "connection_failed"
	case status != http.StatusOK:
		a.err, a.reason = fmt.Errorf("status %d", status), "http_error"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= 256 {
		s.requests = s.requests[1:]
	}
	s.requests = append(s.requests, Request{Method: http.MethodPost, URL: address, Header: r.Header.Clone(), Body: body, Status: status})
	return a
}

// encode makes JSON.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // it is made of maps and strings
		panic(err)
	}
	return data
}

// packed gives a delivery the form that it has over HTTP.
func (h HTTP) packed(d *delivery) (address, media string, body []byte) {
	switch d.kind {
	case "slash_commands":
		form := url.Values{"token": {verification}}
		for key, value := range d.payload {
			form.Set(key, fmt.Sprint(value))
		}
		return h.Commands, "application/x-www-form-urlencoded", []byte(form.Encode())
	case "interactive":
		return h.Actions, "application/x-www-form-urlencoded", []byte(url.Values{"payload": {string(encode(d.payload))}}.Encode())
	}
	return h.Events, "application/json", encode(d.payload)
}

// post calls the app with a delivery, and arranges for what follows. The caller holds mu.
func (s *Server) post(d *delivery) {
	if s.closed || d.kind == "events_api" && s.switchedOff {
		return
	}
	if s.lose > 0 {
		s.lose--
		s.failed(d, "connection_failed")
		return
	}
	if s.hung {
		time.AfterFunc(s.AckWithin, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.hung = false // who waited in vain connects anew
			if !s.closed {
				s.failed(d, "http_timeout")
			}
		})
		return
	}
	h, skew, number, reason := *s.http, s.skew, d.attempt, d.reason
	address, media, body := h.packed(d)
	wait := time.Duration(0)
	if now := time.Now(); d.done && d.sent == now.Unix() {
		// Slack never repeats what was acknowledged in the very second; the
		// signature would be the same.
		wait = time.Unix(d.sent+1, 0).Sub(now)
	}
	d.sent = time.Now().Add(wait).Unix()
	s.working.Go(func() {
		time.Sleep(wait)
		header := http.Header{}
		if number > 0 && d.again {
			header.Set("X-Slack-Retry-Num", strconv.Itoa(number))
			header.Set("X-Slack-Retry-Reason", reason)
		}
		a := s.call(context.Background(), h, address, media, body, header, skew)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle(d, a)
	})
}

// settle takes the app's answer to a delivery. The caller holds mu.
func (s *Server) settle(d *delivery, a answered) {
	defer s.changes.Tell()
	if a.err == nil && d.kind == "interactive" && len(bytes.TrimSpace(a.body)) > 0 && !json.Valid(a.body) {
		a.err, a.reason = errors.New("an answer to an interaction is empty or JSON"), "http_error"
	}
	if d.kind == "events_api" {
		s.count(a.err == nil)
	}
	if a.err != nil {
		if a.final {
			d.again = false
			d.refused = true
			return
		}
		s.failed(d, a.reason)
		return
	}
	if !d.done {
		d.done = true
		close(d.acked)
	}
	s.reply(d, a.body)
}

// reply shows who used a slash command what the app answers at once: a text, or
// a message of JSON (slash-commands, "Sending an immediate response"). The caller holds mu.
func (s *Server) reply(d *delivery, body []byte) {
	said := strings.TrimSpace(string(body))
	if d.kind != "slash_commands" || said == "" {
		return
	}
	channel, _ := d.payload["channel_id"].(string)
	user, _ := d.payload["user_id"].(string)
	m := &Message{TS: s.ts(), Channel: channel, User: BotUser, Bot: BotID, Text: said, To: user}
	var message struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
	}
	if json.Unmarshal([]byte(said), &message) == nil {
		m.Text, m.Blocks = message.Text, message.Blocks
	} else if json.Unmarshal([]byte(said), &message.Text) == nil {
		m.Text = message.Text
	}
	if m.Text == "" && len(m.Blocks) == 0 {
		return
	}
	s.messages[channel][m.TS] = m
	s.seen(fakeserver.Whispered, m)
}

// failed repeats an event as Slack does: at once, after one minute and after
// five; who presses or commands is told instead. The caller holds mu.
func (s *Server) failed(d *delivery, reason string) {
	switch {
	case d.done:
	case !d.again:
		s.timeouts++
		s.changes.Tell()
	case d.attempt < len(s.Retries):
		pause := s.Retries[d.attempt]
		d.attempt++
		d.reason = reason
		number := d.attempt
		time.AfterFunc(pause, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !d.done && d.attempt == number {
				s.post(d)
			}
		})
	}
}

// count notes how an event's delivery went, and stops sending them when nearly
// all of very many have failed. The caller holds mu.
func (s *Server) count(good bool) {
	now := time.Now()
	s.attempts = append(s.attempts, attempt{now, good})
	for len(s.attempts) > 0 && now.Sub(s.attempts[0].at) > disableWindow {
		s.attempts = s.attempts[1:]
	}
	bad := 0
	for _, a := range s.attempts {
		if !a.good {
			bad++
		}
	}
	if len(s.attempts) >= disableAfter && float64(bad) > disableShare*float64(len(s.attempts)) {
		s.switchedOff = true
	}
}
