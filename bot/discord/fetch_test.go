package discord

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

// TestFilesBesideWhatIsTyped has people put files beside what they say to the bot: they
// are told of, and what is in them is read by their ids, however old their address is
// and from Discord only.
func TestFilesBesideWhatIsTyped(t *testing.T) {
	in(t, func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing) {
		log := strings.Repeat("PandaID=1\n", 500)
		s.Share(alice, security, me+"whoami", fakediscord.File{Name: "pilot log.txt", Data: []byte(log)}, fakediscord.File{Name: "b", Data: []byte("b")})
		time.Sleep(time.Second)
		ev := l.One(t)
		if len(ev.Files) != 2 || ev.Value != "whoami" || ev.Files[0].Enclosure != (bot.Enclosure{Name: "pilot log.txt", Size: 5000}) || ev.Files[1].Name != "b" {
			t.Fatalf("%+v", ev)
		}
		fetch := func(most int) (string, error) {
			data, err := p.Fetch(t.Context(), ev.Thread, ev.Message, ev.Files[0], most)
			return string(data), err
		}
		time.Sleep(48 * time.Hour) // the address that came with the event is good for a day
		for _, most := range []int{5000, 5001, 4999, 10} {
			if got, err := fetch(most); err != nil || got != log[:min(most, len(log))] {
				t.Errorf("of %d bytes at most: %d, %v", most, len(got), err)
			}
		}
		for status, gone := range map[int]bool{http.StatusServiceUnavailable: false, http.StatusFound: false, http.StatusNotFound: true} {
			s.Fail(fakediscord.Fault{Name: "download", Times: 1, Status: status})
			if _, err := fetch(10); err == nil || errors.Is(err, bot.ErrNotFound) != gone {
				t.Errorf("%d: %v", status, err)
			}
		}
		asked := len(s.Calls("download"))
		s.StoreElsewhere("evil.example")
		var f bot.ForPeople
		if _, err := fetch(10); !errors.As(err, &f) || !strings.Contains(f.ForPeople(), "not the platform's own") || len(s.Calls("download")) != asked {
			t.Errorf("elsewhere: %v, %d downloads", err, len(s.Calls("download"))-asked)
		}
		s.StoreElsewhere("")
		other := ev.Files[0]
		other.ID = "1"
		if _, err := p.Fetch(t.Context(), ev.Thread, ev.Message, other, 10); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("another file: %v", err)
		}
		s.Delete(ev.Message)
		if _, err := fetch(10); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

// TestOnlyDiscordsOwnHosts holds where files are asked for at Discord itself.
func TestOnlyDiscordsOwnHosts(t *testing.T) {
	for address, own := range map[string]bool{
		"https://cdn.discordapp.com/attachments/1/2/log?ex=1&is=1&hm=1":   true,
		"https://media.discordapp.net/attachments/1/2/log?ex=1&is=1&hm=1": true,
		"http://cdn.discordapp.com/attachments/1/2/log":                   false,
		"https://cdn.discordapp.com.evil.example/x":                       false,
		"https://evil.example/cdn.discordapp.com":                         false,
		"https://cdn.discordapp.com@evil.example/x":                       false,
	} {
		if err := bot.Own(address, "", fileHosts...); (err == nil) != own {
			t.Errorf("%q: %v", address, err)
		}
	}
}
