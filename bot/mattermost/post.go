package mattermost

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// The properties that posts of ours bear.
const (
	keyProp  = "gridwarden_key"
	sealProp = "gridwarden_seal"
	// The reactions under a card that were taken when it was last changed: a
	// server does not tell which were withdrawn while the program did not run.
	reactionsProp = "gridwarden_reactions"
)

// draft is a message as it is sent.
type draft struct {
	text  string
	props map[string]any
	files []string // ids of uploaded files
}

// draft renders a message, uploads its files and seals it. id is that of the
// post it replaces, "" for a new one.
func (s *server) draft(ctx context.Context, channel, id, key string, m bot.Message) (draft, error) {
	s.mu.Lock()
	limit := s.maxPost
	s.mu.Unlock()
	var mentions []string
	for _, person := range m.Notify {
		if name := s.mention(ctx, string(person)); name != "" {
			mentions = append(mentions, name)
		}
	}
	r := render(m, mentions, limit)
	ids, failed, err := s.upload(ctx, channel, r.files)
	if err != nil {
		return draft{}, err
	}
	if len(failed) > 0 {
		if r.cut || m.Card != "" { // what cannot be shown in full cannot be approved
			return draft{}, failed[0].err
		}
		for _, f := range failed {
			m.Below("The file %s could not be attached; the server answered %d.", f.name, statusOf(f.err))
		}
		r = render(m, mentions, limit)
	}
	d := draft{text: r.text, files: ids, props: map[string]any{"disable_group_highlight": true}}
	if key != "" {
		d.props[keyProp] = key
	}
	if m.Card != "" {
		d.props[reactionsProp] = s.taken(id)
	}
	s.attach(&d, m)
	sealed := &model.Post{Message: d.text}
	sealed.SetProps(d.props)
	d.props[sealProp] = s.seal(sealed)
	return d, nil
}

// post says a message. Without a key it may be said twice when it is repeated.
func (s *server) post(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	me, err := s.self(ctx)
	if err != nil {
		return "", err
	}
	channel, err := s.channelID(ctx, t.Channel)
	if err != nil {
		return "", err
	}
	if key != "" {
		key = digest(t.String(), key)
	}
	d, err := s.draft(ctx, channel, "", key, m)
	if err != nil {
		return "", err
	}
	p := &model.Post{UserId: me.Id, ChannelId: channel, RootId: t.Root, Message: d.text, FileIds: d.files}
	if key != "" { // the server keeps these of all its users together
		p.PendingPostId = digest(me.Id, key)
	}
	p.SetProps(d.props)
	made, err := ask(ctx, s, "a new post", func(ctx context.Context, c *model.Client4) (*model.Post, *model.Response, error) {
		return c.CreatePost(ctx, p)
	})
	if r := (*refusal)(nil); errors.As(err, &r) && r.status == http.StatusBadRequest && t.Root != "" {
		// A thread hangs from its first post only; some addresses name a later one.
		first, rerr := s.read(ctx, t.Root)
		if rerr != nil || first.RootId == "" {
			return "", errors.Join(err, rerr)
		}
		p.RootId = first.RootId
		made, err = ask(ctx, s, "a new post", func(ctx context.Context, c *model.Client4) (*model.Post, *model.Response, error) {
			return c.CreatePost(ctx, p)
		})
	}
	if err != nil {
		return "", err
	}
	s.posts.Put(made.Id, place{channel: channel, root: made.RootId, ours: true})
	return made.Id, nil
}

// update replaces a post of ours.
func (s *server) update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !model.IsValidId(id) {
		return fmt.Errorf("mattermost: %s: post %q: %w", s.config.Name, id, bot.ErrNotFound)
	}
	channel, err := s.channelID(ctx, t.Channel)
	if err != nil {
		return err
	}
	now, err := s.read(ctx, id) // also tells apart what a refused change does not
	if err != nil {
		return absent(err)
	}
	if now.DeleteAt != 0 || now.ChannelId != channel {
		return fmt.Errorf("mattermost: %s: post %s: %w", s.config.Name, id, bot.ErrNotFound)
	}
	key, _ := now.GetProp(keyProp).(string)
	d, err := s.draft(ctx, channel, id, key, m)
	if err != nil {
		return err
	}
	props, files := model.StringInterface(d.props), model.StringArray(d.files)
	patch := &model.PostPatch{Message: &d.text, Props: &props, FileIds: &files}
	changed, err := ask(ctx, s, "a change of a post", func(ctx context.Context, c *model.Client4) (*model.Post, *model.Response, error) {
		return c.PatchPost(ctx, id, patch)
	})
	if status := statusOf(err); status == http.StatusForbidden || status == http.StatusNotFound {
		if _, gone := s.read(ctx, id); statusOf(gone) == http.StatusNotFound {
			return absent(gone)
		}
	}
	if err != nil || len(d.files) == 0 || slices.Contains(changed.FileIds, d.files[0]) {
		return err
	}
	return s.besides(ctx, changed, d.files)
}

