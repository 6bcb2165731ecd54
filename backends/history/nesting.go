package history

import "bytes"

// nesting follows the braces, brackets and strings of JSON text, as far as it
// takes to find where an object ends. It may stop and go on at any byte.
type nesting struct {
	depth   int
	objects uint64 // bit d: level d is an object
	prev    byte   // the last byte outside of strings that is no blank
	quoted  bool
	escaped bool

	// The latest string's length and first bytes, to know the key "hits".
	length int
	word   [4]byte
	inHits bool // level 2 is the value of "hits"

	record   bool // this is no answer of Elasticsearch, whatever it holds
	dropping bool // only where it ends matters
}

// insideHits is the nesting of the hits of Elasticsearch's answer, after them.
var insideHits = nesting{depth: 2, objects: 1<<1 | 1<<2, prev: ']', dropping: true}

// event is why a scan stopped.
type event int

const (
	more    event = iota // the text ends
	closed               // the outermost object ends with the byte at which it stopped
	hits                 // the list that would be the hits of an Elasticsearch answer begins with it
	wrong                // what stands there cannot follow
	tooDeep              // there are more levels than a record may have
)

// scan goes on through text and gives where and why it stopped.
func (n *nesting) scan(text []byte) (int, event) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if n.quoted {
			for c != '"' && c != '\\' && c != '\n' && !n.escaped {
				if n.length < len(n.word) {
					n.word[n.length] = c
				} else if j := plain(text[i:]); j > 0 {
					i += j - 1
				}
				n.length++
				if i++; i == len(text) {
					return i, more
				}
				c = text[i]
			}
			switch {
			case c == '\n': // no JSON string holds one: the line was cut
				return i, wrong
			case n.escaped:
				n.escaped = false
				n.length++
			case c == '\\':
				n.escaped = true
				n.length += len(n.word) // never the key looked for
			default:
				n.quoted, n.prev = false, '"'
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '"':
			n.quoted, n.length = true, 0
			continue
		case '{', '[':
			if e := n.open(c); e != more {
				return i, e
			}
		case '}', ']':
			if n.depth <= maxDepth && (n.objects>>n.depth&1 == 1) != (c == '}') {
				return i, wrong
			}
			if n.depth--; n.depth == 0 {
				return i, closed
			}
		}
		n.prev = c
	}
	return len(text), more
}

// open goes one level down.
func (n *nesting) open(c byte) event {
	if n.depth > 0 && n.depth <= maxDepth {
		inObject := n.objects>>n.depth&1 == 1
		if inObject && n.prev != ':' || !inObject && n.prev != '[' && n.prev != ',' {
			return wrong
		}
	}
	named := n.prev == ':' && n.length == len(n.word) && string(n.word[:]) == "hits"
	n.depth++
	switch {
	case n.depth > maxDepth && n.dropping:
		return more
	case n.depth > maxDepth:
		n.prev = c
		return tooDeep
	case n.depth == 2:
		n.inHits = named && c == '{'
	case n.depth == 3 && n.inHits && named && c == '[' && !n.record && !n.dropping:
		n.depth--
		return hits
	}
	n.objects &^= 1 << n.depth
	if c == '{' {
		n.objects |= 1 << n.depth
	}
	return more
}

// plain gives how many bytes of a string can be passed over at once. It does not
// look far: it is asked again after each escape.
func plain(text []byte) int {
	text = text[:min(len(text), 512)]
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		end = len(text)
	}
	if i := bytes.IndexByte(text[:end], '\\'); i >= 0 {
		end = i
	}
	if i := bytes.IndexByte(text[:end], '\n'); i >= 0 {
		end = i
	}
	return end
}
