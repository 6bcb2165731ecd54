package slack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of being called.
const (
	answerWithin = 2500 * time.Millisecond // Slack waits for 3 s
	maxBody      = 1 << 20                 // bytes
	maxChallenge = 256                     // bytes
	lookEvery    = time.Minute             // whether the token is still good
	rereadEvery  = 10 * time.Minute        // what was never delivered: nothing tells that a line to us is cut
	repeatedFor  = 10 * time.Minute        // how far back a repetition lets us read; Slack gives up after six
)

// The paths below /slack/NAME/ that Slack calls, and what comes there.
var inboundPaths = map[string]string{"events": "events_api", "commands": "slash_commands", "actions": "interactive"}

// inboundPath is where Slack calls a workspace, behind the public address.
func inboundPath(workspace, path string) string { return "/" + Name + "/" + workspace + "/" + path }

// inbound is HTTP mode: Slack calls us, and signs what it sends.
type inbound struct {
	w       *workspace
	secrets [][]byte // more than one while they are changed
	seen    replays
	refused grumble
	gap     chan struct{} // something was not delivered at once

	mu      sync.Mutex
	handle  func(context.Context, bot.Event) error // nil: nobody listens
	ctx     context.Context                        //nolint:containedctx // of Listen: a request ends with it, not with its connection
	running sync.WaitGroup
}

func newInbound(w *workspace, secrets [][]byte) *inbound {
	return &inbound{w: w, secrets: secrets, gap: make(chan struct{}, 1), refused: grumble{log: w.log}}
}

// listen lets requests in until ctx ends, and reads what was never delivered.
func (n *inbound) listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	pause := firstPause
	for {
		_, err := n.w.me(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if why, bad := hopeless(err); bad {
			return &refusedError{n.w.name, why, beforeTheStart, err}
		}
		n.w.log.ErrorContext(ctx, "Slack does not answer; it is asked again", "error", err, "after", pause.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
	n.mu.Lock()
	n.handle, n.ctx = handle, ctx
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		n.handle = nil
		n.mu.Unlock()
		n.running.Wait()
	}()
	n.watch(ctx, handle)
	return ctx.Err()
}

// watch looks whether the token is good, and reads channels again at a start,
// after a time without a good token, when Slack repeats something, and now and then.
func (n *inbound) watch(ctx context.Context, handle func(context.Context, bot.Event) error) {
	caughtUp := sync.OnceFunc(n.w.catches()) // before anything says that it hears
	defer caughtUp()
	since := n.w.connected(false)
	n.w.count(1)
	up := true
	defer func() {
		if up {
			n.w.count(-1)
		}
	}()
	var last time.Time // when channels were read
	owed := false      // they are to be read as soon as that is not too often
	read := func() {
		from := since
		since, last, owed = time.Now(), time.Now(), false
		if !n.w.catchUp(ctx, from, handle) { // it is cut off: the next look reads from there
			since, owed = from, true
		}
	}
	read()
	caughtUp()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.gap:
			if back := time.Now().Add(-repeatedFor); back.Before(since) {
				since = back
			}
			if owed = true; up && time.Since(last) >= lookEvery {
				read()
			}
		case <-tick.C:
			why, bad := hopeless(n.ask(ctx))
			switch {
			case bad && up:
				up = false
				n.w.count(-1)
				n.w.log.ErrorContext(ctx, "Slack does not take the bot's token any more", "why", why)
				n.w.silence.Begins(ctx, n.w.thread("", "", ""), handle)
			case !bad && !up:
				up = true
				n.w.count(1)
				n.w.connected(true)
				read()
			case up && (owed || time.Since(last) >= rereadEvery):
				read()
			}
		}
	}
}

// ask asks Slack whether the token is good.
func (n *inbound) ask(ctx context.Context) error {
	return n.w.call(ctx, "auth.test", "", func(ctx context.Context) error {
		_, err := n.w.api.AuthTestContext(ctx)
		return err
	})
}

// begin lets one request in; nil when nobody listens.
func (n *inbound) begin() (context.Context, func(context.Context, bot.Event) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.handle == nil {
		return nil, nil
	}
	n.running.Add(1)
	return n.ctx, n.handle
}

// route answers what comes to one of the paths. The order is that of trust:
// headers, the raw body's signature, whether it came before, and only then what
// it says. Slack is told 200 when the event is in the inbox, and sends events
// again otherwise.
func (n *inbound) route(kind string) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Cache-Control", "no-store")
		out.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodPost {
			out.Header().Set("Allow", http.MethodPost)
			http.Error(out, "only POST", http.StatusMethodNotAllowed)
			return
		}
		now := time.Now()
		claim, err := claimed(r.Header, now)
		if err != nil {
			n.refuse(out, r, err)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(out, r.Body, maxBody))
		if err != nil {
			http.Error(out, "too long, or cut off", http.StatusRequestEntityTooLarge)
			return
		}
		secret := claim.signer(n.secrets, body)
		if secret == nil {
			n.refuse(out, r, errForged)
			return
		}
		if err := n.seen.take(claim.mark, now); err != nil {
			n.refuse(out, r, err)
			return
		}
		if !n.serve(out, r, kind, body, secret) {
			n.seen.give(claim.mark)
		}
	}
}

