package fakeslack

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Tokens that a new Server takes, and who it is.
const (
	AppToken = "xapp-1-A0FAKE-1-fake" //nolint:gosec // opens nothing
	BotToken = "xoxb-fake-bot"        //nolint:gosec // opens nothing
	Team     = "T0FAKE"
	BotUser  = "U0BOT"
	BotID    = "B0BOT"
)

// User is an account. The zero Team is the workspace's own.
type User struct {
	ID, Name, Team                                 string
	Bot, Deleted, Restricted, UltraGuest, Stranger bool
	// Relay is a bot that speaks under the names of others.
	Relay bool
}

// Channel is a conversation.
type Channel struct {
	ID         string
	Name       string
	Private    bool
	Direct     bool
	ExtShared  bool
	PendingExt bool
	Archived   bool
	ReadOnly   bool // the bot may not post there
	Members    []string
}

// Message is one message, as it stands now.
type Message struct {
	TS, Channel, Root string
	User, Bot         string
	Text              string
	Blocks            json.RawMessage
	Metadata          json.RawMessage
	Edits             int
	To                string // of an ephemeral one: who saw it
	Files             []string
	Sizes             map[string]int // of files, where they are known
	Buried            bool           // deleted, with answers below it
	data              [][]byte       // of the files
	shared            []*shared      // files of people
	Reactions         []Reaction
}

// Reaction is one emoji under a message.
type Reaction struct {
	Name  string
	Users []string
}

// Call is one call of the Web API.
type Call struct {
	Method string
	At     time.Time
	Error  string // Slack's word; "" when it succeeded
	Status int    // of HTTP, where that is no success
}

// Fault makes the next calls of a method fail.
type Fault struct {
	Method     string
	Times      int
	Status     int           // 429, 500, 503; 0: Error
	Error      string        // Slack's word
	RetryAfter time.Duration // of 429
	After      bool          // the call takes effect, and fails nevertheless
}

// Server is a workspace. It is an http.Handler, and safe for concurrent use.
type Server struct {
	fakeserver.Clock // of its answers; Skew is for what it signs

	// Retries is after which times an event that was not acknowledged is sent
	// again; set it before use.
	Retries []time.Duration
	// AckWithin is how long Slack waits for an acknowledgement.
	AckWithin time.Duration
	// PingEvery is how often the server pings a socket.
	PingEvery time.Duration
	// AnyBot takes what Slack takes, and not only what a bot of this module may
	// send: previews of links, and kinds of blocks that it never makes.
	AnyBot bool

	mu       sync.Mutex
	limited  bool
	spent    map[string]*fakeserver.Bucket // by method, and of messages by channel
	hung     bool                          // over HTTP: the connections that stand pass nothing
	revoked  bool
	users    map[string]User
	channels map[string]*Channel
	groups   map[string][]string
	messages map[string]map[string]*Message // by channel and ts
	uploads  map[string]*upload
	shared   map[string]*shared // files of people, by id
	cdn      string             // the host of files, where it is another one
	triggers map[string]time.Time
	views    map[string]json.RawMessage // by trigger
	sockets  []*socket
	tickets  map[string]bool
	pending  map[string]*delivery // by envelope id
	faults   []*Fault
	calls    []Call
	last     int64 // the latest ts, in microseconds
	next     int
	lose     int
	twice    int
	hold     []*delivery // that wait to be sent
	holding  bool
	linkOff  bool
	timeouts int
	scopes   string
	team     string   // where things happen
	forTeams []string // whose installations are told
	events   []string // that the app subscribes to; nil: all
	changes  fakeserver.Changes
	watch    fakeserver.Watch
	closed   bool
	working  sync.WaitGroup

	http        *HTTP // nil: Socket Mode
	skew        time.Duration
	requests    []Request
	attempts    []attempt
	switchedOff bool
}

type upload struct {
	name string
	size int
	data []byte
	done bool
}

