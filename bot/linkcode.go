package bot

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// How an account is tied to a person without an admin: who is known by one
// account gets a code there, which nobody else sees, and says it from the other.
// Names and e-mail addresses prove nothing, and are not compared.
const (
	linkCodeFor  = 10 * time.Minute
	linkCodeSize = 12 // letters: 59 bits
	maxLinkCode  = 100
)

// maxLinkTries is how many wrong codes may be said for one that is offered.
const maxLinkTries = 5

// offer is the code that a person may use now, as the journal holds it: its hash
// in a record, which every process on the journal sees and nobody who can only
// write into the database can make.
type offer struct {
	id     string // of the record
	person Person

	Hash  string    `json:"hash"`
	Until time.Time `json:"until"`
}

// codeOf is the subject of the records of a person's codes.
func codeOf(person action.PersonID) string { return "link code/" + string(person) }

// usedID is the id of the record that a code was used. The journal takes an id
// once, so that of many who say the code at once one is linked.
func (o offer) usedID() string { return hashed("used " + o.id)[:32] }

// missed is the subject of the wrong codes that were said for this one.
func (o offer) missed() string { return "link code missed/" + o.id }

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// LinkCode gives whoever asks a code that ties one more account to the same
// person, once and for ten minutes. Another one takes its place.
func (d *Decider) LinkCode(ctx context.Context, req *Request) (code string, until time.Time, err error) {
	code = string(req.Person.ID) + "-" + word(linkCodeSize)
	until = now().Add(linkCodeFor)
	rec := req.record(audit.LinkOffered, map[string]any{"hash": hashed(strings.ToLower(code)), "until": until})
	rec.Subject = codeOf(req.Person.ID)
	if err := d.journal.Write(ctx, action.Effects{Records: []audit.Record{rec}}); err != nil {
		return "", time.Time{}, fmt.Errorf("bot: keeping a link code: %w", err)
	}
	return code, until, nil
}

// offered is what is on offer to the person whom a code names.
func (d *Decider) offered(ctx context.Context, code string) (o offer, ok bool, err error) {
	at := strings.LastIndexByte(code, '-')
	if at < 0 || len(code) > maxLinkCode {
		return o, false, nil
	}
	person, known := d.people.Person(action.PersonID(code[:at]))
	if !known {
		return o, false, nil
	}
	rec, err := d.journal.Latest(ctx, codeOf(person.ID), audit.LinkOffered, audit.LinkUsed)
	if errors.Is(err, ErrNotFound) {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("bot: reading a link code: %w", err)
	}
	if rec.Kind != audit.LinkOffered || rec.Body == nil {
		return o, false, nil
	}
	if err := json.Unmarshal(rec.Body, &o); err != nil {
		return o, false, fmt.Errorf("bot: decoding a link code: %w", err)
	}
	o.id, o.person = rec.ID, person
	return o, now().Before(o.Until), nil
}

// ofCode is the offer that a code takes; false when it takes none. A wrong code
// is recorded against what is on offer, which ends with too many of them.
func (d *Decider) ofCode(ctx context.Context, code string) (offer, bool, error) {
	code = strings.ToLower(strings.TrimSpace(code))
	o, ok, err := d.offered(ctx, code)
	if err != nil || !ok {
		return offer{}, false, err
	}
	tries, err := d.journal.Records(ctx, RecordFilter{Subject: o.missed(), Limit: maxLinkTries})
	if err != nil {
		return offer{}, false, fmt.Errorf("bot: counting wrong link codes: %w", err)
	}
	if len(tries) >= maxLinkTries {
		return offer{}, false, nil
	}
	if subtle.ConstantTimeCompare([]byte(o.Hash), []byte(hashed(code))) == 1 {
		return o, true, nil
	}
	missed := audit.Record{ID: audit.NewID(), At: now(), Kind: audit.LinkMissed, Subject: o.missed()}
	if err := d.journal.Write(ctx, action.Effects{Records: []audit.Record{missed}}); err != nil {
		return offer{}, false, fmt.Errorf("bot: recording a wrong link code: %w", err)
	}
	return offer{}, false, nil
}

// UseLinkCode ties the account that says a code to the person who got it.
func (d *Decider) UseLinkCode(ctx context.Context, req *Request, code string) (action.PersonID, error) {
	bad := Problemf("not-found", "That code is not good, or not any more. Type `link code` from the account that gridwarden knows; what it answers is good once, for ten minutes.")
	o, good, err := d.ofCode(ctx, code)
	if err != nil {
		return "", err
	}
	if !good {
		return "", bad
	}
	used := req.record(audit.LinkUsed, map[string]any{})
	used.ID, used.Subject = o.usedID(), codeOf(o.person.ID)
	err = d.link(ctx, req, req.Account.Key(), o.person.ID, used)
	var told *Problem
	if err == nil || errors.As(err, &told) {
		return o.person.ID, err
	}
	if _, still, lerr := d.ofCode(ctx, code); lerr == nil && !still {
		return "", bad // another was first
	}
	return "", err
}

// vouched is the person as whom an account that nobody knows may say a code,
// and nothing else.
func (e *Engine) vouched(ctx context.Context, a asked, unknown error) (Person, error) {
	var p *Problem
	if !errors.As(unknown, &p) || p.Code != "unknown-person" || a.surface != "typed" || len(a.tokens) != 3 ||
		!strings.EqualFold(a.tokens[0].Text, "link") || !strings.EqualFold(a.tokens[1].Text, "use") {
		return Person{}, unknown
	}
	o, good, err := e.decider.ofCode(ctx, a.tokens[2].Text)
	if err != nil {
		return Person{}, err
	}
	if !good {
		return Person{}, unknown
	}
	return o.person, nil
}
