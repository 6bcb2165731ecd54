package grid

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// noon is the present of the tests of time: a Wednesday.
var noon = time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, at, said string }{
		{"2026-06-24T11:05:06Z", "2026-06-24T11:05:06Z", ""},
		{"2026-06-24t11:05:06.25z", "2026-06-24T11:05:06.25Z", ""},
		{"2026-06-24T11:05+02:00", "2026-06-24T09:05:00Z", ""},
		{"2026-06-24T11:05:00-0500", "", "future"},
		{"2026-06-23 11:05:00 -0500", "2026-06-23T16:05:00Z", ""},
		{"2026-06-24 11:05", "2026-06-24T11:05:00Z", "no zone given, read as UTC"},
		{"2026-06-24 11:05:59", "2026-06-24T11:05:59Z", "no zone given"},
		{"2026-06-24 11:05 UTC", "2026-06-24T11:05:00Z", ""},
		{"2026-06-24 11:05 cest", "2026-06-24T09:05:00Z", "CEST read as UTC+2"},
		{"2026-06-24 11:05 CET", "2026-06-24T10:05:00Z", "CEST was in force"},
		{"2026-06-24 11:05 Europe/Zurich", "2026-06-24T09:05:00Z", "Europe/Zurich was UTC+2"},
		{"2026-06-24 11:05 Asia/Kolkata", "2026-06-24T05:35:00Z", "UTC+05:30"},
		{"2026-06-24 11:05 UTC+2", "2026-06-24T09:05:00Z", ""},
		{"2026/06/24 11:05Z", "2026-06-24T11:05:00Z", ""},
		{"2026-06-23", "2026-06-23T00:00:00Z", "read as 00:00"},
		{"11:05", "2026-06-24T11:05:00Z", "the latest past 11:05 is that of 2026-06-24; no zone given"},
		{"14:05", "2026-06-23T14:05:00Z", "2026-06-23"},
		{"14:05Z", "2026-06-23T14:05:00Z", "latest past"},
		{"13:05 CEST", "2026-06-24T11:05:00Z", "CEST"},
		{"23:30 America/Los_Angeles", "2026-06-24T06:30:00Z", "UTC-7"},
		{"yesterday 14:05", "2026-06-23T14:05:00Z", "no zone"},
		{"yesterday", "2026-06-23T00:00:00Z", "read as 00:00"},
		{"Today 11:00Z", "2026-06-24T11:00:00Z", ""},
		{"3h ago", "2026-06-24T09:00:00Z", ""},
		{"3 hours ago", "2026-06-24T09:00:00Z", ""},
		{"2 days ago", "2026-06-22T12:00:00Z", ""},
		{"now-6h", "2026-06-24T06:00:00Z", ""},
		{"now - 6h", "2026-06-24T06:00:00Z", ""},
		{"now", "2026-06-24T12:00:00Z", ""},
		{"1782302400", "2026-06-24T12:00:00Z", "seconds since 1970"},
		{"1782302399.5", "2026-06-24T11:59:59.5Z", "seconds"},
		{"1782302399000", "2026-06-24T11:59:59Z", "milliseconds"},
		{"2010-04-28 14:30:30,652 UT", "2010-04-28T14:30:30.652Z", ""},
		{"24/Jun/2025:12:05:25 +0200", "2025-06-24T10:05:25Z", ""},
		{"[24/Jun/2025:12:05:25 +0200]", "2025-06-24T10:05:25Z", ""},
		{"24/06/2025 12:05", "2025-06-24T12:05:00Z", "no zone"},
		{"06/24/2025 12:05", "2025-06-24T12:05:00Z", "no zone"},
		{"05/05/2025 12:05Z", "2025-05-05T12:05:00Z", ""},
		{"05.06.2025 12:05Z", "2025-06-05T12:05:00Z", "read as day.month.year"},
		{"Tue Jun 24 12:05:25 CEST 2025", "2025-06-24T10:05:25Z", "CEST"},
		{"Tue, 24 Jun 2025 12:05:25 GMT", "2025-06-24T12:05:25Z", ""},
		{"24 June 2025 12:05 +0200", "2025-06-24T10:05:00Z", ""},
		{"2026-03-29 01:59 Europe/Zurich", "2026-03-29T00:59:00Z", "UTC+1"},
		{"2026-03-29 03:00 Europe/Zurich", "2026-03-29T01:00:00Z", "UTC+2"},
		{"2025-12-31 23:59 CST", "2026-01-01T05:59:00Z", "CST read as UTC-6"},

		{"", "", CodeEmpty},
		{"2026-06-24T12:00:01Z", "", CodeFuture},
		{"now+1h", "", CodeFuture},
		{"2026-07-01", "", CodeFuture},
		{"05/06/2025 12:05", "", "2025-06-05 or 2025-05-06"},
		{"06/24/22 04:06:30", "", "two digits"},
		{"Jun 24 04:05:25", "", "no year and no time zone"},
		{"2026-06-24 11:05 IST", "", "India"},
		{"2026-06-24 11:05 AEST", "", "not known"},
		{"2026-06-24 11:05 Europe/Atlantis", "", "no time zone Europe/Atlantis"},
		{"2026-06-24 11:05+15:00", "", "offset"},
		{"2026-03-29 02:30 Europe/Zurich", "", "did not exist"},
		{"2025-10-26 02:30 Europe/Zurich", "", "happened twice"},
		{"2026-02-30 11:05", "", "no such time"},
		{"2026-13-01 11:05", "", "no such time"},
		{"2026-06-24 24:05", "", "no such time"},
		{"2026-06-24 11:60", "", "no such time"},
		{"31/02/2026 11:05", "", "no such time"},
		{"1999-12-31T00:00Z", "", "before any record"},
		{"99999999999", "", "not a time"},
		{"soon", "", "not a time"},
		{"-3h ago", "", "not a time"},
		{"wn042.example.org", "", "not a time"},
		{strings.Repeat("9", 5000), "", "not a time"},
	} {
		for _, words := range [][]string{{c.in}, strings.Fields(c.in)} {
			w, rest, err := ParseTime(append(slices.Clone(words), "site=T2_XX", "x"), noon)
			if c.at == "" {
				var refused *InputError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.said) && c.in != "" {
					t.Errorf("ParseTime(%q) = %v, %v, want a refusal with %q", words, w, err, c.said)
				}
				continue
			}
			if err != nil || w.At.Format(time.RFC3339Nano) != c.at || w.At.Location() != time.UTC {
				t.Errorf("ParseTime(%q) = %v, %v, want %s", words, w.At, err, c.at)
			}
			if !strings.Contains(w.Said, c.said) || c.said == "" && w.Said != "" {
				t.Errorf("ParseTime(%q) said %q, want %q", words, w.Said, c.said)
			}
			if !slices.Equal(rest, []string{"site=T2_XX", "x"}) {
				t.Errorf("ParseTime(%q) left %q", words, rest)
			}
		}
	}
	if _, _, err := ParseTime(nil, noon); err == nil {
		t.Error("no words are a time")
	}
}

