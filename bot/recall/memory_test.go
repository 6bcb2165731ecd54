package recall_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot/recall"
)

func TestAnswersAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := recall.New[int](2)
		asked := 0
		ask := func(key string, keep bool, err error) int {
			value, got := m.Ask(key, time.Minute, func() (int, bool, error) { asked++; return asked, keep, err })
			if !errors.Is(got, err) {
				t.Errorf("%v, want %v", got, err)
			}
			return value
		}
		refused := errors.New("refused")
		for i, step := range []struct {
			key  string
			keep bool
			err  error
			want int
		}{
			{"a", true, refused, 1}, // what failed is asked again
			{"a", false, nil, 2},    // and what may not be kept
			{"a", true, nil, 3},
			{"a", true, nil, 3},
			{"b", true, nil, 4},
			{"c", true, nil, 5}, // it is full
			{"a", true, nil, 6},
		} {
			if got := ask(step.key, step.keep, step.err); got != step.want {
				t.Errorf("step %d: %d, want %d", i, got, step.want)
			}
		}
		time.Sleep(time.Minute + time.Second)
		if got := ask("a", true, nil); got != 7 {
			t.Errorf("an old answer: %d", got)
		}
		time.Sleep(time.Hour)
		if got, ok := m.Get("a", 0); !ok || got != 7 {
			t.Errorf("of any age: %d, %t", got, ok)
		}
	})
}

// TestNoAnswerIsOlderThanAChange has something change while a question is on its way.
func TestNoAnswerIsOlderThanAChange(t *testing.T) {
	for name, change := range map[string]func(*recall.Memory[string]){
		"dropped": func(m *recall.Memory[string]) { m.Drop("alice") },
		"cleared": (*recall.Memory[string]).Clear,
	} {
		m := recall.New[string](9)
		got, err := m.Ask("alice", 0, func() (string, bool, error) {
			change(m) // she is a guest from now on
			return "member", true, nil
		})
		if err != nil || got != "member" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, ok := m.Get("alice", 0); ok {
			t.Errorf("%s: she is believed to be a %s", name, got)
		}
	}
}
