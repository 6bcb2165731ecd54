package pilotlog

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// ad is one job ad of a StartdHistoryLog: the startd writes it when the job's
// starter has ended.
type ad struct {
	attrs  map[string]any // those that grid asks for
	spelt  map[string]string
	id     string // GlobalJobId
	schedd string // host in it
	job    struct{ cluster, proc int64 }
	start  time.Time // JobCurrentStartDate: the schedd's clock
	ended  time.Time // CurrentTime of the line that ends the ad; zero in old versions
	host   string    // that the schedd noted, "" when it is not in the ad
	doubts []string
}

func (a *ad) doubt(what string) {
	if !slices.Contains(a.doubts, what) {
		a.doubts = append(a.doubts, what)
	}
}

// The line that ends an ad, of a history and of an epoch history.
var (
	banner     = regexp.MustCompile(`^\*\*\* (?:.*? )?ClusterId ?= ?(\d{1,18}) ProcId ?= ?(\d{1,18})\b`)
	bannerTime = regexp.MustCompile(`\bCurrentTime ?= ?(\d{1,12})\s*$`)
	bannerName = regexp.MustCompile(`\bOwner ?= ?"([^"]*)"`)
)

// readAds reads job ads in HTCondor's old syntax, one attribute a line.
//
// That syntax does not escape line ends and backslashes in a text: whoever
// submitted a job can give it an attribute whose text goes on over lines that look
// like attributes, or like the end of an ad. Quotes in a text are escaped, so the
// first one that is not ends it, and the lines up to there are no attributes.
func readAds(data []byte, f *flaws) []ad {
	var out []ad
	now := &ad{attrs: map[string]any{}, spelt: map[string]string{}}
	begun := false
	for len(data) > 0 {
		var line []byte
		line, data = nextLine(data)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if bytes.HasPrefix(line, []byte("*** ")) {
			if m := banner.FindSubmatch(line[:min(len(line), 4096)]); m != nil {
				now.end(line, m)
				if begun {
					out = append(out, *now)
				}
				now, begun = &ad{attrs: map[string]any{}, spelt: map[string]string{}}, false
				if len(out) == maxAds {
					f.lose("it has more than %d job ads; the rest was not read", maxAds)
					return out
				}
				continue
			}
		}
		begun = true
		name, value, ok := attributeOf(line)
		if !ok {
			now.doubt("it has lines that are no attributes")
			continue
		}
		if value[0] == '"' {
			switch close := closing(value[1:]); {
			case close < 0 && bytes.HasSuffix(value, []byte(`\"`)) && len(value) > 2 && !goesOn(data):
				value = append(bytes.Clone(value[:len(value)-2]), '\\', '\\', '"') // it ends in a backslash
			case close < 0:
				rest, ok := afterText(data)
				if ok {
					data = rest
				}
				now.doubt("a text in it goes on over lines that look like attributes; they were not believed")
				continue
			}
		}
		now.take(string(name), value)
	}
	if begun {
		now.doubt("its end is missing")
		now.finish()
		out = append(out, *now)
	}
	return out
}

// attributeOf splits NAME = VALUE.
func attributeOf(line []byte) (name, value []byte, ok bool) {
	name, value, ok = bytes.Cut(line, []byte(" = "))
	if !ok || len(name) == 0 || len(name) > 256 || len(value) == 0 {
		return nil, nil, false
	}
	if name[0] == '\'' {
		return name, value, true
	}
	for i, c := range name {
		if letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'; !letter && (i == 0 || (c < '0' || c > '9') && c != '.') {
			return nil, nil, false
		}
	}
	return name, value, true
}

// closing gives the place of the first quote that no backslash stands before; -1
// when there is none.
func closing(s []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(s[at:], '"')
		if i < 0 {
			return -1
		}
		at += i
		if at == 0 || s[at-1] != '\\' {
			return at
		}
		at++
	}
}

// goesOn decides about a text whose line ends in \", which may be its end after a
// backslash or a quote in it. In a text that goes on, the next bare quote ends a
// line; otherwise it opens or stands in another value.
func goesOn(data []byte) bool {
	start := len(data)
	for len(data) > 0 && start-len(data) < maxInText {
		var line []byte
		line, data = nextLine(data)
		i := closing(line)
		if i < 0 {
			continue
		}
		return i == len(line)-1
	}
	return false
}

// afterText gives what follows the line that has the end of a text.
func afterText(data []byte) ([]byte, bool) {
	start := len(data)
	for len(data) > 0 && start-len(data) < maxInText {
		var line []byte
		line, data = nextLine(data)
		if closing(line) >= 0 {
			return data, true
		}
	}
	return nil, false
}

// take keeps an attribute that the rules ask for. An ad has each once: of one that
// is there twice with different values none is believed.
func (a *ad) take(name string, raw []byte) {
	if _, ok := grid.AttributeNamed(name); !ok || strings.ContainsRune(name, '.') {
		return
	}
	key := strings.ToLower(name)
	if before, twice := a.spelt[key]; twice {
		if before != string(raw) {
			for other := range a.attrs {
				if strings.EqualFold(other, name) {
					delete(a.attrs, other)
				}
			}
			a.doubt("it has " + key + " twice, with different values; none was believed")
		}
		return
	}
	a.spelt[key] = string(raw)
	v := literal(raw)
	if s, ok := v.(string); ok && !isPlain(s) {
		a.doubt(key + " has characters that change how text is shown")
	}
	a.attrs[name] = v
}

