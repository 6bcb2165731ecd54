package mattermost

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

const public = "http://bot.example.org"

// full plays a test on a server that calls, listened on under a fake clock.
func full(t *testing.T, play func(t *testing.T, l *listening)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := fakemattermost.New()
		l := &listening{rig: build(t, fake, "http://localhost", Options{Dial: fake.Serve(t), Public: public}), t: t, events: make(chan bot.Event, 1000)}
		fake.CallOver(t, l.mux())
		l.start()
		play(t, l)
		synctest.Wait()
		if t.Failed() {
			return
		}
		select {
		case ev := <-l.events:
			t.Errorf("more than the test knows of: %+v", ev)
		default:
		}
	})
}

func (r *rig) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range r.Routes() {
		mux.Handle(pattern, h)
	}
	return mux
}

// offers is a message with the buttons of a card.
func offers(version int) bot.Message {
	m := bot.Say("BAN somebody, version %d", version)
	m.Card, m.Version = "abc234", version
	m.Buttons = []bot.Button{
		{Label: "Approve ban", Value: "approve:abc234", Typed: "approve abc234"},
		{Label: "Deny ban", Value: "deny:abc234", Danger: true, Typed: "deny abc234 REASON"},
	}
	return m
}

// offered posts one.
func (l *listening) offered(key string) string {
	l.t.Helper()
	id, err := l.PostKeyed(l.t.Context(), l.at(""), key, offers(1))
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}

// told is the latest that a user alone was told.
func (l *listening) told(user string) string {
	all := l.fake.Whispers()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].To == user {
			return all[i].Post.Message
		}
	}
	return ""
}

// rejected is the next event, which has to be the record of a rejection.
func (l *listening) rejected(why string) bot.Event {
	l.t.Helper()
	ev := l.next()
	if ev.Kind != bot.Rejected || !strings.Contains(ev.Value, why) {
		l.t.Errorf("%+v; want a record of a rejection that says %q", ev, why)
	}
	return ev
}

func TestASlashCommand(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		root := l.fake.Type(l.alice.Id, l.channel.Id, "", "look", 1)
		for _, c := range []struct{ text, want, root string }{
			{"/gridwarden trace wn042 14:05", "trace wn042 14:05", ""},
			{"/trace wn042 14:05", "trace wn042 14:05", root.Id},
			{"/Gridwarden", "", ""},
			{"/trace " + strings.Repeat("x", 16384), "trace " + strings.Repeat("x", 16384), ""},
		} {
			if err := l.fake.Command(l.alice.Id, l.channel.Id, c.root, c.text); err != nil {
				t.Fatal(err)
			}
			ev := l.next()
			if ev.Kind != bot.Typed || ev.Value != c.want || ev.Thread != l.at(c.root) || ev.Message != "" ||
				ev.Account.ID != l.alice.Id || ev.Account.Standing != bot.Member || time.Since(ev.At).Abs() > time.Second || !strings.HasPrefix(ev.ID, "slash/") {
				t.Errorf("%.40q gave %+v", c.text, ev)
			}
		}
		for _, o := range l.fake.Outgoing() {
			if o.Status != http.StatusOK || o.Took > time.Second {
				t.Errorf("answered %d after %s", o.Status, o.Took)
			}
		}
		if n := len(l.fake.Whispers()); n != 0 || len(l.fake.Posts()) != 1 {
			t.Errorf("%d whispers and posts %v: a command that was taken says nothing by itself", n, l.fake.Posts())
		}
		// A proxy repeats the call: the id tells it.
		l.fake.Repeat(2)
		if err := l.fake.Command(l.alice.Id, l.channel.Id, "", "/trace wn042"); err != nil {
			t.Fatal(err)
		}
		if a, b := l.next(), l.next(); a.ID != b.ID {
			t.Errorf("repeated as %s and %s", a.ID, b.ID)
		}
	})
}

