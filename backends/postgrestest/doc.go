// Package postgrestest starts a real PostgreSQL server for tests, from the
// server's programs on this machine, and makes databases on it. Every test
// binary has a server of its own, which ends with it.
package postgrestest
