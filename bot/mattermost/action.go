package mattermost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

const (
	contextKey = "gridwarden" // of what a button carries
	// The longest label that phones show.
	maxLabel = 40
)

// attach puts a message's buttons under a post. Legacy attachments work on every
// version of the server; ids must be letters and digits.
func (s *server) attach(d *draft, m bot.Message) {
	if !s.config.Full() || len(m.Buttons) == 0 {
		return
	}
	key, _ := d.props[keyProp].(string)
	if key == "" { // a post that is repeated by nobody
		key = model.NewId()
		d.props[keyProp] = key
	}
	until := time.Now().Add(buttonHolds).UnixMilli()
	buttons := &model.SlackAttachment{}
	for i, b := range m.Buttons {
		id := fmt.Sprintf("gridwarden%d", i)
		style := "primary"
		if b.Danger {
			style = "danger"
		}
		buttons.Actions = append(buttons.Actions, &model.PostAction{
			Id: id, Type: model.PostActionTypeButton, Name: clipped(seen(b.Label), maxLabel), Style: style,
			Integration: &model.PostActionIntegration{
				URL:     s.callbackURL(pathAction),
				Context: map[string]any{contextKey: s.sign(forButtons, offer{Value: b.Value, Action: id, Key: key, Until: until})},
			},
		})
	}
	d.props[model.PostPropsAttachments] = []*model.SlackAttachment{buttons}
}

// pressedBack is an answer below a post that only who pressed sees.
func pressedBack(text string) said {
	return said{value: model.PostActionIntegrationResponse{EphemeralText: text, SkipSlackParsing: true}}
}

const notIssued = "That button was not issued by gridwarden for this message, or holds no more; nothing was done. The message says what to type instead."

// pressed takes a press on a button. The server signs who pressed, we signed
// what the button means, and the post it stands under has to be ours, as we
// wrote it. Only then the press counts, and its repetition counts no more.
func (s *server) pressed(ctx context.Context, body []byte, _ http.Header) said {
	var p model.PostActionIntegrationRequest
	if json.Unmarshal(body, &p) != nil {
		return said{status: http.StatusBadRequest}
	}
	t, err := s.verified(ctx, p.TriggerId)
	if err == nil && t.user != p.UserId {
		err = errors.New("its trigger is another user's")
	}
	if err == nil && (!model.IsValidId(p.PostId) || !model.IsValidId(p.ChannelId)) {
		err = errors.New("it names no post")
	}
	if err != nil {
		s.reject(ctx, "a press on a button", err, claimed(p.UserId, p.ChannelId))
		return pressedBack("gridwarden cannot be sure that the server sent this, so nothing was done. Type the command that the message names.")
	}
	ev := bot.Event{ID: "clicked/" + p.PostId + "/" + t.id, Kind: bot.Clicked, Target: p.PostId, At: t.at}
	signed, _ := p.Context[contextKey].(string)
	o, err := s.offered(forButtons, signed)
	var asked sync.WaitGroup // side by side: somebody waits
	asked.Go(func() { ev.Account = s.sure(ctx, p.UserId) })
	root := ""
	if err == nil {
		root, err = s.shows(ctx, p.PostId, p.ChannelId, o)
	}
	asked.Wait()
	ev.Thread = s.thread(s.channelName(ctx, p.ChannelId), root)
	if err != nil {
		s.log.WarnContext(ctx, "a button was refused", "post", p.PostId, "why", err)
		s.take(ctx, rejectedEvent(ev, "a press on a button: "+err.Error()))
		return pressedBack(notIssued)
	}
	ev.Value = o.Value
	if strings.HasPrefix(o.Value, needsReason) {
		form := o
		form.Action, form.User, form.Channel, form.Post, form.Root = "", p.UserId, p.ChannelId, p.PostId, root
		err := s.askReason(ctx, p.TriggerId, form)
		if err == nil {
			return said{}
		}
		s.log.WarnContext(ctx, "a form for a reason was not opened; the press counts without one", "error", err)
	}
	return pressedBack(s.take(ctx, ev))
}

// shows reports whether a post is ours, stands as we wrote it and is the one
// that shows an offer, and gives the root of its thread.
func (s *server) shows(ctx context.Context, post, channel string, o offer) (root string, err error) {
	me, err := s.self(ctx)
	if err != nil {
		return "", err
	}
	p, err := s.read(ctx, post)
	if err != nil {
		return "", err
	}
	key, _ := p.GetProp(keyProp).(string)
	switch {
	case p.UserId != me.Id || p.ChannelId != channel:
		return "", errors.New("the post is not gridwarden's")
	case p.DeleteAt != 0:
		return "", errors.New("the post is deleted")
	case !equal(key, o.Key):
		return "", errors.New("it was offered below another post")
	case !s.sealed(p):
		return "", errors.New("the post was changed by somebody else")
	case o.Action != "" && p.GetAction(o.Action) == nil:
		return "", errors.New("the post does not offer it any more")
	}
	return p.RootId, nil
}
