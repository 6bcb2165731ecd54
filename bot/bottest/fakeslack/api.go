package fakeslack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// triggerFor is how long a form can be opened after a press.
const triggerFor = 3 * time.Second

// answer is what a method says beside "ok".
type answer map[string]any

// method serves one method of the Web API. It returns Slack's word for an
// error. It is called with mu held.
type method func(s *Server, form url.Values, r *http.Request) (answer, string)

var methods = map[string]method{
	"apps.connections.open": (*Server).open, "auth.test": (*Server).authTest, "users.info": (*Server).userInfo,
	"chat.postMessage": (*Server).postMessage, "chat.update": (*Server).update, "chat.delete": (*Server).deleteOwn, "chat.postEphemeral": (*Server).postEphemeral,
	"conversations.info": (*Server).info, "conversations.members": (*Server).members, "conversations.history": (*Server).history,
	"conversations.replies": (*Server).replies, "reactions.add": (*Server).reactionsAdd, "reactions.get": (*Server).reactionsGet,
	"usergroups.users.list": (*Server).groupMembers, "files.getUploadURLExternal": (*Server).uploadURL,
	"files.completeUploadExternal": (*Server).completeUpload, "files.info": (*Server).fileInfo, "views.open": (*Server).openView,
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/api/")
	form, token, err := arguments(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	serve, known := methods[name]
	s.mu.Lock()
	f := s.fault(name)
	if wait := s.tooOften(name, form); wait > 0 && f == nil {
		f = &Fault{Status: http.StatusTooManyRequests, RetryAfter: wait}
	}
	var a answer
	word := ""
	switch {
	case f != nil && !f.After && f.Status == 0:
		word = f.Error
	case f != nil && !f.After:
	case !known:
		word = "unknown_method"
	case token == "":
		word = "not_authed"
	case s.revoked:
		word = "token_revoked"
	case name == "apps.connections.open" && token == BotToken, name != "apps.connections.open" && token == AppToken:
		word = "not_allowed_token_type"
	case token != AppToken && token != BotToken:
		word = "invalid_auth"
	case s.lacks(name, form):
		word = "missing_scope"
	default:
		a, word = serve(s, form, r)
	}
	call := Call{Method: name, At: time.Now(), Error: word}
	if f != nil {
		call.Status = f.Status
	}
	s.calls = append(s.calls, call)
	scopes := s.scopes
	s.changes.Tell()
	s.mu.Unlock()
	if f != nil && f.Status != 0 {
		if f.Status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second))) // whole seconds, never too few
		}
		http.Error(w, "fault", f.Status)
		return
	}
	out := map[string]any{"ok": word == ""}
	for k, v := range a {
		out[k] = v
	}
	if word != "" {
		out["error"] = word
	}
	w.Header().Set("X-OAuth-Scopes", scopes)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return // who asked has gone away
	}
}

// arguments reads a form or JSON, and the token from where it may stand.
func arguments(r *http.Request) (url.Values, string, error) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	form := url.Values{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var body map[string]json.RawMessage
		if err := json.NewDecoder(io.LimitReader(r.Body, 4<<20)).Decode(&body); err != nil && !errors.Is(err, io.EOF) {
			return nil, "", err
		}
		for k, v := range body {
			var text string
			if json.Unmarshal(v, &text) != nil {
				text = string(v)
			}
			form.Set(k, text)
		}
	} else {
		if err := r.ParseForm(); err != nil {
			return nil, "", err
		}
		form = r.Form
	}
	if t := form.Get("token"); t != "" {
		token = t
	}
	return form, token, nil
}

func (s *Server) open(_ url.Values, r *http.Request) (answer, string) {
	if s.linkOff {
		return nil, "link_disabled"
	}
	ticket := s.id("ticket-")
	s.tickets[ticket] = true
	return answer{"url": "ws://" + r.Host + "/link?ticket=" + ticket}, ""
}

