package discord

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
	"github.com/gridwarden/gridwarden/bot/recall"
)

// markLine begins the small last line of a message by which it is found again:
// Discord keeps nothing beside a message for the one who wrote it.
const markLine = "-# ref "

var marked = regexp.MustCompile(`(?:^|\n)-# ref ([0-9a-f]{12})$`)

// markOf is the mark of a key, short enough to stand under a message. It is
// looked for among the bot's own messages of one thread only.
func markOf(t bot.Thread, key string) string {
	sum := sha256.Sum256([]byte(t.String() + "\x00" + key))
	return hex.EncodeToString(sum[:6])
}

// nonceOf makes of a key what Discord takes for one message said twice, for a few
// minutes. It is at most 25 characters long.
func nonceOf(t bot.Thread, key string) string {
	sum := sha256.Sum256([]byte("nonce\x00" + t.String() + "\x00" + key))
	return hex.EncodeToString(sum[:12])
}

// standing is where a message stands, and whether the bot wrote it.
type standing struct {
	channel string
	ours    bool
	mark    string
	said    [4]string // digests of what the bot made it say, the latest ones
}

// outgoing is the body of a new message. discordgo knows no nonce.
type outgoing struct {
	Content     string                            `json:"content"`
	Components  []discordgo.MessageComponent      `json:"components"`
	Mentions    *discordgo.MessageAllowedMentions `json:"allowed_mentions"`
	Flags       discordgo.MessageFlags            `json:"flags"`
	Attachments []attachment                      `json:"attachments,omitempty"`
	Nonce       string                            `json:"nonce,omitempty"`
	Enforce     bool                              `json:"enforce_nonce,omitempty"`
}

// changed is the body of a change. Attachments are those that it has afterwards.
type changed struct {
	Content     string                            `json:"content"`
	Components  []discordgo.MessageComponent      `json:"components"`
	Mentions    *discordgo.MessageAllowedMentions `json:"allowed_mentions"`
	Attachments []attachment                      `json:"attachments"`
}

type attachment struct {
	ID       int    `json:"id"`
	Filename string `json:"filename"`
}

// mentions allows those who are notified, and nobody else whatever the text says.
func mentions(users []string) *discordgo.MessageAllowedMentions {
	return &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}, Users: users}
}

func rows(c []discordgo.MessageComponent) []discordgo.MessageComponent {
	if c == nil {
		return []discordgo.MessageComponent{}
	}
	return c
}

// Post implements bot.Platform.
func (p *Platform) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return p.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster. A key makes the message one, however
// often it is posted within a few minutes; later it is found by its mark.
func (p *Platform) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	g, err := p.at(t)
	if err != nil {
		return "", err
	}
	mark := ""
	if key != "" {
		mark = markOf(t, key)
	}
	r, err := g.render(bounded(m), mark)
	if err != nil {
		return "", err
	}
	channel, err := g.open(ctx, t, titleOf(m))
	if err != nil {
		return "", g.explain(t, err)
	}
	// What one message cannot hold of files goes before it, so that nobody
	// approves what could not be shown.
	for n := 0; len(r.files) > maxFiles; n++ {
		some := page{content: "Files of the message below.", files: r.files[:maxFiles]}
		if _, err := g.send(ctx, t, channel, fileKey(key, n), "", some); err != nil {
			return "", g.explain(t, err)
		}
		r.files = r.files[maxFiles:]
	}
	id, err := g.send(ctx, t, channel, key, mark, r)
	if err != nil {
		return "", g.explain(t, err)
	}
	return id, nil
}

func fileKey(key string, n int) string {
	if key == "" {
		return ""
	}
	return fmt.Sprintf("%s/files/%d", key, n)
}

// send posts one message in a channel or thread.
func (g *guild) send(ctx context.Context, t bot.Thread, channel, key, mark string, r page) (string, error) {
	files, attachments := uploads(r.files)
	out := outgoing{Content: r.content, Components: rows(r.components), Mentions: mentions(r.users), Flags: discordgo.MessageFlagsSuppressEmbeds, Attachments: attachments}
	if key != "" {
		out.Nonce, out.Enforce = nonceOf(t, key), true
	}
	var made discordgo.Message
	q := question{what: "a new message", method: http.MethodPost, path: "channels/" + channel + "/messages", route: "channels/" + channel + "/messages", body: out, files: files}
	if err := g.ask(ctx, q, &made); err != nil {
		return "", err
	}
	g.posts.Put(made.ID, standing{channel: channel, ours: true, mark: mark, said: [4]string{digest(r.content)}})
	return made.ID, nil
}

