package slack

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// TestFilesBesideWhatIsTyped has people put files beside what they say to the bot: they
// are told of, and what is in them is read by their ids, from Slack only.
func TestFilesBesideWhatIsTyped(t *testing.T) {
	both(t, asSlack, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		log := strings.Repeat("PandaID=1\n", 500)
		s.Share("UALICE", "CSEC", "", me+"whoami", fakeslack.File{Name: "pilot log.txt", Data: []byte(log)}, fakeslack.File{Name: "b", Data: []byte("b")})
		time.Sleep(time.Second)
		ev := l.One(t)
		if len(ev.Files) != 2 || ev.Value != "whoami" || ev.Files[0].Enclosure != (bot.Enclosure{Name: "pilot log.txt", Size: 5000}) || ev.Files[1].Name != "b" {
			t.Fatalf("%+v", ev)
		}
		fetch := func(most int) (string, error) {
			data, err := p.Fetch(t.Context(), ev.Thread, ev.Message, ev.Files[0], most)
			return string(data), err
		}
		for _, most := range []int{5000, 5001, 4999, 10} {
			if got, err := fetch(most); err != nil || got != log[:min(most, len(log))] {
				t.Errorf("of %d bytes at most: %d, %v", most, len(got), err)
			}
		}
		s.Fail(fakeslack.Fault{Method: "download", Times: 1, Status: http.StatusServiceUnavailable})
		if _, err := fetch(10); err == nil || errors.Is(err, bot.ErrNotFound) {
			t.Errorf("Slack was broken: %v", err)
		}
		asked := len(s.Calls("download"))
		s.StoreElsewhere("evil.example")
		if _, err := fetch(10); !says(err, "not the platform's own") || len(s.Calls("download")) != asked {
			t.Errorf("elsewhere: %v, %d downloads", err, len(s.Calls("download"))-asked)
		}
		s.StoreElsewhere("")
		s.SetScopes("chat:write,channels:history,groups:history")
		if _, err := fetch(10); !says(err, "add the scope files:read") {
			t.Errorf("without the scope: %v", err)
		}
		s.SetScopes("files:read")
		s.Leave(fakeslack.BotUser, "CSEC")
		if _, err := fetch(10); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("in a channel of others: %v", err)
		}
		s.Join(fakeslack.BotUser, "CSEC")
		s.Delete("CSEC", ev.Message)
		if _, err := fetch(10); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

// says reports whether an error has a sentence for people with a text in it.
func says(err error, text string) bool {
	var f bot.ForPeople
	return errors.As(err, &f) && strings.Contains(f.ForPeople(), text)
}

// TestFilesOfWhatWasMissed has a message with a file read back after a gap.
func TestFilesOfWhatWasMissed(t *testing.T) {
	in(t, asSlack, func(t *testing.T, s *fakeslack.Server, p *Platform, l *bottest.Hearing) {
		s.Lose(1)
		ts, _ := s.Share("UALICE", "CSEC", "", me+"whoami", fakeslack.File{Name: "log", Data: []byte("PandaID=1")})
		s.Cut()
		time.Sleep(time.Second)
		for _, ev := range l.All() {
			if ev.Message != ts {
				continue
			}
			if data, err := p.Fetch(t.Context(), ev.Thread, ev.Message, ev.Files[0], 100); err != nil || string(data) != "PandaID=1" {
				t.Errorf("%q, %v", data, err)
			}
			return
		}
		t.Errorf("it never came: %s", bottest.Kinds(l.All()))
	})
}

// TestOnlySlacksOwnHost holds where files are asked for at Slack itself.
func TestOnlySlacksOwnHost(t *testing.T) {
	for address, own := range map[string]bool{
		"https://files.slack.com/files-pri/T1-F1/download/log": true,
		"http://files.slack.com/files-pri/T1-F1/download/log":  false,
		"https://files.slack.com.evil.example/x":               false,
		"https://files.slack.com:8443/x":                       false,
		"https://me@files.slack.com/x":                         false,
		"https://evil.example/?files.slack.com":                false,
		"//files.slack.com/x":                                  false,
		"":                                                     false,
	} {
		if err := bot.Own(address, "", fileHost); (err == nil) != own {
			t.Errorf("%q: %v", address, err)
		}
	}
}
