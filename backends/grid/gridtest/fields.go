package gridtest

import (
	"encoding/json"
	"strconv"
	"time"
)

// Doc is one document of a search server.
type Doc struct {
	Index  string
	ID     string
	Source []byte
}

// fields writes the members of a JSON object.
type fields struct {
	b     []byte
	milli bool // dates in milliseconds, as in MONIT; else in seconds
}

func (f *fields) begin() { f.b = append(f.b[:0], '{') }

func (f *fields) end() []byte {
	f.b = append(f.b, '}')
	return f.b
}

func (f *fields) name(name string) {
	if f.b[len(f.b)-1] != '{' {
		f.b = append(f.b, ',', ' ')
	}
	f.b = append(append(append(f.b, '"'), name...), '"', ':', ' ')
}

func (f *fields) text(name, value string) {
	f.name(name)
	f.b = appendText(f.b, value)
}

func (f *fields) number(name string, n int64) {
	f.name(name)
	f.b = strconv.AppendInt(f.b, n, 10)
}

func (f *fields) hoursOf(name string, seconds int64) {
	f.name(name)
	f.b = strconv.AppendFloat(f.b, float64(seconds)/hours, 'f', 4, 64)
}

// date writes one of the dates that MONIT has in milliseconds; 0 is none.
func (f *fields) date(name string, at int64) {
	f.name(name)
	switch {
	case at == 0:
		f.b = append(f.b, "null"...)
	case f.milli:
		f.b = strconv.AppendInt(f.b, at*1000, 10)
	default:
		f.b = strconv.AppendInt(f.b, at, 10)
	}
}

func (f *fields) raw(name, value string) {
	f.name(name)
	f.b = append(f.b, value...)
}

func (f *fields) list(name string, values ...string) {
	f.name(name)
	f.b = append(f.b, '[')
	for i, v := range values {
		if i > 0 {
			f.b = append(f.b, ',', ' ')
		}
		f.b = appendText(f.b, v)
	}
	f.b = append(f.b, ']')
}

func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string always has a form in JSON
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func indexDay(at int64) string { return time.Unix(at, 0).UTC().Format(time.DateOnly) }