func (s *Server) authTest(_ url.Values, r *http.Request) (answer, string) {
	return answer{"url": "http://" + r.Host + "/", "team": "fake", "team_id": Team, "user": "gridwarden", "user_id": BotUser, "bot_id": BotID}, ""
}

func (s *Server) userInfo(form url.Values, _ *http.Request) (answer, string) {
	u, ok := s.users[form.Get("user")]
	if !ok {
		return nil, "user_not_found"
	}
	return answer{"user": userObject(u)}, ""
}

// userObject is an account as Slack tells of it.
func userObject(u User) map[string]any {
	return map[string]any{
		"id": u.ID, "name": u.Name, "team_id": u.Team, "deleted": u.Deleted, "is_bot": u.Bot, "is_restricted": u.Restricted || u.UltraGuest,
		"is_ultra_restricted": u.UltraGuest, "is_stranger": u.Stranger, "profile": map[string]any{"display_name": u.Name},
	}
}

// place finds a channel that the bot may use.
func (s *Server) place(id string, write bool) (*Channel, string) {
	c, ok := s.channels[id]
	switch {
	case !ok, c.Private && !slices.Contains(c.Members, BotUser):
		return nil, "channel_not_found"
	case !slices.Contains(c.Members, BotUser):
		return nil, "not_in_channel"
	case write && c.Archived:
		return nil, "is_archived"
	}
	return c, ""
}

// root checks the thread of a new message.
func (s *Server) root(channel, root string) string {
	if root == "" {
		return ""
	}
	m := s.messages[channel][root]
	switch {
	case m == nil, m.To != "":
		return "thread_not_found"
	case m.Root != "": // Slack makes an odd thread of it; a bot must not
		return "cannot_reply_to_message"
	}
	return ""
}

func (s *Server) content(form url.Values, update bool) (*Message, string) {
	m := &Message{User: BotUser, Bot: BotID, Text: form.Get("text"), Channel: form.Get("channel")}
	blocks := form.Get("blocks")
	if blocks != "" {
		m.Blocks = json.RawMessage(blocks)
		if word := s.validBlocks(m.Blocks); word != "" {
			return nil, word
		}
	}
	most := 40000
	if update {
		most = 4000
	}
	switch n := length(m.Text); {
	case n > most:
		return nil, "msg_too_long"
	case n == 0 && len(m.Blocks) == 0:
		return nil, "no_text"
	}
	if data := form.Get("metadata"); data != "" {
		var meta struct {
			Type    string         `json:"event_type"`
			Payload map[string]any `json:"event_payload"`
		}
		if err := json.Unmarshal([]byte(data), &meta); err != nil || meta.Type == "" || len(meta.Payload) == 0 || len(data) > 8000 {
			return nil, "invalid_metadata_format"
		}
		m.Metadata = json.RawMessage(data)
	}
	return m, ""
}

func (s *Server) postMessage(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), true)
	if word == "" && c.ReadOnly {
		word = "restricted_action_read_only_channel"
	}
	if word != "" {
		return nil, word
	}
	if word := s.root(c.ID, form.Get("thread_ts")); word != "" {
		return nil, word
	}
	m, word := s.content(form, false)
	if word != "" {
		return nil, word
	}
	if !s.AnyBot && (form.Get("unfurl_links") != "false" || form.Get("unfurl_media") != "false") {
		return nil, "fake_would_unfurl" // Slack would fetch what strangers name
	}
	m.TS, m.Root = s.ts(), form.Get("thread_ts")
	s.messages[c.ID][m.TS] = m
	s.seen(fakeserver.Posted, m)
	s.event(map[string]any{
		"type": "message", "channel": c.ID, "user": BotUser, "bot_id": BotID, "text": m.Text, "ts": m.TS, "event_ts": m.TS,
		"thread_ts": m.Root, "channel_type": kindOf(c),
	})
	return answer{"channel": c.ID, "ts": m.TS, "message": map[string]any{"ts": m.TS, "text": m.Text}}, ""
}

