package mattermost

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// obey does what one event of the stream asks for.
func (s *server) obey(ctx context.Context, d *dispatch, ev *model.WebSocketEvent) {
	data := ev.GetData()
	text := func(key string) string { v, _ := data[key].(string); return v }
	switch ev.EventType() {
	case model.WebsocketEventPosted, model.WebsocketEventPostEdited, model.WebsocketEventPostDeleted:
		var p model.Post
		if err := json.Unmarshal([]byte(text("post")), &p); err != nil || !model.IsValidId(p.Id) {
			s.log.WarnContext(ctx, "a post that cannot be read was left out", "error", err)
			return
		}
		switch ev.EventType() {
		case model.WebsocketEventPosted:
			s.posted(ctx, d, &p)
		case model.WebsocketEventPostEdited:
			s.edited(ctx, d, &p)
		default:
			s.deleted(ctx, d, &p, text("delete_by"))
		}
	case model.WebsocketEventReactionAdded, model.WebsocketEventReactionRemoved:
		var r model.Reaction
		if err := json.Unmarshal([]byte(text("reaction")), &r); err != nil || !model.IsValidId(r.PostId) {
			s.log.WarnContext(ctx, "a reaction that cannot be read was left out", "error", err)
			return
		}
		s.note(max(r.CreateAt, r.UpdateAt))
		d.put(ctx, r.UserId, func(ctx context.Context) { s.reacted(ctx, d, r, ev.EventType() == model.WebsocketEventReactionAdded) })
	case model.WebsocketEventUserUpdated, model.WebsocketEventUserRoleUpdated, model.WebsocketEventUserActivationStatusChange:
		s.users.Clear() // rare, and the form differs by version
		s.audiences.Clear()
	case model.WebsocketEventUserAdded, model.WebsocketEventUserRemoved, model.WebsocketEventChannelUpdated, model.WebsocketEventChannelConverted:
		s.audiences.Clear()
	}
}

// note keeps the latest time that the server told: from there on is caught up.
func (s *server) note(ms int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = max(s.latest, ms)
}

// posted takes a new post, if it is for the bot.
func (s *server) posted(ctx context.Context, d *dispatch, p *model.Post) {
	s.note(p.CreateAt)
	me, err := s.self(ctx)
	if err != nil || p.UserId == me.Id || p.Type != "" || p.DeleteAt != 0 {
		return // ours, or said by the server itself
	}
	text, ours := s.addressed(p.Message, me.Username)
	if !ours {
		return
	}
	d.put(ctx, p.UserId, func(ctx context.Context) {
		ev := bot.Event{ID: typedID(p.Id), Kind: bot.Typed, Message: p.Id, Value: text, Files: filesOf(p), At: millis(p.CreateAt)}
		d.insist(ctx, func(ctx context.Context) (err error) {
			if ev.Account, err = s.account(ctx, p.UserId); err != nil {
				return err
			}
			ev.Account.Standing = spokenBy(p, ev.Account.Standing)
			ev.Thread = s.thread(s.channelName(ctx, p.ChannelId), p.RootId)
			return nil
		})
		if ctx.Err() == nil {
			d.deliver(ctx, ev)
		}
	})
}

