package bot

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSkewIsAsLittleAsTheAnswerAllows(t *testing.T) {
	sent := time.Date(2026, 6, 24, 12, 0, 0, 900e6, time.UTC)
	received := sent.Add(2 * time.Second)
	for date, want := range map[string]time.Duration{
		"Wed, 24 Jun 2026 12:00:00 GMT": 0, // sent in that second
		"Wed, 24 Jun 2026 12:00:02 GMT": 0, // received in that second
		"Wed, 24 Jun 2026 12:00:01 GMT": 0,
		"Wed, 24 Jun 2026 12:00:08 GMT": 5100 * time.Millisecond,
		"Wed, 24 Jun 2026 11:59:50 GMT": -9900 * time.Millisecond,
	} {
		got, ok := SkewOf(http.Header{"Date": {date}}, sent, received)
		if !ok || time.Duration(got) != want {
			t.Errorf("%s: %s, %t; want %s", date, time.Duration(got), ok, want)
		}
	}
	for _, h := range []http.Header{{}, {"Date": {"yesterday"}}, {"Date": {"Wed, 24 Jun 2026 12:00:00 GMT"}, "Age": {"300"}}} {
		if got, ok := SkewOf(h, sent, received); ok {
			t.Errorf("%v tells a clock: %s", h, time.Duration(got))
		}
	}
}

func TestASkewIsJudgedByWhatItBreaks(t *testing.T) {
	strict := Tolerance{Ahead: Bound{5 * time.Minute, "commands are refused"}, Behind: Bound{2 * time.Minute, "messages are lost"}}
	for _, x := range []struct {
		by       time.Duration
		t        Tolerance
		remark   string // part of it; "" for none
		breaking string
	}{
		{4 * time.Second, strict, "", ""},
		{-4 * time.Second, strict, "", ""},
		{12 * time.Second, strict, "12s ahead of this machine's. Nothing breaks yet; from 5m0s on, commands are refused", ""},
		{-12 * time.Second, strict, "12s behind this machine's. Nothing breaks yet; from 2m0s on, messages are lost", ""},
		{4*time.Minute + 51*time.Second, strict, "", "4m51s ahead of this machine's: from 5m0s on, commands are refused"}, // what is on its way comes too late
		{-2 * time.Minute, strict, "", "2m0s behind this machine's: from 2m0s on, messages are lost"},
		{time.Hour, Tolerance{}, "1h0m0s ahead of this machine's. Times here and there will not agree", ""},
	} {
		remark, err := Skew(x.by).Judge("Fake", x.t)
		if (remark == "") != (x.remark == "") || !strings.Contains(remark, x.remark) {
			t.Errorf("%s: remark %q; want %q", x.by, remark, x.remark)
		}
		if (err == nil) != (x.breaking == "") || err != nil && !strings.Contains(err.Error(), x.breaking) {
			t.Errorf("%s: %v; want %q", x.by, err, x.breaking)
		}
	}
}
