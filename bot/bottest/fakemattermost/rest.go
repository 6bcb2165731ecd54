package fakemattermost

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

const (
	maxBody      = 50 << 20 // bytes
	maxFiles     = 10
	sinceMax     = 1000
	perPageMax   = 200
	pendingKept  = 30 * time.Second
	invalidParam = "api.context.invalid_param.app_error"
	permissions  = "api.context.permissions.app_error"
)

// call is one authenticated call. s.mu is held.
type call struct {
	*http.Request
	user string
	body []byte
}

// answer is what a call says.
type answer struct {
	status int
	id     string // of an error
	value  any
	file   []byte // in place of a value
}

func ok(v any) answer                 { return answer{status: http.StatusOK, value: v} }
func made(v any) answer               { return answer{status: http.StatusCreated, value: v} }
func no(status int, id string) answer { return answer{status: status, id: id} }
func forbidden() answer               { return no(http.StatusForbidden, permissions) }
func bad(id string) answer            { return no(http.StatusBadRequest, id) }
func (c call) decode(v any) bool      { return json.Unmarshal(c.body, v) == nil }
func (c call) number(name string) int64 {
	n, _ := strconv.ParseInt(c.URL.Query().Get(name), 10, 64) // what is no number counts as none
	return n
}

func (s *Server) mux() http.Handler {
	m := http.NewServeMux()
	for pattern, do := range map[string]func(call) answer{
		"GET /users/me":                               func(c call) answer { return ok(s.users[c.user]) },
		"GET /users/{id}":                             s.getUser,
		"GET /users":                                  s.listUsers,
		"GET /users/me/teams":                         s.myTeams,
		"GET /users/me/preferences":                   s.myPreferences,
		"GET /users/me/teams/{id}/channels":           s.myChannels,
		"GET /config/client":                          s.settings,
		"GET /teams/name/{team}/channels/name/{name}": s.channelByName,
		"GET /channels/{id}":                          s.getChannel,
		"GET /channels/{id}/stats":                    s.stats,
		"GET /channels/{id}/members/{user}":           s.member,
		"GET /channels/{id}/posts":                    s.channelPosts,
		"POST /channels/direct":                       s.direct,
		"GET /posts/{id}":                             s.getPost,
		"GET /posts/{id}/thread":                      s.threadPosts,
		"GET /posts/{id}/reactions":                   s.getReactions,
		"POST /posts":                                 s.createPost,
		"PUT /posts/{id}/patch":                       s.patchPost,
		"DELETE /posts/{id}":                          s.deletePost,
		"POST /posts/ephemeral":                       s.ephemeral,
		"POST /reactions":                             s.saveReaction,
		"POST /files":                                 s.uploadFiles,
		"GET /files/{id}":                             s.getFile,
		"POST /actions/dialogs/open":                  s.openDialog,
		"GET /teams/name/{team}":                      s.teamByName,
		"GET /users/username/{name}":                  s.userByName,
		"GET /commands":                               s.listCommands,
		"POST /commands":                              s.createCommand,
		"PUT /commands/{id}":                          s.updateCommand,
		"POST /bots":                                  s.createBot,
		"POST /bots/{id}/enable":                      s.enableBot,
		"POST /users/{id}/tokens":                     s.createToken,
		"POST /teams/{id}/members":                    s.joinTeam,
		"POST /channels/{id}/members":                 s.joinChannel,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		m.HandleFunc(method+" "+model.APIURLSuffix+path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, pattern, do) })
	}
	m.HandleFunc("GET "+model.APIURLSuffix+"/websocket", s.websocket)
	m.HandleFunc("POST "+model.APIURLSuffix+"/commands/execute", s.executeCommand) // which calls, and so holds no lock
	return m
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Date(w.Header())
	s.routes.ServeHTTP(w, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, pattern string, do func(call) answer) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "api.body.too_large.app_error")
		return
	}
	a, data, wait := s.obey(r, pattern, body, do)
	w.Header().Set("Content-Type", "application/json")
	if a.file != nil {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	if wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, data) //nolint:gosec // JSON for a client that is a test
}