// TestCheckZone holds that CST is not read as America's where it is China's.
func TestCheckZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in     string
		places []string
		code   string
	}{
		{"2025-06-24 11:05 cst", []string{"", "T2_CN_Beijing"}, CodeAmbiguous},
		{"11:05 CST", []string{"wn042.ihep.ac.cn"}, CodeAmbiguous},
		{"yesterday 11:05 CST", []string{"T2_TW_NCHC"}, CodeAmbiguous},
		{"2025-06-24 11:05 CST", []string{"Taiwan-LCG2"}, CodeAmbiguous},
		{"2025-06-24 11:05 CST", []string{"T2_US_Wisconsin", "wn1.hep.wisc.edu", "cn.example.org"}, ""},
		{"2025-06-24 11:05 CDT", []string{"T2_CN_Beijing"}, ""},
		{"2025-06-24 11:05 +08:00", []string{"T2_CN_Beijing"}, ""},
		{"2025-06-24 11:05", []string{"T2_CN_Beijing"}, ""},
	} {
		w, _, err := ParseTime([]string{c.in}, noon)
		if err != nil {
			t.Fatal(err)
		}
		var refused *InputError
		if err := w.CheckZone(c.places...); (err != nil) != (c.code != "") || err != nil && (!errors.As(err, &refused) || refused.Code != c.code) {
			t.Errorf("%q at %q: %v, want %q", c.in, c.places, err, c.code)
		}
	}
}

