package decision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/decision"
)

var at = time.Date(2026, 6, 24, 14, 5, 0, 0, time.UTC)

// desk notes what was decided, and lists what is open.
type desk struct {
	open    []action.Action
	decided []string
}

func (d *desk) Decide(_ context.Context, r *bot.Request, id action.ID, verdict action.Verdict, reason string) (bot.Message, error) {
	d.decided = append(d.decided, string(r.Person.ID)+": "+string(verdict)+" "+string(id)+" because "+reason)
	return bot.Say("noted"), nil
}

func (d *desk) OpenActions(context.Context) ([]action.Action, error) { return d.open, nil }

func TestDecisionsReachTheDeciderAsTyped(t *testing.T) {
	for _, c := range []struct{ command, words, want string }{
		{"approve", "k7m2qd", "alice: approve k7m2qd because "},
		{"approve", "K7M2QD looks right", "alice: approve k7m2qd because looks right"},
		{"deny", "k7m2qd wrong person, see the thread", "alice: deny k7m2qd because wrong person, see the thread"},
		{"deny", "k7m2qd", "alice: deny k7m2qd because "}, // that a reason is missing is the decider's to say
		{"withdraw", "k7m2qd", "alice: withdraw k7m2qd because "},
	} {
		d := &desk{}
		all := decision.New(d, d)
		command := answertest.Command(t, all, c.command)
		answertest.Run(t, command, answertest.Request(command, at, strings.Fields(c.words)...))
		if got := strings.Join(d.decided, "\n"); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.command, c.words, got, c.want)
		}
		if !command.Decision || command.Role != bot.Anyone {
			t.Errorf("%s is held up by rate limits or by a role of its own; who may decide is the policy's", c.command)
		}
		if code, _ := answertest.Problem(t, command, answertest.Request(command, at)); code != "usage" || len(d.decided) != 1 {
			t.Errorf("%s without an id: code %q, decided %q", c.command, code, d.decided)
		}
	}
}

// waits is a ban that waits for two.
func waits() action.Action {
	a := action.Action{ID: "k7m2qd", State: action.Proposed, Command: "ban", ExpiresAt: at.Add(4 * time.Hour), Digest: strings.Repeat("ab", 32)}
	a.Frozen.Proposer = "mia"
	a.Frozen.Plan.Target = action.Target{Kind: "panda user", Name: "Naughty *User* @here", Key: "1001"}
	a.Frozen.Policy = action.Policy{Name: "ban", Approvals: []action.Need{{Role: "atlas-security", Count: 2}}}
	return a
}

func TestPending(t *testing.T) {
	approved, runs := waits(), waits()
	approved.ID, approved.State, approved.StartBy = "aaaaaa", action.Approved, at.Add(30*time.Minute)
	runs.ID, runs.State, runs.StartBy = "bbbbbb", action.Running, at.Add(30*time.Minute)
	d := &desk{open: []action.Action{waits(), approved, runs}}
	c := answertest.Command(t, decision.New(d, d), "pending")
	m := answertest.Run(t, c, answertest.Request(c, at))
	want := `3 open
id      what                      state     needs                                by   expires (UTC)
k7m2qd  ban Naughty *User* @here  proposed  0 of 2 · needs: 2 of atlas-security  mia  2026-06-24 18:05
aaaaaa  ban Naughty *User* @here  approved                                       mia  2026-06-24 14:35
bbbbbb  ban Naughty *User* @here  running                                        mia
Decide with approve ID, or deny ID REASON.`
	if got := m.Plain(); got != want {
		t.Errorf("said\n%s\nwant\n%s", got, want)
	}
	if list, ok := m.Answer["actions"].([]action.Machine); !ok || len(list) != 3 || list[0].State != action.Proposed {
		t.Errorf("machine form %+v", m.Answer)
	}
	r := answertest.Request(c, at)
	r.Personal = false
	if m := answertest.Run(t, c, r); m.Plain() != "Open actions: 3. Ask in the security channel whom they are about." || m.Answer != nil {
		t.Errorf("where personal data is withheld: %s, %v", m.Plain(), m.Answer)
	}
	if code, _ := answertest.Problem(t, c, answertest.Request(c, at, "x")); code != "usage" {
		t.Errorf("with an argument: code %q", code)
	}
	d.open = nil
	if m := answertest.Run(t, c, answertest.Request(c, at)); m.Plain() != "No action is open." || m.Answer["actions"] == nil {
		t.Errorf("without any: %s, %v", m.Plain(), m.Answer)
	}
}