// obey does a call and gives what it says; wait is when to come again.
func (s *Server) obey(r *http.Request, pattern string, body []byte, do func(call) answer) (a answer, data, wait string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[pattern]++
	s.changes.Tell()
	fault := s.faultFor(pattern)
	user, known := s.tokens[bearer(r)]
	valid := func(name string) bool { return r.PathValue(name) == "" || model.IsValidId(r.PathValue(name)) }
	switch {
	case fault != nil && !fault.AfterEffect:
	case !known:
		a = no(http.StatusUnauthorized, "api.context.session_expired.app_error")
	case !valid("id") || !valid("user"):
		a = bad("api.context.invalid_url_param.app_error")
	default:
		a = do(call{r, user, body})
	}
	if fault != nil {
		a, wait = no(fault.Status, "fault"), fault.RetryAfter
	}
	if a.id != "" {
		a.value = &model.AppError{Id: a.id, Message: a.id, StatusCode: a.status}
	}
	if a.file != nil {
		return a, string(a.file), wait
	}
	return a, asJSON(a.value), wait
}

func refuse(w http.ResponseWriter, status int, id string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, asJSON(&model.AppError{Id: id, Message: id, StatusCode: status})) // who asked has gone away
}

// bearer is the token that a call bears; the server reads the word in any case.
func bearer(r *http.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "bearer") {
		return ""
	}
	return token
}

func (s *Server) settings(c call) answer {
	if c.URL.Query().Get("format") != "old" {
		return no(http.StatusNotImplemented, "api.config.client.old_format.app_error")
	}
	return ok(map[string]string{
		"MaxPostSize": strconv.Itoa(MaxPost), "Version": "10.11.0", "PostEditTimeLimit": s.faults.editLimit(),
		"AsymmetricSigningPublicKey": s.out.publicKey(),
	})
}

func (s *Server) getUser(c call) answer {
	if u := s.users[c.PathValue("id")]; u != nil {
		return ok(u)
	}
	return no(http.StatusNotFound, "app.user.missing_account.const")
}

func (s *Server) listUsers(c call) answer {
	q := c.URL.Query()
	if q.Get("in_team") == TeamID && s.team[c.user] { // who is in a team may see it
		return s.pageOf(c, s.team)
	}
	channel := q.Get("in_channel")
	if !s.isMember(channel, c.user) {
		return forbidden()
	}
	return s.pageOf(c, s.members[channel])
}

func (s *Server) channelByName(c call) answer {
	for _, channel := range s.channels {
		if channel.Name == c.PathValue("name") && c.PathValue("team") == Team {
			if channel.Type != model.ChannelTypeOpen && !s.isMember(channel.Id, c.user) && !s.admin(c) {
				break // it does not exist for who is not in it
			}
			return ok(channel)
		}
	}
	return no(http.StatusNotFound, "app.channel.get_by_name.missing.app_error")
}

func (s *Server) getChannel(c call) answer {
	channel := s.channels[c.PathValue("id")]
	switch {
	case channel == nil:
		return no(http.StatusNotFound, "app.channel.get.existing.app_error")
	case channel.Type != model.ChannelTypeOpen && !s.isMember(channel.Id, c.user) && !s.admin(c):
		return forbidden()
	}
	return ok(channel)
}

func (s *Server) stats(c call) answer {
	id := c.PathValue("id")
	if !s.isMember(id, c.user) {
		return forbidden()
	}
	st := &model.ChannelStats{ChannelId: id}
	for user := range s.members[id] {
		st.MemberCount++
		if s.users[user].IsGuest() {
			st.GuestCount++
		}
	}
	return ok(st)
}

func (s *Server) member(c call) answer {
	id, user := c.PathValue("id"), c.PathValue("user")
	if !s.isMember(id, c.user) {
		return forbidden()
	}
	if !s.isMember(id, user) {
		return no(http.StatusNotFound, "app.channel.get_member.missing.app_error")
	}
	return ok(&model.ChannelMember{ChannelId: id, UserId: user})
}

