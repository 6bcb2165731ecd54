package config_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/config"
)

var update = flag.Bool("update", false, "write the problems of testdata/config/bad anew")

// files gives the YAML files of a folder below the module's root; none at all is a mistake.
func files(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return found
}

// protect takes away what the umask of a clone may have left to others.
func protect(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Chmod(path, info.Mode().Perm()&^fs.FileMode(0o002))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBadFilesTellEveryProblem(t *testing.T) {
	protect(t, filepath.FromSlash("../testdata/config/bad/maps/bad_sites.yaml"))
	for _, path := range files(t, "testdata/config/bad") {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			protect(t, path)
			_, err := config.Load(path)
			var problems config.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want Problems", err)
			}
			var got strings.Builder
			for _, p := range problems {
				p.File = filepath.ToSlash(strings.TrimPrefix(p.File, filepath.Dir(path)+string(filepath.Separator)))
				got.WriteString(p.String() + "\n")
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".problems"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			for _, r := range got.String() {
				if r < ' ' && r != '\n' {
					t.Errorf("a control character of the file is printed: %q", r)
				}
			}
		})
	}
}

func TestGoodFilesAndExamplesLoad(t *testing.T) {
	for _, path := range append(files(t, "testdata/config/good"), files(t, "docs/examples")...) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			protect(t, path)
			c, err := config.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if c.Describe() == "" {
				t.Error("says nothing of what is in force")
			}
		})
	}
}

func parse(t *testing.T, yaml string) *config.Config {
	t.Helper()
	c, err := config.Parse("test.yaml", []byte(yaml), "/etc/gridwarden")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestValuesAreReadAsWritten(t *testing.T) {
	data, err := os.ReadFile("../testdata/config/good/forms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(data))
	if got, want := c.Backends.Sandbox.Start, time.Date(2026, 6, 24, 10, 0, 0, 0, time.UTC); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("start %v, want %v", got, want)
	}
	if s := c.Backends.Sandbox; s.Speed != 12.5 || s.Seed != 7 || s.File != "/etc/gridwarden/sandbox.json" {
		t.Errorf("sandbox %+v", s)
	}
	if h := c.Backends.CMS.History; h == nil || !h.Complete || h.SQLite != "/etc/gridwarden/history.db" {
		t.Errorf("history %+v", h)
	}
	if e := c.Backends.CMS.Elastic; e == nil || e.Index != "cms-*" || e.PasswordFile != "/run/secrets/es" || e.CA != "/etc/gridwarden/ca.pem" || e.Deadline != 10*time.Second || e.LookBack != 30*24*time.Hour || e.Page != 1000 {
		t.Errorf("es-cms %+v", e)
	}
	if m := c.Backends.CMS.MONIT; m == nil || m.Index != "monit_prod_condor_raw_metric-*" || m.ClientKeyFile != "/etc/gridwarden/tls/host.key" || m.Deadline != 15*time.Second || m.Page != 5000 {
		t.Errorf("MONIT %+v", m)
	}
	if files := c.Secrets(); !slices.Contains(files, "/run/secrets/es") || !slices.Contains(files, "/etc/gridwarden/tls/host.key") {
		t.Errorf("the secrets are %v", files)
	}
	if c.Journal.SQLite != "/var/lib/gridwarden/journal.db" || c.Backends.Sandbox.File != "/etc/gridwarden/sandbox.json" {
		t.Errorf("paths %q and %q: absolute ones stay, others start at the file's folder", c.Journal.SQLite, c.Backends.Sandbox.File)
	}
	if c.Audit.KeyFile != "/var/lib/gridwarden/journal.db.key" || c.Audit.CheckpointFile != "/var/lib/gridwarden/journal.db.checkpoint" {
		t.Errorf("the audit log's files are %+v: they stand beside the journal", c.Audit)
	}
	if c.Retention.PersonalData != 30*24*time.Hour || c.Retention.Requests != 400*24*time.Hour {
		t.Errorf("retention %+v", c.Retention)
	}
	if sites, said := c.Sites().SitesFor("cms", "T2_US_UCSD"); len(sites) != 1 || said != "" {
		t.Errorf("the site map in place is not used: %v %q", sites, said)
	}
	want := bot.Rules{
		People: []bot.Person{
			{
				ID: "alice", Name: "Alice O'Neil: shifter", Institute: "CERN", Roles: []bot.Role{"shifter", "atlas-security"},
				Accounts: []string{"console/1001", "mattermost/grid/u8f3", "slack/T01/U02", "discord/123/456789012345678901"},
			},
			{ID: "007", Name: "1001", Institute: "KIT", Roles: []bot.Role{"atlas-security"}, Accounts: []string{"console/1002"}},
		},
		Policies: map[string]action.Policy{
			"ban":  {Name: "ban", Approvals: []action.Need{{Role: "atlas-security", Count: 1}}, Expires: 36 * time.Hour, StartBy: 90 * time.Minute},
			"kill": {Name: "kill", Approvals: []action.Need{{Role: "approvers", Count: 2}}, Deny: []string{"admin"}, DistinctInstitutes: true, Expires: 4 * time.Hour, StartBy: 30 * time.Minute},
		},
		Channels: []bot.Channel{{Platform: "console", Name: "war-room", Commands: []string{"trace", "kill user"}, PersonalData: true}},
		Groups:   map[bot.Role]bot.Group{"approvers": {Platform: "console", Name: "on-call"}},
		Security: bot.Thread{Platform: "console", Channel: "war-room"},
		Limits:   bot.Limits{PerPerson: 5, PerChannel: 120},
	}
	if diff := cmp.Diff(want, c.Rules()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestNothingConfiguredAllowsNothing(t *testing.T) {
	r := parse(t, "journal: {sqlite: a.db}").Rules()
	if len(r.People)+len(r.Policies)+len(r.Channels)+len(r.Groups) != 0 {
		t.Errorf("a file that names nobody gives %+v", r)
	}
}

func TestLoadRefusesFilesThatOthersMayWrite(t *testing.T) {
	dir := t.TempDir()
	path, sites := filepath.Join(dir, "gridwarden.yaml"), filepath.Join(dir, "sites.yaml")
	for file, content := range map[string]string{path: "journal: {sqlite: a.db}\ngrid: {map: sites.yaml}\n", sites: "sites: [{cms: [T2_US_UCSD]}]\n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := config.Load(path); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, sites} {
		if err := os.Chmod(file, 0o602); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path)
		if err == nil || !strings.Contains(err.Error(), file+": can be changed by every user") {
			t.Errorf("%s writable by others: %v", file, err)
		}
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadNamesTheFileThatIsMissing(t *testing.T) {
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "gridwarden.yaml"): "cannot be opened: no such file",
		t.TempDir(): "is a folder",
	} {
		_, err := config.Load(path)
		var people bot.ForPeople
		if !errors.As(err, &people) || !strings.Contains(people.ForPeople(), path+": "+want) {
			t.Errorf("got %v, want a sentence for people with %q", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		found, err := filepath.Glob(filepath.Join("..", "testdata", "config", dir, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range found {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("fuzz.yaml", data, "/nonexistent")
		var problems config.Problems
		switch {
		case err == nil:
			if c.Journal.SQLite == "" || c.Describe() == "" {
				t.Error("accepted without a journal")
			}
		case !errors.As(err, &problems), len(problems) == 0:
			t.Errorf("refused without a problem for people: %v", err)
		}
	})
}
