package bottest_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

var security = bot.Thread{Platform: "memory", Channel: "security"}

// typist sends typed lines to a memory platform in the background.
func typist(m *bottest.Memory) func(text string, times int) {
	var n atomic.Int64
	return func(text string, times int) {
		ev := bot.Event{
			ID: "e" + strconv.FormatInt(n.Add(1), 10), Kind: bot.Typed, Thread: security, Message: m.NewID(security), Value: text,
			Account: bot.Account{Platform: "memory", ID: "alice", Standing: bot.Member}, At: time.Now().UTC(),
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			for range times {
				if m.Send(ctx, ev) != nil { // the suite ended before it listened
					return
				}
			}
		}()
	}
}

func guest(m *bottest.Memory) []func(bool) {
	return []func(bool){func(in bool) { m.Share(security.Channel, in) }}
}

// inMemory is the harness of a platform over m.
func inMemory(m *bottest.Memory, p bot.Platform) bottest.Harness {
	return bottest.Harness{
		Platform: p, Channel: security, Type: typist(m), Strangers: guest(m),
		React: func(id string, stands bool) { m.React(id, "memory/alice", "+1", stands) },
		Touch: func(id string, gone bool) {
			if gone {
				m.Delete(id)
			} else {
				m.Alter(id, func(m *bot.Message) { m.Lines = bot.Say("BAN somebody else").Lines })
			}
		},
	}
}

func TestMemoryPasses(t *testing.T) {
	bottest.PlatformContract(t, func(*testing.T) bottest.Harness {
		m := bottest.NewMemory("memory")
		return inMemory(m, m)
	})
}

func TestQuietNastyPasses(t *testing.T) {
	bottest.PlatformContract(t, func(*testing.T) bottest.Harness {
		m := bottest.NewMemory("memory")
		return inMemory(m, bottest.NewNasty(m))
	})
}

func TestRecorderPasses(t *testing.T) {
	bottest.PlatformContract(t, func(*testing.T) bottest.Harness {
		m := bottest.NewMemory("memory")
		return inMemory(m, bottest.NewRecorder(m))
	})
}

func TestBarePasses(t *testing.T) {
	bottest.PlatformContract(t, func(*testing.T) bottest.Harness {
		m := bottest.NewMemory("memory")
		return bottest.Harness{Platform: bottest.Bare(m), Channel: security, Type: typist(m)}
	})
	if _, ok := bottest.Bare(bottest.NewMemory("memory")).(bot.Whisperer); ok {
		t.Error("Bare shows a capability")
	}
}

func TestMemoryRefuses(t *testing.T) {
	ok := bot.Say("fine")
	with := func(change func(*bot.Message)) bot.Message {
		m := bot.Say("fine")
		change(&m)
		return m
	}
	tests := []struct {
		name   string
		thread bot.Thread
		m      bot.Message
		want   error
	}{
		{"an empty message", security, bot.Message{}, bottest.ErrMalformed},
		{"text that is not UTF-8", security, bot.Say("%s", "a\xff"), bottest.ErrMalformed},
		{"a button without its command", security, with(func(m *bot.Message) { m.Buttons = []bot.Button{{Label: "a", Value: "b"}} }), bottest.ErrMalformed},
		{"too many buttons", security, with(func(m *bot.Message) { m.Buttons = make([]bot.Button, 6) }), bottest.ErrMalformed},
		{"a file whose name is a path", security, with(func(m *bot.Message) { m.Files = []bot.File{{Name: "../x", Media: "text/plain"}} }), bottest.ErrMalformed},
		{"nobody to notify", security, with(func(m *bot.Message) { m.Notify = append(m.Notify, "") }), bottest.ErrMalformed},
		{"a version without a card", security, with(func(m *bot.Message) { m.Version = 2 }), bottest.ErrMalformed},
		{"another platform", bot.Thread{Platform: "slack", Channel: "security"}, ok, bottest.ErrNoThread},
		{"a thread that nobody began", bot.Thread{Platform: "memory", Channel: "security", Root: "m9"}, ok, bottest.ErrNoThread},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := bottest.NewMemory("memory")
			if _, err := m.Post(t.Context(), test.thread, test.m); !errors.Is(err, test.want) {
				t.Errorf("Post = %v; want %v", err, test.want)
			}
			if len(m.Said()) != 0 {
				t.Error("what was refused was said")
			}
		})
	}
}

func TestMemoryRefusesAnOlderCard(t *testing.T) {
	m := bottest.NewMemory("memory")
	card := bot.Say("card")
	card.Card, card.Version = "ab12", 3
	id, err := m.Post(t.Context(), security, card)
	if err != nil {
		t.Fatal(err)
	}
	card.Version = 2
	if err := m.Update(t.Context(), security, id, card); !errors.Is(err, bottest.ErrMalformed) {
		t.Errorf("Update to an older version = %v", err)
	}
	card.Version = 4
	if err := m.Update(t.Context(), security, id, card); err != nil {
		t.Errorf("Update to a newer version = %v", err)
	}
	below := security
	below.Root = id
	if err := m.Update(t.Context(), below, id, card); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("Update at another address = %v", err)
	}
}
