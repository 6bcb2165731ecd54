package bot

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// How an account is tied to a person without an admin: who is known by one
// account gets a code there, which nobody else sees, and says it from the other.
// Names and e-mail addresses prove nothing, and are not compared.
const (
	linkCodeFor  = 10 * time.Minute
	linkCodeSize = 12 // letters: 59 bits
	maxLinkCode  = 100
)

// offer is the code that a person may use now. Codes are kept in this process
// only: whoever can write into the database cannot make one, and another
// process, or this one after a start, takes none.
type offer struct {
	code  string
	until time.Time
}

// LinkCode gives whoever asks a code that ties one more account to the same
// person, once and for ten minutes. Another one takes its place.
func (d *Decider) LinkCode(_ context.Context, req *Request) (code string, until time.Time, err error) {
	code = string(req.Person.ID) + "-" + word(linkCodeSize)
	until = now().Add(linkCodeFor)
	d.linking.Lock()
	defer d.linking.Unlock()
	if d.offers == nil {
		d.offers = map[action.PersonID]offer{}
	}
	d.offers[req.Person.ID] = offer{code, until}
	return code, until, nil
}

// ofCode is who a code is of; false when it is of nobody now. The caller holds linking.
func (d *Decider) ofCode(code string) (Person, bool) {
	code = strings.ToLower(strings.TrimSpace(code))
	at := strings.LastIndexByte(code, '-')
	if at < 0 || len(code) > maxLinkCode {
		return Person{}, false
	}
	person, known := d.people.Person(action.PersonID(code[:at]))
	o, offered := d.offers[person.ID]
	good := subtle.ConstantTimeCompare([]byte(o.code), []byte(code)) == 1
	return person, known && offered && good && now().Before(o.until)
}

// UseLinkCode ties the account that says a code to the person who got it.
func (d *Decider) UseLinkCode(ctx context.Context, req *Request, code string) (action.PersonID, error) {
	d.linking.Lock()
	person, good := d.ofCode(code)
	if good { // once
		delete(d.offers, person.ID)
	}
	d.linking.Unlock()
	if !good {
		return "", Problemf("not-found", "That code is not good, or not any more. Type `link code` from the account that gridwarden knows; what it answers is good once, for ten minutes.")
	}
	return person.ID, d.Link(ctx, req, req.Account.Key(), person.ID)
}

// vouched is the person as whom an account that nobody knows may say a code,
// and nothing else.
func (e *Engine) vouched(a asked, unknown error) (Person, error) {
	var p *Problem
	if !errors.As(unknown, &p) || p.Code != "unknown-person" || a.surface != "typed" || len(a.tokens) != 3 ||
		!strings.EqualFold(a.tokens[0].Text, "link") || !strings.EqualFold(a.tokens[1].Text, "use") {
		return Person{}, unknown
	}
	e.decider.linking.Lock()
	defer e.decider.linking.Unlock()
	if person, good := e.decider.ofCode(a.tokens[2].Text); good {
		return person, nil
	}
	return Person{}, unknown
}
