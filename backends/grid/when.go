package grid

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// When is a time that a person typed, as it was understood.
type When struct {
	At   time.Time // UTC
	Said string    // what was assumed, such as "no zone given, read as UTC"; "" when nothing was
	Zone string    // the zone's abbreviation that was typed, in capitals; "" for an offset, a name or none
}

// maxTimeWords is how many words the longest form of a time has:
// "Tue Jun 24 12:05:25 CEST 2025".
const maxTimeWords = 6

// ParseTime reads the time at the start of words, which may hold it as one word
// or several, and gives the words after it. Nothing is guessed: a time that can be
// read in two ways, that the zone's clocks never or twice showed, or that lies
// after now is refused by an *InputError. Without a zone it is UTC, and Said
// says so.
func ParseTime(words []string, now time.Time) (w When, rest []string, err error) {
	w, rest, err = parseTime(words, now)
	if err == nil && w.At.After(now) {
		return When{}, words, refuse(CodeFuture, fmt.Sprintf("%s UTC is in the future: it is %s UTC now. Give a time that has passed.", clock(w.At), clock(now.UTC())))
	}
	return w, rest, err
}

// ParseEnd reads the end of a window like ParseTime, and lets it lie in the
// future.
func ParseEnd(words []string, now time.Time) (w When, rest []string, err error) {
	return parseTime(words, now)
}

