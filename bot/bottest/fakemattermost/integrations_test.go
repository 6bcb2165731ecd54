package fakemattermost

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// integrated plays a test on a house whose server calls answer, on a network in
// memory under a fake clock.
func integrated(t *testing.T, answer http.HandlerFunc, play func(t *testing.T, h house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := house{Server: New()}.furnish("http://localhost")
		transport := &http.Transport{DialContext: h.Serve(t), DisableKeepAlives: true}
		h.HTTPClient = &http.Client{Transport: transport}
		h.CallOver(t, answer)
		play(t, h)
	})
}

func statusOf(err error) (int, string) {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Status, r.ID
	}
	if err != nil {
		return -1, err.Error()
	}
	return http.StatusOK, ""
}

// offering is a post of the bot with a button.
func (h house) offering(t *testing.T) *model.Post {
	t.Helper()
	p := &model.Post{ChannelId: h.channel.Id, Message: "a card"}
	p.AddProp(model.PostPropsAttachments, []*model.SlackAttachment{{Actions: []*model.PostAction{{
		Id: "yes", Type: model.PostActionTypeButton, Name: "Yes", Integration: &model.PostActionIntegration{URL: "http://bot/action", Context: map[string]any{"secret": "s3cret"}},
	}}}})
	made, _, err := h.CreatePost(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestStrictCommands(t *testing.T) {
	var got http.Header
	var form string
	answer := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the fake sends what it has
		got, form = r.Header, string(body)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.Contains(form, "text=fail"):
			w.WriteHeader(http.StatusTeapot)
		case strings.Contains(form, "text=nonsense"):
			_, _ = io.WriteString(w, "{")
		case strings.Contains(form, "text=hang"):
			<-r.Context().Done()
		case strings.Contains(form, "text=public"):
			_, _ = io.WriteString(w, `{"response_type":"in_channel","text":"hello all"}`)
		case strings.Contains(form, "text=private"):
			_, _ = io.WriteString(w, `{"text":"hello you"}`)
		default:
			_, _ = io.WriteString(w, `{}`)
		}
	}
	integrated(t, answer, func(t *testing.T, h house) {
		cmd := h.AddCommand("ask", "http://bot/command")
		stranger := h.AddUser("stranger")
		for _, c := range []struct {
			user, text string
			status     int
			id         string
		}{
			{h.alice.Id, "/ask me", 200, ""},
			{h.alice.Id, "/ASK me", 200, ""},
			{h.alice.Id, "/", 400, "api.command.execute_command.start.app_error"},
			{h.alice.Id, "ask", 400, "api.command.execute_command.start.app_error"},
			{h.alice.Id, "/other", 404, "api.command.execute_command.not_found.app_error"},
			{stranger.Id, "/ask", 403, permissions},
			{h.alice.Id, "/ask fail", 500, commandFailed},
			{h.alice.Id, "/ask nonsense", 500, commandFailed},
			{h.alice.Id, "/ask hang", 500, commandFailed},
		} {
			began := time.Now()
			if status, id := statusOf(h.Command(c.user, h.channel.Id, "", c.text)); status != c.status || id != c.id {
				t.Errorf("%s: %d %s; want %d %s", c.text, status, id, c.status, c.id)
			}
			if took := time.Since(began); strings.HasSuffix(c.text, "hang") && took != outgoingTimeout {
				t.Errorf("hung up after %s", took)
			}
		}
		if len(h.Posts()) != 0 || len(h.Whispers()) != 0 {
			t.Error("an empty answer said something")
		}
		if err := h.Command(h.alice.Id, h.channel.Id, "", "/ask private"); err != nil || len(h.Whispers()) != 1 {
			t.Errorf("%v %v", err, h.Whispers())
		}
		if err := h.Command(h.alice.Id, h.channel.Id, "", "/ask public"); err != nil {
			t.Error(err)
		}
		if p := h.Posts()[0]; p.UserId != h.alice.Id || p.GetProp("from_webhook") != "true" || p.Message != "hello all" {
			t.Errorf("%+v", p)
		}
		if got.Get("Authorization") != "Token "+cmd.Token || got.Get("Content-Type") != "application/x-www-form-urlencoded" || !strings.Contains(form, "token="+cmd.Token) || !strings.Contains(form, "team_id="+TeamID) {
			t.Errorf("%v %s", got, form)
		}
		if !strings.Contains(form, "root_id=") {
			t.Error("no thread is told")
		}
		h.HideRoots()
		if err := h.Command(h.alice.Id, h.channel.Id, "", "/ask me"); err != nil || strings.Contains(form, "root_id=") {
			t.Errorf("%v %s", err, form)
		}
		h.RefuseCalls(true)
		if status, _ := statusOf(h.Command(h.alice.Id, h.channel.Id, "", "/ask me")); status != 500 {
			t.Errorf("%d when the address is not allowed", status)
		}
	})
}

