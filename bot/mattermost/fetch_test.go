package mattermost

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// TestFilesBesideWhatIsTyped has people put files beside what they say to the bot: they
// are told of, and what is in them is read by their ids where the bot may read.
func TestFilesBesideWhatIsTyped(t *testing.T) {
	listen(t, func(t *testing.T, l *listening) {
		log := strings.Repeat("PandaID=1\n", 500)
		ids := []string{l.fake.Upload(l.alice.Id, l.channel.Id, "pilot log.txt", []byte(log)), l.fake.Upload(l.alice.Id, l.channel.Id, "b", []byte("b"))}
		l.fake.Say(&model.Post{UserId: l.alice.Id, ChannelId: l.channel.Id, Message: "@gridwarden whoami", FileIds: ids}, 1)
		ev := l.next()
		if len(ev.Files) != 2 || ev.Value != "whoami" || ev.Files[0] != (bot.Attachment{ID: ids[0], Enclosure: bot.Enclosure{Name: "pilot log.txt", Size: 5000}}) || ev.Files[1].ID != ids[1] {
			t.Fatalf("%+v", ev)
		}
		fetch := func(most int) (string, error) {
			data, err := l.Fetch(t.Context(), ev.Thread, ev.Message, ev.Files[0], most)
			return string(data), err
		}
		for _, most := range []int{5000, 5001, 4999, 10} {
			if got, err := fetch(most); err != nil || got != log[:min(most, len(log))] {
				t.Errorf("of %d bytes at most: %d, %v", most, len(got), err)
			}
		}
		l.fake.Fail(fakemattermost.Fault{Call: "GET /files", Status: http.StatusBadGateway})
		if _, err := fetch(10); err == nil || errors.Is(err, bot.ErrNotFound) {
			t.Errorf("the server was broken: %v", err)
		}
		l.fake.Fail(fakemattermost.Fault{Call: "GET /files", Status: http.StatusTooManyRequests, RetryAfter: "3"})
		if got, err := fetch(10); err != nil || got != log[:10] {
			t.Errorf("after a pause: %q, %v", got, err)
		}
		if _, err := l.Fetch(t.Context(), ev.Thread, ev.Message, bot.Attachment{ID: "../users/me"}, 10); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("no id: %v", err)
		}
		l.fake.Leave(l.channel.Id, l.me.Id)
		var f bot.ForPeople
		if _, err := fetch(10); !errors.As(err, &f) || !strings.Contains(f.ForPeople(), "does not let the bot ask for a file") {
			t.Errorf("where the bot is no member: %v", err)
		}
		l.fake.Join(l.channel.Id, l.me.Id)
		l.fake.DeleteAs(l.alice.Id, ev.Message)
		l.next() // which is told, too
		if _, err := fetch(10); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

// TestFilesThatTheServerTellsNothingOf are known by their ids.
func TestFilesThatTheServerTellsNothingOf(t *testing.T) {
	if got := filesOf(&model.Post{FileIds: []string{"f1"}}); len(got) != 1 || got[0] != (bot.Attachment{ID: "f1"}) {
		t.Errorf("%+v", got)
	}
}
