package fakeserver

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestABucketIsEmptyAfterItsBurst holds that a burst passes at once, and then one
// as often as the rate says, whoever waits or does not.
func TestABucketIsEmptyAfterItsBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Bucket
		r := Rate{Burst: 3, Every: time.Second}
		for range 3 {
			if wait := b.Take(r); wait != 0 {
				t.Fatalf("within the burst: %s", wait)
			}
		}
		for range 2 { // asking costs nothing
			if wait := b.Take(r); wait != time.Second {
				t.Errorf("after the burst: %s", wait)
			}
		}
		time.Sleep(time.Second)
		if wait := b.Take(r); wait != 0 {
			t.Errorf("a second later: %s", wait)
		}
		time.Sleep(time.Hour)
		for range 3 {
			if wait := b.Take(r); wait != 0 {
				t.Errorf("an hour later: %s", wait)
			}
		}
		if b.Take(r) == 0 {
			t.Error("an hour gives more than the burst")
		}
	})
}
