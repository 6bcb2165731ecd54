package fakemattermost

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Team is the name of the one team.
const Team = "grid"

// MaxPost is how many runes a post may have.
const MaxPost = 16383

// Server is the fake. It is an http.Handler, and has methods for what people
// and admins do. It is safe for concurrent use.
type Server struct {
	fakeserver.Clock

	routes http.Handler

	mu        sync.Mutex
	last      int64 // the latest time given, in ms: no two changes have the same
	users     map[string]*model.User
	tokens    map[string]string // token to user id
	channels  map[string]*model.Channel
	members   map[string]map[string]bool // channel to user ids
	posts     map[string]*model.Post
	order     []string // post ids as they were made
	reactions map[string][]*model.Reaction
	files     map[string]*upload
	pending   map[string]pendingPost
	whispers  []Whisper
	sockets   map[string]*socket // by connection id
	live      []*socket
	faults    faults
	latest    queued // that was told
	told      queued // the latest of it that people did
	changes   fakeserver.Changes
	watch     fakeserver.Watch
	calls     map[string]int
	team      map[string]bool // user ids of its members
	out       integrations
}

type upload struct {
	user, channel, name string
	data                []byte
	attached            bool
}

type pendingPost struct {
	id    string
	until time.Time
}

// Whisper is a post that one user saw.
type Whisper struct {
	To   string
	Post *model.Post
}

// New makes a server with one team and nobody in it.
func New() *Server {
	s := &Server{
		users: map[string]*model.User{}, tokens: map[string]string{}, channels: map[string]*model.Channel{},
		members: map[string]map[string]bool{}, posts: map[string]*model.Post{}, reactions: map[string][]*model.Reaction{},
		files: map[string]*upload{}, pending: map[string]pendingPost{}, sockets: map[string]*socket{},
		calls: map[string]int{}, team: map[string]bool{}, out: newIntegrations(),
	}
	s.routes = s.mux()
	return s
}

// now is the time of a change. The caller holds mu.
func (s *Server) now() int64 {
	s.last = max(time.Now().UnixMilli(), s.last+1)
	return s.last
}

// AddUser makes a full member of the server and returns it, to be changed
// before anything else happens or by Change.
func (s *Server) AddUser(name string) *model.User { return s.AddUserAs(model.NewId(), name) }

// AddUserAs is AddUser with an id that is known beforehand.
func (s *Server) AddUserAs(id, name string) *model.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &model.User{Id: id, Username: name, Roles: model.SystemUserRoleId, CreateAt: s.now()}
	s.users[u.Id], s.team[u.Id] = u, true
	return u
}

// AddBot makes a bot account with a token.
func (s *Server) AddBot(name, token string) *model.User {
	return s.AddBotAs(model.NewId(), name, token)
}

// AddBotAs is AddBot with an id that is known beforehand.
func (s *Server) AddBotAs(id, name, token string) *model.User {
	u := s.AddUserAs(id, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	u.IsBot = true
	s.tokens[token] = u.Id
	return u
}

// Change changes a user as an admin does; everybody is told. It is also how a
// member becomes a guest (app/user.go, DemoteUserToGuest).
func (s *Server) Change(id string, change func(*model.User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.users[id])
	s.broadcast("", model.WebsocketEventUserUpdated, map[string]any{"user": s.users[id].DeepCopy()}) // it is written later, when the user may be changed again
}

// Revoke makes a token worthless; Grant makes another. As app/platform/web_conn.go,
// IsBasicAuthenticated: a socket that was opened with it stays, is sent nothing any
// more, and is told so when it asks.
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := s.tokens[token]
	delete(s.tokens, token)
	for _, c := range s.live {
		c.revoked = c.revoked || c.user == user
	}
}

// Grant makes a token for a user.
func (s *Server) Grant(id, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = id
}

// AddChannel makes a channel with members.
func (s *Server) AddChannel(name string, kind model.ChannelType, members ...*model.User) *model.Channel {
	return s.AddChannelAs(model.NewId(), name, kind, members...)
}

// AddChannelAs is AddChannel with an id that is known beforehand.
func (s *Server) AddChannelAs(id, name string, kind model.ChannelType, members ...*model.User) *model.Channel {
	s.mu.Lock()
	c := &model.Channel{Id: id, Name: name, DisplayName: name, Type: kind, TeamId: TeamID, CreateAt: s.now()}
	s.channels[c.Id] = c
	s.members[c.Id] = map[string]bool{}
	s.mu.Unlock()
	for _, u := range members {
		s.Join(c.Id, u.Id)
	}
	return c
}

// Join and Leave change who is in a channel.
func (s *Server) Join(channel, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[channel][user] = true
	s.broadcast(channel, model.WebsocketEventUserAdded, map[string]any{"user_id": user, "team_id": TeamID})
}

