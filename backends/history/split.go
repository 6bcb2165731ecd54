package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Bounds on what is read from a file, all of which may be hostile.
const (
	maxRecord = 4 << 20 // bytes of one record; the largest seen have some tens of kB
	maxDepth  = 60      // of braces and brackets inside a record
	readSize  = 256 << 10
)

// place is where in a file something stands, after decompression.
type place struct {
	Offset int64 `json:"offset"` // bytes before it
	Line   int64 `json:"line"`   // newlines before it
	Inside bool  `json:"inside"` // among the hits of an Elasticsearch answer
	Lists  int   `json:"lists"`  // lists that are not closed
}

// piece is one JSON object of a file, or what is wrong in its place.
type piece struct {
	at       place
	data     []byte // valid until the next call
	problem  string // "" for an object
	withHits bool   // it has a list where an answer of Elasticsearch has its hits
}

// splitter finds the objects of a stream, whatever surrounds them: lines, an
// array, several arrays one after the other, or the hits of Elasticsearch's
// answers. It reads a stream once and holds one record at most.
//
// After anything broken it goes on at the next line that begins with a brace.
// Nowhere else: a value that some job's owner wrote could be taken for a record.
type splitter struct {
	r     io.Reader
	buf   []byte
	next  int // of buf: what was not given out yet
	ended error
	at    place // of buf[next]
	mode  mode
	rest  nesting // of what is being dropped
	whole place   // up to where everything was given out or passed over
}

// mode is what a splitter is about.
type mode int

const (
	between  mode = iota // what stands between objects
	skipping             // lines, until one begins with an object or a list
	dropping             // the rest of an object
)

// newSplitter continues at a place to which r has been wound forward.
func newSplitter(r io.Reader, from place) *splitter {
	return &splitter{r: r, at: from, whole: from}
}

// read gives the next object or problem; io.EOF, or what reading came to, at
// the end. A stream that ends inside an object gives a problem first.
func (s *splitter) read() (piece, error) {
	for s.next < len(s.buf) || s.fill() {
		p, ok := s.step()
		if s.mode == between {
			s.whole = s.at
		}
		if ok {
			return p, nil
		}
	}
	s.whole = s.at
	if errors.Is(s.ended, io.EOF) && s.mode == between && (s.at.Inside || s.at.Lists > 0) {
		at := s.at
		s.at.Inside, s.at.Lists = false, 0
		return piece{at: at, problem: "the file ends inside a list: it was cut"}, nil
	}
	return piece{}, s.ended
}

func (s *splitter) step() (piece, bool) {
	switch s.mode {
	case skipping:
		s.skip()
	case dropping:
		s.drop()
	default:
		return s.between()
	}
	return piece{}, false
}

// fill reads more, and reports false at the end of the stream. What was not
// given out stays.
func (s *splitter) fill() bool {
	if s.next > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.next:])]
		s.next = 0
	}
	if cap(s.buf)-len(s.buf) < readSize {
		s.buf = append(make([]byte, 0, 2*cap(s.buf)+2*readSize), s.buf...)
	}
	for s.ended == nil {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf, s.ended = s.buf[:len(s.buf)+n], err
		if n > 0 {
			return true
		}
	}
	return false
}

// take gives out n bytes.
func (s *splitter) take(n int) {
	s.at.Line += int64(bytes.Count(s.buf[s.next:s.next+n], []byte{'\n'}))
	s.at.Offset += int64(n)
	s.next += n
}

// between passes over what stands between objects.
func (s *splitter) between() (piece, bool) {
	switch c := s.buf[s.next]; {
	case c == '{':
		return s.object()
	case c == ']' && s.at.Inside:
		s.at.Inside = false
		s.rest, s.mode = insideHits, dropping
		s.take(1)
	case isFiller(c):
		s.pass()
	case s.at.Offset < 3 && (c == 0xEF || c == 0xBB || c == 0xBF): // a byte order mark
		s.take(1)
	default:
		at := s.at
		s.mode = skipping
		return piece{at: at, problem: "this is no JSON"}, true
	}
	return piece{}, false
}

// pass passes over all that may stand between objects.
func (s *splitter) pass() {
	n := 0
	for _, c := range s.buf[s.next:] {
		switch {
		case !isFiller(c), c == ']' && s.at.Inside:
			s.take(n)
			return
		case c == '[':
			s.at.Lists++
		case c == ']':
			s.at.Lists = max(s.at.Lists-1, 0)
		}
		n++
	}
	s.take(n)
}

// isFiller knows what may stand between objects.
func isFiller(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', '[', ']':
		return true
	}
	return false
}