// New makes a workspace with the bot in it, and nobody else.
func New() *Server {
	s := &Server{
		Retries: []time.Duration{0, time.Minute, 5 * time.Minute}, AckWithin: 3 * time.Second, PingEvery: 10 * time.Second,
		users: map[string]User{}, channels: map[string]*Channel{}, groups: map[string][]string{}, messages: map[string]map[string]*Message{},
		uploads: map[string]*upload{}, shared: map[string]*shared{}, triggers: map[string]time.Time{}, views: map[string]json.RawMessage{}, tickets: map[string]bool{},
		pending: map[string]*delivery{}, spent: map[string]*fakeserver.Bucket{},
		team: Team, forTeams: []string{Team},
		scopes: "app_mentions:read,channels:history,channels:read,chat:write,commands,files:read,files:write,groups:history,groups:read,reactions:read,reactions:write,users:read,usergroups:read",
	}
	s.users[BotUser] = User{ID: BotUser, Name: "gridwarden", Team: Team, Bot: true}
	return s
}

// Close ends every socket and everything that waits.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for _, k := range s.sockets {
		_ = k.conn.Close()
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
	if u.Team == "" {
		u.Team = Team
	}
	s.users[u.ID] = u
}

// AddChannel makes a channel. The bot is in it only when it is among the members.
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[c.ID] = &c
	if s.messages[c.ID] == nil {
		s.messages[c.ID] = map[string]*Message{}
	}
}

// SetGroup makes a user group.
func (s *Server) SetGroup(id string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = members
}

// SetScopes says what the bot's token allows, separated by commas.
func (s *Server) SetScopes(scopes string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes = scopes
}

// Revoke takes both tokens away and closes the sockets; Restore gives them back.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = true
	for _, k := range s.sockets {
		_ = k.conn.Close()
	}
	s.changes.Tell()
}

// Restore undoes Revoke.
func (s *Server) Restore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = false
}

// Fail adds a fault.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// fault returns the fault for a call that is made now, nil for none. The caller holds mu.
func (s *Server) fault(method string) *Fault {
	for _, f := range s.faults {
		if f.Method == method && f.Times > 0 {
			f.Times--
			return f
		}
	}
	return nil
}

// Calls gives the calls of a method so far; "" gives all.
func (s *Server) Calls(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c Call) bool { return method != "" && c.Method != method })
}

// Timeouts counts what people were told had timed out.
func (s *Server) Timeouts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.timeouts
}

// Messages gives what stands in a channel, threads among it, in order.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages[channel] {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Message) int { return strings.Compare(a.TS, b.TS) })
	return out
}

// Thread gives what stands in a thread, but not its first message, in order.
func (s *Server) Thread(channel, root string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages[channel] {
		if m.Root == root {
			out = append(out, *m)
		}
	}
	slices.SortFunc(out, func(a, b Message) int { return strings.Compare(a.TS, b.TS) })
	return out
}

// Forget drops a thread that a long test needs no more, and what was sent and
// acknowledged. Nobody is told.
func (s *Server) Forget(channel, root string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.messages[channel], func(_ string, m *Message) bool { return m.TS == root || m.Root == root })
	maps.DeleteFunc(s.pending, func(_ string, d *delivery) bool { return d.done })
	s.calls = nil
}

// File is the content of an uploaded file, nil when there is none of that name.
func (s *Server) File(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.uploads {
		if u.name == name && u.done {
			return u.data
		}
	}
	return nil
}

// ts makes the time of a message: no two are equal. The caller holds mu.
func (s *Server) ts() string {
	s.last = max(s.last+1, time.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", s.last/1e6, s.last%1e6)
}

func (s *Server) id(prefix string) string {
	s.next++
	return fmt.Sprintf("%s%d", prefix, s.next)
}

func (s *Server) member(channel, user string) bool {
	c := s.channels[channel]
	return c != nil && slices.Contains(c.Members, user)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Date(w.Header())
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		s.serveAPI(w, r)
	case r.URL.Path == "/link":
		s.serveSocket(w, r)
	case strings.HasPrefix(r.URL.Path, "/upload/"):
		s.serveUpload(w, r)
	case strings.HasPrefix(r.URL.Path, "/files-pri/"):
		s.serveFile(w, r)
	default:
		http.NotFound(w, r)
	}
}
