package slack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// TestCheckTellsAllAtOnce: one look, and everything that is missing.
func TestCheckTellsAllAtOnce(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		p.workspaces["grid"].opt.Channels = func() []bot.Thread { return []bot.Thread{channel("CSEC"), channel("COLD"), channel("CNONE")} }
		s.SetScopes(strings.Join(botScopes(), ",") + ",extra")
		s.AddChannel(fakeslack.Channel{ID: "CSEC", Members: []string{"UALICE"}})
		s.AddChannel(fakeslack.Channel{ID: "COLD", Archived: true, Members: []string{fakeslack.BotUser}})
		err := p.Check(t.Context())
		if err == nil {
			t.Fatal("nothing is told")
		}
		lines := strings.Split(err.Error(), "\n")
		for i, want := range []string{"not in the channel CSEC: type /invite", "channel COLD is archived", "channel CNONE: write the id"} {
			if i >= len(lines) || !strings.HasPrefix(lines[i], "workspace grid: ") || !strings.Contains(lines[i], want) {
				t.Errorf("%q is not told in its place:\n%v", want, err)
			}
		}
		for _, scope := range botScopes() {
			if scope == userGroups {
				continue
			}
			var others []string
			for _, other := range botScopes() {
				if other != scope {
					others = append(others, other)
				}
			}
			s.SetScopes(strings.Join(others, ","))
			if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "lacks the scopes "+scope+": add") {
				t.Errorf("without %s: %v", scope, err)
			}
		}
	})
}

// TestWhoCountsOfAGroup: of known people only full members do.
func TestWhoCountsOfAGroup(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		p.workspaces["grid"].opt.Known = func() []string {
			return []string{"slack/grid/UALICE", "slack/grid/UGUEST", "slack/grid/USTRANGER", "slack/grid/UGONE", "slack/grid/UROBOT", "console/1001"}
		}
		s.SetGroup("S1", "UALICE", "UBOB", "UGUEST", "USTRANGER", "UGONE", "UROBOT")
		members, err := p.Members(t.Context(), "grid/S1")
		if got := strings.Join(members, " "); err != nil || got != "slack/grid/UALICE slack/grid/UBOB" { // bob is nobody's account here, and so gets nothing
			t.Errorf("%s, %v", got, err)
		}
		time.Sleep(2 * knownFor)
		s.Fail(fakeslack.Fault{Method: "users.info", Times: 1, Error: "internal_error"})
		if members, err := p.Members(t.Context(), "grid/S1"); err == nil {
			t.Errorf("a group of which not all is known has %v", members)
		}
		s.SetScopes(strings.ReplaceAll(strings.Join(botScopes(), ","), userGroups, "x"))
		if _, err := p.Members(t.Context(), "grid/S1"); err == nil || !strings.Contains(err.Error(), "lacks the scope usergroups:read, which a user group as the source of a role needs") {
			t.Errorf("without the scope: %v", err)
		}
	})
}

// TestAccountsAsTheyAreNow is what approvers are counted by.
func TestAccountsAsTheyAreNow(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		for id, want := range map[string]bot.Standing{
			"UALICE": bot.Member, "UGUEST": bot.Guest, "USTRANGER": bot.Outsider, "UGONE": bot.Deactivated, "UROBOT": bot.Bot, "U404": bot.Outsider, "": "",
		} {
			a, err := p.Account(t.Context(), "grid", id)
			if err != nil || a.Standing != want {
				t.Errorf("%q is %q, %v; want %q", id, a.Standing, err, want)
			}
		}
		if a, err := p.Account(t.Context(), "other", "UALICE"); err != nil || a.Standing != "" {
			t.Errorf("in a workspace that is not configured: %q, %v", a.Standing, err)
		}
		s.Fail(fakeslack.Fault{Method: "users.info", Times: 1, Error: "internal_error"})
		if a, err := p.Account(t.Context(), "grid", "UBOB"); err == nil || a.Standing != "" {
			t.Errorf("not told: %q, %v", a.Standing, err)
		}
	})
}