// TestParseTimeTwice reads the FROM and TO of one line.
func TestParseTimeTwice(t *testing.T) {
	t.Parallel()
	from, rest, err := ParseTime(strings.Fields("2026-06-23 11:05 CEST 2026-06-26 site=X"), noon)
	if err != nil || from.At.Hour() != 9 {
		t.Fatalf("from = %v, %v", from, err)
	}
	to, rest, err := ParseEnd(rest, noon)
	if err != nil || to.At.Day() != 26 || !slices.Equal(rest, []string{"site=X"}) {
		t.Fatalf("to = %v, %q, %v", to, rest, err)
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		"48h": 48 * time.Hour, "2d": 48 * time.Hour, "10m": 10 * time.Minute, "1h30m": 90 * time.Minute, "2 days": 48 * time.Hour,
		"1.5h": 90 * time.Minute, "1w": 7 * 24 * time.Hour, "90s": 90 * time.Second, "0": 0, "0m": 0, "2 hours 5 min": 125 * time.Minute, "400d": maxDuration,
	} {
		if got, err := ParseDuration(in); got != want || err != nil {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "48", "-2h", "2x", "h", "2h2", "401d", "999999w", "1h-5m", "399d 2d", "1e3h", "1mo"} {
		var refused *InputError
		if got, err := ParseDuration(in); !errors.As(err, &refused) {
			t.Errorf("ParseDuration(%q) = %v, %v, want a refusal", in, got, err)
		}
	}
}

func TestNewWindow(t *testing.T) {
	t.Parallel()
	at := noon.Add(-72 * time.Hour)
	for _, c := range []struct {
		name                string
		at, to              time.Time
		forward, margin     time.Duration
		from, until, openAt time.Time
		sentences           int
	}{
		{"default", at, time.Time{}, 0, -1, at.Add(-10 * time.Minute), at.Add(48 * time.Hour), time.Time{}, 2},
		{"exact", at, at.Add(time.Hour), 0, 0, at, at.Add(time.Hour), time.Time{}, 0},
		{"longer", at, time.Time{}, 60 * time.Hour, time.Hour, at.Add(-time.Hour), at.Add(60 * time.Hour), time.Time{}, 2},
		{"open", noon.Add(-time.Hour), time.Time{}, 0, -1, noon.Add(-70 * time.Minute), noon, noon.Add(47 * time.Hour), 3},
		{"end before start", at, at.Add(-time.Hour), 0, 0, at, at.Add(48 * time.Hour), time.Time{}, 1},
		{"all in the future", noon.Add(time.Hour), time.Time{}, 0, 0, noon.Add(time.Hour), noon.Add(time.Hour), noon.Add(49 * time.Hour), 2},
	} {
		w, why, open := NewWindow(c.at, c.forward, c.to, c.margin, noon)
		if !w.From.Equal(c.from) || !w.To.Equal(c.until) || !open.Equal(c.openAt) || len(why) != c.sentences {
			t.Errorf("%s: %v to %v, open until %v, %q", c.name, w.From, w.To, open, why)
		}
	}
	if OlderThanHorizon(noon.Add(-Horizon), noon) || !OlderThanHorizon(noon.Add(-Horizon-time.Second), noon) {
		t.Error("the horizon is not 90 days")
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"2026-06-24 11:05 Europe/Zurich", "14:05Z x", "now-6h", "3h ago", "24/06/2025 12:05", "1782302400", "Tue Jun 24 12:05:25 CEST 2025",
		"[24/Jun/2025:12:05:25 +0200]", "yesterday 25:00", "2025-10-26 02:30 Europe/Zurich", "0000-00-00 00:00", "2026-01-01 0:00 ../../etc/passwd",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Fields(s)
		w, rest, err := ParseTime(words, noon)
		if err != nil {
			var refused *InputError
			if !errors.As(err, &refused) || refused.ForPeople() == "" || len(rest) != len(words) {
				t.Fatalf("ParseTime(%q): %v, left %q", words, err, rest)
			}
			return
		}
		if w.At.After(noon) || w.At.Year() < oldestYear || w.At.Location() != time.UTC || len(rest) >= len(words) {
			t.Fatalf("ParseTime(%q) = %v, left %q", words, w.At, rest)
		}
		again, _, err := ParseTime([]string{w.At.Format(time.RFC3339Nano)}, noon)
		if err != nil || !again.At.Equal(w.At) {
			t.Fatalf("ParseTime(%q) = %v, and of that %v, %v", words, w.At, again.At, err)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"48h", "1h30m", "999999w", "0", "1.5d 2m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDuration(s); d < 0 || d > maxDuration || err != nil && d != 0 {
			t.Fatalf("ParseDuration(%q) = %v, %v", s, d, err)
		}
	})
}
