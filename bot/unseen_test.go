package bot_test

import (
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// TestGroupsThatCannotBeRead has a process without the platform whose group
// gives the role that votes need.
func TestGroupsThatCannotBeRead(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		rules := hallRules()
		rules.People[2].Roles = nil
		rules.Groups = map[bot.Role]bot.Group{"security": {Platform: "memory", Name: "sec"}}
		h.people.Reload(rules)
		h.memory.SetGroup("sec", "memory/carol")
		h.open()
		id := h.propose()
		h.journal.fail("DueWork", broken) // it is approved and not run yet
		for _, who := range []string{"bob", "carol"} {
			h.do(who, "approve "+string(id))
		}

		j := h.processOf("bare")
		people := h.people
		h.people = bot.NewPeople(rules, nil) // what another process knows
		bare, stop := h.start(j, "bare", deaf{bottest.NewMemory("elsewhere")}, nil)
		h.people = people
		time.Sleep(time.Minute)
		if h.applied.Load() != 0 {
			t.Errorf("applied %d times", h.applied.Load())
		}
		for _, v := range h.action(id).Votes {
			if v.Lost != "" {
				t.Errorf("the vote of %s was lost: %s", v.Person, v.Lost)
			}
		}
		reply, err := bare.Do(t.Context(), h.typed("bob", "approve "+string(id)))
		if err != nil || reply.State != "refused" || reply.Code != "groups-unseen" {
			t.Errorf("%+v, %v", reply, err)
		}
		stop()
		h.journal.fail("DueWork", nil)
		time.Sleep(time.Minute)
		if h.applied.Load() != 1 {
			t.Errorf("applied %d times where the group can be read", h.applied.Load())
		}
	})
}