func (s *Server) direct(c call) answer {
	var ids []string
	if !c.decode(&ids) || len(ids) != 2 || !slices.Contains(ids, c.user) {
		return bad(invalidParam)
	}
	slices.Sort(ids)
	name := strings.Join(ids, "__")
	for _, channel := range s.channels {
		if channel.Name == name {
			return made(channel)
		}
	}
	channel := &model.Channel{Id: model.NewId(), Name: name, Type: model.ChannelTypeDirect, CreateAt: s.now()}
	s.channels[channel.Id] = channel
	s.members[channel.Id] = map[string]bool{ids[0]: true, ids[1]: true}
	return made(channel)
}

// list makes the answer that posts are given in.
func (s *Server) list(posts []*model.Post) answer {
	l := model.NewPostList()
	for _, p := range posts {
		l.AddPost(s.prepared(p))
		l.AddOrder(p.Id)
	}
	return ok(l)
}

func (s *Server) channelPosts(c call) answer {
	id := c.PathValue("id")
	if !s.isMember(id, c.user) {
		return forbidden()
	}
	since, asked := c.number("since"), c.URL.Query().Has("since")
	var posts []*model.Post
	for _, post := range slices.Backward(s.order) {
		p := s.posts[post]
		if p.ChannelId == id && (asked && p.UpdateAt > since || !asked && p.DeleteAt == 0) {
			posts = append(posts, p)
		}
	}
	if asked { // store/sqlstore/post_store.go, GetPostsSince, limits without an order; indices give what changed first
		slices.SortStableFunc(posts, func(a, b *model.Post) int { return cmp.Compare(a.UpdateAt, b.UpdateAt) })
		posts = posts[:min(len(posts), sinceMax)]
		slices.SortStableFunc(posts, func(a, b *model.Post) int { return cmp.Compare(b.CreateAt, a.CreateAt) })
		return s.list(posts)
	}
	per := min(int(c.number("per_page")), perPageMax)
	from := min(int(c.number("page"))*per, len(posts))
	return s.list(posts[from:min(from+per, len(posts))])
}

// readable is a post that stands and may be read by who asks.
func (s *Server) readable(c call) (*model.Post, answer) {
	p := s.posts[c.PathValue("id")]
	switch {
	case p == nil || p.DeleteAt != 0:
		return nil, no(http.StatusNotFound, "app.post.get.app_error")
	case !s.isMember(p.ChannelId, c.user):
		return nil, forbidden()
	}
	return p, answer{}
}

func (s *Server) getPost(c call) answer {
	p, refused := s.readable(c)
	if p == nil {
		return refused
	}
	return ok(s.prepared(p))
}

// prepared is a post with what is told of its files and reactions, alone and in
// lists (app/post_metadata.go, PreparePostForClient, PreparePostListForClient).
func (s *Server) prepared(p *model.Post) *model.Post {
	told := p.Clone()
	told.Metadata = &model.PostMetadata{}
	if p.DeleteAt != 0 {
		return told
	}
	if p.HasReactions {
		told.Metadata.Reactions = s.standing(p.Id)
	}
	for _, id := range p.FileIds {
		if f := s.files[id]; f != nil {
			told.Metadata.Files = append(told.Metadata.Files, &model.FileInfo{Id: id, PostId: p.Id, Name: f.name, Size: int64(len(f.data))})
		}
	}
	return told
}

// Attach puts a file of a user beside a post.
func (s *Server) Attach(post, name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, id := s.posts[post], model.NewId()
	s.files[id] = &upload{user: p.UserId, channel: p.ChannelId, name: name, data: data, attached: true}
	p.FileIds = append(p.FileIds, id)
}

func (s *Server) threadPosts(c call) answer {
	p, refused := s.readable(c)
	if p == nil {
		return refused
	}
	root := p.Id
	if p.RootId != "" {
		root = p.RootId
	}
	var posts []*model.Post
	for _, id := range s.order {
		if q := s.posts[id]; q.DeleteAt == 0 && (id == root || q.RootId == root) {
			posts = append(posts, q)
		}
	}
	return s.list(posts)
}