func TestASlashCommandThatIsNone(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		foreign := l.fake.AddCommand("foreign", l.command.URL) // its token is not in the file
		if err := l.fake.Command(l.alice.Id, l.channel.Id, "", "/foreign x"); err != nil {
			t.Error(err)
		}
		l.rejected("its token is unknown")
		if got := l.told(l.alice.Id); !strings.Contains(got, "token") {
			t.Errorf("told %q", got)
		}
		// Straight at the address.
		form := func(change func(map[string]string), header string) *httptest.ResponseRecorder {
			v := map[string]string{
				"token": l.command.Token, "team_id": fakemattermost.TeamID, "channel_id": l.channel.Id, "user_id": l.alice.Id,
				"command": "/gridwarden", "text": "pending", "trigger_id": l.fake.Trigger(l.alice.Id),
			}
			change(v)
			var body []string
			for k, text := range v {
				body = append(body, k+"="+strings.NewReplacer("+", "%2B", "=", "%3D", "/", "%2F").Replace(text))
			}
			r := httptest.NewRequest(http.MethodPost, public+"/mattermost/grid/command", strings.NewReader(strings.Join(body, "&")))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", header)
			w := httptest.NewRecorder()
			l.mux().ServeHTTP(w, r)
			return w
		}
		right := "Token " + l.command.Token
		old := l.fake.Trigger(l.alice.Id)
		bob := l.fake.AddUser("bob")
		for name, c := range map[string]struct {
			change       func(map[string]string)
			header, want string
		}{
			"no token":            {func(v map[string]string) { delete(v, "token") }, "", "its token is unknown"},
			"two tokens":          {func(map[string]string) {}, "Token " + foreign.Token, "two different tokens"},
			"another team":        {func(v map[string]string) { v["team_id"] = model.NewId() }, right, "not of the team"},
			"no trigger":          {func(v map[string]string) { v["trigger_id"] = "" }, right, "no trigger of the server"},
			"somebody else's":     {func(v map[string]string) { v["user_id"] = bob.Id }, right, "another user's"},
			"a trigger of nobody": {func(v map[string]string) { v["trigger_id"] = fakemattermost.New().Trigger(l.alice.Id) }, right, "not signed by the server"},
			"no channel":          {func(v map[string]string) { v["channel_id"] = "x" }, right, "names no channel"},
		} {
			w := form(c.change, c.header)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"response_type":"ephemeral"`) || !strings.Contains(w.Body.String(), "nothing was done") {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			ev := l.rejected(c.want)
			if ev.Account.ID != "" {
				t.Errorf("%s: recorded as if %s had done it", name, ev.Account.ID)
			}
		}
		if w := form(func(map[string]string) {}, right); w.Code != http.StatusOK || l.next().Value != "pending" {
			t.Errorf("the right one: %d", w.Code)
		}
		if w := form(func(map[string]string) {}, "Bearer of-an-oauth-connection"); w.Code != http.StatusOK || l.next().Value != "pending" {
			t.Errorf("with other credentials in the header: %d", w.Code)
		}
		time.Sleep(triggerFresh + time.Minute) // replayed
		form(func(v map[string]string) { v["trigger_id"] = old }, right)
		l.rejected("away from now")
		// Strangers do not fill the log, and what is left out is counted.
		for range 3 * bot.RejectionsPerMinute {
			form(func(v map[string]string) { v["token"] = "x" }, "")
		}
		for range bot.RejectionsPerMinute - 1 {
			l.rejected("its token is unknown")
		}
		time.Sleep(time.Minute)
		form(func(v map[string]string) { v["token"] = "x" }, "")
		l.rejected("21 more before it were not recorded")
	})
}

func TestBodiesAreBounded(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		for _, c := range []struct {
			method, path, media, body string
			want                      int
		}{
			{"GET", "/action", "application/json", "", http.StatusMethodNotAllowed},
			{"POST", "/probe", "", "", http.StatusMethodNotAllowed},
			{"POST", "/action", "text/plain", "{}", http.StatusUnsupportedMediaType},
			{"POST", "/command", "application/json", "{}", http.StatusUnsupportedMediaType},
			{"POST", "/action", "application/json; charset=utf-8", "{", http.StatusBadRequest},
			{"POST", "/dialog", "application/json", "[]", http.StatusBadRequest},
			{"POST", "/command", "application/x-www-form-urlencoded", "%zz", http.StatusBadRequest},
			{"POST", "/action", "application/json", `"` + strings.Repeat("x", maxCallback), http.StatusRequestEntityTooLarge},
			{"GET", "/probe?nonce=short", "", "", http.StatusBadRequest},
		} {
			r := httptest.NewRequest(c.method, public+"/mattermost/grid"+c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.media)
			w := httptest.NewRecorder()
			l.mux().ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%s %s %.20q: %d %s; want %d", c.method, c.path, c.body, w.Code, w.Body, c.want)
			}
		}
	})
}

