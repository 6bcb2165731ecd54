package panda_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// script is a program of a shell's lines.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ban")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700))
	return path
}

func gateBy(t *testing.T, d *pandatest.Database, argv ...string) *panda.Gate {
	t.Helper()
	return openGate(t, panda.BanConfig{Via: panda.ViaCommand, Command: argv}, storeOf(t, d))
}

// banUser does what PanDA's banUser.py does: it writes every row of a name, and
// says how many.
const banUser = `status="'disabled'"
for word; do
  case $word in --user=*) user=${word#--user=} ;; --unban) status=NULL ;; esac
done
printf 'connecting\n'
printf "UPDATE doma_pandameta.users SET status=$status WHERE name=:'name';" | psql -X -v name="$user" "DSN" | sed -n 's/^UPDATE \([0-9]*\)$/\1 rows updated/p'`

func TestBanByAProgram(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	ids := map[string]int64{}
	for _, name := range names {
		ids[name] = d.AddUser(pandatest.User{Name: name})
	}
	run := script(t, strings.Replace(banUser, "DSN", d.DSN(pandatest.Banner), 1))
	g := gateBy(t, d, run, "--user={name}")
	must(t, g.Check(t.Context()))
	// As ssh does: the words go through a shell of the other machine.
	remote := gateBy(t, d, script(t, `exec sh -c "$*"`), run, "--user={name:sh}")
	for _, gate := range []*panda.Gate{g, remote} {
		for _, name := range names {
			must(t, gate.Ban(t.Context(), key(ids[name]), name))
			got := pandatest.All[string](d, "SELECT name FROM doma_pandameta.users WHERE status = 'disabled'")
			if len(got) != 1 || got[0] != name {
				t.Errorf("the ban of %q hit %q", name, got)
			}
			must(t, gate.Unban(t.Context(), key(ids[name]), name))
			if got := status(d, ids[name]); got != "NULL" {
				t.Errorf("after the unban of %q: %s", name, got)
			}
		}
	}
	says(t, g.Ban(t.Context(), "4711", "100% ME"), "0 rows updated", `"100% Me"`)
}

func TestProgramThatDoesNotBan(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	id := d.AddUser(pandatest.User{Name: "Naughty User"})
	for _, c := range []struct {
		what, lines string
		says        []string
	}{
		{"fails", "echo 1 rows updated; exit 3", []string{"failed (exit status 3)", "not known", "`bans`"}},
		{"has no connection", "echo Failed with database error", []string{"did not say how many rows"}},
		{"says nothing", "true", []string{"did not say how many rows"}},
		{"says it twice", "echo 1 rows updated; echo 0 rows updated", []string{"did not say how many rows"}},
		{"says it of something else", "echo not 1 rows updated", []string{"did not say how many rows"}},
		{"finds nobody", "echo 0 rows updated", []string{"0 rows updated", `"Naughty User"`}},
		{"lies", "echo 1 rows updated", []string{"is not what was written", "another PanDA"}},
		{"says too much", "yes | head -c 10000000; echo 1 rows updated", []string{"did not say how many rows"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			says(t, gateBy(t, d, script(t, c.lines), "{name}").Ban(t.Context(), key(id), "Naughty User"), c.says...)
		})
	}
	g := gateBy(t, d, "/nowhere/ban", "{name}")
	says(t, g.Check(t.Context()), "is not on this machine")
	says(t, g.Ban(t.Context(), key(id), "Naughty User"), "failed")
	says(t, gateBy(t, d, script(t, "echo 1 rows updated"), "{name}").Ban(t.Context(), key(id), "--help"), "begins as an option does")
	if got := status(d, id); got != "NULL" {
		t.Errorf("the status is %s", got)
	}
}

func TestUnbanCommandOfItsOwn(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	id := d.AddUser(pandatest.User{Name: "Naughty User", Status: "disabled"})
	run := script(t, strings.Replace(banUser, "DSN", d.DSN(pandatest.Banner), 1))
	g := openGate(t, panda.BanConfig{Via: panda.ViaCommand, Command: []string{"false", "{name}"}, UnbanCommand: []string{run, "--unban", "--user={name}"}}, storeOf(t, d))
	must(t, g.Unban(t.Context(), key(id), "Naughty User"))
	if got := status(d, id); got != "NULL" {
		t.Errorf("the status is %s", got)
	}
}