// object reads the object that begins here. It gives nothing when that is an
// answer of Elasticsearch, whose hits are next.
func (s *splitter) object() (piece, bool) {
	at, n, scanned := s.at, nesting{}, 0
	for {
		i, e := n.scan(s.buf[s.next+scanned : min(len(s.buf), s.next+maxRecord)])
		scanned += i
		switch {
		case e == closed:
			data := s.buf[s.next : s.next+scanned+1]
			s.take(scanned + 1)
			return piece{at: at, data: data, withHits: n.record}, true
		case e == hits:
			lacks, ok := answer(s.buf[s.next : s.next+scanned])
			if !ok {
				n.record = true
				continue
			}
			s.take(scanned + 1)
			s.at.Inside = true
			return piece{at: at, problem: lacks}, lacks != ""
		case e == wrong:
			return s.giveUp(at, scanned, n, skipping, "a record is broken here: its braces, brackets or quotes do not match"), true
		case e == tooDeep:
			return s.giveUp(at, scanned+1, n, dropping, fmt.Sprintf("a record is nested more than %d levels deep", maxDepth)), true
		case scanned == maxRecord && n.record:
			return s.giveUp(at, scanned, n, dropping, noShards), true
		case scanned == maxRecord:
			return s.giveUp(at, scanned, n, dropping, fmt.Sprintf("a record is larger than %d MB", maxRecord>>20)), true
		case !s.fill():
			return s.giveUp(at, scanned, n, skipping, "a record is not closed: the file ends, or a line was cut"), true
		}
	}
}

// noShards is what is wrong with an answer of Elasticsearch that was stripped.
const noShards = "this looks like an Elasticsearch answer, but no _shards before its hits say whether it is whole: ask for it without filter_path"

// giveUp leaves a broken object: for the line after its beginning that begins
// another one, if there is one in what was scanned, or else in a mode that passes
// over the rest.
func (s *splitter) giveUp(at place, scanned int, n nesting, then mode, problem string) piece {
	text := s.buf[s.next:min(s.next+scanned+1, len(s.buf))]
	if i := bytes.Index(text, []byte("\n{")); i >= 0 {
		s.take(i + 1)
		s.at.Inside = false
	} else {
		s.take(min(scanned, len(text)))
		s.rest, s.mode = n, then
		s.rest.dropping = true
	}
	s.at.Lists = 0
	return piece{at: at, problem: problem}
}

// skip passes over lines until one begins with an object or a list.
func (s *splitter) skip() {
	i := bytes.IndexByte(s.buf[s.next:], '\n')
	if i < 0 {
		s.take(len(s.buf) - s.next)
		return
	}
	s.take(i + 1)
	if s.next < len(s.buf) || s.fill() {
		if c := s.buf[s.next]; c == '{' || c == '[' {
			s.at.Inside = false
			s.mode = between
		}
	}
}

// drop passes over the rest of an object, until it is closed or a line begins
// with another one.
func (s *splitter) drop() {
	if s.next+1 == len(s.buf) && s.buf[s.next] == '\n' {
		s.fill() // what begins the next line matters
	}
	text := s.buf[s.next:]
	begins := false
	if i := bytes.Index(text, []byte("\n{")); i >= 0 {
		text, begins = text[:i+1], true
	} else if last := len(text) - 1; last > 0 && text[last] == '\n' {
		text = text[:last]
	}
	switch i, e := s.rest.scan(text); e {
	case closed:
		s.take(i + 1)
		s.mode = between
	case wrong:
		s.take(i)
		s.mode = skipping
	default:
		s.take(len(text))
		if begins {
			s.at.Inside = false
			s.mode = between
		}
	}
}

// answer tells whether an object, of which it is given all up to a list of hits,
// is an answer of Elasticsearch, and what that lacks by its own words. Only the
// keys of one may stand before its hits, and _shards must: a job's owner can give
// the job an attribute "hits" that looks like them.
func answer(beginning []byte) (lacks string, ok bool) {
	var keys map[string]json.RawMessage
	var a struct {
		TimedOut bool `json:"timed_out"`
		Shards   *struct {
			Total  int `json:"total"`
			Failed int `json:"failed"`
		} `json:"_shards"`
	}
	whole := append(bytes.Clone(beginning), "[]}}"...)
	if json.Unmarshal(whole, &keys) != nil || json.Unmarshal(whole, &a) != nil || a.Shards == nil {
		return "", false
	}
	for key := range keys {
		switch key {
		case "took", "timed_out", "terminated_early", "num_reduce_phases", "_shards", "_clusters", "_scroll_id", "pit_id", "phase_took", "status", "hits":
		default:
			return "", false
		}
	}
	switch {
	case a.Shards.Failed > 0:
		return fmt.Sprintf("this Elasticsearch answer lacks %d of %d shards: jobs are missing", a.Shards.Failed, a.Shards.Total), true
	case a.TimedOut:
		return "this Elasticsearch answer was cut by a time limit: jobs are missing", true
	}
	return "", true
}
