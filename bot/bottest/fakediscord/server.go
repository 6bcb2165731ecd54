package fakediscord

import (
	"cmp"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// The server (guild) and the bot of a new Server.
const (
	Token   = "fake.bot.token" //nolint:gosec // opens nothing
	Guild   = "100000000000000001"
	App     = "100000000000000002"
	BotUser = "100000000000000003"
	BotRole = "100000000000000004"
)

// Permissions by their bits (topics/permissions).
const (
	addReactions   = 1 << 6
	ViewChannel    = 1 << 10
	SendMessages   = 1 << 11
	attachFiles    = 1 << 15
	readHistory    = 1 << 16
	manageThreads  = 1 << 34
	createThreads  = 1 << 35
	SendInThreads  = 1 << 38
	allPermissions = addReactions | ViewChannel | SendMessages | attachFiles | readHistory | manageThreads | createThreads | SendInThreads
)

// User is an account; Absent ones are not in the server.
type User struct {
	ID, Name             string
	Bot, Absent, Pending bool
	// TimedOut: a moderator took the word away for a while.
	TimedOut bool
	// NoDirect: direct messages of this server's members are refused.
	NoDirect bool
	Roles    []string
	// Webhook is not empty for what a webhook says under a name.
	Webhook string
}

// Channel is a channel or, with a Parent, a thread.
type Channel struct {
	ID, Name, Parent string
	Private          bool  // only the bot's role, and who was let in, can see it
	Denied           int64 // what the bot's role may not do there
	Archived, Locked bool
	Elsewhere        bool // in another server
	Direct           string
}

// Message is one message, as it stands now.
type Message struct {
	ID, Channel, Author string
	Content             string
	Components          json.RawMessage
	Files               []string
	Mentioned           []string // who was called when it was posted
	Nonce               string
	Key                 string // what enforce_nonce compares
	Flags               int
	Edits               int
	To                  string // of an ephemeral one: who saw it
	Loading             bool   // an answer that is put off
	Webhook             string
	Type                int
	EditedAt            time.Time
	Reactions           []Reaction
	shared              []*shared // files of people
}

// Reaction is one emoji under a message.
type Reaction struct {
	Name  string
	Users []string
}

// Call is one request.
type Call struct {
	Name   string // such as message.create
	At     time.Time
	Status int
	Code   int
	Global bool // refused with all others, of whatever name
}

// Fault makes the next requests of a name fail.
type Fault struct {
	Name       string
	Times      int
	Status     int
	Code       int
	RetryAfter time.Duration // of 429
	Global     bool
	After      bool // it takes effect, and fails nevertheless
}

// Server is Discord with one server in it. It is an http.Handler, and safe for
// concurrent use.
type Server struct {
	fakeserver.Clock
	settings

	// Interval is how often heartbeats are wanted; set it before use.
	Interval time.Duration

	mux      *http.ServeMux
	mu       sync.Mutex
	token    string
	content  bool // Message Content Intent is switched on
	member   bool // the bot is in the server
	users    map[string]User
	roles    []string
	everyone int64 // what the role of everybody allows
	channels map[string]*Channel
	messages map[string]*Message
	files    map[string][]byte
	shared   map[string]*shared      // files of people, by id
	host     string                  // by which it was asked
	cdn      string                  // the host of files, where it is another one
	acts     map[string]*interaction // by token
	commands json.RawMessage
	session  *session
	faults   []*Fault
	calls    []Call
	naked    int // messages without allowed_mentions
	timeouts int
	last     uint64
	tokens   int
	begun    int       // sessions
	limited  time.Time // until when no session can be begun
	rates    bool      // are kept
	lose     int
	twice    int
	holding  bool
	hold     []frame
	spent    map[string]*window // by what shares a limit; "" is everything
	changes  fakeserver.Changes
	watch    fakeserver.Watch
	closed   bool
	working  sync.WaitGroup
}

// New makes a server with the bot in it, and nobody else.
func New() *Server {
	s := &Server{
		Interval: 41250 * time.Millisecond, token: Token, content: true, member: true, users: map[string]User{}, channels: map[string]*Channel{},
		messages: map[string]*Message{}, files: map[string][]byte{}, shared: map[string]*shared{}, acts: map[string]*interaction{}, commands: json.RawMessage("[]"),
		spent: map[string]*window{}, everyone: ViewChannel | SendMessages | readHistory | addReactions,
	}
	s.users[BotUser] = User{ID: BotUser, Name: "gridwarden", Bot: true, Roles: []string{BotRole}}
	s.routes()
	return s
}

// Close ends the connection and everything that waits.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	if s.session != nil {
		s.session.drop()
	}
	s.changes.Tell()
	s.mu.Unlock()
	s.working.Wait()
}