func (s *Server) getReactions(c call) answer {
	p, refused := s.readable(c)
	if p == nil {
		return refused
	}
	return ok(s.standing(p.Id))
}

// standing are the reactions under a post that were not taken away.
func (s *Server) standing(post string) []*model.Reaction {
	stand := []*model.Reaction{}
	for _, r := range s.reactions[post] {
		if r.DeleteAt == 0 {
			stand = append(stand, r)
		}
	}
	return stand
}

func (s *Server) createPost(c call) answer {
	var p model.Post
	if !c.decode(&p) {
		return bad(invalidParam)
	}
	if !s.isMember(p.ChannelId, c.user) || s.channels[p.ChannelId] == nil || s.faults.muted[p.ChannelId] {
		return forbidden()
	}
	// As app/post.go, deduplicateCreatePost: whoever sent the id before, and
	// wherever, the post it made is the answer; unless who asks cannot read it.
	if old, twice := s.pending[p.PendingPostId]; twice && time.Now().Before(old.until) {
		switch before := s.posts[old.id]; {
		case before.DeleteAt != 0:
			return no(http.StatusInternalServerError, "api.post.deduplicate_create_post.failed_to_get")
		case s.isMember(before.ChannelId, c.user):
			return made(before)
		}
	}
	p.UserId, p.Id, p.EditAt, p.DeleteAt = c.user, model.NewId(), 0, 0
	if refused := s.acceptable(&p); refused.id != "" {
		return refused
	}
	if s.users[c.user].IsBot {
		p.AddProp("from_bot", "true")
	}
	p.CreateAt = s.now()
	p.UpdateAt = p.CreateAt
	if p.PendingPostId != "" {
		s.pending[p.PendingPostId] = pendingPost{p.Id, time.Now().Add(pendingKept)}
	}
	s.keep(&p, 1)
	return made(&p)
}

// acceptable checks the content of a post, and takes its files.
func (s *Server) acceptable(p *model.Post) answer {
	switch {
	case p.RootId != "" && !s.isRoot(p.RootId, p.ChannelId):
		return bad("api.post.create_post.root_id.app_error")
	case utf8.RuneCountInString(p.Message) > MaxPost:
		return bad("model.post.is_valid.message_length.app_error")
	case strings.TrimSpace(p.Message) == "" && len(p.FileIds) == 0:
		return bad("model.post.is_valid.msg.app_error")
	case utf8.RuneCountInString(asJSON(p.GetProps())) > model.PostPropsMaxUserRunes:
		return bad("model.post.is_valid.props.app_error")
	case len(p.FileIds) > maxFiles:
		return bad("api.post.too_many_files.app_error")
	}
	for _, a := range p.Attachments() { // of what is not valid the server only warns (model/post.go, propsIsValid); its clients show no such button
		for _, b := range a.Actions {
			if err := b.IsValid(); err != nil || !actionRoute.MatchString(b.Id) || b.Integration == nil {
				return bad("fake.action.invalid")
			}
		}
	}
	for _, id := range p.FileIds {
		f := s.files[id]
		if f == nil || f.user != p.UserId || f.channel != p.ChannelId || f.attached {
			return bad("api.post.file_ids.app_error")
		}
	}
	for _, id := range p.FileIds {
		s.files[id].attached = true
	}
	return answer{}
}

// deletePost lets everybody delete what is their own (api4/post.go, deletePost).
func (s *Server) deletePost(c call) answer {
	p := s.posts[c.PathValue("id")]
	switch {
	case p == nil || p.DeleteAt != 0:
		return no(http.StatusNotFound, "app.post.get.app_error")
	case p.UserId != c.user || !s.isMember(p.ChannelId, c.user):
		return forbidden()
	}
	s.gone(p.Id)
	return ok(map[string]string{"status": "OK"})
}

