package pilotlog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what one pilot can make us read, in bytes unless said otherwise. A
// log daemon of HTCondor keeps 10 MB of a log by default.
const (
	maxOut     = 4 << 20
	maxErr     = 24 << 20
	maxBlock   = 32 << 20 // one embedded log, decoded
	maxDecoded = 96 << 20 // all embedded logs, decoded
	maxRatio   = 200      // decoded bytes for one that is packed; logs have 5 to 20
	ratioFrom  = 1 << 20  // decoded bytes before the ratio counts
	maxMembers = 64       // gzip members of one block
	maxBlocks  = 256      // embedded logs
	maxAds     = 5000     // job ads
	maxRuns    = 10_000   // runs that the starters tell of
	maxFlaws   = 20       // what is told of one log
	maxSlots   = 4096
	maxAnchors = 256
	maxInText  = 64 << 10 // of a text of several lines in an ad
	maxList    = 64       // elements of a list in an ad
	maxShown   = 80       // characters of foreign text in a sentence
)

// flaws are what is wrong with a log, each once, and not more than people read.
type flaws struct {
	list []string
	more int
	lost []string // what could not be read, so that whoever is in it is missing
}

// lose is add for what was left out.
func (f *flaws) lose(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); len(f.lost) < maxFlaws && !slices.Contains(f.lost, s) {
		f.lost = append(f.lost, s)
	}
}

func (f *flaws) add(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if slices.Contains(f.list, s) {
		return
	}
	if len(f.list) == maxFlaws {
		f.more++
		return
	}
	f.list = append(f.list, s)
}

// shown is foreign text, cut, in quotes that leave nothing of it alive.
func shown(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) > maxShown {
		s = string([]rune(s)[:maxShown]) + "…"
	}
	return fmt.Sprintf("%+q", s)
}

// isPlain reports that a text has no control characters and none that change the
// direction of what stands around it.
func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
	})
}

// nextLine gives the line that begins at data, without its end, and what follows.
func nextLine(data []byte) (line, rest []byte) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return data, nil
	}
	return bytes.TrimSuffix(data[:i], []byte("\r")), data[i+1:]
}
