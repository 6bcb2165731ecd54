package console

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// screen is what people see; safe for concurrent use.
type screen struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

func TestConsolePasses(t *testing.T) {
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		in, keyboard := io.Pipe()
		var out screen
		c, err := New(Config{Trusted: true}, Options{}, in, &out)
		if err != nil {
			t.Fatal(err)
		}
		return bottest.Harness{
			Platform: c,
			Channel:  bot.Thread{Platform: Name, Channel: "security"},
			Shown:    out.String,
			Type: func(text string, times int) {
				line := strings.Repeat("dup ", times-1) + text
				go fmt.Fprintln(keyboard, line) // returns when the console has read it or closed its input
			},
		}
	})
}
