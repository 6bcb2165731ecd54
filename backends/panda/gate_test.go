package panda_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// status is what the users table has, "NULL" for none.
func status(d *pandatest.Database, id int64) string {
	return pandatest.One[string](d, "SELECT coalesce(status, 'NULL') FROM doma_pandameta.users WHERE id = $1", id)
}

func key(id int64) string { return strconv.FormatInt(id, 10) }

func TestBanWritesOneRowAndUnbanEmptiesIt(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	naughty := d.AddUser(pandatest.User{Name: "Naughty User", DN: "/DC=org/CN=Naughty User"})
	namesake := d.AddUser(pandatest.User{Name: "Naughty User", DN: "/DC=evil/CN=Naughty User"})
	g := gateOf(t, d)
	must(t, g.Check(t.Context()))
	for range 2 { // what holds already is no error
		must(t, g.Ban(t.Context(), key(naughty), "Naughty User"))
		if got := status(d, naughty) + " " + status(d, namesake); got != "disabled NULL" {
			t.Fatalf("after a ban: %s", got)
		}
	}
	for range 2 {
		must(t, g.Unban(t.Context(), key(naughty), "Naughty User"))
		if got := status(d, naughty); got != "NULL" {
			t.Fatalf("after an unban: %s", got)
		}
	}
	if g.GateDelay() != 600*time.Second {
		t.Errorf("%v", g.GateDelay())
	}
}

func TestBanOfNobodyFailsAndSuggests(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	id := d.AddUser(pandatest.User{Name: "Naughty User"})
	d.AddUser(pandatest.User{Name: "Nаughty User"}) // with a Cyrillic letter
	g := gateOf(t, d)
	for _, c := range []struct {
		id, name string
		says     []string
	}{
		{key(id), "naughty user", []string{`is called "Naughty User", not "naughty user"`, "0 rows updated", "exact name"}},
		{"4711", "naughty user", []string{"0 rows updated", `"Naughty User" (id ` + key(id), "Latin + Cyrillic", "none was picked"}},
		{"4711", "Naughty User", []string{"0 rows updated", `"Naughty User" (id ` + key(id)}},
		{"4711", "Somebody Else", []string{"0 rows updated", "Nobody has a similar name"}},
		{"1; DROP TABLE users", "Naughty User", []string{"is no id"}},
		{"", "Naughty User", []string{"is no id"}},
		{"99999999999999999999", "Naughty User", []string{"is no id"}},
		{"9999999999", "Naughty User", []string{"0 rows updated"}},
	} {
		err := g.Ban(t.Context(), c.id, c.name)
		says(t, err, c.says...)
	}
	if n := pandatest.One[int64](d, "SELECT count(*) FROM doma_pandameta.users WHERE status IS NOT NULL"); n != 0 {
		t.Errorf("%d users were banned", n)
	}
}

// names are those that people would rather not have to quote.
var names = []string{
	`O'Brien "Bob"`, `100% Me`, `_ndersco_e`, `Back\slash`, `a\' OR 1=1 --`, "Marked\u200fUser", "Trailing ", " Leading", "Два Слова", "{name}", "$1", strings.Repeat("n", 60),
}

func TestNamesAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	ids := map[string]int64{}
	for _, name := range append([]string{"Trailing", "MarkedUser", "Brien Bob"}, names...) {
		ids[name] = d.AddUser(pandatest.User{Name: name})
	}
	g := gateOf(t, d)
	for _, name := range names {
		must(t, g.Ban(t.Context(), key(ids[name]), name))
		got := pandatest.All[string](d, "SELECT name FROM doma_pandameta.users WHERE status = 'disabled'")
		if len(got) != 1 || got[0] != name {
			t.Errorf("the ban of %q hit %q", name, got)
		}
		must(t, g.Unban(t.Context(), key(ids[name]), name))
	}
	says(t, g.Ban(t.Context(), key(ids[names[0]]), strings.Repeat("n", 61)), "0 rows updated")
	says(t, g.Ban(t.Context(), key(ids["Trailing"]), "Trailing "), "0 rows updated", `is called "Trailing"`)
}

