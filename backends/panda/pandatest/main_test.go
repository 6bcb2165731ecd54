package pandatest_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgrestest.End()
	os.Exit(code)
}

// testContext ends before the test would hang.
func testContext(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 30*time.Second)
}