func TestStrictButtons(t *testing.T) {
	reply, status := `{}`, http.StatusOK
	var got model.PostActionIntegrationRequest
	answer := func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got) // what is missing shows below
		w.WriteHeader(status)
		_, _ = io.WriteString(w, reply)
	}
	integrated(t, answer, func(t *testing.T, h house) {
		p := h.offering(t)
		read, _, err := h.GetPost(t.Context(), p.Id, "")
		if err != nil || strings.Contains(asJSON(read), "s3cret") || strings.Contains(asJSON(p), "s3cret") || read.GetAction("yes") == nil {
			t.Errorf("what a button carries is told, or the button is not: %v, %v", read, err)
		}
		for _, c := range []struct {
			user, post, action string
			reply              string
			status, want       int
		}{
			{h.alice.Id, p.Id, "yes", `{}`, 200, 200},
			{h.alice.Id, p.Id, "yes", ``, 200, 200},
			{h.alice.Id, p.Id, "yes", `{"ephemeral_text":"thanks"}`, 200, 200},
			{h.alice.Id, p.Id, "yes", `{`, 200, 400},
			{h.alice.Id, p.Id, "yes", `{}`, 403, 400},
			{h.alice.Id, p.Id, "no", `{}`, 200, 404},
			{h.alice.Id, model.NewId(), "yes", `{}`, 200, 404},
			{h.AddUser("stranger").Id, p.Id, "yes", `{}`, 200, 403},
		} {
			reply, status = c.reply, c.status
			if got, id := statusOf(h.Click(c.user, c.post, c.action)); got != c.want {
				t.Errorf("%+v: %d %s", c, got, id)
			}
		}
		if got.UserId != h.alice.Id || got.PostId != p.Id || got.ChannelId != h.channel.Id || got.TeamId != TeamID || got.Type != "button" || got.Context["secret"] != "s3cret" || got.TriggerId == "" {
			t.Errorf("%+v", got)
		}
		if w := h.Whispers(); len(w) != 1 || w[0].Post.Message != "thanks" || w[0].Post.RootId != p.Id {
			t.Errorf("%+v", w)
		}
		for name, a := range map[string]*model.PostAction{
			"no name":       {Id: "yes", Type: "button", Integration: &model.PostActionIntegration{URL: "http://bot"}},
			"an id with -":  {Id: "y-s", Type: "button", Name: "Yes", Integration: &model.PostActionIntegration{URL: "http://bot"}},
			"calls nothing": {Id: "yes", Type: "button", Name: "Yes"},
		} {
			bad := &model.Post{ChannelId: h.channel.Id, Message: "x"}
			bad.AddProp(model.PostPropsAttachments, []*model.SlackAttachment{{Actions: []*model.PostAction{a}}})
			if _, r, err := h.CreatePost(t.Context(), bad); err == nil || r.StatusCode != http.StatusBadRequest {
				t.Errorf("a button with %s was taken", name)
			}
		}
	})
}

func TestStrictForms(t *testing.T) {
	var got model.SubmitDialogRequest
	answer := func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got) // what is missing shows below
		_, _ = io.WriteString(w, `{"error":"no"}`)
	}
	integrated(t, answer, func(t *testing.T, h house) {
		form := func() model.OpenDialogRequest {
			return model.OpenDialogRequest{TriggerId: h.Trigger(h.alice.Id), URL: "http://bot/form", Dialog: model.Dialog{
				CallbackId: "x", Title: "Why", State: "state", Elements: []model.DialogElement{{DisplayName: "Why", Name: "why", Type: "textarea", MaxLength: 5}},
			}}
		}
		open := func(want int, change func(*model.OpenDialogRequest)) {
			t.Helper()
			d := form()
			change(&d)
			if r, _ := h.OpenInteractiveDialog(t.Context(), d); r.StatusCode != want {
				t.Errorf("%d; want %d", r.StatusCode, want)
			}
		}
		open(200, func(*model.OpenDialogRequest) {})
		d := h.Dialog(h.alice.Id)
		if d == nil || h.Dialog(h.alice.Id) != nil {
			t.Fatal("the form is not open, or opens twice")
		}
		open(400, func(d *model.OpenDialogRequest) { d.TriggerId = New().Trigger(h.alice.Id) })
		open(400, func(d *model.OpenDialogRequest) { d.TriggerId = "nonsense" })
		open(400, func(d *model.OpenDialogRequest) { d.Dialog.Title = strings.Repeat("x", 25) })
		open(400, func(d *model.OpenDialogRequest) { d.URL = "" })
		late := form()
		time.Sleep(triggerTimeout + time.Millisecond)
		if r, err := h.OpenInteractiveDialog(t.Context(), late); err == nil || r.StatusCode != http.StatusBadRequest {
			t.Errorf("a trigger of 3 s ago opens a form: %v", err)
		}
		if _, err := h.Submit(h.alice.Id, h.channel.Id, d, map[string]any{"why": ""}); err == nil {
			t.Error("the client sends a form without what it requires")
		}
		if _, err := h.Submit(h.alice.Id, h.channel.Id, d, map[string]any{"why": "too long"}); err == nil {
			t.Error("the client sends more than fits")
		}
		if _, err := h.Submit(h.AddUser("stranger").Id, h.channel.Id, d, map[string]any{"why": "me"}); err == nil {
			t.Error("somebody sends a form of a channel that he is not in")
		}
		r, err := h.Submit(h.alice.Id, h.channel.Id, d, map[string]any{"why": "so"})
		if err != nil || r.Error != "no" || got.Type != "dialog_submission" || got.UserId != h.alice.Id || got.State != "state" || got.Submission["why"] != "so" || got.URL != "" {
			t.Errorf("%+v %+v %v", r, got, err)
		}
	})
}

