package panda_test

import (
	"os"
	"testing"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgrestest.End()
	os.Exit(code)
}