// end takes over the line that ends an ad, which the startd makes of the ad.
func (a *ad) end(line []byte, m [][]byte) {
	if t := bannerTime.FindSubmatch(line); t != nil {
		a.ended, _ = epoch(string(t[1]))
	}
	a.finish()
	cluster, _ := strconv.ParseInt(string(m[1]), 10, 64)
	proc, _ := strconv.ParseInt(string(m[2]), 10, 64)
	if a.job.cluster != cluster || a.job.proc != proc {
		a.doubt("the line that ends it is of another job")
	}
	if n := bannerName.FindSubmatch(line); n != nil {
		if owner, ok := a.get("owner").(string); ok && owner != string(n[1]) {
			a.doubt("the line that ends it is of another owner")
		}
	}
}

func (a *ad) get(key string) any {
	for name, v := range a.attrs {
		if strings.EqualFold(name, key) {
			return v
		}
	}
	return nil
}

func (a *ad) number(key string) int64 {
	n, ok := a.get(key).(json.Number)
	if !ok {
		return 0
	}
	v, _ := n.Int64()
	return v
}

// finish reads what the log itself is compared by.
func (a *ad) finish() {
	a.id, _ = a.get("globaljobid").(string)
	a.job.cluster, a.job.proc = a.number("clusterid"), a.number("procid")
	if schedd, number, ok := strings.Cut(a.id, "#"); ok {
		a.schedd, _ = grid.HostOf(schedd)
		number, _, _ = strings.Cut(number, "#")
		c, p, ok := jobNumber([]byte(number))
		if ok && a.job.cluster == 0 {
			a.job.cluster, a.job.proc = c, p
		}
		if ok && (c != a.job.cluster || p != a.job.proc) {
			a.doubt("its GlobalJobId is of another job than its ClusterId and ProcId")
			a.job.cluster, a.job.proc = c, p
		}
	}
	if a.id == "" {
		a.doubt("it names no job")
	}
	if at := a.number("jobcurrentstartdate"); at > 0 {
		a.start, _ = epoch(strconv.FormatInt(at, 10))
	}
	if s, ok := a.get("remotehost").(string); ok {
		a.host, _ = grid.HostOf(s)
	}
	// What the spider's documents have must not be read out of an ad.
	a.attrs["MyType"] = "Job"
}

// literal reads a value: text, numbers, lists of them. Whatever else there is, such
// as an expression, becomes what condor_history -json makes of it. It evaluates
// nothing.
func literal(raw []byte) any {
	raw = bytes.TrimSpace(raw)
	if v, rest, ok := scalar(raw); ok && len(rest) == 0 {
		return v
	}
	if len(raw) >= 2 && raw[0] == '{' && raw[len(raw)-1] == '}' {
		if list, ok := listOf(raw[1 : len(raw)-1]); ok {
			return list
		}
	}
	return "/Expr(" + string(raw[:min(len(raw), maxShown)]) + ")/"
}

func listOf(raw []byte) ([]any, bool) {
	var out []any
	for raw = bytes.TrimSpace(raw); len(raw) > 0; raw = bytes.TrimSpace(raw) {
		v, rest, ok := scalar(raw)
		rest = bytes.TrimSpace(rest)
		if !ok || len(rest) > 0 && rest[0] != ',' {
			return nil, false
		}
		if len(out) < maxList {
			out = append(out, v)
		}
		raw = bytes.TrimPrefix(rest, []byte{','})
	}
	return out, true
}

// scalar reads a text, a number or a word at the beginning of raw.
func scalar(raw []byte) (v any, rest []byte, ok bool) {
	if len(raw) > 0 && raw[0] == '"' {
		end := closing(raw[1:])
		if end < 0 {
			// A text that ends in a backslash was given a second one by the caller.
			if bytes.HasSuffix(raw, []byte(`\\"`)) {
				return strings.ReplaceAll(string(raw[1:len(raw)-2]), `\"`, `"`), nil, true
			}
			return nil, nil, false
		}
		return strings.ReplaceAll(string(raw[1:1+end]), `\"`, `"`), raw[end+2:], true
	}
	end := 0
	for end < len(raw) && end < 64 && strings.IndexByte("+-.0123456789eEabcdefghijklmnopqrstuvwxyzABCDFGHIJKLMNOPQRSTUVWXYZ", raw[end]) >= 0 {
		end++
	}
	word := string(raw[:end])
	switch strings.ToLower(word) {
	case "true", "false":
		return strings.EqualFold(word, "true"), raw[end:], true
	case "undefined", "error":
		return nil, raw[end:], true
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10)), raw[end:], true
	}
	if n, err := strconv.ParseFloat(word, 64); err == nil && strings.ContainsAny(word, "0123456789") {
		return json.Number(strconv.FormatFloat(n, 'f', -1, 64)), raw[end:], true
	}
	return nil, nil, false
}