func TestAPress(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		id := l.offered("card/abc234/1")
		if err := l.fake.Click(l.alice.Id, id, l.fake.Button(id, "approve")); err != nil {
			t.Fatal(err)
		}
		ev := l.next()
		if ev.Kind != bot.Clicked || ev.Value != "approve:abc234" || ev.Target != id || ev.Thread != l.at("") || ev.Account.ID != l.alice.Id || ev.Account.Standing != bot.Member {
			t.Errorf("%+v", ev)
		}
		if err := l.fake.Click(l.alice.Id, id, l.fake.Button(id, "approve")); err != nil {
			t.Fatal(err)
		}
		if again := l.next(); again.ID == ev.ID {
			t.Error("two presses are one event")
		}
		l.fake.Repeat(10)
		if err := l.fake.Click(l.alice.Id, id, l.fake.Button(id, "approve")); err != nil {
			t.Fatal(err)
		}
		first := l.next()
		for range 9 {
			if again := l.next(); again.ID != first.ID {
				t.Error("a repeated call is another event")
			}
		}
		l.fake.Repeat(1)
		// The card is shown at another version; the button of it counts on.
		if err := l.Update(t.Context(), l.at(""), id, offers(2)); err != nil {
			t.Fatal(err)
		}
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil || l.next().Target != id {
			t.Error(err)
		}
		// What is decided has no buttons, and nothing a client kept works.
		decided := offers(3)
		decided.Buttons = nil
		if err := l.Update(t.Context(), l.at(""), id, decided); err != nil {
			t.Fatal(err)
		}
		var r *fakemattermost.Refusal
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); !errors.As(err, &r) || r.Status != http.StatusNotFound {
			t.Errorf("a button that is gone: %v", err)
		}
		if l.fake.Button(id, "approve") != "" {
			t.Error("the buttons are still there")
		}
		for _, p := range l.fake.Posts() {
			if v, _ := p.GetProp("from_webhook").(string); v != "" {
				t.Errorf("an answer stands as somebody's own post: %+v", p)
			}
		}
	})
}

// pressing sends a call straight to the address, as somebody does who knows one.
func (l *listening) pressing(r model.PostActionIntegrationRequest) string {
	l.t.Helper()
	return l.send(pathAction, r)
}

