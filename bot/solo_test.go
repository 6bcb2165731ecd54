package bot

import (
	"testing"
	"time"
)

func TestNextWorkingDay(t *testing.T) {
	for from, want := range map[string]string{
		"2026-06-24T23:59:00Z":      "2026-06-25T08:00:00Z", // a Wednesday
		"2026-06-25T00:00:00Z":      "2026-06-26T08:00:00Z", // just begun: not the same day
		"2026-06-26T12:00:00Z":      "2026-06-29T08:00:00Z", // a Friday
		"2026-06-27T03:00:00Z":      "2026-06-29T08:00:00Z",
		"2026-06-28T23:00:00Z":      "2026-06-29T08:00:00Z",
		"2026-06-27T01:00:00+02:00": "2026-06-29T08:00:00Z", // still Friday in UTC
		"2026-12-31T12:00:00Z":      "2027-01-01T08:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, from)
		if err != nil {
			t.Fatal(err)
		}
		if got := nextWorkingDay(at).Format(time.RFC3339); got != want {
			t.Errorf("after %s: %s, want %s", from, got, want)
		}
	}
}
