package pilotlog

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// clock is the worker node's, as far as its log shows it beside UTC.
type clock struct{ anchors []anchor }

// anchor is a moment of which the log gives both times.
type anchor struct {
	at     time.Time
	offset time.Duration // local time less UTC
}

// add takes a moment whose local fields wall carries as if UTC. It reports false
// for a pair that no zone of the world explains.
func (c *clock) add(at, wall time.Time) bool {
	offset := wall.Sub(at).Round(time.Minute)
	if wall.Sub(at) != offset || offset%(15*time.Minute) != 0 || offset.Abs() > 14*time.Hour {
		return false
	}
	if len(c.anchors) < maxAnchors {
		c.anchors = append(c.anchors, anchor{at, offset})
	}
	return true
}

// settle must be called before utc.
func (c *clock) settle() {
	slices.SortStableFunc(c.anchors, func(a, b anchor) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.offset, b.offset)) })
}

func (c *clock) offsets() []time.Duration {
	var out []time.Duration
	for _, a := range c.anchors {
		if !slices.Contains(out, a.offset) {
			out = append(out, a.offset)
		}
	}
	return out
}

// utc gives the first and the last moment that a local time can mean. They differ
// where the clocks were changed while the pilot ran; both are zero when the log
// does not show its zone.
func (c *clock) utc(wall time.Time) (first, last time.Time) {
	if wall.IsZero() {
		return time.Time{}, time.Time{}
	}
	var all []time.Time
	for _, certain := range []bool{true, false} {
		for _, o := range c.offsets() {
			if at := wall.Add(-o); !certain || c.holds(at, o) {
				all = append(all, at)
			}
		}
		if len(all) > 0 {
			slices.SortFunc(all, time.Time.Compare)
			return all[0], all[len(all)-1]
		}
	}
	return time.Time{}, time.Time{}
}

// holds tells whether the offset may have been in force then: at the anchor before
// or at the one after.
func (c *clock) holds(at time.Time, offset time.Duration) bool {
	after, exactly := slices.BinarySearchFunc(c.anchors, at, func(a anchor, t time.Time) int { return a.at.Compare(t) })
	if exactly {
		return slices.Contains(c.anchors, anchor{at, offset})
	}
	return after < len(c.anchors) && c.anchors[after].offset == offset || after > 0 && c.anchors[after-1].offset == offset
}

// The forms in which the date command writes a moment for people: that of the C
// locale, and that of newer English ones.
var (
	dateC       = regexp.MustCompile(`([A-Z][a-z]{2}) +(\d{1,2}) (\d{1,2}):(\d\d):(\d\d) (?:([AP]M) )?\S+ (\d{4})`)
	dateEnglish = regexp.MustCompile(`(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{1,2}):(\d\d):(\d\d)(?: ([AP]M))?`)
)

var months = []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// wallOf reads a local date, whose fields it gives as if UTC.
func wallOf(s string) (time.Time, bool) {
	var month, day, hour, minute, second, half, year string
	if m := dateC.FindStringSubmatch(s); m != nil {
		month, day, hour, minute, second, half, year = m[1], m[2], m[3], m[4], m[5], m[6], m[7]
	} else if m := dateEnglish.FindStringSubmatch(s); m != nil {
		day, month, year, hour, minute, second, half = m[1], m[2], m[3], m[4], m[5], m[6], m[7]
	} else {
		return time.Time{}, false
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	h := number(hour)
	switch {
	case half == "PM" && h < 12:
		h += 12
	case half == "AM" && h == 12:
		h = 0
	}
	return civil(number(year), slices.Index(months, month)+1, number(day), h, number(minute), number(second))
}

// civil makes a date of its fields; ok is false when there is no such day or time.
func civil(year, month, day, hour, minute, second int) (t time.Time, ok bool) {
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60 || hour < 0 || minute < 0 || second < 0 || year < 1990 || year > 2099 {
		return time.Time{}, false
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day
}

// epoch reads seconds since 1970 of the years in which there are pilots.
func epoch(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 631152000 || n > 4102444800 {
		return time.Time{}, false
	}
	return time.Unix(n, 0).UTC(), true
}