// besides posts files below a post of ours, on a server that takes none when a
// post is changed.
func (s *server) besides(ctx context.Context, p *model.Post, files []string) error {
	root := p.RootId
	if root == "" {
		root = p.Id
	}
	text := "The files of the message as it is now."
	below := &model.Post{UserId: p.UserId, ChannelId: p.ChannelId, RootId: root, Message: text, FileIds: files}
	below.AddProp(sealProp, s.seal(below))
	_, err := ask(ctx, s, "a new post", func(ctx context.Context, c *model.Client4) (*model.Post, *model.Response, error) {
		return c.CreatePost(ctx, below)
	})
	return err
}

// enoughPosts is how many posts of a channel are looked through for a key.
const enoughPosts = 5 * perPage

// find looks for a key among the latest posts of a channel, or in a thread.
func (s *server) find(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	me, err := s.self(ctx)
	if err != nil {
		return "", false, err
	}
	channel, err := s.channelID(ctx, t.Channel)
	if err != nil {
		return "", false, err
	}
	want := digest(t.String(), key)
	for page := 0; page*perPage < enoughPosts; page++ {
		list, err := ask(ctx, s, "the posts to look through", func(ctx context.Context, c *model.Client4) (*model.PostList, *model.Response, error) {
			if t.Root != "" {
				return c.GetPostThread(ctx, t.Root, "", false)
			}
			return c.GetPostsForChannel(ctx, channel, page, perPage, "", false, false)
		})
		if statusOf(err) == http.StatusNotFound && t.Root != "" {
			return "", false, nil // the thread is gone, and all in it
		}
		if err != nil {
			return "", false, err
		}
		for id, p := range list.Posts {
			if p.UserId == me.Id && p.DeleteAt == 0 && p.GetProp(keyProp) == want {
				return id, true, nil
			}
		}
		if t.Root != "" || len(list.Order) < perPage {
			break
		}
	}
	return "", false, nil
}

// whisper tells one account something.
func (s *server) whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	me, err := s.self(ctx)
	if err != nil {
		return err
	}
	channel, err := s.channelID(ctx, t.Channel)
	if err != nil {
		return err
	}
	m.Notify = nil
	d, err := s.draft(ctx, channel, "", "", m)
	if err != nil {
		return err
	}
	delete(d.props, model.PostPropsAttachments) // what is pressed has to stand somewhere
	p := &model.Post{ChannelId: channel, RootId: t.Root, Message: d.text, FileIds: d.files}
	p.SetProps(d.props)
	_, err = ask(ctx, s, "a post for one person", func(ctx context.Context, c *model.Client4) (*model.Post, *model.Response, error) {
		return c.CreatePostEphemeral(ctx, &model.PostEphemeral{UserID: to.ID, Post: p})
	})
	if statusOf(err) != http.StatusForbidden {
		return err
	}
	direct, err := ask(ctx, s, "a direct channel", func(ctx context.Context, c *model.Client4) (*model.Channel, *model.Response, error) {
		return c.CreateDirectChannel(ctx, me.Id, to.ID)
	})
	if err != nil {
		return err
	}
	_, err = s.post(ctx, s.thread(direct.Id, ""), "", m)
	return err
}

// seed puts the decision reactions under a post.
func (s *server) seed(ctx context.Context, id string, reactions []string) error {
	me, err := s.self(ctx)
	if err != nil {
		return err
	}
	if !model.IsValidId(id) {
		return fmt.Errorf("mattermost: %s: post %q: %w", s.config.Name, id, bot.ErrNotFound)
	}
	for _, name := range reactions {
		_, err := ask(ctx, s, "a reaction", func(ctx context.Context, c *model.Client4) (*model.Reaction, *model.Response, error) {
			return c.SaveReaction(ctx, &model.Reaction{UserId: me.Id, PostId: id, EmojiName: name})
		})
		if err != nil {
			return absent(err)
		}
	}
	return nil
}
