package fakemattermost

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

// house is a server with a bot in one channel, and the bot's client.
type house struct {
	*Server
	*model.Client4
	me, alice *model.User
	channel   *model.Channel
}

func build(t *testing.T) house {
	h := house{Server: New()}
	server := httptest.NewServer(h.Server)
	t.Cleanup(server.Close)
	return h.furnish(server.URL)
}

func (h house) furnish(url string) house {
	h.me, h.alice = h.AddBot("gridwarden", "token"), h.AddUser("alice")
	h.channel = h.AddChannel("security", model.ChannelTypePrivate, h.me, h.alice)
	h.Client4 = model.NewAPIv4Client(url)
	h.SetToken("token")
	return h
}

// TestStrict holds the fake to what the server refuses.
func TestStrict(t *testing.T) {
	h := build(t)
	root := h.Type(h.alice.Id, h.channel.Id, "", "hello", 1)
	reply := h.Type(h.alice.Id, h.channel.Id, root.Id, "and more", 1)
	gone := h.Type(h.alice.Id, h.channel.Id, "", "gone", 1)
	h.DeleteAs(h.alice.Id, gone.Id)
	elsewhere := h.AddChannel("elsewhere", model.ChannelTypePrivate, h.alice)
	hidden := h.Type(h.alice.Id, elsewhere.Id, "", "hidden", 1)
	post := func(change func(*model.Post)) func(context.Context) (*model.Response, error) {
		p := &model.Post{ChannelId: h.channel.Id, Message: "x"}
		change(p)
		return func(ctx context.Context) (*model.Response, error) { _, r, err := h.CreatePost(ctx, p); return r, err }
	}
	text := "changed"
	patch := func(id string) func(context.Context) (*model.Response, error) {
		return func(ctx context.Context) (*model.Response, error) {
			_, r, err := h.PatchPost(ctx, id, &model.PostPatch{Message: &text})
			return r, err
		}
	}
	read := func(id string) func(context.Context) (*model.Response, error) {
		return func(ctx context.Context) (*model.Response, error) { _, r, err := h.GetPost(ctx, id, ""); return r, err }
	}
	react := func(user, post, emoji string) func(context.Context) (*model.Response, error) {
		return func(ctx context.Context) (*model.Response, error) {
			_, r, err := h.SaveReaction(ctx, &model.Reaction{UserId: user, PostId: post, EmojiName: emoji})
			return r, err
		}
	}
	for name, c := range map[string]struct {
		call func(context.Context) (*model.Response, error)
		want int
	}{
		"a post":                        {post(func(*model.Post) {}), http.StatusCreated},
		"as long as may be":             {post(func(p *model.Post) { p.Message = strings.Repeat("é", MaxPost) }), http.StatusCreated},
		"too long":                      {post(func(p *model.Post) { p.Message = strings.Repeat("é", MaxPost+1) }), http.StatusBadRequest},
		"empty":                         {post(func(p *model.Post) { p.Message = " " }), http.StatusBadRequest},
		"in a thread":                   {post(func(p *model.Post) { p.RootId = root.Id }), http.StatusCreated},
		"below a reply":                 {post(func(p *model.Post) { p.RootId = reply.Id }), http.StatusBadRequest},
		"below what is gone":            {post(func(p *model.Post) { p.RootId = gone.Id }), http.StatusBadRequest},
		"in another channel's thread":   {post(func(p *model.Post) { p.RootId = hidden.Id }), http.StatusBadRequest},
		"in a channel it is not in":     {post(func(p *model.Post) { p.ChannelId = elsewhere.Id }), http.StatusForbidden},
		"with a file never given":       {post(func(p *model.Post) { p.FileIds = []string{model.NewId()} }), http.StatusBadRequest},
		"change of somebody's post":     {patch(root.Id), http.StatusForbidden},
		"change of what is not there":   {patch(model.NewId()), http.StatusForbidden},
		"change of no id":               {patch("nonsense"), http.StatusBadRequest},
		"reading":                       {read(root.Id), http.StatusOK},
		"reading what is gone":          {read(gone.Id), http.StatusNotFound},
		"reading in another channel":    {read(hidden.Id), http.StatusForbidden},
		"a reaction":                    {react(h.me.Id, root.Id, "+1"), http.StatusOK},
		"a reaction of somebody else":   {react(h.alice.Id, root.Id, "+1"), http.StatusForbidden},
		"a reaction that is no emoji":   {react(h.me.Id, root.Id, "nonsense"), http.StatusBadRequest},
		"a reaction in another channel": {react(h.me.Id, hidden.Id, "+1"), http.StatusForbidden},
		"settings without their format": {func(ctx context.Context) (*model.Response, error) {
			_, r, err := h.GetClientConfig(ctx, "")
			return r, err
		}, http.StatusNotImplemented},
	} {
		r, err := c.call(t.Context())
		if r == nil || r.StatusCode != c.want || (err == nil) != (c.want < 300) {
			t.Errorf("%s: %+v, %v; want %d", name, r, err, c.want)
		}
	}
	h.SetToken("another")
	if _, r, err := h.GetMe(t.Context(), ""); err == nil || r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong token: %+v, %v", r, err)
	}
}

func TestAPendingPostIsMadeOnceInHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		h := house{Server: s}
		transport := &http.Transport{DialContext: s.Serve(t)}
		defer transport.CloseIdleConnections()
		h = h.furnish("http://localhost")
		h.HTTPClient = &http.Client{Transport: transport}
		say := func() string {
			t.Helper()
			p, _, err := h.CreatePost(t.Context(), &model.Post{ChannelId: h.channel.Id, Message: "x", PendingPostId: "k"})
			if err != nil {
				t.Fatal(err)
			}
			return p.Id
		}
		first := say()
		time.Sleep(29 * time.Second)
		if again := say(); again != first {
			t.Errorf("within half a minute a second post was made")
		}
		time.Sleep(2 * time.Second)
		if later := say(); later == first {
			t.Error("the key is remembered longer than the server does")
		}
	})
}

func TestSinceTellsChangesAndForgetsSome(t *testing.T) {
	h := build(t)
	old := h.Type(h.alice.Id, h.channel.Id, "", "old", 1)
	from := h.Type(h.alice.Id, h.channel.Id, "", "from here", 1)
	since := func() *model.PostList {
		t.Helper()
		l, _, err := h.GetPostsSince(t.Context(), h.channel.Id, from.CreateAt, false)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := since(); len(l.Order) != 0 {
		t.Errorf("nothing changed, and %d posts are told", len(l.Order))
	}
	h.React(h.alice.Id, old.Id, "+1")
	h.DeleteAs(h.alice.Id, from.Id)
	if l := since(); len(l.Order) != 2 || l.Posts[from.Id].DeleteAt == 0 || !l.Posts[old.Id].HasReactions {
		t.Errorf("told %v; want the one with a reaction and the deleted one", l.Order)
	}
	h.EditAs(old.Id, "new")
	if l := since(); len(l.Order) != 3 || l.Posts[l.Order[2]].OriginalId != old.Id || l.Posts[l.Order[2]].Message != "old" || l.Posts[l.Order[2]].DeleteAt == 0 {
		t.Errorf("told %v; want the version before the change, too, as a deleted post", l.Order)
	}
	last := ""
	for range sinceMax {
		last = h.Type(h.alice.Id, h.channel.Id, "", "x", 1).Id
	}
	if l := since(); len(l.Order) != sinceMax || l.Posts[last] != nil {
		t.Errorf("%d posts are told; want the %d that changed first", len(l.Order), sinceMax)
	}
}