func (l *listening) send(path string, v any) string {
	l.t.Helper()
	body := mustJSON(l.t, v)
	r := httptest.NewRequest(http.MethodPost, public+"/mattermost/grid"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	l.mux().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		l.t.Errorf("%s answered %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

func TestAPressThatIsNone(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		id, other := l.offered("card/abc234/1"), l.offered("card/abc234/2")
		bob := l.fake.AddUser("bob")
		theirs := l.fake.Say(&model.Post{UserId: bob.Id, ChannelId: l.channel.Id, Message: "a card of mine"}, 1)
		carried := l.fake.Carries(id, "gridwarden0").Context
		press := func(change func(*model.PostActionIntegrationRequest)) string {
			r := model.PostActionIntegrationRequest{
				UserId: l.alice.Id, ChannelId: l.channel.Id, PostId: id, TriggerId: l.fake.Trigger(l.alice.Id), Type: "button", Context: carried,
			}
			change(&r)
			return l.pressing(r)
		}
		for _, c := range []struct {
			name   string
			change func(*model.PostActionIntegrationRequest)
			want   string
			known  bool // who it was is sure
		}{
			{"forged for somebody else", func(r *model.PostActionIntegrationRequest) { r.UserId = bob.Id }, "another user's", false},
			{"no trigger", func(r *model.PostActionIntegrationRequest) { r.TriggerId = "" }, "no trigger", false},
			{"a trigger of another server", func(r *model.PostActionIntegrationRequest) { r.TriggerId = fakemattermost.New().Trigger(l.alice.Id) }, "not signed by the server", false},
			{"a value never issued", func(r *model.PostActionIntegrationRequest) {
				r.Context = map[string]any{contextKey: "approve:abc234"}
			}, "not offered by gridwarden", true},
			{"no value", func(r *model.PostActionIntegrationRequest) { r.Context = nil }, "not offered by gridwarden", true},
			{"a value of no text", func(r *model.PostActionIntegrationRequest) { r.Context = map[string]any{contextKey: 7} }, "not offered by gridwarden", true},
			{"changed", func(r *model.PostActionIntegrationRequest) {
				text, _ := carried[contextKey].(string)
				r.Context = map[string]any{contextKey: "x" + text}
			}, "not offered by gridwarden", true},
			{"another card", func(r *model.PostActionIntegrationRequest) { r.PostId = other }, "below another post", true},
			{"a post of somebody else", func(r *model.PostActionIntegrationRequest) { r.PostId = theirs.Id }, "not gridwarden's", true},
			{"another channel", func(r *model.PostActionIntegrationRequest) { r.ChannelId = model.NewId() }, "not gridwarden's", true},
			{"no such post", func(r *model.PostActionIntegrationRequest) { r.PostId = model.NewId() }, "404", true},
			{"nonsense for a post", func(r *model.PostActionIntegrationRequest) { r.PostId = "../../users/me" }, "names no post", false},
		} {
			if got := press(c.change); !strings.Contains(got, "nothing was done") {
				t.Errorf("%s: answered %s", c.name, got)
			}
			if ev := l.rejected(c.want); (ev.Account.ID == l.alice.Id) != c.known {
				t.Errorf("%s: recorded of %+v", c.name, ev.Account)
			}
			time.Sleep(time.Minute / 2)
		}
		// None of that used up the real one.
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil || l.next().Value != "approve:abc234" {
			t.Error(err)
		}
		// A press on what an admin changed.
		l.fake.EditAs(id, "BAN nobody")
		if l.next().Kind != bot.Edited {
			t.Error("the change went unnoticed")
		}
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil {
			t.Error(err)
		}
		l.rejected("changed by somebody else")
		// Too old.
		past := offer{Value: "approve:abc234", Action: "gridwarden0", Until: time.Now().Add(-time.Second).UnixMilli()}
		press(func(r *model.PostActionIntegrationRequest) {
			r.PostId, r.Context = other, map[string]any{contextKey: l.servers[0].sign(forButtons, past)}
		})
		l.rejected("too long ago")
	})
}

func TestWhoPresses(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		id := l.offered("card/abc234/1")
		remote := "elsewhere"
		for want, change := range map[bot.Standing]func(*model.User){
			bot.Guest:       func(u *model.User) { u.Roles = model.SystemGuestRoleId },
			bot.Outsider:    func(u *model.User) { u.RemoteId = &remote },
			bot.Deactivated: func(u *model.User) { u.DeleteAt = 1 },
			bot.Bot:         func(u *model.User) { u.IsBot = true },
		} {
			u := l.fake.AddUser("user-" + string(want))
			l.fake.Join(l.channel.Id, u.Id)
			if err := l.fake.Click(u.Id, id, "gridwarden0"); err != nil {
				t.Fatal(err)
			}
			if ev := l.next(); ev.Account.Standing != bot.Member {
				t.Errorf("before: %s", ev.Account.Standing)
			}
			change(u) // nobody is told: it is asked again
			if err := l.fake.Click(u.Id, id, "gridwarden0"); err != nil {
				t.Fatal(err)
			}
			if ev := l.next(); ev.Account.Standing != want || ev.Account.ID != u.Id {
				t.Errorf("%+v; want %s", ev.Account, want)
			}
			if err := l.fake.Command(u.Id, l.channel.Id, "", "/trace x"); err != nil {
				t.Fatal(err)
			}
			if ev := l.next(); ev.Account.Standing != want {
				t.Errorf("by command %+v; want %s", ev.Account, want)
			}
		}
		l.fake.Fail(fakemattermost.Fault{Call: "GET /users/{id}", Status: http.StatusBadGateway})
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil {
			t.Fatal(err)
		}
		if ev := l.next(); ev.Account.Standing != "" {
			t.Errorf("standing %q; nobody knows it", ev.Account.Standing)
		}
	})
}