func (s *Server) update(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), true)
	if word != "" {
		return nil, word
	}
	old := s.messages[c.ID][form.Get("ts")]
	switch {
	case old == nil, old.To != "":
		return nil, "message_not_found"
	case old.User != BotUser:
		return nil, "cant_update_message"
	}
	m, word := s.content(form, true)
	if word != "" {
		return nil, word
	}
	old.Text, old.Blocks = m.Text, m.Blocks
	s.seen(fakeserver.Edited, old)
	s.edited(old, BotUser)
	return answer{"channel": c.ID, "ts": old.TS, "text": old.Text}, ""
}

// deleteOwn deletes a message of the bot, with what hangs from it left as it is.
func (s *Server) deleteOwn(form url.Values, _ *http.Request) (answer, string) {
	channel, ts := form.Get("channel"), form.Get("ts")
	switch m := s.messages[channel][ts]; {
	case m == nil:
		return nil, "message_not_found"
	case m.User != BotUser:
		return nil, "cant_delete_message"
	}
	s.gone(channel, ts)
	return answer{"channel": channel, "ts": ts}, ""
}

func (s *Server) postEphemeral(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), true)
	if word == "" && c.ReadOnly {
		word = "restricted_action" // the word of the page of this method
	}
	if word != "" {
		return nil, word
	}
	if !s.member(c.ID, form.Get("user")) {
		return nil, "user_not_in_channel"
	}
	if word := s.root(c.ID, form.Get("thread_ts")); word != "" {
		return nil, word
	}
	m, word := s.content(form, false)
	if word != "" {
		return nil, word
	}
	m.TS, m.Root, m.To = s.ts(), form.Get("thread_ts"), form.Get("user")
	s.messages[c.ID][m.TS] = m
	s.seen(fakeserver.Whispered, m)
	return answer{"message_ts": m.TS}, ""
}

func (s *Server) info(form url.Values, _ *http.Request) (answer, string) {
	c, ok := s.channels[form.Get("channel")]
	in := ok && slices.Contains(c.Members, BotUser)
	if !ok || c.Private && !in {
		return nil, "channel_not_found"
	}
	return answer{"channel": map[string]any{
		"id": c.ID, "name": c.Name, "is_private": c.Private, "is_im": c.Direct, "is_ext_shared": c.ExtShared,
		"is_pending_ext_shared": c.PendingExt, "is_shared": c.ExtShared, "is_member": in, "is_archived": c.Archived,
	}}, ""
}

func (s *Server) members(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), false)
	if word != "" {
		return nil, word
	}
	return answer{"members": c.Members}, ""
}

// shown is a message as the Web API gives it.
func (m *Message) shown(metadata bool) map[string]any {
	out := map[string]any{"type": "message", "user": m.User, "text": m.Text, "ts": m.TS}
	if m.Bot != "" {
		out["bot_id"] = m.Bot
	}
	if m.Root != "" {
		out["thread_ts"] = m.Root
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = stored(m.Blocks)
	}
	if metadata && len(m.Metadata) > 0 {
		out["metadata"] = m.Metadata
	}
	if m.Buried {
		out["subtype"], out["hidden"] = "tombstone", true
	}
	files := []any{}
	for _, name := range m.Files {
		files = append(files, map[string]any{"name": name, "size": m.Sizes[name]})
	}
	for _, f := range m.shared {
		files = append(files, f.told())
	}
	if len(files) > 0 { // docs.slack.dev, file object
		out["files"] = files
	}
	return out
}

// stored is blocks as Slack gives them back: with ids where none were given, plain
// text with the default of emoji, and text escaped (reference/block-kit/blocks;
// reference/block-kit/composition-objects/text-object; formatting-message-text).
func stored(blocks json.RawMessage) any {
	var all []any
	if json.Unmarshal(blocks, &all) != nil {
		return blocks
	}
	for i, block := range all {
		if b, ok := block.(map[string]any); ok && b["block_id"] == nil {
			b["block_id"] = fmt.Sprintf("b%d", i)
		}
	}
	complete(all)
	return all
}

