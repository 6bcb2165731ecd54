package journaltest

import (
	"errors"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

func caseReadBack(t *testing.T, j bot.Journal) {
	i := opened("c1", "t", 0)
	i.Evidence = []bot.Evidence{{
		Thread: "t", Message: "m9", Author: "slack/T0/U1", Name: "\u202eeve", At: noon, Text: "look\x7f", Files: []bot.Enclosure{{Name: "ps.txt", Size: 9}},
		PinnedBy: "alice", PinnedAt: noon, Changes: []bot.Change{{Kind: bot.Edited, At: noon.Add(time.Second), Text: "no"}},
	}}
	i.Notes = []bot.Note{{Person: "alice", At: noon.Add(time.Nanosecond), Text: "first\nnote"}}
	must(t, j.OpenIncident(t.Context(), i, action.Effects{}))
	got, err := j.Incident(t.Context(), "c1")
	must(t, err)
	same(t, "read back", got, i)
	note := bot.Note{Person: "bob", At: noon.Add(time.Hour), Text: "second"}
	i.Notes, i.Version, i.Outcome = append(i.Notes, note), 2, "x"
	changed, err := j.UpdateIncident(t.Context(), "c1", func(c *bot.Incident) (action.Effects, error) {
		c.Notes, c.Outcome, c.ID, c.Version = append(c.Notes, note), "x", "other", 9
		return action.Effects{Records: []audit.Record{record(audit.Noted)}}, nil
	})
	must(t, err)
	same(t, "changed", changed, i)
	_, err = j.UpdateIncident(t.Context(), "c1", func(c *bot.Incident) (action.Effects, error) {
		c.Title = "another"
		return action.Effects{}, errors.New("refused")
	})
	if err == nil {
		t.Error("a change that failed was taken")
	}
	i.Notes, i.Version = i.Notes[:1], 3
	_, err = j.UpdateIncident(t.Context(), "c1", func(c *bot.Incident) (action.Effects, error) {
		c.Notes = c.Notes[:1]
		return action.Effects{}, nil
	})
	must(t, err)
	got, err = j.Incident(t.Context(), "c1")
	must(t, err)
	same(t, "read back after the changes", got, i)
}

func oneOpenCase(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	must(t, j.OpenIncident(ctx, opened("c1", "t", 0), action.Effects{}))
	for _, other := range []bot.Incident{opened("c2", "t", 0), opened("c1", "t2", 0)} {
		if err := j.OpenIncident(ctx, other, posts(post("p", "t"))); !errors.Is(err, bot.ErrExists) {
			t.Errorf("OpenIncident = %v", err)
		}
	}
	shut := func(id string) {
		_, err := j.UpdateIncident(ctx, id, func(i *bot.Incident) (action.Effects, error) {
			i.ClosedAt, i.ClosedBy = noon.Add(time.Hour), "bob"
			return action.Effects{}, nil
		})
		must(t, err)
	}
	at := func(want string) {
		t.Helper()
		got, err := j.IncidentAt(ctx, "t")
		must(t, err)
		same(t, "case of the thread", got.ID, want)
	}
	at("c1")
	shut("c1")
	at("c1")
	must(t, j.OpenIncident(ctx, opened("c2", "t", -time.Hour), action.Effects{}))
	at("c2") // it is open, though older
	shut("c2")
	at("c1")
}

func casesInOrder(t *testing.T, j bot.Journal) {
	for id, after := range map[string]time.Duration{"c1": 0, "c2": 2 * time.Second, "c3": time.Second} {
		must(t, j.OpenIncident(t.Context(), opened(id, "t"+id, after), action.Effects{}))
	}
	got, err := j.Incidents(t.Context(), 2)
	must(t, err)
	open, err := j.OpenIncidents(t.Context())
	must(t, err)
	same(t, "open", open, []bot.Incident{opened("c1", "tc1", 0), opened("c3", "tc3", time.Second), opened("c2", "tc2", 2*time.Second)})
	_, err = j.UpdateIncident(t.Context(), "c3", func(i *bot.Incident) (action.Effects, error) {
		i.ClosedAt, i.ClosedBy = noon.Add(time.Hour), "bob"
		return action.Effects{}, nil
	})
	must(t, err)
	open, err = j.OpenIncidents(t.Context())
	must(t, err)
	same(t, "still open", open, []bot.Incident{opened("c1", "tc1", 0), opened("c2", "tc2", 2*time.Second)})
	same(t, "latest", got, []bot.Incident{opened("c2", "tc2", 2*time.Second), opened("c3", "tc3", time.Second)})
}

func accountLinked(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	must(t, j.Link(ctx, "slack/T0/U1", "alice", action.Effects{}))
	must(t, j.Link(ctx, "slack/T0/U1", "alice", posts(post("again", "t")))) // no change, and no error
	if err := j.Link(ctx, "slack/T0/U1", "mallory", posts(post("p", "t"))); !errors.Is(err, bot.ErrExists) {
		t.Errorf("Link = %v", err)
	}
	must(t, j.Link(ctx, "discord/7", "alice", action.Effects{}))
	links, err := j.Links(ctx)
	must(t, err)
	same(t, "links", links, map[string]action.PersonID{"slack/T0/U1": "alice", "discord/7": "alice"})
	_, keys := next(t, j, noon, 9)
	same(t, "said", keys, []string{"again"})
}

func rememberedReplaced(t *testing.T, j bot.Journal) {
	for _, value := range []string{"one", "", "two\x00"} {
		must(t, j.Remember(t.Context(), "key", []byte(value), action.Effects{}))
		got, err := j.Remembered(t.Context(), "key")
		must(t, err)
		same(t, "remembered", string(got), value)
	}
}
