// Package wording has the small forms of what sources say of themselves.
package wording

import (
	"fmt"
	"strings"
	"time"
)

// Count is a number with its noun.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Some names the first few of many, and says how many more there are.
func Some(names []string, most int) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Minute is a time in UTC, to the minute.
func Minute(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z") }
