package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// CardReader is a Platform that can read a message of the bot back from its
// server. Before an approved action starts its cards are read and compared with
// what the bot made them show, and the votes with the reactions below them.
type CardReader interface {
	// Face is what people see of m in t, in short: two messages with one face look
	// alike. An error that is errors.ErrUnsupported says that messages of this
	// place cannot be read back.
	Face(t Thread, m Message) (string, error)
	// ReadBack reads how a message stands on the server now. It fails as long as
	// the platform does not hear what people do there, or has not yet caught up with what
	// they did meanwhile. The error wraps ErrNotFound when the message is there no
	// more, and only then.
	ReadBack(ctx context.Context, t Thread, id string) (Seen, error)
}

// Seen is a message as a server has it.
type Seen struct {
	Face      string
	Reactions []Reaction // all but the bot's own
}

// Reaction stands below a message.
type Reaction struct {
	Account string    // its key
	Name    string    // as Event.Value has it
	At      time.Time // zero where the server does not say when
}

// Bounds of reading back.
const (
	readBackWithin = 10 * time.Second
	// Servers answer from copies that may lag: what is found wrong so soon after
	// the last vote is looked at once more before it counts.
	settleFor = 3 * time.Second
	// An action waits for a server that cannot be reached, and says so if that
	// takes longer than a moment.
	silentFor   = 5 * time.Second
	readAgain   = 2 * time.Second
	readSeldom  = 15 * time.Second
	keptFaces   = 8
	confirmings = 3
)

// faces are what a card was made to show, the latest last.
func (e *Engine) faces(ctx context.Context, key string) ([]string, error) {
	data, err := e.journal.Remembered(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	var faces []string
	if err == nil {
		err = json.Unmarshal(data, &faces)
	}
	if err != nil {
		return nil, fmt.Errorf("bot: what a card was made to show: %w", err)
	}
	return faces, nil
}

func faceKey(id action.ID, room string) string { return "face/" + string(id) + "/" + room }

// noteFace keeps what a card is about to show. Earlier faces stay: the change may
// fail, and what they show of the action is what its digest binds.
func (e *Engine) noteFace(ctx context.Context, p Platform, t Thread, m Message) error {
	r, ok := p.(CardReader)
	if !ok {
		return nil
	}
	face, err := r.Face(t, m)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bot: what a card shows: %w", err)
	}
	sum := sha256.Sum256([]byte(face))
	face = hex.EncodeToString(sum[:])
	key := faceKey(m.Card, t.String())
	faces, err := e.faces(ctx, key)
	if err != nil || slices.Contains(faces, face) {
		return err
	}
	faces = append(faces, face)
	data, err := json.Marshal(faces[max(len(faces)-keptFaces, 0):])
	if err != nil { // strings always marshal
		panic(err)
	}
	return e.journal.Remember(ctx, key, data, action.Effects{})
}

// reading is a card that was read back.
type reading struct {
	room      Thread
	reactions []Reaction
	void      string // why its votes are void, "" when it stands as it was shown
	unread    error  // why it could not be read
}

// readCards reads the cards of an action back, where their platforms can do that.
func (e *Engine) readCards(ctx context.Context, a action.Action) ([]reading, error) {
	cards, err := e.journal.CardMessages(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readBackWithin)
	defer cancel()
	var mu sync.Mutex
	var all []reading
	var failed error
	var reads sync.WaitGroup
	for room, card := range cards {
		t, err := ParseThread(room)
		if err != nil {
			return nil, err
		}
		if t.Platform == RunPlatform {
			continue
		}
		reads.Go(func() {
			r, known, err := e.readCard(ctx, a, t, card.Message)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			if known {
				all = append(all, r)
			}
		})
	}
	reads.Wait()
	slices.SortFunc(all, func(a, b reading) int { return strings.Compare(a.room.String(), b.room.String()) })
	return all, failed
}