func clock(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

func parseTime(words []string, now time.Time) (When, []string, error) {
	now = now.UTC()
	if strings.TrimSpace(strings.Join(words, "")) == "" {
		return When{}, words, refuse(CodeEmpty, "No time was given. Write one such as 2026-06-24T14:05Z or 3h ago.")
	}
	// The longest form wins, so that a zone is never left behind as a stray word.
	for n := min(len(words), maxTimeWords); n > 0; n-- {
		text := strings.Join(strings.Fields(strings.Join(words[:n], " ")), " ")
		if len(text) > 100 {
			continue
		}
		for _, form := range timeForms {
			m := form.pattern.FindStringSubmatch(text)
			if m == nil {
				continue
			}
			w, ok, err := form.read(m, now)
			if !ok {
				continue
			}
			if err == nil && w.At.Year() < oldestYear {
				err = refuse(CodeInvalid, fmt.Sprintf("The year %d is before any record. Check the time.", w.At.Year()))
			}
			if err != nil {
				return When{}, words, err
			}
			return w, words[n:], nil
		}
	}
	first := words[0]
	if len(first) > 40 {
		first = strings.ToValidUTF8(first[:40], "") + "…"
	}
	return When{}, words, refuse(CodeInvalid, fmt.Sprintf("%q is not a time. Write one such as 2026-06-24T14:05Z, 2026-06-24 14:05 CEST, 14:05 or 3h ago.", first))
}

// oldestYear is the first year that any record of the grid can be from.
const oldestYear = 2000

// timeForm is one way to write a time. read reports false when the text only
// looked like this form.
type timeForm struct {
	pattern *regexp.Regexp
	read    func(m []string, now time.Time) (w When, ok bool, err error)
}

const (
	hms        = `(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?`
	zoneSuffix = `(?: ?(\S+))?`
	monthName  = `(?i:(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)`
	dayName    = `(?i:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*)`
)

func form(pattern string, read func([]string, time.Time) (When, bool, error)) timeForm {
	return timeForm{regexp.MustCompile("^" + pattern + "$"), read}
}

// timeForms are tried in order.
var timeForms = []timeForm{
	form(`(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[Tt ]`+hms+zoneSuffix+`)?`, readYMD),
	form(hms+zoneSuffix, readClock),
	form(`(?i:(today|yesterday))(?: `+hms+zoneSuffix+`)?`, readDay),
	form(`(?i:now) ?(?:([+-]) ?(.+))?`, readNow),
	form(`(.+?) ?(?i:ago)`, readAgo),
	form(`(\d{9,10}|\d{12,13})(?:\.(\d{1,9}))?`, readEpoch),
	form(`\[?(\d{1,2})/`+monthName+`/(\d{4}):`+hms+` ?([+-]\d{4})?\]?`, readDMonY),
	form(`(?:`+dayName+`,? )?(\d{1,2})[- ]`+monthName+`[- ](\d{4})(?: `+hms+zoneSuffix+`)?`, readDMonY),
	form(dayName+` `+monthName+` (\d{1,2}) `+hms+`(?: (\S+))? (\d{4})`, readUnixDate),
	form(`(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4})(?: `+hms+zoneSuffix+`)?`, readNumbers),
	form(`\d{1,2}[/.-]\d{1,2}[/.-]\d{2}(?: `+hms+zoneSuffix+`)?`, refuseShortYear),
	form(monthName+` \d{1,2} `+hms, refuseSyslog),
}

func readYMD(m []string, _ time.Time) (When, bool, error) {
	return readWall(number(m[1]), number(m[2]), number(m[3]), m[4:8], m[8], "")
}

func readDMonY(m []string, _ time.Time) (When, bool, error) {
	return readWall(number(m[3]), month(m[2]), number(m[1]), m[4:8], m[8], "")
}

func readUnixDate(m []string, _ time.Time) (When, bool, error) {
	return readWall(number(m[8]), month(m[1]), number(m[2]), m[3:7], m[7], "")
}

// readNumbers reads 24/06/2026, which is the same day in every country only
// when one of the numbers cannot be a month.
func readNumbers(m []string, _ time.Time) (When, bool, error) {
	a, b, year := number(m[1]), number(m[3]), number(m[4])
	day, mon, said := a, b, ""
	switch {
	case m[2] == "." && a != b && a <= 12 && b <= 12:
		said = "read as day.month.year"
	case a <= 12 && b <= 12 && a != b:
		return When{}, true, refuse(CodeAmbiguous, fmt.Sprintf("%s%s%s%s%s may be %04d-%02d-%02d or %04d-%02d-%02d. Write the year first.", m[1], m[2], m[3], m[2], m[4], year, b, a, year, a, b))
	case b > 12:
		day, mon = b, a
	}
	return readWall(year, mon, day, m[5:9], m[9], said)
}

func refuseShortYear([]string, time.Time) (When, bool, error) {
	return When{}, true, refuse(CodeAmbiguous, "The year has two digits, so the order of day, month and year is open. Write it as 2026-06-24 14:05 with a zone.")
}

func refuseSyslog([]string, time.Time) (When, bool, error) {
	return When{}, true, refuse(CodeAmbiguous, "That log line has no year and no time zone. Ask the site for both and write it as 2026-06-24 04:05:25 +02:00.")
}

// readClock reads a bare time of day as the latest one that has passed.
func readClock(m []string, now time.Time) (When, bool, error) {
	z, ok, err := parseZone(m[5])
	if !ok || err != nil {
		return When{}, ok, err
	}
	today := now.In(z.loc)
	for back := range 3 {
		w, err := wallTime(today.Year(), int(today.Month()), today.Day()-back, m[1:5], z)
		if err != nil {
			return When{}, true, err
		}
		if w.At.After(now) {
			continue
		}
		said := "the latest past " + m[1] + ":" + m[2] + " is that of " + w.At.Format("2006-01-02")
		w.Said = joinSaid(said, w.Said)
		return w, true, nil
	}
	return When{}, false, nil
}

func readDay(m []string, now time.Time) (When, bool, error) {
	z, ok, err := parseZone(m[6])
	if !ok || err != nil {
		return When{}, ok, err
	}
	day := now.In(z.loc)
	if strings.EqualFold(m[1], "yesterday") {
		day = day.AddDate(0, 0, -1)
	}
	w, err := wallTime(day.Year(), int(day.Month()), day.Day(), m[2:6], z)
	return w, true, err
}

func readNow(m []string, now time.Time) (When, bool, error) {
	if m[1] == "" {
		return When{At: now}, true, nil
	}
	d, err := ParseDuration(m[2])
	if err != nil {
		return When{}, false, nil //nolint:nilerr // another form may fit
	}
	if m[1] == "-" {
		d = -d
	}
	return When{At: now.Add(d)}, true, nil
}

func readAgo(m []string, now time.Time) (When, bool, error) {
	d, err := ParseDuration(m[1])
	if err != nil {
		return When{}, false, nil //nolint:nilerr // another form may fit
	}
	return When{At: now.Add(-d)}, true, nil
}

func readEpoch(m []string, _ time.Time) (When, bool, error) {
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return When{}, false, nil //nolint:nilerr // another form may fit
	}
	if len(m[1]) > 10 {
		return When{At: time.UnixMilli(n).UTC(), Said: "read as milliseconds since 1970"}, true, nil
	}
	return When{At: time.Unix(n, int64(nanos(m[2]))).UTC(), Said: "read as seconds since 1970"}, true, nil
}

