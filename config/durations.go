package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// parseDuration reads 30m, 48h, 1h30m, 400d or 1d12h. A day has 24 hours.
func parseDuration(s string) (time.Duration, error) {
	bad := errors.New("is no duration: write it like 30m, 48h or 400d")
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil {
		return 0, bad
	}
	var d time.Duration
	if rest != "" || !found {
		if d, err = time.ParseDuration(rest); err != nil || strings.ContainsAny(rest, "+-") {
			return 0, bad
		}
	}
	if n > uint64((math.MaxInt64-d)/day) {
		return 0, errors.New("is too long a duration: at most 100000d make sense")
	}
	return time.Duration(n)*day + d, nil
}

// inWords says a duration as people do: "90 days", "4 h", "1 h 30 min".
func inWords(d time.Duration) string {
	if d > 0 && d%day == 0 {
		return plural(int(d/day), "day")
	}
	var parts []string
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / unit.size; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
			d %= unit.size
		}
	}
	if d > 0 || len(parts) == 0 {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, " ")
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