func (s *Server) patchPost(c call) answer {
	var patch model.PostPatch
	if !c.decode(&patch) {
		return bad(invalidParam)
	}
	// As the server: what does not exist is refused like what is not allowed.
	p := s.posts[c.PathValue("id")]
	if p == nil || p.DeleteAt != 0 || p.UserId != c.user || !s.isMember(p.ChannelId, c.user) {
		return forbidden()
	}
	now := p.Clone()
	// app/post.go, UpdatePost: the text of an old post stays, whoever wrote it.
	limit, err := strconv.Atoi(s.faults.editLimit())
	if err == nil && limit >= 0 && patch.Message != nil && *patch.Message != p.Message && time.Now().UnixMilli() > p.CreateAt+int64(limit)*1000 {
		return bad("api.post.update_post.permissions_time_limit.app_error")
	}
	if s.faults.keepFiles {
		patch.FileIds = nil
	}
	now.Patch(&patch)
	added := now.Clone()
	added.RootId = ""
	added.FileIds = slices.DeleteFunc(slices.Clone(now.FileIds), func(id string) bool { return slices.Contains(p.FileIds, id) })
	if refused := s.acceptable(added); refused.id != "" {
		return refused
	}
	now.AddProp("from_bot", "true")
	s.shelve(p, s.now())
	now.EditAt, now.UpdateAt = p.UpdateAt, p.UpdateAt
	s.posts[p.Id] = now
	s.seen(fakeserver.Edited, now, "")
	s.broadcastPost(model.WebsocketEventPostEdited, now)
	return ok(now)
}

func (s *Server) ephemeral(c call) answer {
	var e model.PostEphemeral
	if !c.decode(&e) || e.Post == nil {
		return bad(invalidParam)
	}
	if s.faults.unwhisper || !s.isMember(e.Post.ChannelId, c.user) {
		return forbidden()
	}
	e.Post.UserId = c.user
	if refused := s.acceptable(e.Post); refused.id != "" {
		return refused
	}
	e.Post.Id, e.Post.CreateAt = model.NewId(), s.now()
	s.whispers = append(s.whispers, Whisper{e.UserID, e.Post})
	s.seen(fakeserver.Whispered, e.Post, e.UserID)
	s.changes.Tell()
	return made(e.Post)
}

func (s *Server) saveReaction(c call) answer {
	var r model.Reaction
	if !c.decode(&r) || !model.IsValidId(r.PostId) || !emojiKnown(r.EmojiName) {
		return bad("api.reaction.save_reaction.invalid.app_error")
	}
	p := s.posts[r.PostId]
	if r.UserId != c.user || p == nil || !s.isMember(p.ChannelId, c.user) {
		return forbidden()
	}
	if p.DeleteAt != 0 {
		return no(http.StatusNotFound, "app.post.get.app_error")
	}
	s.watch.Tell(func() fakeserver.Seen {
		return fakeserver.Seen{Kind: fakeserver.Reacted, From: c.user, Channel: p.ChannelId, Root: p.RootId, ID: p.Id, Text: r.EmojiName}
	})
	return ok(s.react(c.user, r.PostId, r.EmojiName))
}

func (s *Server) uploadFiles(c call) answer {
	c.Body = io.NopCloser(strings.NewReader(string(c.body)))
	if c.ParseMultipartForm(maxBody) != nil {
		return bad("api.file.upload_file.read_form_value.app_error")
	}
	channel := c.FormValue("channel_id")
	if !s.isMember(channel, c.user) {
		return forbidden()
	}
	out := &model.FileUploadResponse{}
	for _, h := range c.MultipartForm.File["files"] {
		in, err := h.Open()
		if err != nil {
			return bad(invalidParam)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return bad(invalidParam)
		}
		id := model.NewId()
		s.files[id] = &upload{user: c.user, channel: channel, name: h.Filename, data: data}
		out.FileInfos = append(out.FileInfos, &model.FileInfo{Id: id, Name: h.Filename, Size: int64(len(data))})
	}
	return made(out)
}
