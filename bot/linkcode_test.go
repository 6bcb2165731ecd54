package bot_test

import (
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// says is a request to `link use` from an account that nobody knows.
func says(account string) *bot.Request {
	return &bot.Request{Account: bot.Account{Platform: "memory", ID: account}, Surface: "typed"}
}

// TestACodeIsGoodInEveryProcess has two processes on one journal, of which one
// gives the codes and either takes them.
func TestACodeIsGoodInEveryProcess(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		decider := func(holder string) *bot.Decider {
			return bot.NewDecider(slog.New(slog.DiscardHandler), h.processOf(holder), bot.NewPeople(hallRules(), nil))
		}
		one, two := decider("one"), decider("two")
		bob, _ := bot.NewPeople(hallRules(), nil).Person("bob")
		code := func() string {
			t.Helper()
			got, _, err := one.LinkCode(t.Context(), &bot.Request{Person: bob})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		refused := func(d *bot.Decider, account, code string) {
			t.Helper()
			var told *bot.Problem
			if who, err := d.UseLinkCode(t.Context(), says(account), code); !errors.As(err, &told) || told.Code != "not-found" {
				t.Errorf("%s is %q, %v", account, who, err)
			}
		}
		taken := func(d *bot.Decider, account, code string) {
			t.Helper()
			if who, err := d.UseLinkCode(t.Context(), says(account), code); err != nil || who != "bob" {
				t.Errorf("%s is %q, %v", account, who, err)
			}
		}

		good := code()
		taken(two, "there", good)
		refused(one, "thief", good)

		good = code()
		for range 4 {
			refused(two, "guesser", "bob-aaaaaaaaaaaa")
		}
		taken(one, "typist", good)
		good = code()
		for i := range 5 {
			refused([]*bot.Decider{one, two}[i%2], "guesser", "bob-aaaaaaaaaaaa")
		}
		refused(two, "late", good) // too many were wrong

		good = code()
		time.Sleep(10*time.Minute + time.Second)
		refused(two, "later", good)

		good = code()
		var all sync.WaitGroup
		who := make([]action.PersonID, 8)
		for i := range who {
			all.Go(func() {
				who[i], _ = []*bot.Decider{one, two}[i%2].UseLinkCode(t.Context(), says(string(rune('a'+i))), good)
			})
		}
		all.Wait()
		links, err := h.journal.Links(t.Context())
		if err != nil || len(links) != 3 {
			t.Errorf("one of many at once is linked: %v, %v; they were told %q", links, err, who)
		}
	})
}
