package document

import (
	"errors"
	"io"
	"strings"
)

// Elements takes the objects of one list out of a JSON text, one at a time, so that a
// text with thousands of documents need not be in memory whole. The text is JSON if
// the rest is.
type Elements struct {
	Path  []string          // the names of the members in which the list stands, without escapes
	Begun func(head string) // is given the text before the first object; may be nil
	// Each is given a text at each object, and has to pass that one. As the text may end
	// before the object does, what failed is called again with all of the object: it must
	// have changed nothing. An error is then that of the reading.
	Each func(t *Text) error

	piece int // bytes that are read at once; 0: as many as are good
}

// goodPiece is more than most documents have, so that few stand in two pieces.
const goodPiece = 128 << 10

// Read reads a text to its end and gives the rest of it, in which {} stands for each
// object of the list.
func (e Elements) Read(r io.Reader) (rest string, err error) {
	s := splitter{Elements: e}
	s.out = &s.rest
	if e.piece == 0 {
		e.piece = goodPiece
	}
	for piece := make([]byte, e.piece); ; {
		n, err := fill(piece, r)
		if failed := s.take(string(piece[:n])); failed != nil {
			return "", failed
		}
		if errors.Is(err, io.EOF) {
			return s.rest.String(), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// fill reads until a piece is full. A text that was cut on its way is no end, which
// io.ReadFull cannot tell apart.
func fill(piece []byte, r io.Reader) (n int, err error) {
	for n < len(piece) && err == nil {
		var more int
		more, err = r.Read(piece[n:])
		n += more
	}
	return n, err
}

// splitter is where the reading stands.
type splitter struct {
	Elements

	rest, object strings.Builder
	out          *strings.Builder // the one of them that what comes belongs to

	depth    int    // objects and lists that are open
	on       int    // names of the path whose objects are open, one in the other from the outermost
	list     bool   // the list is open
	mark     byte   // the latest that was no blank, outside of strings
	quoted   bool   // a string is open
	escaped  bool   // the next letter of it is
	naming   bool   // it is a name that the path may have
	name     []byte // of it
	expected bool   // it was the path's next
}

// maxName bounds what is kept of a name, in bytes.
const maxName = 64

func (s *splitter) take(piece string) error {
	from := 0 // of what is not in out yet
	for i := 0; i < len(piece); i++ {
		if s.quoted {
			i += s.inString(piece[i:])
			continue
		}
		switch c := piece[i]; c {
		case '"':
			s.quoted, s.naming = true, !s.list && s.depth == s.on+1 && (s.mark == '{' || s.mark == ',')
			s.name, s.mark = s.name[:0], c
		case '{', '[':
			if s.list && c == '{' && s.depth == s.listDepth() {
				s.out.WriteString(piece[from:i])
				s.out.WriteString("{}")
				if t := NewText(piece[i:]); s.Each(t) == nil {
					s.mark = '}'
					i += t.at - 1
					from = i + 1
					continue
				}
				s.out, from = &s.object, i
			}
			if s.opens(c) {
				s.out.WriteString(piece[from : i+1])
				from = i + 1
				if s.Begun != nil {
					s.Begun(s.rest.String())
				}
			}
		case '}', ']':
			s.closes(c)
			if s.out == &s.object && s.depth == s.listDepth() {
				s.out.WriteString(piece[from : i+1])
				from = i + 1
				if err := s.whole(s.object.String()); err != nil {
					return err
				}
				s.object.Reset()
				s.out = &s.rest
			}
		case ' ', '\t', '\n', '\r':
		default:
			s.mark = c
		}
	}
	s.out.WriteString(piece[from:])
	return nil
}

// whole has an object passed of which all is there.
func (s *splitter) whole(object string) error {
	t := NewText(object)
	if err := s.Each(t); err != nil {
		return err
	}
	return t.End()
}

// inString goes on in a string and gives how many bytes before the last of it are
// passed: the quote that ends it, or the end of the piece.
func (s *splitter) inString(piece string) int {
	for i := 0; i < len(piece); i++ {
		if s.escaped {
			s.escaped = false
			continue
		}
		plain, ends := piece[i:], false
		if end := strings.IndexByte(plain, '"'); end >= 0 {
			plain, ends = plain[:end], true
		}
		if escape := strings.IndexByte(plain, '\\'); escape >= 0 {
			s.escaped, s.naming = true, false
			i += escape
			continue
		}
		if s.naming && len(s.name)+len(plain) <= maxName {
			s.name = append(s.name, plain...)
		} else {
			s.naming = false
		}
		i += len(plain)
		if ends {
			s.quoted = false
			s.expected = s.naming && s.on < len(s.Path) && string(s.name) == s.Path[s.on]
			return i
		}
	}
	return len(piece) - 1
}

// opens notes that an object or a list begins, and tells whether it is the one whose
// objects are taken out.
func (s *splitter) opens(c byte) (begun bool) {
	if s.expected && s.mark == ':' && s.depth == s.on+1 {
		switch last := s.on == len(s.Path)-1; {
		case last && c == '[':
			s.list, begun = true, true
		case !last && c == '{':
			s.on++
		}
	}
	s.depth++
	s.mark, s.expected = c, false
	return begun
}

func (s *splitter) closes(c byte) {
	s.depth--
	s.mark, s.expected = c, false
	if s.list && s.depth < s.listDepth() {
		s.list = false
	}
	if s.on > 0 && s.depth == s.on {
		s.on--
	}
}

// listDepth is how many objects and lists are open in the list.
func (s *splitter) listDepth() int { return len(s.Path) + 1 }
