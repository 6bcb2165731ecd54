package fakediscord

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// wrong is an answer that is no success: HTTP status and Discord's own code
// (topics/opcodes-and-status-codes, JSON error codes).
type wrong struct {
	status, code int
	message      string
}

var (
	unauthorized    = &wrong{401, 0, "401: Unauthorized"}
	unknownChannel  = &wrong{404, 10003, "Unknown Channel"}
	unknownMember   = &wrong{404, 10007, "Unknown Member"}
	unknownMessage  = &wrong{404, 10008, "Unknown Message"}
	unknownEmoji    = &wrong{400, 10014, "Unknown Emoji"}
	unknownWebhook  = &wrong{404, 10015, "Unknown Webhook"}
	unknownAct      = &wrong{404, 10062, "Unknown interaction"}
	tooLarge        = &wrong{413, 40005, "Request entity too large"}
	acknowledged    = &wrong{400, 40060, "Interaction has already been acknowledged."}
	missingAccess   = &wrong{403, 50001, "Missing Access"}
	notYours        = &wrong{403, 50005, "Cannot edit a message authored by another user"}
	emptyMessage    = &wrong{400, 50006, "Cannot send an empty message"}
	noDirect        = &wrong{403, 50007, "Cannot send messages to this user"}
	missingRight    = &wrong{403, 50013, "Missing Permissions"}
	badToken        = &wrong{401, 50027, "Invalid Webhook Token"}
	systemMessage   = &wrong{403, 50021, "Cannot execute action on a system message"}
	archived        = &wrong{400, 50083, "Thread is archived"}
	badJSON         = &wrong{400, 50109, "The request body contains invalid JSON."}
	threadExists    = &wrong{400, 160004, "A thread has already been created for this message"}
	threadLocked    = &wrong{400, 160005, "Thread is locked"}
	tooManyReacts   = &wrong{400, 30010, "Maximum number of reactions reached (20)"}
	wrongThreadType = &wrong{400, 50024, "Cannot execute action on this channel type"}
)

func badForm(what string) *wrong { return &wrong{400, 50035, "Invalid Form Body: " + what} }

// request is one call in hand.
type request struct {
	*http.Request
	body  []byte // JSON
	files []upload
}

type upload struct {
	field, name string
	data        []byte
}

func (r *request) decode(v any) *wrong {
	d := json.NewDecoder(bytes.NewReader(r.body))
	if d.Decode(v) != nil {
		return badJSON
	}
	return nil
}

type handler func(*request) (any, *wrong)

// routes lists every path that is answered.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("/gateway/", s.serveGateway)
	s.mux.HandleFunc("/gateway", s.serveGateway) // libraries put the query behind the address as it is told
	s.mux.HandleFunc("GET /attachments/{channel}/{id}/{name}", s.serveFile)
	add := func(pattern, name string, open bool, h handler) {
		method, path, _ := strings.Cut(pattern, " ")
		s.mux.HandleFunc(method+" /api/v10"+path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, name, open, h) })
	}
	add("GET /gateway/bot", "gateway", false, s.getGateway)
	add("GET /gateway", "gateway", true, s.getGateway) // without limits, for libraries that ask no more (events/gateway, get gateway)
	add("GET /applications/@me", "application", false, s.getApplication)
	add("GET /users/@me", "self", false, s.getSelf)
	add("GET /applications/{app}/guilds/{guild}/commands", "commands.get", false, s.getCommands)
	add("PUT /applications/{app}/guilds/{guild}/commands", "commands.put", false, s.putCommands)
	add("GET /guilds/{guild}", "guild", false, s.getGuild)
	add("GET /guilds/{guild}/roles", "roles", false, s.getRoles)
	add("GET /guilds/{guild}/members/{user}", "member", false, s.getMember)
	add("GET /guilds/{guild}/threads/active", "threads", false, s.getThreads)
	add("GET /channels/{channel}", "channel.get", false, s.getChannel)
	add("PATCH /channels/{channel}", "channel.edit", false, s.editChannel)
	add("GET /channels/{channel}/messages", "messages", false, s.getMessages)
	add("POST /channels/{channel}/messages", "message.create", false, s.createMessage)
	add("GET /channels/{channel}/messages/{message}", "message.get", false, s.getMessage)
	add("PATCH /channels/{channel}/messages/{message}", "message.edit", false, s.editMessage)
	add("DELETE /channels/{channel}/messages/{message}", "message.delete", false, s.deleteOwn)
	add("DELETE /channels/{channel}", "thread.delete", false, s.deleteThread)
	add("POST /channels/{channel}/messages/{message}/threads", "thread.create", false, s.createThread)
	add("PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me", "reaction.add", false, s.addReaction)
	add("GET /channels/{channel}/messages/{message}/reactions/{emoji}", "reaction.list", false, s.listReactions)
	add("POST /users/@me/channels", "direct", false, s.openDirect)
	add("POST /interactions/{id}/{token}/callback", "interaction", true, s.callback)
	add("POST /webhooks/{app}/{token}", "followup", true, s.followUp)
	add("GET /webhooks/{app}/{token}/messages/@original", "original.get", true, s.getOriginal)
	add("PATCH /webhooks/{app}/{token}/messages/@original", "original.edit", true, s.editOriginal)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Date(w.Header())
	s.mux.ServeHTTP(w, r)
}

