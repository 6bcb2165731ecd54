package mattermost

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// FuzzCalls sends to the callback addresses what strangers make up, as all of
// the body and as the parts that are proven otherwise: nothing of it may count.
func FuzzCalls(f *testing.F) {
	fake := fakemattermost.New()
	server := httptest.NewServer(fake)
	f.Cleanup(server.Close)
	me, alice := fake.AddBot("gridwarden", "secret-token"), fake.AddUser("alice")
	channel := fake.AddChannel("security", model.ChannelTypePrivate, me, alice)
	token := fake.AddCommand("gridwarden", public).Token
	p, err := New([]Config{{Name: workspace, URL: server.URL, Team: fakemattermost.Team, TokenFile: tokenFile(f, "secret-token"), CommandTokensFile: tokenFile(f, token)}},
		Options{Log: slog.New(slog.DiscardHandler), Public: public, Channels: func(string) []string { return []string{"security"} }})
	if err != nil {
		f.Fatal(err)
	}
	routes := http.NewServeMux()
	for pattern, h := range p.Routes() {
		routes.Handle(pattern, h)
	}
	id, err := p.PostKeyed(f.Context(), bot.Thread{Platform: Name, Workspace: workspace, Channel: "security"}, "card", offers(1))
	if err != nil {
		f.Fatal(err)
	}
	carried, _ := fake.Carries(id, "gridwarden0").Context[contextKey].(string)
	for _, seed := range []string{
		"", "{}", "null", `{"user_id":"` + alice.Id + `","channel_id":"` + channel.Id + `","post_id":"` + id + `","context":{"gridwarden":"` + carried + `"}}`,
		`{"type":"dialog_submission","callback_id":"gridwarden","state":"` + carried + `","user_id":"` + alice.Id + `"}`,
		"token=" + token + "&team_id=" + fakemattermost.TeamID + "&user_id=" + alice.Id + "&channel_id=" + channel.Id + "&command=%2Fgridwarden&text=bans",
		carried, fake.Trigger(alice.Id)[4:], "YTpiOmM6ZA==", // a whole one would be a press
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p.servers[0].heard(func(_ context.Context, ev bot.Event) error {
			if ev.Kind != bot.Rejected {
				t.Errorf("%q made %+v", text, ev)
			}
			return nil
		})
		real := fake.Trigger(alice.Id)
		for _, c := range []struct{ path, media, body string }{
			{pathAction, "application/json", text},
			{pathDialog, "application/json", text},
			{pathCommand, "application/x-www-form-urlencoded", text},
			{pathAction, "application/json", mustJSON(t, model.PostActionIntegrationRequest{UserId: alice.Id, ChannelId: channel.Id, PostId: id, TriggerId: text, Context: map[string]any{contextKey: carried}})},
			{pathAction, "application/json", mustJSON(t, model.PostActionIntegrationRequest{UserId: alice.Id, ChannelId: channel.Id, PostId: id, TriggerId: real, Context: map[string]any{contextKey: text + " "}})},
			{pathAction, "application/json", mustJSON(t, model.PostActionIntegrationRequest{UserId: alice.Id, ChannelId: channel.Id, PostId: text, TriggerId: real, Context: map[string]any{contextKey: strings.ToUpper(carried)}})},
			{pathDialog, "application/json", mustJSON(t, model.SubmitDialogRequest{Type: "dialog_submission", CallbackId: formID, UserId: alice.Id, ChannelId: channel.Id, State: text})},
		} {
			r := httptest.NewRequest(http.MethodPost, public+"/mattermost/grid"+c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.media)
			w := httptest.NewRecorder()
			routes.ServeHTTP(w, r)
			if w.Code >= http.StatusInternalServerError {
				t.Errorf("%s of %q: %d", c.path, text, w.Code)
			}
		}
	})
}