// addressed tells whether a text is for the bot, and gives it without the address.
func (s *server) addressed(text, username string) (string, bool) {
	blank := func(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' || r == '`' }
	t := strings.TrimLeftFunc(text, blank)
	for _, name := range []string{"@" + username, "!" + username, "@gridwarden", "!gridwarden"} {
		if len(t) < len(name) || !strings.EqualFold(t[:len(name)], name) {
			continue
		}
		rest := t[len(name):]
		inner := strings.TrimLeftFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(":,", r) })
		if inner != rest || rest == "" {
			return closed(text, t, inner), true
		}
	}
	rest, ok := strings.CutPrefix(t, "!")
	if !ok {
		return "", false
	}
	word, _, _ := strings.Cut(strings.TrimRight(rest, "` \n\t"), " ")
	word, _, _ = strings.Cut(word, "\n")
	for _, c := range s.o.Commands() {
		first, _, _ := strings.Cut(c, " ")
		if strings.EqualFold(word, first) {
			return closed(text, t, rest), true
		}
	}
	return "", false
}

// closed takes away the closing backticks of a text whose opening ones stood
// before the address.
func closed(text, t, inner string) string {
	if strings.HasSuffix(strings.TrimSuffix(text, t), "`") {
		return strings.TrimRight(inner, "` \n")
	}
	return inner
}

// edited takes the news that a post was changed: people's where the bot listens,
// and one of ours that does not bear our seal, so that somebody else did it. A
// command is not run again. The server does not say who did it.
func (s *server) edited(ctx context.Context, d *dispatch, p *model.Post) {
	s.note(max(p.EditAt, p.UpdateAt))
	me, err := s.self(ctx)
	ours := err == nil && p.UserId == me.Id
	if err != nil || p.Type != "" || ours && s.sealed(p) || !ours && p.EditAt == 0 {
		return
	}
	s.touched(ctx, d, p, bot.Event{ID: fmt.Sprintf("edited/%s/%d", p.Id, p.EditAt), Kind: bot.Edited, Ours: ours, Value: p.Message}, "")
}

// deleted takes the news that a post is gone. The bot deletes nothing itself. Who
// did it the server tells admins only: app/post.go, DeletePost.
func (s *server) deleted(ctx context.Context, d *dispatch, p *model.Post, by string) {
	s.note(max(p.DeleteAt, p.UpdateAt))
	me, err := s.self(ctx)
	if err != nil {
		return
	}
	s.mu.Lock()
	delete(s.reactions, p.Id)
	s.mu.Unlock()
	s.posts.Drop(p.Id)
	s.touched(ctx, d, p, bot.Event{ID: "deleted/" + p.Id, Kind: bot.Deleted, Ours: p.UserId == me.Id}, by)
}

func (s *server) touched(ctx context.Context, d *dispatch, p *model.Post, ev bot.Event, by string) {
	d.put(ctx, p.Id, func(ctx context.Context) {
		name := s.channelName(ctx, p.ChannelId)
		if !ev.Ours && !s.listens(name) {
			return
		}
		ev.Target, ev.At, ev.Origin = p.Id, millis(max(p.EditAt, p.DeleteAt, p.UpdateAt)), typedID(p.Id)
		ev.Thread, ev.Account = s.thread(name, p.RootId), bot.Account{Platform: Name, Workspace: s.config.Name}
		if model.IsValidId(by) {
			d.insist(ctx, func(ctx context.Context) (err error) {
				ev.Account, err = s.account(ctx, by)
				return err
			})
		}
		d.deliver(ctx, ev)
	})
}

// listens reports whether a channel, as it stands in addresses, is one where the
// bot listens.
func (s *server) listens(channel string) bool {
	return slices.Contains(s.o.Channels(s.config.Name), channel)
}

// typedID is the id of the event that a post is which was typed to the bot.
func typedID(post string) string { return "post/" + post }

// reaction is one that stands on a post of ours.
type reaction struct {
	user, name string
	at         int64
}

func (r reaction) key() string { return r.user + "/" + r.name }

// reacted takes a reaction that was added or taken back. Both are known by the
// time of the reaction, which is the same in the stream and by REST.
func (s *server) reacted(ctx context.Context, d *dispatch, r model.Reaction, added bool) {
	var ev bot.Event
	known := false
	d.insist(ctx, func(ctx context.Context) error {
		me, err := s.self(ctx)
		if err != nil || r.UserId == me.Id {
			return err
		}
		at, err := s.placeOf(ctx, r.PostId)
		if statusOf(err) == http.StatusNotFound || statusOf(err) == http.StatusForbidden || err == nil && !at.ours && !(bot.IsPin(plainEmoji(r.EmojiName)) && s.listens(s.channelName(ctx, at.channel))) {
			return nil
		}
		if err != nil {
			return err
		}
		if ev.Account, err = s.account(ctx, r.UserId); err != nil {
			return err
		}
		ev.Thread, known = s.thread(s.channelName(ctx, at.channel), at.root), true
		return nil
	})
	if !known || ctx.Err() != nil {
		return
	}
	when := max(r.CreateAt, r.UpdateAt)
	now := reaction{user: r.UserId, name: r.EmojiName, at: when}
	ev.Kind, ev.ID, ev.At = bot.Reacted, fmt.Sprintf("reacted/%s/%s/%s/%d", r.PostId, r.UserId, r.EmojiName, when), millis(when)
	if !added {
		ev.Kind = bot.Unreacted
		ev.ID = fmt.Sprintf("unreacted/%s/%s/%s/%d", r.PostId, r.UserId, r.EmojiName, s.stood(r.PostId, now))
		if when == 0 {
			ev.At = time.Now().UTC()
		}
	}
	ev.Target, ev.Value = r.PostId, plainEmoji(r.EmojiName)
	s.keepReaction(r.PostId, now, added) // before it is taken: the card that is changed because of it names it
	d.deliver(ctx, ev)
}

func (s *server) keepReaction(post string, now reaction, added bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !added {
		delete(s.reactions[post], now.key())
		return
	}
	if s.reactions[post] == nil {
		if len(s.reactions) >= maxCached { // then a withdrawal that the stream does not tell goes unnoticed
			s.reactions = map[string]map[string]reaction{}
		}
		s.reactions[post] = map[string]reaction{}
	}
	s.reactions[post][now.key()] = now
}

// taken lists the reactions on a post of ours, one a line.
func (s *server) taken(post string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, r := range s.reactions[post] {
		lines = append(lines, fmt.Sprintf("%s/%s/%d", r.user, r.name, r.at))
	}
	slices.Sort(lines)
	return strings.Join(lines[:min(len(lines), maxTaken)], "\n")
}

// maxTaken is how many reactions a card names.
const maxTaken = 1000

// parseTaken reads what taken wrote.
func parseTaken(list string) map[string]reaction {
	out := map[string]reaction{}
	for l := range strings.SplitSeq(list, "\n") {
		parts := strings.Split(l, "/")
		if len(parts) != 3 {
			continue
		}
		if at, err := strconv.ParseInt(parts[2], 10, 64); err == nil {
			r := reaction{user: parts[0], name: parts[1], at: at}
			out[r.key()] = r
		}
	}
	return out
}

// stood is when a reaction that is taken back was made; where that is not known
// the time of its withdrawal tells withdrawals apart as well.
func (s *server) stood(post string, r reaction) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok := s.reactions[post][r.key()]; ok {
		return before.at
	}
	return r.at
}