func complete(part any) {
	switch part := part.(type) {
	case []any:
		for _, p := range part {
			complete(p)
		}
	case map[string]any:
		if text, ok := part["text"].(string); ok && part["type"] == "plain_text" {
			part["text"], part["emoji"] = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text), true
		}
		for _, p := range part {
			complete(p)
		}
	}
}

// within reads the arguments that bound a list.
func within(form url.Values, m *Message) bool {
	oldest, latest, inclusive := form.Get("oldest"), form.Get("latest"), form.Get("inclusive") == "1" || form.Get("inclusive") == "true"
	edge := m.TS == oldest || m.TS == latest
	return m.To == "" && (oldest == "" || oldest == "0" || m.TS >= oldest) && (latest == "" || m.TS <= latest) && (!edge || inclusive)
}

func (s *Server) paged(form url.Values, list []*Message, metadata bool) answer {
	limit, err := strconv.Atoi(form.Get("limit"))
	if err != nil || limit < 1 || limit > 999 {
		limit = 100
	}
	from, err := strconv.Atoi(form.Get("cursor"))
	if err != nil {
		from = 0
	}
	to := min(from+limit, len(list))
	shown := []any{}
	for _, m := range list[min(from, to):to] {
		out := m.shown(metadata)
		if n := s.below(m); n > 0 {
			out["reply_count"] = n
		}
		shown = append(shown, out)
	}
	next := ""
	if to < len(list) {
		next = strconv.Itoa(to)
	}
	return answer{"messages": shown, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}}
}

// below counts the replies to a message.
func (s *Server) below(root *Message) (n int) {
	for _, m := range s.messages[root.Channel] {
		if m.Root == root.TS && m.To == "" {
			n++
		}
	}
	return n
}

func (s *Server) history(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), false)
	if word != "" {
		return nil, word
	}
	var list []*Message
	for _, m := range s.messages[c.ID] {
		if m.Root == "" && within(form, m) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *Message) int { return strings.Compare(b.TS, a.TS) })
	return s.paged(form, list, truth(form.Get("include_all_metadata"))), ""
}

// replies gives a thread: its first message always, whatever the bounds.
func (s *Server) replies(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), false)
	if word != "" {
		return nil, word
	}
	root := s.messages[c.ID][form.Get("ts")]
	if root != nil && root.Root != "" {
		root = s.messages[c.ID][root.Root]
	}
	if root == nil || root.To != "" {
		return nil, "thread_not_found"
	}
	list := []*Message{}
	for _, m := range s.messages[c.ID] {
		if m.Root == root.TS && within(form, m) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *Message) int { return strings.Compare(a.TS, b.TS) })
	return s.paged(form, append([]*Message{root}, list...), truth(form.Get("include_all_metadata"))), ""
}

func truth(s string) bool { return s == "1" || s == "true" }

func (s *Server) reactionsAdd(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), true)
	if word != "" {
		return nil, word
	}
	m := s.messages[c.ID][form.Get("timestamp")]
	switch name := form.Get("name"); {
	case m == nil, m.To != "":
		return nil, "message_not_found"
	case name == "" || strings.ContainsAny(name, ": "):
		return nil, "invalid_name"
	case !s.addReaction(BotUser, c.ID, m.TS, name):
		return nil, "already_reacted"
	default:
		s.watch.Tell(func() fakeserver.Seen {
			return fakeserver.Seen{Kind: fakeserver.Reacted, From: BotUser, Channel: c.ID, Root: m.Root, ID: m.TS, Text: name}
		})
		s.event(s.reactionEvent("reaction_added", BotUser, c.ID, m.TS, name))
	}
	return nil, ""
}