// Leave takes a user out of a channel.
func (s *Server) Leave(channel, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broadcast(channel, model.WebsocketEventUserRemoved, map[string]any{"user_id": user})
	delete(s.members[channel], user)
}

// Share makes a channel one of several servers, or takes that back, as
// services/sharedchannel/service.go does, notifyClientsForSharedChannelConverted:
// those in it are told that the channel was changed.
func (s *Server) Share(channel string, shared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	c.Shared = &shared
	s.broadcast(channel, model.WebsocketEventChannelUpdated, map[string]any{"channel": asJSON(c)})
}

// Type has a user post a text. With times above 1 it is delivered that often.
func (s *Server) Type(user, channel, root, text string, times int) *model.Post {
	return s.Say(&model.Post{UserId: user, ChannelId: channel, RootId: root, Message: text}, times)
}

// Say makes a post as it is given, with properties of a webhook for example.
func (s *Server) Say(p *model.Post, times int) *model.Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Id, p.CreateAt = model.NewId(), s.now()
	p.UpdateAt = p.CreateAt
	s.keep(p, times)
	return p.Clone()
}

// keep stores a new post and tells it. The caller holds mu.
func (s *Server) keep(p *model.Post, times int) {
	s.posts[p.Id] = p
	s.order = append(s.order, p.Id)
	s.seen(fakeserver.Posted, p, "")
	for range times {
		s.broadcastPost(model.WebsocketEventPosted, p)
	}
	if !s.users[p.UserId].IsBot {
		s.told = s.latest
	}
	s.changes.Tell()
}

// EditAs and DeleteAs are what an admin does to somebody's post.
func (s *Server) EditAs(post, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.posts[post]
	s.shelve(p, s.now())
	p.Message, p.EditAt = text, p.UpdateAt
	s.broadcastPost(model.WebsocketEventPostEdited, p)
}

// shelve keeps a post as it was before a change, as one that is deleted and has
// an id of its own: store/sqlstore/post_store.go, Update. The caller holds mu.
func (s *Server) shelve(p *model.Post, at int64) {
	old := p.Clone()
	old.Id, old.OriginalId, old.DeleteAt, old.UpdateAt = model.NewId(), p.Id, at, at
	s.posts[old.Id] = old
	s.order = slices.Insert(s.order, slices.Index(s.order, p.Id), old.Id) // made at the same time
	p.UpdateAt = at
}

// DeleteAs deletes a post and what hangs from it. Who did it only admins are told
// (app/post.go, DeletePost: delete_by is in an event of its own for them).
func (s *Server) DeleteAs(_, post string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone(post)
}

// gone deletes a post and what hangs from it. The caller holds mu.
func (s *Server) gone(post string) {
	for _, id := range s.order {
		p := s.posts[id]
		if p.DeleteAt != 0 || id != post && p.RootId != post {
			continue
		}
		p.DeleteAt = s.now()
		p.UpdateAt = p.DeleteAt
		if id == post {
			s.broadcast(p.ChannelId, model.WebsocketEventPostDeleted, map[string]any{"post": asJSON(p)})
		}
	}
}

// React and Unreact put an emoji under a post and take it away.
func (s *Server) React(user, post, emoji string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.react(user, post, emoji)
	s.told = s.latest
}

// react is a reaction of somebody. The caller holds mu. A reaction that comes
// again keeps the time it was first made, and bears the new one as its change.
func (s *Server) react(user, post, emoji string) *model.Reaction {
	p, at := s.posts[post], s.now()
	told := &model.Reaction{UserId: user, PostId: post, EmojiName: emoji, CreateAt: at, UpdateAt: at, ChannelId: p.ChannelId}
	stored := *told
	for _, r := range s.reactions[post] {
		if r.UserId == user && r.EmojiName == emoji {
			r.UpdateAt, r.DeleteAt = at, 0
			stored = model.Reaction{}
		}
	}
	if stored.PostId != "" {
		s.reactions[post] = append(s.reactions[post], &stored)
	}
	p.HasReactions, p.UpdateAt = true, at
	s.broadcast(p.ChannelId, model.WebsocketEventReactionAdded, map[string]any{"reaction": asJSON(told)})
	return told
}

// Unreact takes a reaction away. The server tells its own time only.
func (s *Server) Unreact(user, post, emoji string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, at := s.posts[post], s.now()
	p.HasReactions = false
	for _, r := range s.reactions[post] {
		if r.UserId == user && r.EmojiName == emoji && r.DeleteAt == 0 {
			r.UpdateAt, r.DeleteAt = at, at
		}
		p.HasReactions = p.HasReactions || r.DeleteAt == 0
	}
	p.UpdateAt = at
	s.broadcast(p.ChannelId, model.WebsocketEventReactionRemoved, map[string]any{"reaction": asJSON(&model.Reaction{UserId: user, PostId: post, EmojiName: emoji, UpdateAt: at})})
	s.told = s.latest
}

