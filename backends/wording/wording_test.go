package wording_test

import (
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/wording"
)

func TestWording(t *testing.T) {
	for got, want := range map[string]string{
		wording.Count(0, "job was", "jobs were"):                                           "0 jobs were",
		wording.Count(1, "job was", "jobs were"):                                           "1 job was",
		wording.Count(12, "job was", "jobs were"):                                          "12 jobs were",
		wording.Some(nil, 2):                                                               "",
		wording.Some([]string{"a", "b"}, 2):                                                "a, b",
		wording.Some([]string{"a", "b", "c", "d"}, 2):                                      "a, b and 2 more",
		wording.Minute(time.Date(2026, 6, 24, 14, 5, 59, 0, time.FixedZone("CEST", 7200))): "2026-06-24T12:05Z",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