// maxRequest is the most that a request may hold, files and all (reference, uploading files).
const maxRequest = 10<<20 + 1<<18

func (s *Server) serve(w http.ResponseWriter, r *http.Request, name string, open bool, h handler) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	s.mu.Lock()
	defer s.mu.Unlock()
	req := &request{Request: r, body: body}
	s.host = r.Host
	var answer any
	var bad *wrong
	f := s.fault(name)
	switch {
	case err != nil:
		bad = tooLarge
	case f != nil && !f.After:
		s.failed(w, name, f)
		return
	case !strings.HasPrefix(r.Header.Get("User-Agent"), "DiscordBot ("): // reference, user agent
		bad = &wrong{403, 0, "403: Forbidden"}
	case !open && r.Header.Get("Authorization") != "Bot "+s.token:
		bad = unauthorized
	default:
		if bad = req.unpack(); bad == nil {
			if too := s.tooOften(w, name, r); too != nil {
				s.failed(w, name, too)
				return
			}
			answer, bad = h(req)
		}
	}
	if f != nil {
		s.failed(w, name, f)
		return
	}
	status := http.StatusOK
	if bad != nil {
		status, answer = bad.status, map[string]any{"code": bad.code, "message": bad.message}
	} else if answer == nil {
		status = http.StatusNoContent
	}
	call := Call{Name: name, At: time.Now(), Status: status}
	if bad != nil {
		call.Code = bad.code
	}
	s.calls = append(s.calls, call)
	s.changes.Tell()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if answer != nil {
		_ = json.NewEncoder(w).Encode(answer) //nolint:errchkjson // what the fake itself made; the client may be gone
	}
}

// fault returns the fault for a call that is made now, nil for none. The caller holds mu.
func (s *Server) fault(name string) *Fault {
	for _, f := range s.faults {
		if f.Name == name && f.Times > 0 {
			f.Times--
			return f
		}
	}
	return nil
}

func (s *Server) failed(w http.ResponseWriter, name string, f *Fault) {
	s.calls = append(s.calls, Call{Name: name, At: time.Now(), Status: f.Status, Code: f.Code, Global: f.Global})
	s.changes.Tell()
	body := map[string]any{"code": f.Code, "message": "a fault"}
	if f.Status == http.StatusTooManyRequests {
		body = map[string]any{"message": "You are being rate limited.", "retry_after": f.RetryAfter.Seconds(), "global": f.Global}
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds()+1)))
		scope := "user"
		if f.Global {
			w.Header().Set("X-RateLimit-Global", "true")
			scope = "global"
		}
		w.Header().Set("X-RateLimit-Scope", scope)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // likewise
}

// unpack takes a request with files apart (reference, uploading files).
func (r *request) unpack() *wrong {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(r.body) == 0 || err == nil && kind == "application/json" {
		return nil
	}
	if err != nil || kind != "multipart/form-data" {
		return badForm("content type")
	}
	reader := multipart.NewReader(bytes.NewReader(r.body), params["boundary"])
	r.body = nil
	for {
		p, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badForm("multipart")
		}
		data, err := io.ReadAll(p)
		switch {
		case err != nil:
			return badForm("multipart")
		case p.FormName() == "payload_json":
			r.body = data
		case !strings.HasPrefix(p.FormName(), "files["):
			return badForm(p.FormName())
		case len(data) == 0:
			return badForm("an empty file")
		default:
			r.files = append(r.files, upload{p.FormName(), p.FileName(), data})
		}
	}
}

