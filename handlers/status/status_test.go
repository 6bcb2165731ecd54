package status_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/status"
)

var at = time.Date(2026, 6, 24, 14, 5, 0, 0, time.UTC)

type journal struct {
	open    []action.Action
	waiting int
	oldest  time.Time
	err     error
}

func (j journal) OpenActions(context.Context) ([]action.Action, error) { return j.open, j.err }

func (j journal) Waiting(context.Context) (int, time.Time, error) { return j.waiting, j.oldest, j.err }

// part is healthy unless check says otherwise.
type part struct {
	name  string
	check func(context.Context) error
}

func (p part) Name() string { return p.name }

func (p part) Check(ctx context.Context) error {
	if p.check == nil {
		return nil
	}
	return p.check(ctx)
}

type dated struct {
	part
	newest time.Time
	err    error
}

func (d dated) Newest(context.Context) (time.Time, error) { return d.newest, d.err }

func (d dated) Details(context.Context) ([]string, error) {
	return []string{"12 indices"}, d.err
}

func run(t *testing.T, j journal, parts ...status.Part) bot.Message {
	t.Helper()
	c := answertest.Command(t, status.New(j, parts, slog.New(slog.DiscardHandler)), "status")
	return answertest.Run(t, c, answertest.Request(c, at))
}

// sentences has notes that end with a period.
type sentences struct{ part }

func (sentences) Details(context.Context) ([]string, error) {
	return []string{"1 record, written at 2026-03-01T02:01Z.", "1 piece could not be read."}, nil
}

func TestNotesAreSentences(t *testing.T) {
	want := "1 record, written at 2026-03-01T02:01Z. 1 piece could not be read."
	if got := run(t, journal{}, sentences{part{name: "cms-history"}}).Plain(); !strings.Contains(got, want) {
		t.Errorf("%q is missing in\n%s", want, got)
	}
}

// moded works in one of several ways.
type moded struct{ part }

func (moded) Mode() string { return "Socket Mode" }

func TestTheModeIsShown(t *testing.T) {
	want := "slack  ok                        Socket Mode"
	if got := run(t, journal{}, moded{part{name: "slack"}}).Plain(); !strings.Contains(got, want) {
		t.Errorf("%q is missing in\n%s", want, got)
	}
}

func TestEverythingWorks(t *testing.T) {
	m := run(t, journal{open: make([]action.Action, 2), waiting: 3, oldest: at.Add(-90 * time.Second)},
		dated{part: part{name: "cms-elastic"}, newest: at.Add(-61 * time.Minute)}, part{name: "mattermost"})
	want := `Everything works
part         state  newest data (UTC)                notes
cms-elastic  ok     2026-06-24 13:04, 1 h 1 min old  12 indices
mattermost   ok
Open actions: 2. pending lists them.
Messages waiting to be posted: 3, the oldest for 1 min.`
	if got := m.Plain(); got != want {
		t.Errorf("said\n%s\nwant\n%s", got, want)
	}
	if m.Partial {
		t.Error("a healthy status is partial")
	}
}

func TestWhatFailsIsNamedAndTheRestIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		release := make(chan struct{})
		m := run(t, journal{},
			part{"ok", nil},
			part{"broken", func(context.Context) error { return errors.New("dial tcp 10.1.2.3: password=hunter2") }},
			part{"worded", func(context.Context) error { return bot.Problemf("unavailable", "The certificate has expired.") }},
			part{"hanging", func(ctx context.Context) error { <-release; return nil }},
			part{"slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			part{"panicking", func(context.Context) error { panic("secret") }},
			dated{part: part{name: "ageless"}, err: errors.New("no")},
		)
		close(release)
		synctest.Wait()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("took %s, want the deadline of one part", took)
		}
		got := m.Plain()
		for _, want := range []string{
			"Not everything works",
			"worded     failed     ", "The certificate has expired.",
			"hanging    no answer  ", "slow       no answer  ", "no answer within 5s",
			"panicking  failed     ", "it broke down while it was asked",
			"the age of its data could not be read; 12 indices; its details could not be read",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing in\n%s", want, got)
			}
		}
		for _, secret := range []string{"hunter2", "10.1.2.3", "secret"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q is told to people:\n%s", secret, got)
			}
		}
		if !m.Partial {
			t.Error("a status with failures is not partial")
		}
	})
}

func TestAJournalThatDoesNotAnswerIsNotHealthy(t *testing.T) {
	m := run(t, journal{err: errors.New("locked")})
	if got := m.Plain(); !m.Partial || !strings.Contains(got, "Not everything works") || strings.Contains(got, "Open actions: 0") {
		t.Errorf("partial=%v, said\n%s", m.Partial, got)
	}
}

func TestArgumentsAreRefused(t *testing.T) {
	c := answertest.Command(t, status.New(journal{}, nil, slog.New(slog.DiscardHandler)), "status")
	if code, _ := answertest.Problem(t, c, answertest.Request(c, at, "now")); code != "usage" {
		t.Errorf("code %q, want usage", code)
	}
}
