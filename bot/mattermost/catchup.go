package mattermost

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// How far back is read what happened while nobody listened. Events that were
// taken before are known by their ids and stop at the inbox.
const (
	reach    = 24 * time.Hour  // after a start
	overlap  = 2 * time.Minute // before the latest that was seen: events overtake each other
	sinceMax = 1000            // posts that servers give at once
	pagesMax = 50              // of perPage posts, in a channel that had more
)

// catchUp reads back by REST what the stream did not bring: commands, pins, changes
// of posts, and the reactions under ours as they stand now. A reaction changes the
// time of its post, so old cards are found as well. It tells from when on it
// read, and what it could not read.
func (s *server) catchUp(ctx context.Context, d *dispatch) (from time.Time, lost string, err error) {
	me, err := s.self(ctx)
	if err != nil {
		return from, "", err
	}
	s.mu.Lock()
	since := s.latest - overlap.Milliseconds()
	if s.latest == 0 {
		since = max(time.Now().Add(-reach).UnixMilli(), me.CreateAt)
	}
	channels := slices.Sorted(maps.Keys(s.names))
	s.mu.Unlock()
	for _, channel := range channels {
		posts, err := s.postsSince(ctx, channel, since)
		if status := statusOf(err); status == http.StatusForbidden || status == http.StatusNotFound {
			s.log.ErrorContext(ctx, "a channel cannot be read: invite the bot to it", "channel", channel, "error", err)
			lost = "a channel cannot be read"
			continue
		}
		if err != nil {
			return from, "", err
		}
		for _, p := range posts {
			s.note(max(p.CreateAt, p.UpdateAt))
			if p.UserId != me.Id {
				s.othersPost(ctx, d, p, since)
				continue
			}
			if err := s.ownPost(ctx, d, p); err != nil {
				return from, "", err
			}
		}
	}
	return millis(since), lost, nil
}

// othersPost takes what happened to somebody's post.
func (s *server) othersPost(ctx context.Context, d *dispatch, p *model.Post, since int64) {
	switch {
	case p.OriginalId != "": // a version before a change
	case p.DeleteAt > since:
		s.deleted(ctx, d, p, "")
	default:
		if p.CreateAt > since {
			s.posted(ctx, d, p)
		}
		if p.EditAt > since {
			s.edited(ctx, d, p)
		}
		s.pins(ctx, d, p, since)
	}
}

// pins takes the pins that were set under somebody's post. Servers send the
// reactions that stand with each post that has some.
func (s *server) pins(ctx context.Context, d *dispatch, p *model.Post, since int64) {
	if p.Metadata == nil {
		return
	}
	for _, r := range p.Metadata.Reactions {
		if r != nil && r.PostId == p.Id && max(r.CreateAt, r.UpdateAt) > since && bot.IsPin(plainEmoji(r.EmojiName)) {
			d.put(ctx, r.UserId, func(ctx context.Context) { s.reacted(ctx, d, *r, true) })
		}
	}
}

// ownPost takes what happened to a post of ours.
func (s *server) ownPost(ctx context.Context, d *dispatch, p *model.Post) error {
	switch {
	case p.Type != "", p.OriginalId != "": // that the bot joined, for example; a version before a change
		return nil
	case p.DeleteAt != 0:
		s.deleted(ctx, d, p, "")
		return nil
	case !s.sealed(p):
		s.edited(ctx, d, p)
	}
	sealed := s.sealed(p)
	s.mu.Lock()
	before := maps.Clone(s.reactions[p.Id])
	if _, known := s.reactions[p.Id]; !known && sealed {
		before = parseTaken(takenBefore(p)) // by the process before this one
		s.reactions[p.Id] = maps.Clone(before)
	}
	s.mu.Unlock()
	if !p.HasReactions && len(before) == 0 {
		return nil
	}
	stand, err := ask(ctx, s, "reactions", func(ctx context.Context, c *model.Client4) ([]*model.Reaction, *model.Response, error) {
		return c.GetReactions(ctx, p.Id)
	})
	if err != nil {
		return err
	}
	slices.SortFunc(stand, func(a, b *model.Reaction) int { return int(min(max(a.UpdateAt-b.UpdateAt, -1), 1)) })
	for _, r := range stand {
		delete(before, reaction{user: r.UserId, name: r.EmojiName}.key())
		d.put(ctx, r.UserId, func(ctx context.Context) { s.reacted(ctx, d, *r, true) })
	}
	for _, gone := range before {
		r := model.Reaction{UserId: gone.user, PostId: p.Id, EmojiName: gone.name, UpdateAt: p.UpdateAt}
		d.put(ctx, r.UserId, func(ctx context.Context) { s.reacted(ctx, d, r, false) })
	}
	return nil
}

// postsSince are the posts of a channel that were made or changed since, in order.
func (s *server) postsSince(ctx context.Context, channel string, since int64) ([]*model.Post, error) {
	list, err := ask(ctx, s, "the posts of a channel", func(ctx context.Context, c *model.Client4) (*model.PostList, *model.Response, error) {
		return c.GetPostsSince(ctx, channel, since, false)
	})
	if err != nil {
		return nil, err
	}
	all := list.Posts
	// The server leaves out what is too much, whichever it is, and cannot be asked
	// for the rest. What people said since is read by pages, and our posts of the
	// day before, on which they may have reacted.
	for page := 0; len(list.Order) >= sinceMax && page < pagesMax; page++ {
		some, err := ask(ctx, s, "the posts of a channel", func(ctx context.Context, c *model.Client4) (*model.PostList, *model.Response, error) {
			return c.GetPostsForChannel(ctx, channel, page, perPage, "", false, false)
		})
		if err != nil {
			return nil, err
		}
		older := len(some.Order) < perPage
		for id, p := range some.Posts {
			older = older || p.CreateAt < since-reach.Milliseconds() && slices.Contains(some.Order, id)
			if _, twice := all[id]; !twice {
				all[id] = p
			}
		}
		if older {
			break
		}
	}
	posts := slices.Collect(maps.Values(all))
	inOrder(posts)
	return posts, nil
}