// open gives the channel of a thread, and makes the thread when there is none.
// Some addresses name a message inside of a thread: its thread is meant.
func (g *guild) open(ctx context.Context, t bot.Thread, title string) (string, error) {
	if t.Root == "" {
		return t.Channel, ctx.Err()
	}
	if p, known := g.channels.Get(t.Root, 0); known && p.thread {
		return t.Root, ctx.Err()
	}
	if s, known := g.posts.Get(t.Root, 0); known && s.channel != t.Channel {
		return s.channel, ctx.Err()
	}
	if t, put := g.loading.Get(t.Root, 0); put { // nothing hangs from an answer that is not there yet
		select {
		case <-t.begun:
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(beginsWithin):
		}
	}
	var c discordgo.Channel
	err := g.ask(ctx, question{
		what: "a new thread", method: http.MethodPost, path: "channels/" + t.Channel + "/messages/" + t.Root + "/threads", route: "channels/" + t.Channel + "/threads",
		body: discordgo.ThreadStart{Name: title, AutoArchiveDuration: archiveAfter},
	}, &c)
	switch code(err) {
	case discordgo.ErrCodeThreadAlreadyCreatedForThisMessage:
		err = nil
	case discordgo.ErrCodeUnknownMessage: // perhaps a thread that hangs from no message, or whose message was deleted
		if p, perr := g.place(ctx, t.Root); perr == nil && p.thread {
			err = nil
		}
	}
	if err != nil {
		return "", err
	}
	g.channels.Put(t.Root, place{guild: g.id, parent: t.Channel, thread: true})
	return t.Root, nil
}

// archiveAfter is when Discord puts a quiet thread away, in minutes: after a week.
const archiveAfter = 10080

// titleOf names a thread, of at most 100 characters, which are no markup.
func titleOf(m bot.Message) string {
	title := strings.TrimSpace(display.Visible(m.Title.String()))
	if title == "" && len(m.Lines) > 0 {
		title = strings.TrimSpace(display.Visible(m.Lines[0].String()))
	}
	if title == "" {
		title = "gridwarden"
	}
	return cut(title, 100)
}

// Update implements bot.Platform.
func (p *Platform) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	g, err := p.at(t)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !IsID(id) {
		return fmt.Errorf("discord: message %.40q: %w", id, bot.ErrNotFound)
	}
	s, err := g.stands(ctx, t, id)
	if err != nil {
		return absent(err)
	}
	r, err := g.render(bounded(m), s.mark)
	if err != nil {
		return err
	}
	r.files = r.files[:min(len(r.files), maxFiles)] // the overflow comes first
	s.said = [4]string{digest(r.content), s.said[0], s.said[1], s.said[2]}
	g.posts.Put(id, s)
	err = g.awake(ctx, s.channel, func() error {
		files, attachments := uploads(r.files)
		return g.ask(ctx, question{
			what: "a change of a message", method: http.MethodPatch, path: "channels/" + s.channel + "/messages/" + id, route: "channels/" + s.channel + "/messages/…",
			body: changed{Content: r.content, Components: rows(r.components), Mentions: mentions(nil), Attachments: attachments}, files: files,
		}, nil)
	})
	if err == nil && len(m.Buttons) == 0 {
		g.forget(id)
	}
	return absent(err)
}

// stands finds a message of ours: what is not remembered is read, for its mark.
func (g *guild) stands(ctx context.Context, t bot.Thread, id string) (standing, error) {
	if s, ok := g.posts.Get(id, 0); ok {
		return s, nil
	}
	me, err := g.me(ctx)
	if err != nil {
		return standing{}, err
	}
	m, err := g.message(ctx, where(t), id)
	if err != nil {
		return standing{}, err
	}
	return g.saw(m, me), nil
}

// saw remembers a message that was read.
func (g *guild) saw(m *discordgo.Message, me identity) standing {
	s := standing{channel: m.ChannelID, ours: m.Author != nil && m.Author.ID == me.User}
	if f := marked.FindStringSubmatch(m.Content); f != nil && s.ours {
		s.mark = f[1]
	}
	if old, known := g.posts.Get(m.ID, 0); known {
		s.said = old.said
	}
	g.posts.Put(m.ID, s)
	return s
}

func (g *guild) message(ctx context.Context, channel, id string) (*discordgo.Message, error) {
	var m discordgo.Message
	err := g.ask(ctx, question{what: "a message", method: http.MethodGet, path: "channels/" + channel + "/messages/" + id, route: "channels/" + channel + "/message"}, &m)
	return &m, err
}

