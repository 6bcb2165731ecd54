package config

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/goccy/go-yaml/parser"
)

func TestTrustNeedsHarmlessBackends(t *testing.T) {
	for name, c := range map[string]struct {
		backend destructive
		refused bool
	}{
		"sandbox":            {destructive{setting: "backends.sandbox", sandbox: true}, false},
		"loopback":           {destructive{setting: "backends.panda", address: "127.0.0.1:25443"}, false},
		"all of 127/8":       {destructive{setting: "backends.panda", address: "127.9.9.9:1"}, false},
		"IPv6 loopback":      {destructive{setting: "backends.panda", address: "[::1]:25443"}, false},
		"mapped loopback":    {destructive{setting: "backends.panda", address: "[::ffff:127.0.0.1]:25443"}, false},
		"elsewhere":          {destructive{setting: "backends.panda", address: "192.0.2.1:25443"}, true},
		"any address":        {destructive{setting: "backends.panda", address: "0.0.0.0:25443"}, true},
		"a name":             {destructive{setting: "backends.panda", address: "localhost:25443"}, true},
		"name like loopback": {destructive{setting: "backends.panda", address: "127.0.0.1.example.org:25443"}, true},
		"unknown":            {destructive{setting: "backends.panda"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecoder("test.yaml")
			refuseTrust(d, []destructive{{setting: "backends.sandbox", sandbox: true}, c.backend})
			if refused := len(d.problems) == 1; refused != c.refused {
				t.Fatalf("refused %v, want %v", refused, c.refused)
			}
			if c.refused && (d.problems[0].Path != "console.trusted" || !strings.Contains(d.problems[0].Text, c.backend.setting)) {
				t.Errorf("the problem names neither the setting nor the backend: %s", d.problems[0])
			}
		})
	}
}

func TestEverySettingHasAKindThatCanBeRead(t *testing.T) {
	tree, err := parser.ParseBytes([]byte("x"), 0)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	var try func(reflect.Type)
	try = func(of reflect.Type) {
		switch {
		case of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map:
			try(of.Elem())
		case of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]():
			for _, field := range fields(reflect.New(of).Elem()) {
				try(field.Type())
			}
		default:
			tried++
			newDecoder("test.yaml").value(tree.Docs[0].Body, "", reflect.New(of).Elem()) // panics where it cannot
		}
	}
	try(reflect.TypeFor[Config]())
	if tried < 30 {
		t.Errorf("only %d settings were tried", tried)
	}
}

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "48h": 48 * time.Hour, "400d": 400 * day, "1d12h": 36 * time.Hour, "0s": 0, "0d": 0, "1h30m": 90 * time.Minute, "106751d": 106751 * day,
	} {
		if got, err := parseDuration(s); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "4", "4 h", "-1h", "+1h", "1d-1h", "-1d", "1.5d", "1dd", "1h1d", "106752d", "99999999999999999999d", "NaNh", "1w"} {
		if got, err := parseDuration(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func TestInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Minute: "30 min", 4 * time.Hour: "4 h", 90 * time.Minute: "1 h 30 min", day: "1 day", 90 * day: "90 days", 36 * time.Hour: "36 h", 1500 * time.Millisecond: "1 s 500ms",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestNoDurationIsReadAsANegativeOne(t *testing.T) {
	notNegative := func(s string) bool { d, err := parseDuration(s); return err != nil || d >= 0 }
	if err := quick.Check(notNegative, nil); err != nil {
		t.Error(err)
	}
	if d, err := parseDuration("106751d23h59m"); err == nil && d < 0 {
		t.Errorf("overflow: %v, the most is %v", d, time.Duration(math.MaxInt64))
	}
}

func TestPersonID(t *testing.T) {
	for login, want := range map[string]string{
		"alice": "alice", "Alice": "alice", "CERN\\alice": "cern-alice", "1001": "1001", "a b": "a-b", "": "me", "--": "me", "Ёж": "me", strings.Repeat("x", 100): strings.Repeat("x", 64),
	} {
		if got := personID(login); got != want || !simple.MatchString(got) {
			t.Errorf("%q: %q, want %q", login, got, want)
		}
	}
}
