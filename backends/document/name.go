package document

import (
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// name is that of a member, and what is done with the member.
type name struct {
	use       use
	attribute grid.Attribute // wanted
	plain     string         // without quotes and escapes, unless it is unwanted

	text  string // as it stands before the value: with its quotes and the colon
	after int    // place of the name that came after it the last time
}

type use uint8

const (
	unwanted  use = iota
	wanted        // an attribute that grid asks for
	surrounds     // what may hold the record
)

// nameOf tells what a name in quotes is, in an object of that prefix.
func nameOf(quoted, prefix string) name {
	plain, ok := unquoted(quoted)
	if !ok {
		return name{} // what cannot be read is the name of nothing that is wanted
	}
	switch plain {
	case "_source", "data", "doc", "metadata", "index", "create", "update", "delete":
		return name{use: surrounds, plain: plain}
	}
	known := plain
	if prefix != "" {
		known = prefix + plain
	}
	attribute, ok := grid.AttributeNamed(known)
	if !ok {
		return name{}
	}
	return name{use: wanted, attribute: attribute, plain: plain}
}

// names are those that members had. The records of one tool have the same ones in
// the same order, so that most are known by what came before them.
type names struct {
	all    []name         // the first stands for the beginning of a record
	places map[string]int // in all, by the text
	latest int
	other  name // when it is not kept
}

// What is remembered is bounded: whoever writes records may invent names.
const (
	maxNames    = 1024
	maxNameText = 100 // bytes
)

// begin is called before each record.
func (n *names) begin() { n.latest = 0 }

// next passes a name and the colon behind it, and gives it until the next call; nil
// when there is none.
func (n *names) next(t *Text) *name {
	if n.all == nil {
		n.all, n.places = make([]name, 1), map[string]int{}
	}
	if place := n.all[n.latest].after; place > 0 && strings.HasPrefix(t.text[t.at:], n.all[place].text) {
		t.at += len(n.all[place].text)
		t.at = blanks(t.text, t.at)
		n.latest = place
		return &n.all[place]
	}
	from := t.at
	if !t.passString() {
		return nil
	}
	quoted := t.text[from:t.at]
	if t.at = blanks(t.text, t.at); t.at == len(t.text) || t.text[t.at] != ':' {
		return nil
	}
	text := t.text[from : t.at+1]
	t.at = blanks(t.text, t.at+1)
	place, ok := n.places[text]
	switch {
	case ok:
	case len(n.all) < maxNames && len(text) <= maxNameText:
		place, text = len(n.all), strings.Clone(text)
		kept := nameOf(text[:len(quoted)], "")
		kept.text = text
		n.all, n.places[text] = append(n.all, kept), place
	default:
		n.other = nameOf(quoted, "")
		return &n.other
	}
	n.all[n.latest].after, n.latest = place, place
	return &n.all[place]
}