// Until waits for a condition, which is asked whenever something changed; false
// after a time.
func (s *Server) Until(most time.Duration, ok func() bool) bool { return s.changes.Until(most, ok) }

// Serve answers on a listener until stop is called.
func (s *Server) Serve(l net.Listener) (stop func()) { return fakeserver.Serve(l, s, s.Close) }

// AddUser makes an account, or changes one.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[u.ID] = u
}

// AddRole makes a role.
func (s *Server) AddRole(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles = append(s.roles, id)
}

// SetRole gives a role to these users, and to no others.
func (s *Server) SetRole(id string, users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.roles, id) {
		s.roles = append(s.roles, id)
	}
	for key, u := range s.users {
		u.Roles = slices.DeleteFunc(slices.Clone(u.Roles), func(r string) bool { return r == id })
		if slices.Contains(users, key) {
			u.Roles = append(u.Roles, id)
		}
		s.users[key] = u
	}
}

// Everyone changes what the role of everybody allows, and tells the bot
// (events/gateway-events, Guild Role Update).
func (s *Server) Everyone(rights int64) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.everyone = rights
	return s.dispatch("GUILD_ROLE_UPDATE", map[string]any{"guild_id": Guild, "role": s.rolesJSON()[0]})
}

// AddChannel makes a channel or thread, or changes one.
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[c.ID] = &c
}

// Change changes a channel, and tells the bot.
func (s *Server) Change(id string, how func(*Channel)) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	how(c)
	kind := "CHANNEL_UPDATE"
	if c.Parent != "" {
		kind = "THREAD_UPDATE"
	}
	return s.dispatch(kind, s.channelJSON(c))
}

// Channel is a channel as it is now.
func (s *Server) Channel(id string) (Channel, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil {
		return Channel{}, false
	}
	return *c, true
}

// SetToken makes another token the valid one.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// SetContent switches the Message Content Intent on or off.
func (s *Server) SetContent(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content = on
}

// SetMember takes the bot into the server or out of it.
func (s *Server) SetMember(in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member = in
}

// LimitSessions lets no session begin for a while.
func (s *Server) LimitSessions(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limited = time.Now().Add(d)
}

// Fail adds a fault.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Calls gives the requests of a name so far; "" gives all.
func (s *Server) Calls(name string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c Call) bool { return name != "" && c.Name != name })
}

// Naked counts the messages that were made or changed without allowed_mentions, in
// which Discord would let every mention live.
func (s *Server) Naked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.naked
}

// Timeouts counts what people were told was not answered.
func (s *Server) Timeouts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.timeouts
}

// Messages gives what stands in a channel or thread, in order, ephemeral ones among it.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		if m.Channel == channel {
			out = append(out, *m)
		}
	}
	slices.SortFunc(out, func(a, b Message) int { return compare(a.ID, b.ID) })
	return out
}

// Forget drops a thread that a long test needs no more, the message that it hangs
// from, and what the session was sent. Nobody is told.
func (s *Server) Forget(root string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.channels, root)
	maps.DeleteFunc(s.messages, func(id string, m *Message) bool { return id == root || m.Channel == root })
	maps.DeleteFunc(s.acts, func(_ string, a *interaction) bool { return time.Since(a.made) > answersFor })
	if k := s.session; k != nil {
		k.past = k.past[max(0, len(k.past)-keptFrames):]
	}
	s.calls = nil
}

// keptFrames is more than a bot can miss that comes back at once.
const keptFrames = 1000

// Message is one message, nil when there is none.
func (s *Server) Message(id string) *Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messages[id]; m != nil {
		c := *m
		return &c
	}
	return nil
}

// All gives every message there is.
func (s *Server) All() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Message) int { return compare(a.ID, b.ID) })
	return out
}

// Shown is everything that people can see, as text.
func (s *Server) Shown() string {
	out := ""
	for _, m := range s.All() {
		text, _ := Show(m.Content)
		out += text + "\n"
	}
	return out
}

// File is the content of a file, nil when there is none of that name.
func (s *Server) File(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name]
}

// Commands are the slash commands of the server.
func (s *Server) Commands() json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commands
}

// epoch is what snowflakes count from (reference, snowflakes).
const epoch = 1420070400000

// id makes a snowflake: no two are equal, and they grow. The caller holds mu.
func (s *Server) id() string {
	now := uint64(max(time.Now().UnixMilli()-epoch, 1)) << 22
	s.last = max(s.last+1, now)
	return strconv.FormatUint(s.last, 10)
}

func madeAt(id string) time.Time {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(n>>22) + epoch)
}

func compare(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }
