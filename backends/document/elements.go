package document

import (
	"bytes"
	"io"
)

// Elements takes the objects of one list out of a JSON text, one at a time, so that a
// text with thousands of documents need not be in memory whole. It only looks for
// where an object begins and ends: the text is JSON if each object and the rest are.
type Elements struct {
	Path  []string                  // the names of the members in which the list stands, without escapes
	Begun func(head string)         // is given the text before the first object; may be nil
	Each  func(object string) error // is given each object; its error ends the reading
}

// Read reads a text to its end and gives the rest of it, in which {} stands for each
// object of the list.
func (e Elements) Read(r io.Reader) (rest string, err error) {
	s := splitter{Elements: e}
	s.out = &s.rest
	for chunk := make([]byte, 64<<10); ; {
		n, err := r.Read(chunk)
		if failed := s.take(chunk[:n]); failed != nil {
			return "", failed
		}
		if err == io.EOF {
			return s.rest.String(), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// splitter is where the reading stands.
type splitter struct {
	Elements

	rest, object bytes.Buffer
	out          *bytes.Buffer // the one of them that what comes belongs to

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

func (s *splitter) take(chunk []byte) error {
	from := 0 // of what is not in out yet
	for i := 0; i < len(chunk); i++ {
		if s.quoted {
			i += s.inString(chunk[i:])
			continue
		}
		switch c := chunk[i]; c {
		case '"':
			s.quoted, s.naming = true, !s.list && s.depth == s.on+1 && (s.mark == '{' || s.mark == ',')
			s.name, s.mark = s.name[:0], c
		case '{', '[':
			if s.list && c == '{' && s.depth == s.listDepth() {
				s.out.Write(chunk[from:i])
				s.out.WriteString("{}")
				s.out, from = &s.object, i
			}
			if s.opens(c) {
				s.out.Write(chunk[from : i+1])
				from = i + 1
				if s.Begun != nil {
					s.Begun(s.rest.String())
				}
			}
		case '}', ']':
			s.closes(c)
			if s.out == &s.object && s.depth == s.listDepth() {
				s.out.Write(chunk[from : i+1])
				from = i + 1
				if err := s.Each(s.object.String()); err != nil {
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
	s.out.Write(chunk[from:])
	return nil
}

// inString goes on in a string and gives how many bytes before the last of it are
// passed: the quote that ends it, or the end of the chunk.
func (s *splitter) inString(chunk []byte) int {
	for i := 0; i < len(chunk); i++ {
		if s.escaped {
			s.escaped = false
			continue
		}
		plain, ends := chunk[i:], false
		if end := bytes.IndexByte(plain, '"'); end >= 0 {
			plain, ends = plain[:end], true
		}
		if escape := bytes.IndexByte(plain, '\\'); escape >= 0 {
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
	return len(chunk) - 1
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