// refuse answers a request that is not Slack's, or is not now, and has it
// recorded. It tells strangers nothing that they do not know.
func (n *inbound) refuse(out http.ResponseWriter, r *http.Request, err error) {
	if n.refused.about(r.Context(), "a request was not taken for Slack's", err, r.URL.Path) {
		n.record(r.URL.Path, err)
	}
	switch {
	case errors.Is(err, errFull):
		http.Error(out, "too many", http.StatusServiceUnavailable)
	case errors.Is(err, errReplayed):
		http.Error(out, "received before", http.StatusConflict)
	default:
		http.Error(out, "not signed by Slack now", http.StatusUnauthorized)
	}
}

// record hands over that a request was refused. Nobody knows whose it was.
func (n *inbound) record(path string, why error) {
	ctx, handle := n.begin()
	if handle == nil {
		return
	}
	defer n.running.Done()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	now := time.Now().UTC().Truncate(time.Microsecond)
	ev := bot.Event{
		ID: "rejected/" + rand.Text(), Kind: bot.Rejected, Account: bot.Account{Platform: Name, Workspace: n.w.name},
		Thread: n.w.thread("", "", ""), Value: path + ": " + why.Error(), At: now,
	}
	if err := handle(ctx, ev); err != nil {
		n.w.log.ErrorContext(ctx, "a refused request was not recorded", "error", err)
	}
}

// serve answers a request that is Slack's, signed with a secret; false: it may come again as it is.
func (n *inbound) serve(out http.ResponseWriter, r *http.Request, kind string, body, secret []byte) bool {
	e, challenge, err := unpack(kind, r.Header.Get("Content-Type"), body)
	switch {
	case err != nil:
		n.w.log.WarnContext(r.Context(), "a request of Slack was not understood", "error", err, "path", r.URL.Path)
		out.Header().Set("X-Slack-No-Retry", "1") // it would be the same
		http.Error(out, "not understood", http.StatusBadRequest)
		return true
	case challenge != "":
		out.Header().Set(proofHeader, proof(secret, challenge))
		out.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(out, challenge) //nolint:gosec // plain text, signed with our secret
		return true
	case e.Type == "app_rate_limited":
		n.w.log.ErrorContext(r.Context(), "Slack holds events back: there were too many in an hour")
		n.missed()
	}
	if r.Header.Get("X-Slack-Retry-Num") != "" { // perhaps something else never came
		n.w.log.WarnContext(r.Context(), "Slack repeats an event", "attempt", short(r.Header.Get("X-Slack-Retry-Num")), "why", short(r.Header.Get("X-Slack-Retry-Reason")))
		n.missed()
	}
	ctx, handle := n.begin()
	if handle == nil {
		http.Error(out, "not listening", http.StatusServiceUnavailable)
		return false
	}
	defer n.running.Done()
	n.w.mu.Lock()
	n.w.heard = time.Now()
	n.w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	turn, done := n.w.turn(e)
	defer done()
	if turn(ctx) != nil || !n.w.handOver(ctx, e, handle) {
		http.Error(out, "not stored", http.StatusServiceUnavailable)
		return false
	}
	out.WriteHeader(http.StatusOK) // with nothing in it: an answer would be shown
	return true
}

// missed has the channels read again.
func (n *inbound) missed() {
	select {
	case n.gap <- struct{}{}:
	default:
	}
}

var errForm = errors.New("it is not of the form that is sent here")

// unpack reads what Slack sent, as the envelope in which Socket Mode would have
// brought it; or a challenge, which only wants to be said again. Whoever sends
// it is known, what it says is still other people's text.
func unpack(kind, media string, body []byte) (e envelope, challenge string, err error) {
	media, _, err = mime.ParseMediaType(media)
	if err != nil {
		return e, "", errForm
	}
	if kind == "events_api" || media == "application/json" {
		return unpackJSON(kind, media, body)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return e, "", errForm
	}
	for _, values := range form {
		if len(values) != 1 { // two readers could read it in two ways
			return e, "", errForm
		}
	}
	if kind == "interactive" {
		if payload := form.Get("payload"); json.Valid([]byte(payload)) {
			return envelope{Type: kind, Payload: json.RawMessage(payload)}, "", nil
		}
		return e, "", errForm
	}
	if form.Get("ssl_check") == "1" { // Slack looks at the certificate
		return envelope{Type: "ssl_check"}, "", nil
	}
	if form.Get("command") == "" {
		return e, "", errForm
	}
	flat := map[string]string{}
	for key := range form {
		flat[key] = form.Get(key)
	}
	payload, err := json.Marshal(flat)
	return envelope{Type: kind, Payload: payload}, "", err
}

// unpackJSON reads an event. A challenge is answered at every address: Slack sends
// one to that of the events, and Probe to all.
func unpackJSON(kind, media string, body []byte) (e envelope, challenge string, err error) {
	var outer struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}
	if media != "application/json" || json.Unmarshal(body, &outer) != nil {
		return e, "", errForm
	}
	switch {
	case outer.Type == "url_verification" && outer.Challenge != "" && len(outer.Challenge) <= maxChallenge:
		return e, outer.Challenge, nil
	case outer.Type == "event_callback" && kind == "events_api":
		return envelope{Type: kind, Payload: body}, "", nil
	case outer.Type == "app_rate_limited" && kind == "events_api":
		return envelope{Type: outer.Type}, "", nil
	}
	return e, "", errForm
}

// short bounds a header for the log.
func short(s string) string {
	const most = 40
	return strings.ToValidUTF8(s[:min(len(s), most)], "?")
}
