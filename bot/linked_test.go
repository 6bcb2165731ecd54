package bot_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// linksRead counts how often the linked accounts are read.
type linksRead struct {
	bot.Journal
	n atomic.Int32
}

func (l *linksRead) Links(ctx context.Context) (map[string]action.PersonID, error) {
	l.n.Add(1)
	return l.Journal.Links(ctx)
}

// elsewhere is the decider of another process on the hall's journal.
func (h *hall) elsewhere() *bot.Decider {
	return bot.NewDecider(slog.New(slog.DiscardHandler), h.processOf("elsewhere"), bot.NewPeople(hallRules(), nil))
}

// linkBobby makes the account bobby one of bob's.
func (h *hall) linkBobby(d *bot.Decider) {
	h.Helper()
	if err := d.Link(h.Context(), says("admin"), "memory/bobby", "bob"); err != nil {
		h.Fatal(err)
	}
}

// TestAnAccountLinkedInOneProcessIsKnownInAnother asks from it at once, after a
// stranger had the links read, too.
func TestAnAccountLinkedInOneProcessIsKnownInAnother(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		defer h.open()()
		ask := func(who string) string {
			t.Helper()
			reply, err := h.engine.Do(t.Context(), h.typed(who, "ask x"))
			if err != nil {
				t.Fatal(err)
			}
			return reply.State + reply.Code
		}
		if got := ask("bobby"); got != "refusedunknown-person" {
			t.Errorf("a stranger: %s", got)
		}
		h.linkBobby(h.elsewhere())
		if got := ask("bobby"); got != "answered" {
			t.Errorf("linked elsewhere: %s", got)
		}
	})
}

// TestStrangersDoNotHaveTheLinksReadAllTheTime has many of them say something.
func TestStrangersDoNotHaveTheLinksReadAllTheTime(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		j := &linksRead{Journal: h.processOf("counted")}
		engine, stop := h.start(j, "counted", bottest.NewMemory("memory"), nil)
		defer stop()
		synctest.Wait()
		before := j.n.Load()
		var all sync.WaitGroup
		for i := range 100 {
			ev := h.typed(fmt.Sprintf("stranger%d", i), "ask x")
			all.Go(func() {
				reply, err := engine.Do(t.Context(), ev)
				if err != nil || reply.Code != "unknown-person" {
					t.Errorf("%s, %v", reply.Code, err)
				}
			})
		}
		began := time.Now()
		all.Wait()
		seconds := int32(time.Since(began)/time.Second) + 5 // so many without a pause
		if n := j.n.Load() - before; n < 1 || n > seconds {
			t.Errorf("%d readings in %d s", n, seconds)
		}
	})
}

// TestAVoteFromAnAccountLinkedInAnotherProcessCounts proposes in a process that
// does not know yet of an account that votes then.
func TestAVoteFromAnAccountLinkedInAnotherProcessCounts(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		defer h.open()()
		synctest.Wait()
		h.linkBobby(h.elsewhere())
		id := string(h.propose())
		for _, who := range []string{"bobby", "carol"} {
			if said := h.send(h.typed(who, "approve "+id)); len(said) == 0 {
				t.Errorf("%s is not answered", who)
			}
		}
		time.Sleep(time.Minute)
		if n := h.applied.Load(); n != 1 {
			t.Errorf("it ran %d times", n)
		}
	})
}

// TestAnApprovalTakenInAnotherProcessRunsHere has the votes, one of an account
// that was linked there, taken by a process that runs nothing.
func TestAnApprovalTakenInAnotherProcessRunsHere(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		defer h.open()()
		synctest.Wait()
		there := h.elsewhere()
		h.linkBobby(there)
		people := bot.NewPeople(hallRules(), nil)
		asks := func(person action.PersonID, account string) *bot.Request {
			who, _ := people.Person(person)
			req := says(account)
			req.ID, req.Person, req.Thread, req.Words = "request of "+account, who, security, nil
			return req
		}
		req := asks("alice", "alice")
		plan := action.Plan{Target: action.Target{Kind: "user", Name: "mallory", Key: "mallory"}, Will: []string{"zap"}}
		m, err := there.Propose(t.Context(), req, bot.Command{Name: "zap"}, plan)
		if err != nil {
			t.Fatal(err)
		}
		open, err := h.journal.OpenActions(t.Context())
		if err != nil || len(open) != 1 {
			t.Fatalf("%v, %v; %s", open, err, m.Plain())
		}
		for _, ballot := range []*bot.Request{asks("bob", "bobby"), asks("carol", "carol")} {
			if _, err := there.Decide(t.Context(), ballot, open[0].ID, action.Approve, ""); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		if n := h.applied.Load(); n != 1 {
			a, err := h.journal.Action(t.Context(), open[0].ID)
			t.Errorf("it ran %d times: %s, %+v, %v", n, a.State, a.Votes, err)
		}
	})
}