func TestStrictAdmin(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.AddAdmin("root", "admin")
	bot := model.NewAPIv4Client(h.URL)
	bot.SetToken("token")
	h.SetToken("admin")
	cmd := func(trigger string) *model.Command {
		return &model.Command{TeamId: TeamID, Trigger: trigger, Method: "P", URL: "http://bot/command"}
	}
	made, _, err := h.CreateCommand(ctx, cmd("Ask"))
	if err != nil || made.Trigger != "ask" || len(made.Token) != 26 {
		t.Fatalf("%+v %v", made, err)
	}
	for name, c := range map[string]struct {
		want int
		do   func() (*model.Response, error)
	}{
		"twice":            {400, func() (*model.Response, error) { _, r, err := h.CreateCommand(ctx, cmd("ask")); return r, err }},
		"the server's own": {400, func() (*model.Response, error) { _, r, err := h.CreateCommand(ctx, cmd("help")); return r, err }},
		"with a space":     {400, func() (*model.Response, error) { _, r, err := h.CreateCommand(ctx, cmd("a b")); return r, err }},
		"by a bot":         {403, func() (*model.Response, error) { _, r, err := bot.CreateCommand(ctx, cmd("b")); return r, err }},
		"listed by a bot":  {403, func() (*model.Response, error) { _, r, err := bot.ListCommands(ctx, TeamID, true); return r, err }},
		"a bot by a bot": {403, func() (*model.Response, error) {
			_, r, err := bot.CreateBot(ctx, &model.Bot{Username: "b"})
			return r, err
		}},
		"a bot twice": {400, func() (*model.Response, error) {
			_, r, err := h.CreateBot(ctx, &model.Bot{Username: "alice"})
			return r, err
		}},
		"a person's token": {501, func() (*model.Response, error) {
			_, r, err := h.CreateUserAccessToken(ctx, h.alice.Id, "x")
			return r, err
		}},
		"a token by a bot": {403, func() (*model.Response, error) {
			_, r, err := bot.CreateUserAccessToken(ctx, h.me.Id, "x")
			return r, err
		}},
		"nobody to channel": {400, func() (*model.Response, error) {
			_, r, err := h.AddChannelMember(ctx, h.channel.Id, model.NewId())
			return r, err
		}},
		"by whom it is not": {403, func() (*model.Response, error) {
			_, r, err := bot.AddTeamMember(ctx, TeamID, h.alice.Id)
			return r, err
		}},
		"no such team": {404, func() (*model.Response, error) { _, r, err := h.GetTeamByName(ctx, "other", ""); return r, err }},
	} {
		if r, err := c.do(); err == nil || r.StatusCode != c.want {
			t.Errorf("%s: %v; want %d", name, err, c.want)
		}
	}
	changed := *made
	changed.Token, changed.URL = "mine", "http://elsewhere/command"
	if now, _, err := h.UpdateCommand(ctx, &changed); err != nil || now.Token != made.Token || now.URL != changed.URL {
		t.Errorf("%+v %v", now, err)
	}
	h.DisableCommands()
	if _, r, err := h.ListCommands(ctx, TeamID, true); err == nil || r.StatusCode != http.StatusNotImplemented {
		t.Errorf("switched off: %v", err)
	}
}