func (s *Server) reactionsGet(form url.Values, _ *http.Request) (answer, string) {
	c, word := s.place(form.Get("channel"), false)
	if word != "" {
		return nil, word
	}
	m := s.messages[c.ID][form.Get("timestamp")]
	if m == nil {
		return nil, "message_not_found"
	}
	list := []any{}
	for _, r := range m.Reactions {
		if len(r.Users) > 0 {
			list = append(list, map[string]any{"name": r.Name, "users": r.Users, "count": len(r.Users)})
		}
	}
	message := m.shown(false)
	message["reactions"] = list
	return answer{"type": "message", "channel": c.ID, "message": message}, ""
}

func (s *Server) groupMembers(form url.Values, _ *http.Request) (answer, string) {
	members, ok := s.groups[form.Get("usergroup")]
	if !ok {
		return nil, "no_such_subteam"
	}
	return answer{"users": members}, ""
}

func (s *Server) uploadURL(form url.Values, r *http.Request) (answer, string) {
	size, err := strconv.Atoi(form.Get("length"))
	name := form.Get("filename")
	if err != nil || size < 1 || size > 1<<30 || name == "" || strings.ContainsAny(name, "/\\\x00") {
		return nil, "invalid_arguments"
	}
	id := s.id("F")
	s.uploads[id] = &upload{name: name, size: size}
	return answer{"upload_url": fmt.Sprintf("http://%s/upload/%s", r.Host, id), "file_id": id}, ""
}

func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data, err := io.ReadAll(io.LimitReader(file, 64<<20))
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[strings.TrimPrefix(r.URL.Path, "/upload/")]
	if err != nil || u == nil || u.size != len(data) {
		http.Error(w, "not what was announced", http.StatusBadRequest)
		return
	}
	u.data = data
	fmt.Fprintf(w, "OK - %d", len(data))
}

func (s *Server) completeUpload(form url.Values, _ *http.Request) (answer, string) {
	var files []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	if json.Unmarshal([]byte(form.Get("files")), &files) != nil || len(files) == 0 {
		return nil, "invalid_arguments"
	}
	m := &Message{User: BotUser, Bot: BotID, Channel: form.Get("channel_id"), Root: form.Get("thread_ts")}
	for _, f := range files {
		u := s.uploads[f.ID]
		if u == nil || len(u.data) == 0 {
			return nil, "file_not_found"
		}
		m.Files, m.data = append(m.Files, u.name), append(m.data, u.data)
	}
	c, word := s.place(m.Channel, true)
	if word != "" {
		return nil, word
	}
	if word := s.root(c.ID, m.Root); word != "" {
		return nil, word
	}
	for _, f := range files {
		s.uploads[f.ID].done = true
	}
	m.TS = s.ts()
	s.messages[c.ID][m.TS] = m
	s.seen(fakeserver.Posted, m)
	s.event(map[string]any{
		"type": "message", "subtype": "file_share", "channel": c.ID, "user": BotUser, "bot_id": BotID, "ts": m.TS, "event_ts": m.TS, "thread_ts": m.Root, "channel_type": kindOf(c),
	})
	return answer{"files": []any{map[string]any{"id": files[0].ID, "title": files[0].Title}}}, ""
}

func (s *Server) openView(form url.Values, _ *http.Request) (answer, string) {
	trigger := form.Get("trigger_id")
	at, ok := s.triggers[trigger]
	switch {
	case !ok:
		return nil, "invalid_trigger_id"
	case time.Since(at) > triggerFor:
		return nil, "expired_trigger_id"
	case s.views[trigger] != nil:
		return nil, "exchanged_trigger_id"
	}
	view := json.RawMessage(form.Get("view"))
	if word := validView(view); word != "" && !s.AnyBot {
		return nil, word
	}
	s.views[trigger] = view
	s.watch.Tell(func() fakeserver.Seen {
		text, _ := Read(view)
		return fakeserver.Seen{Kind: fakeserver.Opened, From: BotUser, ID: trigger, Text: text}
	})
	return answer{"view": map[string]any{"id": s.id("V")}}, ""
}
