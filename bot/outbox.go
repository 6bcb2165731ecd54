package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/crash"
)

// AtOnce is how many messages are on their way at once, each in a thread of its
// own. A platform keeps as many connections to its server: with fewer it would
// make new ones all the time.
const AtOnce = 64

// Bounds of delivery.
const (
	deliveryLease = 30 * time.Second // hides a message from other processes while one says it
	enoughHands   = 16               // free ones, before the outbox is asked again
	giveUpAfter   = 24 * time.Hour   // a message that could not be said for a day is recorded as unsaid
	pollEvery     = time.Second      // other processes queue without telling us
)

// RunPlatform is the platform of commands given on the command line. Their
// answers were printed already; posting there only keeps the order of things.
const RunPlatform = "run"

// decisionReactions are put under every card where a platform has reactions.
var decisionReactions = []string{"white_check_mark"}

// deliver says what waits in the outbox until ctx ends (hops 10 to 12). A
// thread whose platform is slow holds up no other.
func (e *Engine) deliver(ctx context.Context) {
	hands := make(chan struct{}, AtOnce)
	for ctx.Err() == nil {
		if free := cap(hands) - len(hands); free >= enoughHands && e.takeDeliveries(ctx, hands, free) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-time.After(pollEvery):
		}
	}
	for range cap(hands) {
		hands <- struct{}{}
	}
}

// takeDeliveries starts to say the first waiting message of each thread, as
// many as hands are free.
func (e *Engine) takeDeliveries(ctx context.Context, hands chan struct{}, free int) int {
	e.working.add()
	defer e.working.done()
	deliveries, err := e.journal.NextDeliveries(ctx, now(), deliveryLease, free)
	e.noOutbox.about(ctx, err)
	if err != nil {
		return 0
	}
	for _, d := range deliveries {
		hands <- struct{}{}
		e.working.add()
		go func() {
			defer func() {
				e.working.done()
				<-hands
				if cap(hands)-len(hands) >= enoughHands {
					wake(e.wake) // the next one of its thread
				}
			}()
			e.deliverOne(ctx, d)
		}()
	}
	return len(deliveries)
}

// deliverOne says one message and notes where it stands. A card is rendered
// from the action as it is now, so that an older version never overwrites a newer one.
func (e *Engine) deliverOne(ctx context.Context, d Delivery) {
	log := e.log.With("post", d.Post.Key)
	if request, ok := strings.CutPrefix(d.Post.Key, replyKey); ok {
		ctx = WithRequest(ctx, request)
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryLease)
	defer cancel()
	crash.Point("10")
	message, version, err := e.say(ctx, d)
	e.delivered(d, err)
	if err == nil { // what was said is noted, also when the program stops
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepDeadline)
		defer cancel()
		crash.Point("12 before")
		err := e.journal.Delivered(ctx, d.ID, message, version, now())
		crash.Point("12 after")
		if err != nil {
			log.ErrorContext(ctx, "delivery not noted; it will be looked for before it is repeated", "error", err)
		}
		return
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return // stopping: the lease lapses and another process says it
	}
	var final Final
	giveUp := (d.Post.Card == "" || isCase(d.Post.Card)) && (now().Sub(d.QueuedAt) > giveUpAfter || errors.As(err, &final) && final.Final())
	next := now().Add(min(time.Second<<min(d.Attempts, 6), time.Minute))
	if errors.Is(err, errNotHere) { // another process may have that platform
		next = now().Add(2 * pollEvery)
	}
	level := slog.LevelWarn
	if giveUp {
		level = slog.LevelError
	}
	log.Log(ctx, level, "message not delivered", "error", err, "attempts", d.Attempts+1, "given_up", giveUp)
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), stepDeadline) // the try may have used up its time
	defer cancel()
	why := err.Error()
	if sentence, ok := sentenceOf(err); ok { // people read it, and the log has the cause
		why = sentence
	}
	if err := e.journal.Undelivered(ctx, d.ID, why, next, giveUp); err != nil {
		log.ErrorContext(ctx, "failed delivery not noted", "error", err)
	}
}

var errNotHere = errors.New("bot: the platform does not run in this process")

// replyKey begins the key of the answer to a request, before the request's id.
const replyKey = "reply/"

// delivered counts a try to say a message.
func (e *Engine) delivered(d Delivery, err error) {
	t, bad := ParseThread(d.Post.Thread)
	if bad != nil {
		t.Platform = ""
	}
	e.meter.Delivered(e.running(t.Platform), max(now().Sub(d.QueuedAt), 0), err)
}

