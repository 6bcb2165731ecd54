package journaltest

import (
	"testing"

	"github.com/gridwarden/gridwarden/bot"
)

// Option changes what the suite asks.
type Option func(*suite)

// Reopen lets the suite end a journal and open it again on the same data.
func Reopen(reopen func(*testing.T, bot.Journal) bot.Journal) Option {
	return func(s *suite) { s.reopen = reopen }
}

// Another lets the suite open a journal as another process does.
func Another(another func(*testing.T, bot.Journal) bot.Journal) Option {
	return func(s *suite) { s.another = another }
}

type suite struct {
	reopen, another func(*testing.T, bot.Journal) bot.Journal
}

// Run runs the suite. open gives an empty journal that the test's end closes.
func Run(t *testing.T, open func(*testing.T) bot.Journal, options ...Option) {
	var s suite
	for _, o := range options {
		o(&s)
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, bot.Journal)
	}{
		{"an event is fresh once", freshOnce},
		{"an event is fresh for exactly one of many", freshForOne},
		{"the same id elsewhere is another event", sameIDElsewhere},
		{"what is unfinished comes oldest first", unfinishedInOrder},
		{"a request is finished once", finishedOnce},
		{"a request that nobody received cannot be finished", finishUnknown},
		{"an action is read back as it was written", actionReadBack},
		{"an equal open action is shown, not duplicated", equalOpenAction},
		{"an equal action is made once by many at once", equalActionMadeOnce},
		{"an action's id is used once", actionIDTaken},
		{"every change of an action counts", everyChangeCounts},
		{"a change that fails stores only its effects", failedChange},
		{"what many decide at once is decided and recorded once", decidedOnce},
		{"a request changes an action once", onceForARequest},
		{"actions are listed in order", actionsInOrder},
		{"what is unknown is not found", nothingThere},
		{"effects are stored all or not at all", allOrNothing},
		{"a record that exists is refused whole", recordTwice},
		{"records bind the row that they are about", recordsBind},
		{"records are found by every filter", recordsFound},
		{"the latest record about a subject is found", latestFound},
		{"a thread's messages are delivered in order", deliveredInOrder},
		{"a delivery in hand holds back its thread", oneInFlight},
		{"a message is queued once", queuedOnce},
		{"a delivery that is given up lets the later ones go", givenUp},
		{"a post tells how far it has come", howFar},
		{"many deliverers never get the same", deliverersApart},
		{"a card's newest version stands", cardStands},
		{"the outbox counts what waits", outboxCounts},
		{"work is due at its time and hidden while in hand", workDue},
		{"work replaces work of its kind and key", workReplaced},
		{"work that was replaced in hand stays", replacedInHand},
		{"who lost his lease changes nothing", lostLease},
		{"work that is put off is due later", workAgain},
		{"many workers never get the same", workersApart},
		{"a case is read back as it was written", caseReadBack},
		{"a thread is the home of one open case", oneOpenCase},
		{"cases come latest first", casesInOrder},
		{"an account is tied to one person", accountLinked},
		{"what is remembered is replaced", rememberedReplaced},
		{"a caller that has left stored nothing", callerLeft},
		{"a caller that leaves in its change hurts nobody else", callerLeavesInside},
		{"a change that panics hurts nobody else", panicAlone},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	for name, test := range map[string]func(t *testing.T, one, two bot.Journal){
		"a request is its receiver's as long as he is present": orphans,
		"a request that another took over proposes nothing":    takenOver,
		"what a process has in hand is released at once":       released,
		"orphans are taken by one of many":                     orphansApart,
	} {
		if s.another != nil {
			t.Run(name, func(t *testing.T) {
				one := open(t)
				test(t, one, s.another(t, one))
			})
		}
	}
	if s.reopen != nil {
		t.Run("everything is there after a restart", func(t *testing.T) { afterRestart(t, open(t), s.reopen) })
	}
}
