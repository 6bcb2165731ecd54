package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// What the ids of our actions and forms begin with; others are not ours.
const (
	actionID = "gridwarden:"
	askID    = actionID + "why:" // the button wants a reason, which a form asks for
	formID   = "gridwarden:reason"
)

// interaction is a press on a button, or a form that was sent.
type interaction struct {
	Type    string `json:"type"`
	Trigger string `json:"trigger_id"`
	Reply   string `json:"response_url"`
	User    struct {
		ID   string `json:"id"`
		Team string `json:"team_id"`
	} `json:"user"`
	Team struct {
		ID string `json:"id"`
	} `json:"team"` // of the workspace where it happened
	Container struct {
		Message string `json:"message_ts"`
		Channel string `json:"channel_id"`
		Root    string `json:"thread_ts"`
	} `json:"container"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Message struct {
		User string `json:"user"`
		Root string `json:"thread_ts"`
	} `json:"message"`
	Actions []struct {
		ID    string `json:"action_id"`
		Value string `json:"value"`
		At    string `json:"action_ts"`
	} `json:"actions"`
	View struct {
		ID       string `json:"id"`
		Callback string `json:"callback_id"`
		Private  string `json:"private_metadata"`
		State    struct {
			Values map[string]map[string]struct {
				Value string `json:"value"`
			} `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

// form is what a form for a reason carries, so that sending it means the button
// that opened it. Slack keeps it and shows it to nobody.
type form struct {
	Channel, Root, Message, Value string
}

func (w *workspace) readInteraction(ctx context.Context, data json.RawMessage) (received, bool, error) {
	var p interaction
	if err := json.Unmarshal(data, &p); err != nil {
		return received{}, false, err
	}
	if team := w.foreign(ctx, place{Team: p.Team.ID}); team != "" {
		p.User.Team = team
	}
	switch p.Type {
	case "block_actions":
		return w.pressed(ctx, p)
	case "view_submission":
		return w.sent(p)
	}
	return received{}, false, nil
}

var errNoAction = errors.New("a press without an action, a message or a person")

func (w *workspace) pressed(ctx context.Context, p interaction) (received, bool, error) {
	channel := p.Container.Channel
	if channel == "" {
		channel = p.Channel.ID
	}
	if len(p.Actions) != 1 || channel == "" || p.Container.Message == "" || p.User.ID == "" {
		return received{}, false, errNoAction
	}
	a := p.Actions[0]
	root := p.Container.Root
	if root == "" {
		root = p.Message.Root
	}
	t := w.thread(channel, root, p.Container.Message)
	if strings.HasPrefix(a.ID, askID) && p.Trigger != "" {
		soon, cancel := context.WithTimeout(ctx, askFor)
		err := w.ask(soon, p.Trigger, form{Channel: channel, Root: t.Root, Message: p.Container.Message, Value: a.Value})
		cancel()
		if err == nil {
			return received{}, false, nil
		}
		w.log.WarnContext(ctx, "a form for a reason was not opened; the press counts without one", "error", err)
	}
	ev := bot.Event{
		ID:   strings.Join([]string{"clicked", channel, p.Container.Message, a.ID, a.At, p.User.ID}, "/"),
		Kind: bot.Clicked, Thread: t, Target: p.Container.Message, Value: a.Value, At: instant(a.At), Reply: p.Reply,
	}
	return received{event: ev, user: p.User.ID, team: p.User.Team, waits: true}, true, nil
}

// sent takes a form: the button's value with the reason behind it.
func (w *workspace) sent(p interaction) (received, bool, error) {
	if p.View.Callback != formID {
		return received{}, false, nil
	}
	var f form
	if err := json.Unmarshal([]byte(p.View.Private), &f); err != nil {
		return received{}, false, err
	}
	if reason := strings.Join(strings.Fields(p.View.State.Values[formID][formID].Value), " "); reason != "" {
		f.Value += ":" + reason
	}
	ev := bot.Event{
		ID: "form/" + p.View.ID + "/" + p.User.ID, Kind: bot.Clicked, Thread: w.thread(f.Channel, f.Root, f.Message),
		Target: f.Message, Value: f.Value, At: instant(""),
	}
	return received{event: ev, user: p.User.ID, team: p.User.Team, waits: true}, true, nil
}

// ask opens the form. Slack allows three seconds for that.
func (w *workspace) ask(ctx context.Context, trigger string, f form) error {
	private, err := json.Marshal(f)
	if err != nil {
		return err
	}
	input := slackapi.NewPlainTextInputBlockElement(nil, formID)
	input.MaxLength = 500
	block := slackapi.NewInputBlock(formID, plain("Reason"), plain("It is shown in the thread and kept in the audit log."), input)
	block.Optional = true // whoever is late is told so, and needs none
	view := slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: formID, PrivateMetadata: string(private),
		Title: plain("Give a reason"), Submit: plain("Send"), Close: plain("Cancel"),
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{block}},
	}
	return w.call(ctx, "views.open", "", func(ctx context.Context) error {
		_, err := w.api.OpenViewContext(ctx, trigger, view)
		return err
	})
}
