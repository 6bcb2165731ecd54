package grid

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zone names must mean the same on every machine
)

// zone turns a wall clock into an instant. said tells what was assumed.
type zone struct {
	loc  *time.Location
	abbr string // the abbreviation that was typed, "" for an offset or a name
	name string // the IANA name that was typed
	none bool   // nothing was typed
}

// abbreviations are those with one meaning on the grid. CST is read as North
// America's and that is said; IST is missing because three countries use it.
var abbreviations = map[string]struct {
	hours int
	place string // where it is used, to notice summer time
}{
	"UTC": {0, ""}, "GMT": {0, ""}, "UT": {0, ""}, "Z": {0, ""},
	"WET": {0, "Europe/Lisbon"}, "WEST": {1, "Europe/Lisbon"}, "BST": {1, "Europe/London"},
	"CET": {1, "Europe/Zurich"}, "CEST": {2, "Europe/Zurich"},
	"EET": {2, "Europe/Helsinki"}, "EEST": {3, "Europe/Helsinki"}, "MSK": {3, "Europe/Moscow"}, "JST": {9, "Asia/Tokyo"},
	"EST": {-5, "America/New_York"}, "EDT": {-4, "America/New_York"}, "CST": {-6, "America/Chicago"}, "CDT": {-5, "America/Chicago"},
	"MST": {-7, "America/Denver"}, "MDT": {-6, "America/Denver"}, "PST": {-8, "America/Los_Angeles"}, "PDT": {-7, "America/Los_Angeles"},
}

var (
	offsetPattern = regexp.MustCompile(`^(?:(?i:UTC|GMT))?([+-])(\d{1,2}):?(\d{2})?$`)
	ianaPattern   = regexp.MustCompile(`^[A-Za-z_]+(?:/[A-Za-z0-9_+-]+){1,2}$`)
	abbrPattern   = regexp.MustCompile(`^[A-Z]{2,5}$`)
)

// parseZone reads a zone. It reports false for text that is no zone at all, and
// an error for a zone that must not be guessed.
func parseZone(s string) (z zone, ok bool, err error) {
	if s == "" {
		return zone{loc: time.UTC, none: true}, true, nil
	}
	if m := offsetPattern.FindStringSubmatch(s); m != nil {
		h, _ := strconv.Atoi(m[2])
		min := 0
		if m[3] != "" {
			min, _ = strconv.Atoi(m[3])
		}
		if h > 14 || min > 59 {
			return zone{}, true, refuse(CodeInvalid, fmt.Sprintf("The zone offset %s does not exist. Write one such as +02:00, or Z for UTC.", s))
		}
		seconds := h*3600 + min*60
		if m[1] == "-" {
			seconds = -seconds
		}
		return zone{loc: time.FixedZone("", seconds)}, true, nil
	}
	upper := strings.ToUpper(s)
	if a, known := abbreviations[upper]; known {
		return zone{loc: time.FixedZone(upper, a.hours*3600), abbr: upper}, true, nil
	}
	if upper == "IST" {
		return zone{}, true, refuse(CodeAmbiguous, "IST may be India's, Ireland's or Israel's time. Write the offset, such as +05:30, or a name such as Asia/Kolkata.")
	}
	if ianaPattern.MatchString(s) {
		loc, err := time.LoadLocation(s)
		if err != nil {
			return zone{}, true, refuse(CodeInvalid, fmt.Sprintf("There is no time zone %s. Write a name such as Europe/Zurich, or an offset such as +02:00.", s))
		}
		return zone{loc: loc, name: s}, true, nil
	}
	if abbrPattern.MatchString(s) {
		return zone{}, true, refuse(CodeInvalid, fmt.Sprintf("The time zone %s is not known here. Write the offset, such as +02:00, or Z for UTC.", s))
	}
	return zone{}, false, nil
}

// inChina knows the names of CMS sites, and of hosts, where CST is China's or
// Taipei's time.
var inChina = regexp.MustCompile(`(?i)^T\d_(?:CN|TW)_|\.(?:cn|tw)$|beijing|taiwan`)

// CheckZone refuses a time whose zone is another one at one of the places, which
// are names of sites or hosts, than the one it was read as.
func (w When) CheckZone(places ...string) error {
	for _, p := range places {
		if w.Zone == "CST" && inChina.MatchString(p) {
			return refuse(CodeAmbiguous, "CST may be China's or North America's time, and the place is in China or Taiwan. Write the offset: +08:00 or -06:00.")
		}
	}
	return nil
}

// at gives the instant of a wall clock, whose fields wall carries as if UTC. A
// time that the zone's clocks skipped or showed twice is refused.
func (z zone) at(wall time.Time) (time.Time, error) {
	var found []time.Time
	for _, day := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(day).In(z.loc).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		_, really := t.In(z.loc).Zone()
		if really == offset && (len(found) == 0 || !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	clock := wall.Format("2006-01-02 15:04")
	switch len(found) {
	case 0:
		return time.Time{}, refuse(CodeInvalid, fmt.Sprintf("%s did not exist in %s: the clocks were put forward over it. Write the time with an offset, such as +02:00.", clock, z.name))
	case 1:
		return found[0], nil
	}
	return time.Time{}, refuse(CodeAmbiguous, fmt.Sprintf("%s happened twice in %s: the clocks were put back. Write the time with an offset: %s or %s.", clock, z.name,
		found[0].In(z.loc).Format("-07:00"), found[1].In(z.loc).Format("-07:00")))
}

// said gives what a reader must know of how the zone was understood at t.
func (z zone) said(t time.Time) string {
	switch {
	case z.none:
		return "no zone given, read as UTC"
	case z.name != "":
		return z.name + " was " + utcOffset(t.In(z.loc)) + " then"
	case z.abbr == "" || abbreviations[z.abbr].place == "":
		return ""
	}
	said := z.abbr + " read as " + utcOffset(t.In(z.loc))
	place, err := time.LoadLocation(abbreviations[z.abbr].place)
	if err != nil {
		return said
	}
	if name, offset := t.In(place).Zone(); offset != abbreviations[z.abbr].hours*3600 {
		said += fmt.Sprintf(", though %s was in force on that day: write %s if you meant that", name, name)
	}
	return said
}

func utcOffset(t time.Time) string {
	_, offset := t.Zone()
	if offset%3600 == 0 {
		return fmt.Sprintf("UTC%+d", offset/3600)
	}
	return "UTC" + t.Format("-07:00")
}