// Again delivers once more what people did last.
func (s *Server) Again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broadcast(s.told.channel, s.told.kind, s.told.data)
}

// Posts are the posts that stand, in order.
func (s *Server) Posts() []*model.Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*model.Post
	for _, id := range s.order {
		if p := s.posts[id]; p.DeleteAt == 0 {
			out = append(out, p.Clone())
		}
	}
	return out
}

// Thread gives the posts that stand in a thread, but not its first one, in order.
func (s *Server) Thread(root string) []*model.Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*model.Post
	for _, id := range s.order {
		if p := s.posts[id]; p.RootId == root && p.DeleteAt == 0 {
			out = append(out, p.Clone())
		}
	}
	return out
}

// Forget drops a thread that a long test needs no more, and the calls so far.
// Nobody is told.
func (s *Server) Forget(root string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = slices.DeleteFunc(s.order, func(id string) bool {
		gone := id == root || s.posts[id].RootId == root
		if gone {
			delete(s.posts, id)
			delete(s.reactions, id)
		}
		return gone
	})
	s.out.calls, s.whispers = nil, nil
}

// Whispers are the posts for one user only.
func (s *Server) Whispers() []Whisper {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.whispers)
}

// Reactions are the emoji of a user under a post.
func (s *Server) Reactions(post, user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.reactions[post] {
		if r.UserId == user && r.DeleteAt == 0 {
			out = append(out, r.EmojiName)
		}
	}
	return out
}

// File is what an uploaded file holds.
func (s *Server) File(id string) (name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[id]
	if f == nil {
		return "", nil
	}
	return f.name, slices.Clone(f.data)
}

// ChannelName is the name of a channel; that of a direct one is made of the ids of
// the two (model/channel.go, GetDMNameFromIds).
func (s *Server) ChannelName(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[id]; c != nil {
		return c.Name
	}
	return ""
}

// Connections counts the open sockets; Calls the calls of a method and path,
// such as "POST /posts".
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live)
}

// Calls counts calls.
func (s *Server) Calls(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call]
}

// Await returns when cond holds, and reports whether it did in time. cond may
// call any method.
func (s *Server) Await(patience time.Duration, cond func() bool) bool {
	return s.changes.Until(patience, cond)
}

// asJSON is how the server tells something. What buttons carry is never told:
// model/post.go, EncodeJSON and ToJSON.
func asJSON(v any) string {
	switch p := v.(type) {
	case *model.Post:
		v = stripped(p)
	case *model.PostList:
		told := model.NewPostList()
		told.Order = p.Order
		for _, q := range p.Posts {
			told.AddPost(stripped(q))
		}
		v = told
	}
	data, err := json.Marshal(v)
	if err != nil { // the server's own types always marshal
		panic(fmt.Sprintf("fakemattermost: %v", err))
	}
	return string(data)
}

func stripped(p *model.Post) *model.Post {
	if p.GetProp(model.PostPropsAttachments) == nil {
		return p
	}
	told := p.Clone()
	var all []*model.SlackAttachment
	for _, a := range p.Attachments() {
		c := *a
		c.Actions = nil
		for _, b := range a.Actions {
			button := *b
			button.Integration = nil
			c.Actions = append(c.Actions, &button)
		}
		all = append(all, &c)
	}
	told.AddProp(model.PostPropsAttachments, all)
	return told
}

// broadcastPost tells of a post. The caller holds mu.
func (s *Server) broadcastPost(kind model.WebsocketEventType, p *model.Post) {
	data := map[string]any{"post": asJSON(s.prepared(p))}
	if kind == model.WebsocketEventPosted {
		c := s.channels[p.ChannelId]
		data["channel_name"], data["channel_type"], data["sender_name"] = c.Name, string(c.Type), "@"+s.users[p.UserId].Username
	}
	s.broadcast(p.ChannelId, kind, data)
}

// isRoot reports whether a thread can hang from a post. The caller holds mu.
func (s *Server) isRoot(id, channel string) bool {
	p := s.posts[id]
	return p != nil && p.DeleteAt == 0 && p.RootId == "" && p.ChannelId == channel
}

func (s *Server) isMember(channel, user string) bool { return s.members[channel][user] }

func emojiKnown(name string) bool {
	base, _, _ := strings.Cut(name, "_skin_tone")
	return slices.ContainsFunc([]string{"+1", "-1", "thumbsup", "thumbsdown", "white_check_mark", "x", "no_entry", "eyes", "tada", "pushpin", "round_pushpin"},
		func(known string) bool { return base == known || strings.HasPrefix(base, known+"_") })
}
