package cric

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Bounds of an answer. CMS has some ten thousand people, of whom an entry is less
// than 2 kB.
const (
	maxAnswer  = 64 << 20 // bytes
	maxEntries = 200_000
	maxEach    = 32   // logins and DNs of one entry
	maxDN      = 4096 // bytes
	maxField   = 256  // bytes of a name or address
)

// loginForm is what logins at CERN, and the HyperNews names before them, are made of.
var loginForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// answer is what was read of one of CRIC's answers.
type answer struct {
	entries []grid.Registered
	// spoiled counts the entries of which something could not be used, such as a
	// DN that is none; what could be is in entries.
	spoiled int
}

// errShape says that the text is JSON, but none of CRIC's answers.
var errShape = errors.New("none of the forms in which CRIC tells users")

// parse reads every form in which CRIC, and the tools of CMS that keep copies of
// it, tell users: an object of users by a key, with profiles; a list of users by
// DN (preset=roles); columns and rows (preset=people); and an object of DNs by
// login, as the monitoring keeps it.
func parse(data []byte) (answer, error) {
	if len(data) > maxAnswer {
		return answer{}, fmt.Errorf("larger than %d MB", maxAnswer>>20)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	open, err := d.Token()
	if err != nil {
		return answer{}, fmt.Errorf("not JSON: %w", err)
	}
	var out answer
	switch open {
	case json.Delim('['):
		err = out.list(d)
	case json.Delim('{'):
		err = out.object(d)
	default:
		err = errShape
	}
	if err != nil {
		return answer{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return answer{}, errors.New("something follows the answer")
	}
	if len(out.entries) == 0 {
		return answer{}, fmt.Errorf("%w, or nobody is in it", errShape)
	}
	return out, nil
}

// list reads users by DN: one person has as many as DNs.
func (a *answer) list(d *json.Decoder) error {
	for d.More() {
		if err := a.next(d, func(u user) { a.add(u.id(), u, nil) }); err != nil {
			return err
		}
	}
	return end(d)
}

// object reads users by a key, or columns and rows.
func (a *answer) object(d *json.Decoder) error {
	var columns []string
	keys := map[string]int{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return cut(err)
		}
		key, _ := t.(string)
		switch {
		case key == "desc" && len(keys) == 0:
			var desc struct{ Columns []string }
			if err := d.Decode(&desc); err != nil {
				return fmt.Errorf("reading the names of the columns: %w", err)
			}
			columns = desc.Columns
		case key == "result" && columns != nil:
			if err := a.rows(d, columns); err != nil {
				return err
			}
		case columns != nil:
			return errShape
		default:
			keys[key]++
			// A key that comes twice is not the same person for that.
			id := key
			if n := keys[key]; n > 1 {
				id += " (" + strconv.Itoa(n) + ")"
			}
			if err := a.next(d, func(u user) { a.addKeyed(key, id, u) }); err != nil {
				return err
			}
		}
	}
	return end(d)
}

// addKeyed takes a user of an object. One without profiles is the monitoring's
// copy, whose keys are logins.
func (a *answer) addKeyed(key, id string, u user) {
	if u.Profiles == nil && u.Country != nil {
		a.add(id, u, []string{key})
		return
	}
	a.add(id, u, nil)
}

// rows reads users as rows of columns.
func (a *answer) rows(d *json.Decoder, columns []string) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errShape
	}
	for d.More() {
		var row []text
		ok, err := decode(d, &row)
		if err != nil {
			return err
		}
		if !ok {
			a.spoiled++
			continue
		}
		var u user
		var given []string
		for i, column := range columns[:min(len(columns), len(row))] {
			switch strings.ToLower(column) {
			case "username", "login":
				u.Login = row[i]
			case "dn":
				u.DN = row[i]
			case "email":
				u.Email = row[i]
			case "name", "forename", "surname":
				given = append(given, string(row[i]))
			}
		}
		u.Name = text(strings.TrimSpace(strings.Join(given, " ")))
		a.add("", u, nil)
		if len(a.entries) > maxEntries {
			return fmt.Errorf("more than %d users", maxEntries)
		}
	}
	return end(d)
}

