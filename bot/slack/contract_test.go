package slack

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

func TestPlatformPasses(t *testing.T) {
	s := workplace(10*time.Millisecond, 100*time.Millisecond, time.Second)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Serve(l))
	n := 0
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		n++
		place := fmt.Sprintf("CTEST%d", n) // a channel of its own: what was said before a start is read then
		addTeam(s, place)
		p := over(t, l.Addr().String(), nil, place)
		return bottest.Harness{
			Platform: p, Channel: channel(place), Shown: s.Shown,
			Type: func(text string, times int) {
				connected(t, s, 1)
				_, d := s.Type("UALICE", place, "", "<@"+fakeslack.BotUser+"> "+text)
				for range times - 1 {
					d.Acknowledged(10 * time.Second)
					d.Again()
				}
			},
		}
	})
}
