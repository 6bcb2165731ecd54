//go:build !crash

package crash

import (
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// Point is a place where a test may kill the program.
func Point(string) {}

// Change is the point before or after the transaction that stores records; it
// is named after the last of them.
func Change(string, []audit.Record) {}

// Lease is a time for which a process that died is waited for.
func Lease(d time.Duration) time.Duration { return d }