// next reads one user. One of another form than all others is left out.
func (a *answer) next(d *json.Decoder, take func(user)) error {
	var u user
	ok, err := decode(d, &u)
	switch {
	case err != nil:
		return err
	case !ok:
		a.spoiled++
	default:
		take(u)
	}
	if len(a.entries)+a.spoiled > maxEntries {
		return fmt.Errorf("more than %d users", maxEntries)
	}
	return nil
}

// decode reads one value; ok is false when it is JSON of another form.
func decode(d *json.Decoder, into any) (ok bool, err error) {
	var wrong *json.UnmarshalTypeError
	switch err := d.Decode(into); {
	case errors.As(err, &wrong):
		return false, nil
	case err != nil:
		return false, cut(err)
	}
	return true, nil
}

func end(d *json.Decoder) error {
	_, err := d.Token()
	return cut(err)
}

// cut says in words that an answer ends before its end.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends in the middle: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// user is one user in any of the forms; encoding/json matches the capitals of
// preset=roles.
type user struct {
	ID       text            `json:"id"`
	DN       text            `json:"dn"`
	DNs      []text          `json:"dns"`
	Login    text            `json:"login"`
	Name     text            `json:"name"`
	Email    text            `json:"email"`
	Country  json.RawMessage `json:"country"` // only the monitoring's copy has it
	Profiles []profile       `json:"profiles"`
}

// profile is one account of a user.
type profile struct {
	Login text `json:"login"`
	DN    text `json:"dn"`
}

// text is a text or a number; null and anything else is "".
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	switch {
	case len(data) > 0 && data[0] == '"':
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
	case len(data) > 0 && (data[0] == '-' || '0' <= data[0] && data[0] <= '9'):
		s = string(data)
	}
	*t = text(s)
	return nil
}

// id is the register's own key of a user in a list.
func (u user) id() string {
	if u.ID == "0" { // nobody's
		return ""
	}
	return clean(string(u.ID))
}

// add keeps what can be used of a user, under an id, with logins beside its own.
func (a *answer) add(id string, u user, logins []string) {
	out := grid.Registered{ID: clean(id), Name: clean(string(u.Name)), Email: clean(string(u.Email))}
	whole := true
	logins = append(logins, string(u.Login))
	dns := []string{string(u.DN)}
	for _, dn := range u.DNs[:min(len(u.DNs), maxEach)] {
		dns = append(dns, string(dn))
	}
	for _, p := range u.Profiles[:min(len(u.Profiles), maxEach)] {
		logins, dns = append(logins, string(p.Login)), append(dns, string(p.DN))
	}
	whole = whole && len(u.DNs) <= maxEach && len(u.Profiles) <= maxEach
	for _, login := range logins {
		switch login = strings.TrimSpace(login); {
		case login == "":
		case !loginForm.MatchString(login):
			whole = false
		default:
			out.Logins = appendNew(out.Logins, login)
		}
	}
	for _, typed := range dns {
		dn, ok := grid.NormalizeDN(typed)
		switch {
		case strings.TrimSpace(typed) == "":
		case !ok || len(typed) > maxDN:
			whole = false
		default:
			out.DNs = appendNew(out.DNs, dn.String())
		}
	}
	if !whole {
		a.spoiled++
	}
	if len(out.Logins)+len(out.DNs) > 0 {
		a.entries = append(a.entries, out)
	}
}

// clean bounds a name that people will read, and takes out what would draw on
// their screens.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxField {
		return s
	}
	n := maxField
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func appendNew(all []string, s string) []string {
	for _, known := range all {
		if known == s {
			return all
		}
	}
	return append(all, s)
}