func (s *Server) getGateway(r *request) (any, *wrong) {
	remaining, reset := max(1000-s.begun, 1), time.Hour
	if left := time.Until(s.limited); left > 0 {
		remaining, reset = 0, left
	}
	return map[string]any{
		"url": "ws://" + r.Host + "/gateway", "shards": 1,
		"session_start_limit": map[string]any{"total": 1000, "remaining": remaining, "reset_after": reset.Milliseconds(), "max_concurrency": 1},
	}, nil
}

func (s *Server) getApplication(*request) (any, *wrong) {
	flags := 0
	if s.content {
		flags = 1 << 19
	}
	out := map[string]any{"id": App, "name": "gridwarden", "flags": flags, "bot": s.userJSON(BotUser), "interactions_endpoint_url": nil}
	if s.endpoint != "" {
		out["interactions_endpoint_url"] = s.endpoint
	}
	return out, nil
}

func (s *Server) getSelf(*request) (any, *wrong) { return s.userJSON(BotUser), nil }

// here checks that a guild is ours and the bot in it.
func (s *Server) here(r *request) *wrong {
	if r.PathValue("guild") != Guild || !s.member {
		return missingAccess
	}
	return nil
}

func (s *Server) getRoles(r *request) (any, *wrong) {
	if bad := s.here(r); bad != nil {
		return nil, bad
	}
	return s.rolesJSON(), nil
}

func (s *Server) getMember(r *request) (any, *wrong) {
	if bad := s.here(r); bad != nil {
		return nil, bad
	}
	u, ok := s.users[r.PathValue("user")]
	if !ok || u.Absent || u.Webhook != "" {
		return nil, unknownMember
	}
	return s.memberJSON(u.ID), nil
}

func (s *Server) getThreads(r *request) (any, *wrong) {
	if bad := s.here(r); bad != nil {
		return nil, bad
	}
	threads := []any{}
	for _, c := range s.channels {
		if c.Parent != "" && !c.Archived && s.can(c, ViewChannel) {
			threads = append(threads, s.channelJSON(c))
		}
	}
	return map[string]any{"threads": threads, "members": []any{}}, nil
}

// channel finds a channel of the request in which the bot has rights.
func (s *Server) channel(r *request, rights ...int64) (*Channel, *wrong) {
	c := s.channels[r.PathValue("channel")]
	switch {
	case c == nil:
		return nil, unknownChannel
	case c.Direct != "":
		return c, nil
	case !s.member && !c.Elsewhere || !s.can(c, ViewChannel):
		return nil, missingAccess
	}
	for _, right := range rights {
		if !s.can(c, right) {
			return nil, missingRight
		}
	}
	return c, nil
}

func (s *Server) getChannel(r *request) (any, *wrong) {
	c, bad := s.channel(r)
	if bad != nil {
		return nil, bad
	}
	return s.channelJSON(c), nil
}

func (s *Server) editChannel(r *request) (any, *wrong) {
	c, bad := s.channel(r)
	if bad != nil {
		return nil, bad
	}
	var d struct {
		Archived *bool `json:"archived"`
	}
	if bad := r.decode(&d); bad != nil {
		return nil, bad
	}
	if c.Parent == "" {
		return nil, wrongThreadType
	}
	if c.Locked && !s.can(c, manageThreads) {
		return nil, missingRight
	}
	if d.Archived != nil {
		c.Archived = *d.Archived
	}
	s.dispatch("THREAD_UPDATE", s.channelJSON(c))
	return s.channelJSON(c), nil
}