// readCard reads one card back; known is false where nobody can.
func (e *Engine) readCard(ctx context.Context, a action.Action, t Thread, id string) (r reading, known bool, err error) {
	r.room = t
	key := faceKey(a.ID, t.String())
	platform, here := e.platforms[t.Platform]
	if !here { // the process that runs it may have noted what the card shows
		r.unread = fmt.Errorf("%w: %s", errNotHere, t.Platform)
		faces, err := e.faces(ctx, key)
		return r, len(faces) > 0, err
	}
	reader, ok := platform.(CardReader)
	if !ok {
		return r, false, nil
	}
	var seen Seen
	seen, r.unread = reader.ReadBack(ctx, t, id)
	if errors.Is(r.unread, errors.ErrUnsupported) {
		return r, false, nil
	}
	if errors.Is(r.unread, ErrNotFound) {
		r.void, r.unread = "the card was deleted by somebody else", nil
	}
	if r.void == "" && r.unread == nil { // after the card: what it shows was noted before it did
		var faces []string
		faces, err = e.faces(ctx, key)
		sum := sha256.Sum256([]byte(seen.Face))
		if err == nil && !slices.Contains(faces, hex.EncodeToString(sum[:])) {
			r.void = "the card was found changed by somebody else"
		}
		r.reactions = seen.Reactions
	}
	return r, true, err
}

// of reports whether an account belongs where a card stands.
func (r reading) of(account string) bool {
	return strings.HasPrefix(account, Account{Platform: r.room.Platform, Workspace: r.room.Workspace}.Key())
}

// against is what the cards that were read say against a vote: the ballot that its
// person has cast there and that nobody told us of.
func (e *Engine) against(v action.Vote, cards []reading) (action.Ballot, bool) {
	b := action.Ballot{Person: v.Person, Account: v.Account, Surface: takenBack, Verdict: action.TakeBack, Reason: "the reaction was not there any more when the card was read back before the start"}
	read, stands := false, false
	for _, c := range cards {
		if c.unread != nil || c.void != "" {
			stands = stands || c.of(v.Account) // perhaps; see enough
			continue
		}
		read = read || c.of(v.Account)
		for _, r := range c.reactions {
			owner, _ := e.people.PersonOf(r.Account)
			if slices.Contains(denyReactions, r.Name) && owner == v.Person && (r.At.IsZero() || r.At.After(v.At)) {
				b.Account, b.Surface, b.Verdict, b.Reason = r.Account, "reaction", action.Deny, ""
				return b, true
			}
			stands = stands || r.Account == v.Account && slices.Contains(approveReactions, r.Name)
		}
	}
	return b, v.Surface == "reaction" && read && !stands
}

// confirm reads the cards of an approved action back before it starts. ready
// says that the action, as it is returned, may start: its cards stand as they were
// shown, and so do the reactions that voted. Otherwise what was found is stored, or
// it waits: then again says when it is to be tried once more.
func (e *Engine) confirm(ctx context.Context, a action.Action) (confirmed action.Action, ready bool, again time.Time, err error) {
	for range confirmings {
		cards, err := e.readCards(ctx, a)
		if err != nil {
			return a, false, again, err
		}
		moved, found, err := e.amend(ctx, a, cards)
		if err != nil {
			return a, false, again, err
		}
		if found && !moved {
			return a, false, now().Add(readAgain), nil
		}
		if !found {
			ready, again, err = e.enough(ctx, a, cards)
			return a, ready, again, err
		}
		if a, err = e.journal.Action(ctx, a.ID); err != nil || a.State != action.Approved {
			return a, false, again, err
		}
	}
	return a, false, now().Add(readAgain), nil
}

// amend takes away what the cards say does not stand. found says that there was
// something; it is taken away only when it was not just voted.
func (e *Engine) amend(ctx context.Context, a action.Action, cards []reading) (moved, found bool, err error) {
	why := ""
	for _, c := range cards {
		if c.void != "" {
			why = c.void
		}
	}
	var ballots []action.Ballot
	for _, v := range a.Votes {
		if b, against := e.against(v, cards); against && v.Lost == "" {
			ballots = append(ballots, b)
		}
	}
	if why == "" && len(ballots) == 0 {
		return false, false, nil
	}
	if now().Sub(a.ApprovedAt) < settleFor {
		return false, true, nil
	}
	for _, b := range ballots {
		if err := e.castBack(ctx, a.ID, b); err != nil {
			return false, true, err
		}
	}
	if why == "" {
		return true, true, nil
	}
	_, err = e.decider.voidCard(ctx, nil, a.ID, why)
	if moved := (*action.Refusal)(nil); errors.As(err, &moved) {
		err = nil
	}
	return true, true, err
}

