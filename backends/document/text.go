package document

import (
	"errors"
	"unicode/utf8"
)

// ErrText says that a text is no JSON.
var ErrText = errors.New("it is no JSON")

// maxDepth is how many objects and lists may stand in each other: as many as
// encoding/json takes.
const maxDepth = 10_000

// Text goes through JSON text once, from its beginning to its end. What it passes
// is valid as encoding/json has it; of what comes later nothing is known yet. After
// an error it is of no more use.
type Text struct {
	text  string
	at    int
	depth int
	plain bool // the latest string means itself, and is ASCII
}

// NewText begins a text, which [Text.End] ends.
func NewText(text string) *Text { return &Text{text: text, at: blanks(text, 0)} }

// End tells whether the text ends here.
func (t *Text) End() error {
	if blanks(t.text, t.at) != len(t.text) {
		return ErrText
	}
	return nil
}

// IsObject tells whether an object begins here, and IsList whether a list does.
func (t *Text) IsObject() bool { return t.at < len(t.text) && t.text[t.at] == '{' }

// IsList tells whether a list begins here.
func (t *Text) IsList() bool { return t.at < len(t.text) && t.text[t.at] == '[' }

// Object goes through the object that begins here. member is called for each name,
// and has to pass the value, by one call of a method.
func (t *Text) Object(member func(name string) error) error {
	return t.members(func(quoted string) error {
		name, ok := unquoted(quoted)
		if !ok {
			return ErrText
		}
		return member(name)
	})
}

// members is Object with the names in their quotes.
func (t *Text) members(member func(quoted string) error) error {
	if !t.IsObject() {
		return ErrText
	}
	empty, err := t.open('}')
	if empty || err != nil {
		return err
	}
	for {
		from := t.at
		if !t.passString() {
			return ErrText
		}
		name := t.text[from:t.at]
		t.at = blanks(t.text, t.at)
		if t.at == len(t.text) || t.text[t.at] != ':' {
			return ErrText
		}
		t.at = blanks(t.text, t.at+1)
		if err := member(name); err != nil {
			return err
		}
		if last, err := t.next('}'); last || err != nil {
			return err
		}
	}
}

// List goes through the list that begins here. element is called for each element,
// and has to pass it, by one call of a method.
func (t *Text) List(element func() error) error {
	if !t.IsList() {
		return ErrText
	}
	empty, err := t.open(']')
	if empty || err != nil {
		return err
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if last, err := t.next(']'); last || err != nil {
			return err
		}
	}
}

// open passes what opens an object or a list, and what closes it if it is empty.
func (t *Text) open(closing byte) (empty bool, err error) {
	if t.depth++; t.depth > maxDepth {
		return false, ErrText
	}
	if t.at = blanks(t.text, t.at+1); t.at < len(t.text) && t.text[t.at] == closing {
		t.at++
		t.depth--
		return true, nil
	}
	return false, nil
}

// next passes what follows a member or an element: a comma, or the end of all.
func (t *Text) next(closing byte) (last bool, err error) {
	t.at = blanks(t.text, t.at)
	if t.at == len(t.text) {
		return false, ErrText
	}
	switch t.text[t.at] {
	case ',':
		t.at = blanks(t.text, t.at+1)
		return false, nil
	case closing:
		t.at++
		t.depth--
		return true, nil
	}
	return false, ErrText
}

// Value passes the value that begins here, whichever it is, and gives its text.
func (t *Text) Value() (string, error) {
	from := t.at
	if !t.pass() {
		return "", ErrText
	}
	return t.text[from:t.at], nil
}

func (t *Text) pass() bool {
	if t.at >= len(t.text) {
		return false
	}
	switch t.text[t.at] {
	case '"':
		return t.passString()
	case '{':
		return t.members(func(string) error { return t.passed() }) == nil
	case '[':
		return t.List(t.passed) == nil
	}
	return t.passWord()
}

// passWord passes a number or one of the three words.
func (t *Text) passWord() bool {
	text, from, at := t.text, t.at, t.at
	if '1' <= text[at] && text[at] <= '9' {
		for at++; at < len(text) && '0' <= text[at] && text[at] <= '9'; at++ {
		}
		if at == len(text) || !isBare(text[at]) { // as most are
			t.at = at
			return true
		}
	}
	for at < len(text) && isBare(text[at]) {
		at++
	}
	t.at = at
	switch word := text[from:at]; word {
	case "":
		return false
	case "true", "false", "null":
		return true
	default:
		return isNumber(word)
	}
}

func (t *Text) passed() error {
	if !t.pass() {
		return ErrText
	}
	return nil
}

// passString passes a string, all of whose escapes mean something.
func (t *Text) passString() bool {
	text, at := t.text, t.at
	if at >= len(text) || text[at] != '"' {
		return false
	}
	t.plain = true
	for at++; at < len(text); at++ {
		for !ends[text[at]] {
			if at++; at == len(text) {
				return false
			}
		}
		switch c := text[at]; {
		case c == '"':
			t.at = at + 1
			return true
		case c < ' ':
			return false
		}
		t.plain = false
		if text[at] != '\\' {
			continue
		}
		if at++; at == len(text) {
			return false
		}
		switch text[at] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if at+4 >= len(text) || !isHex(text[at+1]) || !isHex(text[at+2]) || !isHex(text[at+3]) || !isHex(text[at+4]) {
				return false
			}
			at += 4
		default:
			return false
		}
	}
	return false
}

// ends are the bytes of a string that are not just one of its letters.
var ends = func() (e [256]bool) {
	for c := range e {
		e[c] = c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf
	}
	return e
}()

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
