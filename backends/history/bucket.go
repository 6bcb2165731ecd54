package history

import (
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// bucket is a stretch of time in which a job's presence begins, and how long
// presences in it last at most. Jobs of one time stand together in the store, so
// that an import in the order of time writes in one place, and a window has a
// handful of buckets however much is stored.
type bucket int64

// A bucket's number is its class and, below, how many stretches of that class
// passed since 1970.
const classShift = 40

// stretches are the lengths of the classes. The last class has one bucket, for
// what is longer or has no bound.
var stretches = []time.Duration{24 * time.Hour, 8 * 24 * time.Hour, 64 * 24 * time.Hour}

// bucketOf gives the bucket of a presence.
func bucketOf(p grid.Window) bucket {
	if !p.From.IsZero() && !p.To.IsZero() {
		for class, stretch := range stretches {
			if p.To.Sub(p.From) <= stretch {
				return bucketAt(class, p.From)
			}
		}
	}
	return bucketAt(len(stretches), time.Time{})
}

func bucketAt(class int, at time.Time) bucket {
	b := bucket(class) << classShift
	if class < len(stretches) {
		b += bucket(max(at.Unix(), 0) / int64(stretches[class]/time.Second))
	}
	return b
}

// span is a range of buckets, both ends included.
type span struct{ first, last bucket }

// spansOf gives the buckets whose presences may meet a window, the ones with the
// most jobs last. A zero window is met by all.
func spansOf(w grid.Window) []span {
	forever := bucketAt(len(stretches), time.Time{})
	if w.IsZero() {
		return []span{{0, forever}}
	}
	spans := []span{{forever, forever}}
	for class := len(stretches) - 1; class >= 0; class-- {
		spans = append(spans, span{bucketAt(class, w.From.Add(-stretches[class])), bucketAt(class, w.To)})
	}
	return spans
}
