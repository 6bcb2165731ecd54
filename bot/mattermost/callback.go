package mattermost

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

const (
	// People wait: the documentation wants an answer within 3 s, the server hangs
	// up after 30 s (OutgoingIntegrationRequestsTimeout).
	calledDeadline = 2500 * time.Millisecond
	maxCallback    = 512 << 10 // bytes; a post of the longest text, as a form
)

// The addresses below the platform's own and the server's name.
const (
	pathCommand = "/command"
	pathAction  = "/action"
	pathDialog  = "/dialog"
	pathProbe   = "/probe"
)

// Routes implements bot.Called, for the servers that call.
func (p *Platform) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{}
	for _, s := range p.servers {
		if !s.config.Full() {
			continue
		}
		at := "/" + Name + "/" + s.config.Name
		routes["POST "+at+pathCommand] = s.called("application/x-www-form-urlencoded", s.commanded)
		routes["POST "+at+pathAction] = s.called("application/json", s.pressed)
		routes["POST "+at+pathDialog] = s.called("application/json", s.submitted)
		routes["GET "+at+pathProbe] = http.HandlerFunc(s.probed)
	}
	return routes
}

// callbackURL is where the server reaches a handler.
func (s *server) callbackURL(path string) string {
	return s.o.Public + "/" + Name + "/" + s.config.Name + path
}

// said is what a call is answered with; nil says that it was taken.
type said struct {
	status int // 0 for 200
	value  any
}

// called wraps a handler of calls: a body of one kind and bounded length, an
// answer in time. Any status but 200 is shown by the server as a failure without
// words, so that whoever may be a person is answered with 200.
func (s *server) called(media string, do func(context.Context, []byte, http.Header) said) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != media {
			http.Error(w, "not a call of Mattermost", http.StatusUnsupportedMediaType)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
		if err != nil {
			http.Error(w, "too long, or cut off", http.StatusRequestEntityTooLarge)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), calledDeadline)
		defer cancel()
		answer := do(ctx, body, r.Header)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if answer.status != 0 {
			w.WriteHeader(answer.status)
		}
		if answer.value == nil {
			answer.value = struct{}{}
		}
		if err := json.NewEncoder(w).Encode(answer.value); err != nil {
			s.log.DebugContext(ctx, "the server did not wait for its answer", "error", err)
		}
	})
}

// take gives an event to the inbox; what it returns is for the person when that
// did not work.
func (s *server) take(ctx context.Context, ev bot.Event) (sorry string) {
	s.mu.Lock()
	handle := s.handle
	s.mu.Unlock()
	if handle == nil {
		return "gridwarden is starting or stopping. Nothing was done; try again in a moment."
	}
	// The journal may have it although its answer came too late: then it counts.
	if err := handle(ctx, ev); err != nil {
		s.log.ErrorContext(ctx, "a call was not taken", "error", err)
		return "gridwarden could not write down what you did. Look at `pending` in a moment, and try again if it is missing there."
	}
	return ""
}

// sure is the account of a user as the server says it is now, not as it was
// told a moment ago. Of an account that cannot be asked about the standing is
// unknown, and so it is refused.
func (s *server) sure(ctx context.Context, id string) bot.Account {
	s.users.Drop(id)
	a, err := s.account(ctx, id)
	if err != nil {
		s.log.WarnContext(ctx, "who did something is not known; it is refused", "user", id, "error", err)
	}
	return a
}

// reject records a call that is not what it says it is.
func (s *server) reject(ctx context.Context, what string, why error, claims string) {
	now := time.Now().UTC()
	text, missed, ok := s.rejects.Take(now, fmt.Sprintf("%s: %v; it says it is of %s", what, why, claims))
	if !ok {
		return
	}
	s.log.WarnContext(ctx, "a call was rejected", "call", what, "why", why, "claims", claims, "more", missed)
	s.take(ctx, bot.Event{
		ID: "rejected/" + model.NewId(), Kind: bot.Rejected, Value: text, At: now,
		Account: bot.Account{Platform: Name, Workspace: s.config.Name}, Thread: s.thread("", ""),
	})
}

// claimed is what an unproven call says of itself, for a record.
func claimed(user, channel string) string {
	if !model.IsValidId(user) {
		user = "nobody"
	}
	if !model.IsValidId(channel) {
		channel = "nowhere"
	}
	return fmt.Sprintf("the user %s in the channel %s", user, channel)
}

var probeNonce = regexp.MustCompile(`^[a-z0-9]{16,64}$`)

// probed answers whoever asks whether the address leads here: only a process
// with the same token can tell that the answer is right.
func (s *server) probed(w http.ResponseWriter, r *http.Request) {
	nonce := r.URL.Query().Get("nonce")
	if !probeNonce.MatchString(nonce) {
		http.Error(w, "a nonce is missing", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, hex.EncodeToString(s.mac(forProbes, nonce))) // whoever asked has gone away
}
