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

// Soon is a time that tests would have to sit out.
func Soon(d time.Duration) time.Duration { return d }
