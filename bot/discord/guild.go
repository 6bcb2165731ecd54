package discord

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/recall"
)

// The addresses of Discord, and the version that is spoken.
const (
	home    = "https://discord.com/"
	version = "10"
)

// guild is one server, and the bot in it.
type guild struct {
	name, id  string
	token     string // with "Bot " before it
	base      string // of the API, with the version
	log       *slog.Logger
	opt       Options
	session   *discordgo.Session // makes requests; its own gateway is never opened
	transport *http.Transport
	dialer    *websocket.Dialer

	people   *recall.Memory[member]
	channels *recall.Memory[place]    // by id
	shared   *recall.Memory[bool]     // who can read, by channel
	posts    *recall.Memory[standing] // messages, by id
	talks    *recall.Memory[*talk]    // interactions, by person and channel
	loading  *recall.Memory[*talk]    // the same by the message of an answer that is put off
	resuming resuming
	silence  bot.Silence
	claims   recall.Claims
	turns    recall.Turns // of people who react
	news     recall.Turns // of the connection itself: what was lost first is told first
	rejects  bot.Rejections
	// configured: a server, by its id, is this one or has a connection of its own.
	configured func(id string) bool

	mu         sync.Mutex
	self       *identity // nil: not asked yet
	began      time.Time // when this process did
	botRole    string    // the role that Discord made for the bot
	up, everUp bool
	reconnects int
	catching   int                  // gaps that are being read
	heard      time.Time            // the latest frame of a session
	not        map[string]time.Time // until when Discord wants not to be asked, by route
	votes      map[string]map[string]bool
	cards      map[string]card // by message
}

// card is a message whose reactions are followed: votes has those that were told.
type card struct {
	channel string // where the message is, which may be a thread
	at      bot.Thread
}

// identity is who the bot is.
type identity struct{ User, App string }

func newGuild(c Config, opt Options) (*guild, error) {
	token, err := c.TokenFile.Read()
	if err != nil {
		return nil, fmt.Errorf("discord: server %s: token: %w", c.Name, err)
	}
	proxy := http.ProxyFromEnvironment
	if opt.Dial != nil { // it knows the way
		proxy = nil
	}
	if opt.API == "" {
		opt.API = home
	}
	g := &guild{
		name: c.Name, id: c.Guild, token: "Bot " + token.Reveal(), base: opt.API + "api/v" + version + "/", log: opt.Log.With("workspace", c.Name), opt: opt,
		transport: &http.Transport{Proxy: proxy, DialContext: opt.Dial, MaxIdleConnsPerHost: bot.AtOnce, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: opt.Dial == nil},
		dialer:    &websocket.Dialer{Proxy: proxy, NetDialContext: opt.Dial, HandshakeTimeout: callDeadline},
		people:    recall.New[member](recall.Limit), channels: recall.New[place](recall.Limit), shared: recall.New[bool](recall.Limit), posts: recall.New[standing](recall.Limit), talks: recall.New[*talk](recall.Limit), loading: recall.New[*talk](recall.Limit),
		began: now(), not: map[string]time.Time{}, votes: map[string]map[string]bool{}, cards: map[string]card{},
	}
	if g.session, err = discordgo.New(g.token); err != nil {
		return nil, fmt.Errorf("discord: server %s: %w", c.Name, err)
	}
	g.session.UserAgent = "DiscordBot (https://github.com/gridwarden/gridwarden, 1)"
	return g, nil
}

// me asks once who the bot is.
func (g *guild) me(ctx context.Context) (identity, error) {
	g.mu.Lock()
	self := g.self
	g.mu.Unlock()
	if self != nil {
		return *self, nil
	}
	app, err := g.application(ctx)
	if err != nil {
		return identity{}, err
	}
	id := identity{User: app.Bot.ID, App: app.ID}
	if id.User == "" {
		id.User = app.ID // an application and its bot have the same id, but the oldest ones
	}
	g.mu.Lock()
	g.self = &id
	g.mu.Unlock()
	return id, nil
}

// application is what Discord says of ours.
type application struct {
	ID    string `json:"id"`
	Flags int    `json:"flags"`
	// Endpoint is where Discord sends interactions instead of the gateway.
	Endpoint string `json:"interactions_endpoint_url"`
	Bot      struct {
		ID string `json:"id"`
	} `json:"bot"`
}

func (g *guild) application(ctx context.Context) (application, error) {
	var app application
	err := g.ask(ctx, question{what: "who the bot is", method: http.MethodGet, path: "applications/@me", route: "applications/@me"}, &app)
	return app, err
}