// castBack casts the ballot that was found below a card, and tells of it.
func (e *Engine) castBack(ctx context.Context, id action.ID, b action.Ballot) error {
	return e.transition(ctx, id, func(a *action.Action) (action.Effects, error) {
		version := a.Version
		fx, err := a.Decide(b, e.people, now())
		if err != nil {
			return fx, err
		}
		m := Say("The approval of `%s` by *%s* does not count any more: the reaction was taken away while gridwarden did not hear it.", id, b.Person)
		if b.Verdict == action.Deny {
			m = Say("The approval of `%s` by *%s* does not count any more: a reaction that says no stands below its card. A denial needs a reason: `deny %s REASON`. To approve, take that reaction away and approve again.", id, b.Person, id)
		}
		m.Notify = []action.PersonID{b.Person}
		fx.Posts = append(fx.Posts, e.decider.tell(*a, fmt.Sprintf("readback/%s/%d", id, version), m)...)
		return fx, nil
	})
}

// enough reports whether an action may start with the cards that could be read.
// For those that could not it waits: a vote from there does not count without
// its card, and with the others alone it starts after graceOf.
func (e *Engine) enough(ctx context.Context, a action.Action, cards []reading) (ready bool, again time.Time, err error) {
	sure := a
	sure.Votes = nil
	for _, v := range a.Votes {
		if !slices.ContainsFunc(cards, func(c reading) bool { return c.unread != nil && c.of(v.Account) }) {
			sure.Votes = append(sure.Votes, v)
		}
	}
	var unread []string
	var causes []error
	for _, c := range cards {
		if c.unread != nil {
			unread, causes = append(unread, placeWords(c.room)), append(causes, c.unread)
		}
	}
	if len(unread) == 0 {
		return true, again, nil
	}
	waited, starts := now().Sub(a.ApprovedAt), a.ApprovedAt.Add(graceOf(a))
	alone := sure.Standing().Enough
	if alone && !now().Before(starts) && a.Unread != "" {
		return true, again, nil
	}
	again = now().Add(min(max(waited/4, readAgain), readSeldom))
	if waited < silentFor {
		return false, again, nil
	}
	slices.Sort(unread)
	words := "its card in " + strings.Join(slices.Compact(unread), " and in ") + " cannot be read back. "
	if alone {
		again = earliest(again, latest(starts, now().Add(readAgain)))
		words += "The votes from elsewhere are enough: it starts without that at " + clock(starts)
	} else {
		words += "Until then the votes from there do not count, and it expires at " + clock(a.StartBy) +
			". Who voted there can type: withdraw " + string(a.ID) + ", and then approve it elsewhere"
	}
	if words == a.Unread {
		return false, again, nil
	}
	e.log.WarnContext(ctx, "an approved action waits for a card that cannot be read back", "action", a.ID, "error", errors.Join(causes...))
	return false, again, e.transition(ctx, a.ID, func(b *action.Action) (action.Effects, error) {
		if b.Version != a.Version {
			return action.Effects{}, errMovedOn
		}
		return b.Await(words, now())
	})
}

// longestGrace is how long an action waits at most for a card that none of its
// votes came from.
const longestGrace = 2 * time.Minute

// graceOf is that time for one action: at most half of what it has to start.
func graceOf(a action.Action) time.Duration {
	return min(longestGrace, a.StartBy.Sub(a.ApprovedAt)/2)
}

// placeWords names a room for people.
func placeWords(t Thread) string {
	return t.Platform + strings.TrimSuffix("/"+t.Workspace, "/") + "/" + t.Channel
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
