package mattermost

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

const (
	needsReason = "deny:" // what the value of a button begins with whose press opens a form
	formID      = "gridwarden"
	reasonField = "reason"
	maxReason   = 500 // characters
)

// askReason opens a form. Old servers allow three seconds after the press.
func (s *server) askReason(ctx context.Context, trigger string, o offer) error {
	o.Until = time.Now().Add(formHolds).UnixMilli()
	request := model.OpenDialogRequest{TriggerId: trigger, URL: s.callbackURL(pathDialog), Dialog: model.Dialog{
		CallbackId: formID, Title: "Give a reason", SubmitLabel: "Send", State: s.sign(forForms, o),
		Elements: []model.DialogElement{{
			DisplayName: "Reason", Name: reasonField, Type: "textarea", MaxLength: maxReason,
			Optional: true, // whoever is late is told so, and needs none
			HelpText: "It is shown in the thread and kept in the audit log.",
		}},
	}}
	_, err := ask(ctx, s, "a form", func(ctx context.Context, c *model.Client4) (struct{}, *model.Response, error) {
		r, err := c.OpenInteractiveDialog(ctx, request)
		return struct{}{}, r, err
	})
	return err
}

// sentBack is an answer that the form shows while it stays open.
func sentBack(text string) said { return said{value: model.SubmitDialogResponse{Error: text}} }

// submitted takes a form: the button's value with the reason behind it. The
// server says who sent it; it has to be the one whom it was opened for.
func (s *server) submitted(ctx context.Context, body []byte, _ http.Header) said {
	var p model.SubmitDialogRequest
	if json.Unmarshal(body, &p) != nil {
		return said{status: http.StatusBadRequest}
	}
	if p.Cancelled {
		return said{}
	}
	o, err := s.offered(forForms, p.State)
	switch {
	case err != nil:
	case p.Type != "dialog_submission" || p.CallbackId != formID:
		err = errors.New("it is another form")
	case p.UserId != o.User:
		err = errors.New("the form was opened for somebody else")
	case p.ChannelId != o.Channel:
		err = errors.New("the form was opened in another channel")
	}
	if err != nil {
		s.reject(ctx, "a form", err, claimed(p.UserId, p.ChannelId))
		return sentBack("This form was not opened by gridwarden for you, or is too old; nothing was done. Press the button again, or type the command that the message names.")
	}
	ev := bot.Event{
		ID: "form/" + digest(p.State), Kind: bot.Clicked, Target: o.Post, Value: o.Value, At: time.Now().UTC(),
		Account: s.sure(ctx, o.User), Thread: s.thread(s.channelName(ctx, o.Channel), o.Root),
	}
	if _, err := s.shows(ctx, o.Post, o.Channel, o); err != nil {
		s.log.WarnContext(ctx, "a form was refused", "post", o.Post, "why", err)
		s.take(ctx, rejectedEvent(ev, "a form: "+err.Error()))
		return sentBack("The message that the form belongs to is not as it was; nothing was done. Look at `pending`.")
	}
	text, _ := p.Submission[reasonField].(string)
	if reason := strings.Join(strings.Fields(text), " "); reason != "" {
		ev.Value += ":" + clipped(reason, maxReason)
	}
	if sorry := s.take(ctx, ev); sorry != "" {
		return sentBack(sorry)
	}
	return said{}
}