// readWall reads a date with an optional time of day and zone.
func readWall(year, mon, day int, hms []string, zoneText, said string) (When, bool, error) {
	z, ok, err := parseZone(zoneText)
	if !ok || err != nil {
		return When{}, ok, err
	}
	w, err := wallTime(year, mon, day, hms, z)
	w.Said = joinSaid(said, w.Said)
	return w, true, err
}

// wallTime gives the instant of a date and a time of day (hour, minute, second,
// fraction; empty for the start of the day) in a zone. A day before the first
// of the month is one of the month before, as readClock needs it.
func wallTime(year, mon, day int, hms []string, z zone) (When, error) {
	h, min, sec := number(hms[0]), number(hms[1]), number(hms[2])
	wall := time.Date(year, time.Month(mon), day, h, min, sec, nanos(hms[3]), time.UTC)
	if mon < 1 || mon > 12 || day > 31 || h > 23 || min > 59 || sec > 59 || day > 0 && wall.Day() != day {
		return When{}, refuse(CodeInvalid, fmt.Sprintf("There is no such time: year %d, month %d, day %d, %02d:%02d:%02d. Check the numbers.", year, mon, day, h, min, sec))
	}
	t, err := z.at(wall)
	if err != nil {
		return When{}, err
	}
	said := z.said(t)
	if hms[0] == "" {
		said = joinSaid("no time of day given, read as 00:00", said)
	}
	return When{At: t.UTC(), Said: said, Zone: z.abbr}, nil
}

func joinSaid(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// number reads digits that a pattern has already bounded; "" is 0.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// nanos reads the digits after the decimal mark.
func nanos(s string) int { return number((s + "000000000")[:9]) }

func month(name string) int {
	return 1 + slices.Index([]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}, strings.ToLower(name[:3]))
}

var durationPart = regexp.MustCompile(`^(\d{1,6}(?:\.\d{1,3})?) ?([a-zA-Z]+) ?`)

var durationUnits = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hour": time.Hour, "hr": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// maxDuration bounds what a person may ask for: records are not kept longer.
const maxDuration = 400 * 24 * time.Hour

// ParseDuration reads a length of time such as 48h, 2d, 10m, 1h30m or
// "2 days". It is never negative and at most 400 days.
func ParseDuration(s string) (time.Duration, error) {
	bad := refuse(CodeInvalid, "That is not a length of time. Write one such as 48h, 2d or 10m.")
	rest := strings.TrimSpace(s)
	if rest == "0" {
		return 0, nil
	}
	var sum time.Duration
	for parts := 0; rest != ""; parts++ {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil || parts == 5 {
			return 0, bad
		}
		name := strings.ToLower(m[2])
		unit, ok := durationUnits[name]
		if !ok {
			unit, ok = durationUnits[strings.TrimSuffix(name, "s")]
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if !ok || err != nil {
			return 0, bad
		}
		if n*float64(unit) > float64(maxDuration) {
			return 0, refuse(CodeInvalid, "That is longer than 400 days, and no record is kept for so long. Give a shorter time.")
		}
		sum += time.Duration(n * float64(unit))
		rest = rest[len(m[0]):]
	}
	switch {
	case strings.TrimSpace(s) == "":
		return 0, refuse(CodeEmpty, "No length of time was given. Write one such as 48h, 2d or 10m.")
	case sum > maxDuration:
		return 0, refuse(CodeInvalid, "That is longer than 400 days, and no record is kept for so long. Give a shorter time.")
	}
	return sum, nil
}
