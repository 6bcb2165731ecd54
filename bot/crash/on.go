//go:build crash

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// chosen is the point where this process ends, and how many passages are left.
var chosen = func() (c struct {
	name string
	left *atomic.Int64
},
) {
	c.left = new(atomic.Int64)
	name, count, found := strings.Cut(os.Getenv("GRIDWARDEN_CRASH"), ":")
	if n, err := strconv.ParseInt(count, 10, 64); found && err == nil && n > 0 {
		c.name = name
		c.left.Store(n)
	}
	return c
}()

// Point is a place where a test may kill the program.
func Point(name string) {
	if chosen.name == "" || chosen.name != name || chosen.left.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // a process may always kill itself
	select {}                                      // nothing may happen until the signal arrives
}

// Change is the point before or after the transaction that stores records; it
// is named after the last of them.
func Change(when string, records []audit.Record) {
	if n := len(records); n > 0 {
		Point(string(records[n-1].Kind) + " " + when)
	}
}

// Soon is a time that tests would have to sit out.
func Soon(d time.Duration) time.Duration { return d / 50 }