var skinTone = regexp.MustCompile(`_(light|medium_light|medium|medium_dark|dark)_skin_tone$`)

// plainEmoji takes skin tones off.
func plainEmoji(name string) string {
	return skinTone.ReplaceAllString(strings.Trim(name, ":"), "")
}

// placeOf says where a post stands and whether it is ours.
func (s *server) placeOf(ctx context.Context, id string) (place, error) {
	return s.posts.Ask(id, 0, func() (place, bool, error) {
		me, err := s.self(ctx)
		if err != nil {
			return place{}, false, err
		}
		p, err := s.read(ctx, id)
		if err != nil {
			return place{}, false, err
		}
		return place{channel: p.ChannelId, root: p.RootId, ours: p.UserId == me.Id}, true, nil
	})
}

func (s *server) read(ctx context.Context, id string) (*model.Post, error) {
	return ask(ctx, s, "a post", func(ctx context.Context, c *model.Client4) (*model.Post, *model.Response, error) {
		return c.GetPost(ctx, id, "")
	})
}

// inOrder sorts posts by when they were made.
func inOrder(posts []*model.Post) {
	slices.SortFunc(posts, func(a, b *model.Post) int {
		if a.CreateAt != b.CreateAt {
			return int(min(max(a.CreateAt-b.CreateAt, -1), 1))
		}
		return strings.Compare(a.Id, b.Id)
	})
}
