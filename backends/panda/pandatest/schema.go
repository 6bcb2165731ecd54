package pandatest

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
)

// Roles of the bot in PanDA's database, made by [Grants].
const (
	Reader    = "gridwarden_reader"    // reads, and starts every transaction as read only
	Banner    = "gridwarden_banner"    // sets users.status
	Registrar = "gridwarden_registrar" // a Banner that also makes users, to ban a name before PanDA has seen it
)

// Panda is the role of PanDA itself in the tests. It may do everything.
const Panda = postgrestest.Superuser

// Schema makes the tables.
//
//go:embed schema.sql
var Schema string

// Grants makes the bot's roles, as an administrator is told to.
//
//go:embed grants.sql
var Grants string

// templates are databases that hold the schema and no rows, one on each server of this test
// binary: to copy one is much faster than to make all tables again.
var templates struct {
	sync.Mutex
	of map[*postgrestest.Server]string
}

func template(t testing.TB, s *postgrestest.Server) string {
	t.Helper()
	templates.Lock()
	defer templates.Unlock()
	if name := templates.of[s]; name != "" {
		return name
	}
	made := s.NewDatabase(t)
	made.Exec(t, Schema, Grants, monthly("doma_panda.jobsarchived4", time.Now().UTC().AddDate(-1, 0, 0), 16))
	if templates.of == nil {
		templates.of = map[*postgrestest.Server]string{}
	}
	templates.of[s] = made.Name
	return made.Name
}

// monthly makes n partitions of a month each, from the month of first on, under
// the names that pg_partman gives them.
func monthly(table string, first time.Time, n int) string {
	var b strings.Builder
	from := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC)
	for range n {
		to := from.AddDate(0, 1, 0)
		b.WriteString(partition(table, from, to))
		from = to
	}
	return b.String()
}

func partition(table string, from, to time.Time) string {
	return fmt.Sprintf("CREATE TABLE %s_p%s PARTITION OF %s FOR VALUES FROM ('%s') TO ('%s');\n",
		table, from.Format("20060102"), table, from.Format(time.DateOnly), to.Format(time.DateOnly))
}