func TestRoleThatBansIsLookedAt(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	id := d.AddUser(pandatest.User{Name: "Naughty User"})
	s := storeOf(t, d)
	as := func(dsn string) *panda.Gate {
		return openGate(t, panda.BanConfig{Via: panda.ViaPostgres, DSNFile: secretFile(t, dsn)}, s)
	}
	for role, want := range map[string][]string{
		pandatest.Reader: {"may not write the status", "gridwarden_banner"},
		pandatest.Panda:  {"may do more than ban"},
	} {
		says(t, as(d.DSN(role)).Check(t.Context()), want...)
	}
	must(t, as(d.DSN(pandatest.Registrar)).Check(t.Context()))
	says(t, as(d.DSN(pandatest.Reader)).Ban(t.Context(), key(id), "Naughty User"), "only reads", "primary")
	says(t, as(d.DSN("nobody_known")).Ban(t.Context(), key(id), "Naughty User"), "refuses the role", "backends.panda.ban.dsn_file")
	says(t, as("host=/nowhere user=x dbname=y").Ban(t.Context(), key(id), "Naughty User"), "cannot be reached", "backends.panda.ban.dsn_file")
	if got := status(d, id); got != "NULL" {
		t.Errorf("the status is %s", got)
	}
}

func TestBanWaitsForNobodyForLong(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	id := d.AddUser(pandatest.User{Name: "Naughty User"})
	c := reads(t, d.DSN(pandatest.Reader))
	c.Deadline = time.Second
	g := openGate(t, panda.BanConfig{Via: panda.ViaPostgres, DSNFile: secretFile(t, d.DSN(pandatest.Banner))}, openStore(t, c, nil))
	tx, err := d.Pool().Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM doma_pandameta.users FOR UPDATE")
	must(t, err)
	says(t, g.Ban(t.Context(), key(id), "Naughty User"), "panda-ban")
	must(t, tx.Rollback(t.Context()))
	must(t, g.Ban(t.Context(), key(id), "Naughty User"))
}

// A trigger that does away with the change is the nastiest that PanDA's own
// administrators could do.
func TestBanThatDoesNotStayIsNoBan(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	id := d.AddUser(pandatest.User{Name: "Naughty User"})
	d.Exec(`CREATE FUNCTION doma_pandameta.undo() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.status := NULL; RETURN NEW; END'`)
	d.Exec(`CREATE TRIGGER undo BEFORE UPDATE ON doma_pandameta.users FOR EACH ROW EXECUTE FUNCTION doma_pandameta.undo()`)
	says(t, gateOf(t, d).Ban(t.Context(), key(id), "Naughty User"), "did not keep the status", "taken back")
}

func TestBanOfSomebodyWhoNeverSubmitted(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	s := storeOf(t, d)
	g := openGate(t, panda.BanConfig{Via: panda.ViaPostgres, DSNFile: secretFile(t, d.DSN(pandatest.Registrar))}, s)
	must(t, g.CanBanUnseen(t.Context()))
	const dn = "/DC=org/DC=example/OU=People/CN=Naughty Friend"
	must(t, g.BanUnseen(t.Context(), "Naughty Friend", dn))
	must(t, g.BanUnseen(t.Context(), "Naughty Friend", dn)) // the step is done again
	accounts, err := s.Accounts(t.Context())
	must(t, err)
	if len(accounts) != 1 || !accounts[0].Banned || accounts[0].DN != dn || time.Since(accounts[0].LastSeen).Abs() > time.Minute {
		t.Errorf("%+v", accounts)
	}
	must(t, g.Unban(t.Context(), accounts[0].ID, "Naughty Friend"))
	says(t, g.BanUnseen(t.Context(), "Naughty Friend", dn), "There is a user", "Use `ban`")
	says(t, gateOf(t, d).CanBanUnseen(t.Context()), "may not make users", "gridwarden_registrar")
	says(t, gateOf(t, d).BanUnseen(t.Context(), "X Y", ""), "lacks a grant")
	says(t, gateBy(t, d, "true", "{name}").CanBanUnseen(t.Context()), "never submitted", "via postgres")
	must(t, g.BanUnseen(t.Context(), "Long DN", "/CN="+strings.Repeat("n", 200)))
	if n := pandatest.One[int64](d, "SELECT count(*) FROM doma_pandameta.users WHERE name = 'Long DN' AND dn IS NULL AND status = 'disabled'"); n != 1 {
		t.Error("a DN that is too long for the column")
	}
}
