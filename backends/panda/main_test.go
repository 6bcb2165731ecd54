package panda_test

import (
	"net/netip"
	"os"
	"testing"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgrestest.End()
	os.Exit(code)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
