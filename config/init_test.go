package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config"
)

func TestInitWritesWhatWorksAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "grid")
	for _, login := range []string{"alice", `O'Neil "x": #{{.}}`, "1001", "yes"} {
		t.Run(login, func(t *testing.T) {
			dir := filepath.Join(dir, strings.ReplaceAll(login, "/", "_"))
			written, err := config.Init(dir, "console/1001", login)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{filepath.Join(dir, "gridwarden.yaml"), filepath.Join(dir, "sites.yaml")}, written); diff != "" {
				t.Error(diff)
			}
			for path, mode := range map[string]os.FileMode{dir: 0o700, written[0]: 0o600, written[1]: 0o600} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
					t.Errorf("%s: mode %v, %v; want %v", path, info.Mode().Perm(), err, mode)
				}
			}
			c, err := config.Load(written[0])
			if err != nil {
				t.Fatal(err)
			}
			me := c.Rules().People[0]
			if me.Name != login || me.Accounts[0] != "console/1001" || !me.May(bot.Shifter) || !me.May(bot.Admin) || !me.May("atlas-security") {
				t.Errorf("the owner is %+v", me)
			}
			if c.Sites() == nil || c.Backends.CMS.History == nil || len(c.Channels) != 1 {
				t.Errorf("not ready to trace: %+v", c)
			}
		})
	}
}

func TestInitNeedsASecondPersonForABan(t *testing.T) {
	dir := t.TempDir()
	written, err := config.Init(dir, "console/1001", "alice")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(written[0])
	if err != nil {
		t.Fatal(err)
	}
	alone, err := config.Load(written[0])
	if err != nil {
		t.Fatal(err)
	}
	const refused = "a ban is always refused"
	if told := strings.Join(alone.Warnings(), "\n"); !strings.Contains(told, refused) {
		t.Errorf("alone: %q", told)
	}
	// The comment says how to add one: taking the # away must do it.
	before, example, _ := strings.Cut(string(data), "  #\n")
	commented, after, _ := strings.Cut(example, "\n\n")
	both := before + strings.ReplaceAll(commented, "  # ", "  ") + "\n\n" + after
	c, err := config.Parse(written[0], []byte(both), dir)
	if err != nil {
		t.Fatal(err)
	}
	if people := c.Rules().People; len(people) != 2 || people[1].ID != "bob" {
		t.Fatalf("people are %+v", people)
	}
	if told := c.Warnings(); len(told) > 0 {
		t.Errorf("with a second person: %q", told)
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	for _, name := range []string{"gridwarden.yaml", "sites.yaml"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		written, err := config.Init(dir, "console/1001", "alice")
		var people bot.ForPeople
		if !errors.As(err, &people) || !strings.Contains(people.ForPeople(), name+" is there already and was not touched") {
			t.Errorf("%s: %v", name, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 || len(written) != 0 {
			t.Errorf("%s: something was written beside it: %v", name, entries)
		}
		if data, _ := os.ReadFile(filepath.Join(dir, name)); string(data) != "mine" {
			t.Errorf("%s was changed to %q", name, data)
		}
	}
}

func TestInitRefusesWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Init(file, "console/1001", "alice")
	var people bot.ForPeople
	if !errors.As(err, &people) || !strings.Contains(people.ForPeople(), "cannot be made") {
		t.Errorf("got %v", err)
	}
	if _, err := config.Init(t.TempDir(), "nobody", "alice"); !errors.As(err, &people) {
		t.Errorf("an account that is none: %v", err)
	}
}

// TestWhatInitLeavesCommentedIsRight: somebody who takes the # away from the
// backends gets settings that are accepted.
func TestWhatInitLeavesCommentedIsRight(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "g")
	if _, err := config.Init(dir, "console/1001", "alice"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "gridwarden.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, name := range []string{"elastic", "monit", "pilotlogs", "cric"} {
		commented := "    # " + name + ": "
		if !strings.Contains(text, commented) {
			t.Fatalf("nothing shows %s", name)
		}
		text = strings.Replace(text, commented, "    "+name+": ", 1)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"es.password", "monit.password", "people.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := config.Load(path); err != nil {
		t.Error(err)
	}
}