// awake does something in a thread, and takes it out of the archive first when it
// was put away there: such a thread takes no changes and no reactions.
func (g *guild) awake(ctx context.Context, channel string, do func() error) error {
	err := do()
	if code(err) != discordgo.ErrCodePerformedOperationOnArchivedThread {
		return err
	}
	err = g.ask(ctx, question{
		what: "a thread out of the archive", method: http.MethodPatch, path: "channels/" + channel, route: "channels/" + channel,
		body: map[string]bool{"archived": false},
	}, nil)
	if err != nil {
		return err
	}
	return do()
}

// absent turns the refusal of something that does not exist into bot.ErrNotFound.
func absent(err error) error {
	switch code(err) {
	case discordgo.ErrCodeUnknownMessage, discordgo.ErrCodeUnknownChannel:
		return fmt.Errorf("%w: %w", bot.ErrNotFound, err)
	}
	return err
}

// Seed implements bot.Seeder. Reactions under this message are followed from now on.
func (p *Platform) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	g, err := p.at(t)
	if err != nil {
		return err
	}
	if !IsID(id) {
		return fmt.Errorf("discord: message %.40q: %w", id, bot.ErrNotFound)
	}
	s, err := g.stands(ctx, t, id)
	if err != nil {
		return absent(err)
	}
	for _, name := range reactions {
		emoji, ok := emojiOf(name)
		if !ok {
			return fmt.Errorf("discord: no emoji is called %.40q", name)
		}
		err := g.awake(ctx, s.channel, func() error {
			return g.ask(ctx, question{
				what: "a reaction", method: http.MethodPut, path: "channels/" + s.channel + "/messages/" + id + "/reactions/" + emoji + "/@me",
				route: "channels/" + s.channel + "/reactions",
			}, nil)
		})
		if err != nil {
			return absent(err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.cards) >= recall.Limit { // actions of long ago
		clear(g.cards)
		clear(g.votes)
	}
	g.cards[id] = card{channel: s.channel, at: t}
	if g.votes[id] == nil {
		g.votes[id] = map[string]bool{}
	}
	return nil
}

// forget ends the following of a card's reactions.
func (g *guild) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.cards, id)
	delete(g.votes, id)
}

// Bounds of looking back for a mark.
const (
	pageSize = 100 // messages
	maxPages = 5
)

// FindPost implements bot.Finder.
func (p *Platform) FindPost(ctx context.Context, t bot.Thread, key string) (id string, found bool, err error) {
	g, err := p.at(t)
	if err != nil {
		return "", false, err
	}
	me, err := g.me(ctx)
	if err != nil {
		return "", false, err
	}
	want, before := markOf(t, key), ""
	for range maxPages {
		some, err := g.history(ctx, where(t), "before", before)
		if code(err) == discordgo.ErrCodeUnknownChannel && t.Root != "" {
			return "", false, nil // there is no thread, and so nothing in it
		}
		if err != nil {
			return "", false, err
		}
		for _, m := range some {
			if s := g.saw(m, me); s.ours && s.mark == want {
				return m.ID, true, nil
			}
			before = m.ID
		}
		if len(some) < pageSize {
			break
		}
	}
	return "", false, nil
}

// history reads one page, the newest message first.
func (g *guild) history(ctx context.Context, channel, side, id string) ([]*discordgo.Message, error) {
	path := fmt.Sprintf("channels/%s/messages?limit=%d", channel, pageSize)
	if id != "" {
		path += "&" + side + "=" + id
	}
	var some []*discordgo.Message
	err := g.ask(ctx, question{what: "the messages of a channel", method: http.MethodGet, path: path, route: "channels/" + channel + "/history"}, &some)
	return some, err
}

// explain adds what to do about errors that people make.
func (g *guild) explain(t bot.Thread, err error) error {
	why := map[int]string{
		discordgo.ErrCodeMissingAccess: "the bot does not see it", discordgo.ErrCodeMissingPermissions: "a permission is missing there",
		discordgo.ErrCodeUnknownChannel: "it is gone", discordgo.ErrCodeThreadIsLocked: "its thread is locked", discordgo.ErrCodeMaximumNumberOfActiveThreadsReached: "it has too many threads",
	}[code(err)]
	if why == "" {
		return err
	}
	return &bot.Problem{
		Code: "unavailable", Cause: err,
		Sentence: fmt.Sprintf("gridwarden cannot write in the Discord channel %s of %s: %s. In the channel's settings give the bot's role %s.", t.Channel, g.name, why, strings.Join(missing(0), ", ")),
	}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return string(sum[:8])
}

// touched reports whether a message says what the bot never made it say.
func (s standing) touched(content string) bool {
	return s.said[0] != "" && !slices.Contains(s.said[:], digest(content))
}
