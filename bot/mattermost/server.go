package mattermost

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/recall"
)

// Bounds of talking to a server.
const (
	callDeadline   = 20 * time.Second
	dialDeadline   = 15 * time.Second
	defaultMaxPost = 16383 // runes; what a server says itself counts
	leastMaxPost   = 1000
	believeUser    = 30 * time.Second // the server tells changes meanwhile
	believeChannel = 15 * time.Second // a server tells of a new guest before it counts him
	maxCached      = 10_000           // entries of each cache before it is emptied
)

// server is one Mattermost server.
type server struct {
	config Config
	o      Options
	log    *slog.Logger
	client *http.Client
	dialer *websocket.Dialer

	mu          sync.Mutex
	token       string
	me          *model.User      // nil until the first login
	maxPost     int              // runes
	editLimit   string           // seconds after which posts stay as they are; "-1" for never
	signing     *ecdsa.PublicKey // of the server, for triggers; nil: not told
	keyRead     time.Time
	teamID      string
	handle      handler // nil: nobody listens
	rejects     bot.Rejections
	up          bool
	silence     bot.Silence
	connections int
	byName      map[string]string    // id of a listed channel, for ever: a rename does not move it
	names       map[string]string    // and back
	audiences   *recall.Memory[bool] // who can read, by channel
	users       *recall.Memory[*model.User]
	posts       *recall.Memory[place]          // of posts somebody reacted on
	reactions   map[string]map[string]reaction // on posts of ours, by post and reaction
	latest      int64                          // the latest time that the server told, in ms
}

// place is where a post stands.
type place struct {
	channel, root string
	ours          bool
}

func newServer(c Config, o Options) (*server, error) {
	if c.Full() && o.Public == "" {
		return nil, fmt.Errorf("mattermost: %s: command_tokens_file needs http.public_url, where the server calls gridwarden", c.Name)
	}
	s := tokenless(c, o)
	return s, s.readToken()
}

// tokenless is a server that has no token yet.
func tokenless(c Config, o Options) *server {
	if o.Channels == nil {
		o.Channels = func(string) []string { return nil }
	}
	if o.Commands == nil {
		o.Commands = func() []string { return nil }
	}
	if o.Accounts == nil {
		o.Accounts = func(string) []string { return nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c.URL, o.Public = strings.TrimSuffix(c.URL, "/"), strings.TrimSuffix(o.Public, "/")
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: o.Dial, ForceAttemptHTTP2: o.Dial == nil,
		MaxIdleConnsPerHost: bot.AtOnce, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: dialDeadline, ResponseHeaderTimeout: callDeadline,
	}
	s := &server{
		config: c, o: o, log: o.Log.With("platform", Name, "workspace", c.Name),
		client:  &http.Client{Transport: transport, Timeout: callDeadline, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		dialer:  &websocket.Dialer{Proxy: http.ProxyFromEnvironment, NetDialContext: o.Dial, HandshakeTimeout: dialDeadline},
		maxPost: defaultMaxPost,
	}
	s.audiences, s.users, s.posts = recall.New[bool](maxCached), recall.New[*model.User](maxCached), recall.New[place](maxCached)
	s.byName, s.names = map[string]string{}, map[string]string{}
	s.reactions = map[string]map[string]reaction{}
	return s
}

// readToken reads the token's file.
func (s *server) readToken() error {
	token, err := s.config.TokenFile.Read()
	if err != nil {
		return fmt.Errorf("mattermost: the token for %s: %w", s.config.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = strings.TrimSpace(token.Reveal())
	return nil
}

// forget drops what the server may have changed while nobody listened.
func (s *server) forget() {
	s.audiences.Clear()
	s.users.Clear()
	s.posts.Clear()
}

// api is a client with the token as it is now.
func (s *server) api() *model.Client4 {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := model.NewAPIv4Client(s.config.URL)
	c.HTTPClient = s.client
	c.SetToken(s.token)
	return c
}

// login learns who the bot is and what the server allows.
func (s *server) login(ctx context.Context) error {
	me, err := ask(ctx, s, "who the bot is", func(ctx context.Context, c *model.Client4) (*model.User, *model.Response, error) {
		return c.GetMe(ctx, "")
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.me = me
	s.mu.Unlock()
	if err := s.readSettings(ctx); err != nil {
		return err
	}
	for _, name := range s.o.Channels(s.config.Name) {
		if _, err := s.channelID(ctx, name); err != nil {
			s.log.ErrorContext(ctx, "a listed channel cannot be found: invite the bot to it, or correct its name", "channel", name, "error", err)
		}
	}
	return nil
}

// readSettings learns what the server allows, and its key.
func (s *server) readSettings(ctx context.Context) error {
	settings, err := ask(ctx, s, "the settings", settingsOf)
	if err != nil {
		return err
	}
	limit, err := strconv.Atoi(settings["MaxPostSize"])
	if err != nil || limit < leastMaxPost {
		limit = defaultMaxPost
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxPost, s.editLimit = min(limit, defaultMaxPost), settings["PostEditTimeLimit"]
	s.signing, s.keyRead = signingKey(settings["AsymmetricSigningPublicKey"]), time.Now()
	return nil
}

// settingsOf reads what clients may know. The SDK's own call leaves out the
// format, without which servers before 11 refuse.
func settingsOf(ctx context.Context, c *model.Client4) (map[string]string, *model.Response, error) {
	r, err := c.DoAPIGet(ctx, "/config/client?format=old", "")
	if err != nil {
		return nil, model.BuildResponse(r), err
	}
	defer r.Body.Close()
	return model.DecodeJSONFromResponse[map[string]string](r)
}

// self is the bot's own user; it logs in when nobody did.
func (s *server) self(ctx context.Context) (*model.User, error) {
	s.mu.Lock()
	me := s.me
	s.mu.Unlock()
	if me != nil {
		return me, nil
	}
	if err := s.login(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.me, nil
}

func (s *server) thread(channel, root string) bot.Thread {
	return bot.Thread{Platform: Name, Workspace: s.config.Name, Channel: channel, Root: root}
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
