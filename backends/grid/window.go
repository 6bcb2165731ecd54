package grid

import (
	"fmt"
	"time"
)

// The window of a trace: who ran from the reported time on is reported for 48
// hours, for incidents of the last 90 days (CMS job traceability procedure).
// The margin covers clocks and reports that are some minutes off.
const (
	DefaultForward = 48 * time.Hour
	DefaultMargin  = 10 * time.Minute
	Horizon        = 90 * 24 * time.Hour
)

// NewWindow gives the window to search for a time that was asked about: from
// margin before it until to, or until forward after it when to is zero. A
// forward of zero or less is DefaultForward, a negative margin DefaultMargin.
// A window that would end in the future ends now, and openUntil says when it
// will be over; otherwise openUntil is zero. why has a sentence for every way in
// which the window is not what was typed.
func NewWindow(at time.Time, forward time.Duration, to time.Time, margin time.Duration, now time.Time) (w Window, why []string, openUntil time.Time) {
	at, now = at.UTC(), now.UTC()
	if forward <= 0 {
		forward = DefaultForward
	}
	if margin < 0 {
		margin = DefaultMargin
	}
	w.From = at.Add(-margin)
	if margin > 0 {
		why = append(why, fmt.Sprintf("It begins %s earlier, because clocks and reports can be some minutes off.", span(margin)))
	}
	switch {
	case to.IsZero():
		w.To = at.Add(forward)
		why = append(why, fmt.Sprintf("It reaches %s forward, because whoever ran there later is exposed too.", span(forward)))
	case to.Before(at):
		w.To = at.Add(forward)
		why = append(why, fmt.Sprintf("The end that was given, %s UTC, is before the time asked about: it reaches %s forward instead.", clock(to.UTC()), span(forward)))
	default:
		w.To = to.UTC()
	}
	if w.To.After(now) {
		openUntil = w.To
		w.To = now
		if now.Before(w.From) {
			w.To = w.From
		}
		why = append(why, fmt.Sprintf("It is open until %s UTC, which is still to come.", clock(openUntil)))
	}
	return w, why, openUntil
}

// OlderThanHorizon reports whether the time lies before what records are kept
// for, so that an empty answer proves nothing.
func OlderThanHorizon(at, now time.Time) bool { return at.Before(now.Add(-Horizon)) }

// span writes a length of time for people: 48 h, 10 min, 2 d.
func span(d time.Duration) string {
	switch {
	case d >= 72*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return d.Round(time.Second).String()
}