func (s *Server) getMessages(r *request) (any, *wrong) {
	c, bad := s.channel(r, readHistory)
	if bad != nil {
		return nil, bad
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 || limit > 100 {
		return nil, badForm("limit")
	}
	before, after := r.URL.Query().Get("before"), r.URL.Query().Get("after")
	if before != "" && after != "" {
		return nil, badForm("before and after exclude each other")
	}
	var found []*Message
	for _, m := range s.messages {
		if m.Channel == c.ID && m.To == "" && (before == "" || compare(m.ID, before) < 0) && (after == "" || compare(m.ID, after) > 0) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b *Message) int { return compare(b.ID, a.ID) })
	if len(found) > limit {
		if after != "" { // those that come next, but the newest of them first
			found = found[len(found)-limit:]
		} else {
			found = found[:limit]
		}
	}
	out := []any{}
	for _, m := range found {
		out = append(out, s.messageJSON(m, false))
	}
	return out, nil
}

// message finds a message of the request.
func (s *Server) message(r *request, rights ...int64) (*Channel, *Message, *wrong) {
	c, bad := s.channel(r, rights...)
	if bad != nil {
		return nil, nil, bad
	}
	if _, err := strconv.ParseUint(r.PathValue("message"), 10, 64); err != nil {
		return nil, nil, badForm("snowflake")
	}
	m := s.messages[r.PathValue("message")]
	if m == nil || m.Channel != c.ID || m.To != "" {
		return nil, nil, unknownMessage
	}
	return c, m, nil
}

func (s *Server) getMessage(r *request) (any, *wrong) {
	_, m, bad := s.message(r, readHistory)
	if bad != nil {
		return nil, bad
	}
	return s.messageJSON(m, false), nil
}

// deleteOwn deletes a message of the bot.
func (s *Server) deleteOwn(r *request) (any, *wrong) {
	_, m, bad := s.message(r)
	switch {
	case bad != nil:
		return nil, bad
	case m.Author != BotUser: // the bot has no right to manage messages
		return nil, missingRight
	}
	s.gone(m.Channel, m.ID)
	return nil, nil
}

// deleteThread deletes a thread; no other channel can the bot delete.
func (s *Server) deleteThread(r *request) (any, *wrong) {
	c, bad := s.channel(r)
	switch {
	case bad != nil:
		return nil, bad
	case c.Parent == "":
		return nil, missingRight
	}
	shown := s.channelJSON(c)
	s.goneChannel(c)
	return shown, nil
}

func (s *Server) createMessage(r *request) (any, *wrong) {
	c, bad := s.channel(r)
	if bad != nil {
		return nil, bad
	}
	right := int64(SendMessages)
	if c.Parent != "" {
		right = SendInThreads
	}
	switch {
	case c.Direct != "" && s.users[c.Direct].NoDirect:
		return nil, noDirect
	case c.Direct != "":
	case !s.can(c, right):
		return nil, missingRight
	case c.Locked && !s.can(c, manageThreads):
		return nil, threadLocked
	case len(r.files) > 0 && !s.can(c, attachFiles):
		return nil, missingRight
	}
	d, bad := s.draft(r)
	if bad != nil {
		return nil, bad
	}
	key := ""
	if d.Enforce && len(d.Nonce) > 0 {
		// The past few minutes, of this author (resources/message, create message).
		key = c.ID + " " + string(d.Nonce)
		for _, m := range s.messages {
			if m.Key == key && time.Since(madeAt(m.ID)) < 5*time.Minute {
				return s.messageJSON(m, true), nil
			}
		}
	}
	c.Archived = false // what is said in a thread takes it out of the archive
	m := s.made(c.ID, BotUser, d, r.files)
	m.Key = key
	m.Nonce = string(d.Nonce)
	s.seen(fakeserver.Posted, m)
	s.dispatch("MESSAGE_CREATE", s.eventJSON(m))
	return s.messageJSON(m, true), nil
}

// made stores a new message. The caller holds mu.
func (s *Server) made(channel, author string, d *draft, files []upload) *Message {
	m := &Message{ID: s.id(), Channel: channel, Author: author, Content: strings.TrimSpace(d.Content), Components: d.Components, Flags: d.Flags}
	m.Mentioned = s.mentioned(d)
	s.attach(m, files)
	s.messages[m.ID] = m
	s.changes.Tell()
	return m
}

func (s *Server) attach(m *Message, files []upload) {
	m.Files = nil
	for _, f := range files {
		m.Files = append(m.Files, f.name)
		s.files[f.name] = f.data
	}
}