func TestAReason(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		root := l.fake.Type(l.alice.Id, l.channel.Id, "", "talk", 1)
		id, err := l.PostKeyed(t.Context(), l.at(root.Id), "card", offers(1))
		if err != nil {
			t.Fatal(err)
		}
		ask := func() *model.OpenDialogRequest {
			t.Helper()
			if err := l.fake.Click(l.alice.Id, id, l.fake.Button(id, "deny")); err != nil {
				t.Fatal(err)
			}
			d := l.fake.Dialog(l.alice.Id)
			if d == nil {
				t.Fatal("no form was opened")
			}
			return d
		}
		for reason, want := range map[string]string{" wrong\n person ": "deny:abc234:wrong person", "": "deny:abc234"} {
			d := ask()
			if r, err := l.fake.Submit(l.alice.Id, l.channel.Id, d, map[string]any{reasonField: reason}); err != nil || r.Error != "" {
				t.Errorf("%+v, %v", r, err)
			}
			ev := l.next()
			if ev.Kind != bot.Clicked || ev.Value != want || ev.Target != id || ev.Thread != l.at(root.Id) || ev.Account.ID != l.alice.Id {
				t.Errorf("%+v; want %s", ev, want)
			}
			if _, err := l.fake.Submit(l.alice.Id, l.channel.Id, d, map[string]any{reasonField: "and again"}); err != nil || l.next().ID != ev.ID {
				t.Errorf("a form that is sent twice is two events, %v", err)
			}
		}
		// Forms that were not opened so.
		d := ask()
		bob := l.fake.AddUser("bob")
		l.fake.Join(l.channel.Id, bob.Id)
		send := func(change func(*model.SubmitDialogRequest), want string) {
			t.Helper()
			r := model.SubmitDialogRequest{CallbackId: formID, State: d.Dialog.State, UserId: l.alice.Id, ChannelId: l.channel.Id, Submission: map[string]any{reasonField: "x"}}
			change(&r)
			got, err := l.fake.SendForm(public+"/mattermost/grid"+pathDialog, r)
			if err != nil || !strings.Contains(got.Error, "nothing was done") {
				t.Errorf("%+v, %v", got, err)
			}
			l.rejected(want)
		}
		send(func(r *model.SubmitDialogRequest) { r.UserId = bob.Id }, "opened for somebody else")
		send(func(r *model.SubmitDialogRequest) { r.State = "approve:abc234" }, "not offered by gridwarden")
		send(func(r *model.SubmitDialogRequest) { r.ChannelId = model.NewId() }, "another channel")
		send(func(r *model.SubmitDialogRequest) { r.CallbackId = "x" }, "another form")
		carried, _ := l.fake.Carries(id, "gridwarden1").Context[contextKey].(string)
		send(func(r *model.SubmitDialogRequest) { r.State = carried }, "not offered by gridwarden")
		if _, err := l.fake.SendForm(public+"/mattermost/grid"+pathDialog, model.SubmitDialogRequest{State: "x", Cancelled: true}); err != nil {
			t.Error(err)
		}
		l.fake.DeleteAs(bob.Id, id)
		if l.next().Kind != bot.Deleted {
			t.Error("the deletion went unnoticed")
		}
		send(func(*model.SubmitDialogRequest) {}, "404")
		time.Sleep(formHolds + time.Minute)
		send(func(*model.SubmitDialogRequest) {}, "too long ago")
	})
}

// A form that cannot be opened loses no press: it counts without a reason, and
// the answer says that one is missing.
func TestAFormThatIsNotOpened(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		id := l.offered("card")
		l.fake.Fail(fakemattermost.Fault{Call: "POST /actions/dialogs/open", Status: http.StatusInternalServerError})
		if err := l.fake.Click(l.alice.Id, id, l.fake.Button(id, "deny")); err != nil {
			t.Fatal(err)
		}
		if ev := l.next(); ev.Value != "deny:abc234" {
			t.Errorf("%+v", ev)
		}
	})
}

func TestWhoWaitsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := fakemattermost.New()
		r := build(t, fake, "http://localhost", Options{Dial: fake.Serve(t), Public: public})
		fake.CallOver(t, r.mux())
		id, err := r.PostKeyed(t.Context(), r.at(""), "card", offers(1))
		if err != nil {
			t.Fatal(err)
		}
		l := &listening{rig: r, t: t}
		press := func(want string) {
			t.Helper()
			if err := fake.Click(r.alice.Id, id, "gridwarden0"); err != nil {
				t.Error(err)
			}
			if got := l.told(r.alice.Id); !strings.Contains(got, want) {
				t.Errorf("told %q; want %q", got, want)
			}
		}
		press("gridwarden is starting or stopping")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = r.Listen(ctx, func(ctx context.Context, ev bot.Event) error {
				if ev.Kind == bot.Clicked {
					<-ctx.Done() // a journal that hangs
				}
				return ctx.Err()
			})
		}()
		synctest.Wait()
		press("could not write down what you did")
		if took := fake.Outgoing()[1].Took; took > 3*time.Second {
			t.Errorf("answered after %s", took)
		}
		cancel()
		<-ended
		press("gridwarden is starting or stopping")
		r.servers[0].client.CloseIdleConnections()
	})
}

func TestAChannelThatTheBotIsNotIn(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		id := l.offered("card")
		l.fake.Leave(l.channel.Id, l.me.Id)
		if err := l.fake.Command(l.alice.Id, l.channel.Id, "", "/trace wn042"); err != nil {
			t.Fatal(err)
		}
		if ev := l.rejected("not in"); ev.Account.ID != l.alice.Id {
			t.Errorf("%+v", ev)
		}
		if got := l.told(l.alice.Id); !strings.Contains(got, "not a member of this channel") {
			t.Errorf("told %q", got)
		}
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil {
			t.Fatal(err)
		}
		l.rejected("403")
		if got := l.told(l.alice.Id); !strings.Contains(got, "nothing was done") {
			t.Errorf("told %q", got)
		}
	})
}

// A token that is revoked stops what needs the server; a new one brings back all
// but the buttons of older posts.
func TestAToken(t *testing.T) {
	full(t, func(t *testing.T, l *listening) {
		id := l.offered("card")
		l.fake.Revoke("secret-token")
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil {
			t.Fatal(err)
		}
		l.rejected("401")
		l.fake.Grant(l.me.Id, "another-token")
		if err := os.WriteFile(string(l.token), []byte("another-token"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if up, _ := l.Connection(); !up {
			t.Fatal("not connected again")
		}
		if l.next().Kind != bot.Edited {
			t.Error("a post with the seal of another token is taken for ours")
		}
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil {
			t.Fatal(err)
		}
		l.rejected("with a token that holds no more")
		if err := l.Update(t.Context(), l.at(""), id, offers(2)); err != nil {
			t.Fatal(err)
		}
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil || l.next().Value != "approve:abc234" {
			t.Error(err)
		}
		// The server may get another key as well.
		l.fake.NewKey()
		time.Sleep(keyAgainAfter)
		if err := l.fake.Click(l.alice.Id, id, "gridwarden0"); err != nil || l.next().Value != "approve:abc234" {
			t.Error(err)
		}
	})
}

func TestButtonsAreOnlyWhereTheyWork(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		id := l.offered("card")
		if l.fake.Button(id, "approve") != "" {
			t.Error("a server that calls nobody shows a button")
		}
		if len(l.Routes()) != 0 {
			t.Error("there are addresses that nobody calls")
		}
	})
	full(t, func(t *testing.T, l *listening) {
		if err := l.Whisper(t.Context(), l.at(""), bot.Account{Platform: Name, Workspace: workspace, ID: l.alice.Id}, offers(1)); err != nil {
			t.Fatal(err)
		}
		w := l.fake.Whispers()[0].Post
		if len(w.Attachments()) != 0 || !strings.Contains(w.Message, "!approve abc234") {
			t.Errorf("%+v", w)
		}
	})
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