func TestSlacksClock(t *testing.T) {
	in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
		for ahead, want := range map[time.Duration]string{
			0:                 "",
			20 * time.Second:  "remark: The clock of Slack is 20s ahead of this machine's. Times here and there",
			10 * time.Minute:  "remark: The clock of Slack is 10m0s ahead", // Slack signs nothing in Socket Mode
			-20 * time.Second: "remark: The clock of Slack is 19s behind this machine's. Nothing breaks yet; from 2m0s on, what people wrote",
			-3 * time.Minute:  "FAILED: The clock of Slack is 2m59s behind this machine's: from 2m0s on, what people wrote",
		} {
			s.SetClock(ahead)
			if got := bottest.Probed(p.Probe(t.Context())); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("%s ahead: %q; want %q", ahead, got, want)
			}
		}
		s.Fail(fakeslack.Fault{Method: "auth.test", Times: 1, Error: "internal_error"})
		if got := bottest.Probed(p.Probe(t.Context())); !strings.HasPrefix(got, "FAILED: workspace grid: ") {
			t.Errorf("Slack tells nothing: %q", got)
		}
	})
}

// TestTheWayToUsIsProbed asks at the public address, as Slack would, and tells
// what it cannot know, and what stands in the way.
func TestTheWayToUsIsProbed(t *testing.T) {
	s := workplace()
	there := httptest.NewServer(s)
	t.Cleanup(there.Close)
	p := overAs(t, calledAs(t), strings.TrimPrefix(there.URL, "http://"), nil, "CSEC")
	ours := routed(p)
	other := calledAs(t)
	other.SigningSecretFiles = other.SigningSecretFiles[1:]
	running := routed(overAs(t, other, strings.TrimPrefix(there.URL, "http://"), nil))
	var way http.HandlerFunc
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { way(w, r) }))
	t.Cleanup(front.Close)
	p.workspaces["grid"].opt.Public = front.URL + "/"
	echo := func(w http.ResponseWriter, r *http.Request) { // as a server answers that takes whatever comes
		body, _ := io.ReadAll(r.Body)
		_, challenge, _ := unpack("events_api", "application/json", body)
		_, _ = io.WriteString(w, challenge)
	}
	for name, x := range map[string]struct {
		way  http.HandlerFunc
		want string
	}{
		"it leads here":                         {ours.ServeHTTP, "remark: workspace grid: asked from this machine, the addresses below " + front.URL + "/slack/grid/ lead to a gridwarden with this app's signing secrets. Whether Slack gets there too cannot be asked from here"},
		"nothing is there":                      {http.NotFound, "FAILED: workspace grid: At " + front.URL + "/slack/grid/actions, where Slack is to call, something else answers (404 Not Found)"},
		"anything says it again":                {echo, "FAILED: workspace grid: At " + front.URL + "/slack/grid/actions, where Slack is to call, something else answers (200 OK)"},
		"the one that runs has an older secret": {running.ServeHTTP, "FAILED: workspace grid: At " + front.URL + "/slack/grid/actions, where Slack is to call, what was signed with secret 1 of signing_secret_files is refused"},
		"headers are taken off": {func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("X-Slack-Signature")
			ours.ServeHTTP(w, r)
		}, "FAILED: workspace grid: At " + front.URL + "/slack/grid/actions, where Slack is to call, what was signed with secret 1 of signing_secret_files is refused"},
		"only events are passed on": {func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/events") {
				http.NotFound(w, r)
				return
			}
			ours.ServeHTTP(w, r)
		}, "FAILED: workspace grid: At " + front.URL + "/slack/grid/actions, "},
		"it leads elsewhere": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there.URL, http.StatusFound) }, "FAILED: workspace grid: At " + front.URL + "/slack/grid/actions, where Slack is to call, something else answers (302 Found)"},
		"answers are changed": {func(w http.ResponseWriter, r *http.Request) {
			kept := httptest.NewRecorder()
			ours.ServeHTTP(kept, r)
			w.Header().Set(proofHeader, kept.Header().Get(proofHeader))
			_, _ = io.WriteString(w, "<html>")
		}, "FAILED: workspace grid: The answer of gridwarden at " + front.URL + "/slack/grid/actions, where Slack is to call, is another one when it arrives here"},
	} {
		way = x.way
		if got := bottest.Probed(p.Probe(t.Context())); !strings.HasPrefix(got, x.want) || strings.Contains(got, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, x.want)
		}
	}
	way = ours.ServeHTTP
	s.SetClock(5 * time.Minute)
	if got := bottest.Probed(p.Probe(t.Context())); !strings.Contains(got, "ahead of this machine's: from 5m0s on, every request of Slack is refused") {
		t.Errorf("with another clock: %s", got)
	}
	front.Close()
	if got := bottest.Probed(p.Probe(t.Context())); !strings.Contains(got, "Nobody answers at "+front.URL+"/slack/grid/actions, where Slack is to call: ") {
		t.Errorf("with nobody there: %s", got)
	}
}