func (s *Server) editMessage(r *request) (any, *wrong) {
	c, m, bad := s.message(r)
	if bad != nil {
		return nil, bad
	}
	switch {
	case m.Author != BotUser:
		return nil, notYours
	case c.Archived:
		return nil, archived
	}
	d, bad := s.draft(r)
	if bad != nil {
		return nil, bad
	}
	m.Content, m.Components, m.EditedAt = strings.TrimSpace(d.Content), d.Components, time.Now()
	m.Edits++
	if d.Attachments != nil {
		s.attach(m, r.files)
	}
	s.seen(fakeserver.Edited, m)
	s.dispatch("MESSAGE_UPDATE", s.eventJSON(m))
	return s.messageJSON(m, false), nil
}

func (s *Server) createThread(r *request) (any, *wrong) {
	c, m, bad := s.message(r, createThreads)
	if bad != nil {
		return nil, bad
	}
	var d struct {
		Name    string `json:"name"`
		Archive int    `json:"auto_archive_duration"`
	}
	if bad := r.decode(&d); bad != nil {
		return nil, bad
	}
	switch n := utf8.RuneCountInString(d.Name); {
	case c.Parent != "":
		return nil, wrongThreadType
	case s.channels[m.ID] != nil:
		return nil, threadExists
	case m.Loading: // stricter than is documented: nothing is promised for it
		return nil, systemMessage
	case n < 1 || n > 100:
		return nil, badForm("name")
	case !slices.Contains([]int{0, 60, 1440, 4320, 10080}, d.Archive):
		return nil, badForm("auto_archive_duration")
	}
	t := &Channel{ID: m.ID, Name: d.Name, Parent: c.ID}
	s.channels[t.ID] = t
	s.dispatch("THREAD_CREATE", s.channelJSON(t))
	return s.channelJSON(t), nil
}

func (s *Server) addReaction(r *request) (any, *wrong) {
	c, m, bad := s.message(r, readHistory)
	if bad != nil {
		return nil, bad
	}
	emoji := r.PathValue("emoji")
	switch first, _ := utf8.DecodeRuneInString(emoji); {
	case first < 0x2000:
		return nil, unknownEmoji
	case c.Archived:
		return nil, archived
	}
	i := slices.IndexFunc(m.Reactions, func(x Reaction) bool { return x.Name == emoji })
	switch {
	case i < 0 && !s.can(c, addReactions):
		return nil, missingRight
	case i < 0 && len(m.Reactions) == 20:
		return nil, tooManyReacts
	}
	if s.react(m, BotUser, emoji) {
		s.watch.Tell(func() fakeserver.Seen {
			channel, root := s.place(m.Channel)
			return fakeserver.Seen{Kind: fakeserver.Reacted, From: BotUser, Channel: channel, Root: root, ID: m.ID, Text: emoji}
		})
		s.dispatch("MESSAGE_REACTION_ADD", s.reactionJSON(m, BotUser, emoji, true))
	}
	return nil, nil
}

func (s *Server) listReactions(r *request) (any, *wrong) {
	_, m, bad := s.message(r, readHistory)
	if bad != nil {
		return nil, bad
	}
	// resources/message, get reactions: by id, 25 unless told, 100 at most.
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		limit = 25
	}
	if limit < 1 || limit > 100 {
		return nil, badForm("limit")
	}
	out := []any{}
	for _, x := range m.Reactions {
		if x.Name != r.PathValue("emoji") {
			continue
		}
		for _, u := range slices.SortedFunc(slices.Values(x.Users), compare) {
			if after := r.URL.Query().Get("after"); (after == "" || compare(u, after) > 0) && len(out) < limit {
				out = append(out, s.userJSON(u))
			}
		}
	}
	return out, nil
}

func (s *Server) openDirect(r *request) (any, *wrong) {
	var d struct {
		To string `json:"recipient_id"`
	}
	if bad := r.decode(&d); bad != nil {
		return nil, bad
	}
	if _, ok := s.users[d.To]; !ok {
		return nil, badForm("recipient_id")
	}
	for _, c := range s.channels {
		if c.Direct == d.To {
			return map[string]any{"id": c.ID, "type": 1}, nil
		}
	}
	c := &Channel{ID: s.id(), Direct: d.To}
	s.channels[c.ID] = c
	return map[string]any{"id": c.ID, "type": 1}, nil
}