// say delivers one message and returns its id.
func (e *Engine) say(ctx context.Context, d Delivery) (id string, version int, err error) {
	t, err := ParseThread(d.Post.Thread)
	if err != nil {
		return "", 0, err
	}
	if t.Platform == RunPlatform {
		if d.Post.Card != "" && !isCase(d.Post.Card) {
			a, err := e.journal.Action(ctx, d.Post.Card)
			return d.Post.Key, a.Version, err
		}
		return d.Post.Key, 0, nil
	}
	p, ok := e.platforms[t.Platform]
	if !ok {
		return "", 0, fmt.Errorf("%w: %s", errNotHere, t.Platform)
	}
	switch {
	case isCase(d.Post.Card):
		return e.sayCase(ctx, p, t, d)
	case d.Post.Card != "":
		return e.sayCard(ctx, p, t, d)
	}
	var s said
	if err := json.Unmarshal(d.Post.Body, &s); err != nil {
		return "", 0, fmt.Errorf("bot: decoding a message: %w", err)
	}
	if s.To != nil {
		if w, ok := p.(Whisperer); ok {
			return "", 0, w.Whisper(ctx, t, *s.To, s.Message)
		}
	}
	m := s.Message
	if s.Instead != nil {
		why, err := e.withholds(ctx, t, d)
		if err != nil {
			return "", 0, err
		}
		if why != "" {
			m = e.withheld(*s.Instead, t, why)
		}
	}
	if s.At != nil && d.Attempts < replacingTries {
		id, done, err := e.inPlace(ctx, p, t, *s.At, strings.TrimPrefix(d.Post.Key, replyKey), m)
		if done || err != nil {
			return id, 0, err
		}
	}
	id, err = e.postOnce(ctx, p, t, d, m)
	return id, 0, err
}

// sayCard posts or updates a card in its room.
func (e *Engine) sayCard(ctx context.Context, p Platform, t Thread, d Delivery) (string, int, error) {
	a, err := e.journal.Action(ctx, d.Post.Card)
	if err != nil {
		return "", 0, fmt.Errorf("bot: reading the action of a card: %w", err)
	}
	cards, err := e.journal.CardMessages(ctx, a.ID)
	if err != nil {
		return "", 0, fmt.Errorf("bot: finding a card: %w", err)
	}
	shown, stands := cards[d.Post.Thread]
	if stands && shown.Version >= a.Version {
		return shown.Message, shown.Version, nil
	}
	why, err := e.withholds(ctx, t, d)
	if err != nil {
		return "", 0, err
	}
	cardOf := func(a action.Action) Message {
		if why != "" {
			return e.withheld(hiddenCard(a), t, why)
		}
		return CardMessage(a)
	}
	m := cardOf(a)
	if stands {
		waited, err := e.edits.wait(ctx, d.Post.Thread+"\n"+string(a.ID))
		if err != nil {
			return "", 0, fmt.Errorf("bot: waiting to change a card: %w", err)
		}
		if waited {
			if a, err = e.journal.Action(ctx, a.ID); err != nil {
				return "", 0, fmt.Errorf("bot: reading the action of a card: %w", err)
			}
			m = cardOf(a)
		}
		if err := e.noteFace(ctx, p, t, m); err != nil {
			return "", 0, err
		}
		crash.Point("11 update before")
		err = p.Update(ctx, t, shown.Message, m)
		if !errors.Is(err, ErrNotFound) {
			return shown.Message, a.Version, err
		}
		// Nobody told us that it was deleted: what people voted on is gone.
		if votable(a) {
			if a, err = e.decider.voidCard(ctx, nil, a.ID, "the card was deleted by somebody else"); err != nil {
				return "", 0, err
			}
		}
		m = cardOf(a)
	}
	if err := e.noteFace(ctx, p, t, m); err != nil {
		return "", 0, err
	}
	id, err := e.postCard(ctx, p, t, d, m)
	if err != nil {
		return "", 0, err
	}
	if s, ok := p.(Seeder); ok && a.State == action.Proposed && why == "" {
		if err := s.Seed(ctx, t, id, decisionReactions); err != nil {
			e.log.WarnContext(ctx, "decision reactions not put under a card", "error", err)
		}
	}
	return id, a.Version, nil
}

// postCard posts a card as it is now: an earlier try may have posted it as it was then.
func (e *Engine) postCard(ctx context.Context, p Platform, t Thread, d Delivery, m Message) (string, error) {
	id, err := e.postOnce(ctx, p, t, d, m)
	if err == nil && d.Attempts > 0 {
		err = p.Update(ctx, t, id, m)
	}
	return id, err
}

// postOnce posts a message; when an earlier try may have taken effect it looks
// for it first, where the platform can.
func (e *Engine) postOnce(ctx context.Context, p Platform, t Thread, d Delivery, m Message) (string, error) {
	if f, ok := p.(Finder); ok && d.Attempts > 0 {
		id, found, err := f.FindPost(ctx, t, d.Post.Key)
		if err != nil || found {
			return id, err
		}
	}
	crash.Point("11 post before")
	return postKeyed(ctx, p, t, d.Post.Key, m)
}

// postKeyed posts under a key, by which a platform that can do so knows the same
// message again.
func postKeyed(ctx context.Context, p Platform, t Thread, key string, m Message) (string, error) {
	if k, ok := p.(KeyedPoster); ok {
		return k.PostKeyed(ctx, t, key, m)
	}
	return p.Post(ctx, t, m)
}

// sayWithoutJournal is the one message that is posted although it cannot be
// recorded: the refusal because of a journal that cannot be written.
func (e *Engine) sayWithoutJournal(ctx context.Context, log *slog.Logger, req *Request, m Message) {
	p, ok := e.platforms[req.Thread.Platform]
	if !ok {
		return
	}
	if _, err := p.Post(ctx, req.Thread, m); err != nil {
		log.ErrorContext(ctx, "refusal not posted", "error", err)
	}
}

// nudge wakes the loops.
func (e *Engine) nudge() {
	wake(e.wake)
	wake(e.wakeDue)
}

func wake(loop chan<- struct{}) {
	select {
	case loop <- struct{}{}:
	default:
	}
}
