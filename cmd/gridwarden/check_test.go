package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckPrintsThePolicyInWords(t *testing.T) {
	cfg := configured(t, testConfig)
	out := ok(t, "check", "--config", cfg)
	contains(t, "check", out, "Policies", "a ban needs 2 of: bob (KIT), carol (BNL)", "Roles", "Channels", "Backends", "Files", "warning: there is no policy for unban: every unban is refused")
	if _, err := os.Stat(filepath.Join(filepath.Dir(cfg), "gridwarden.db")); !os.IsNotExist(err) {
		t.Errorf("check without --probe opened the journal: %v", err)
	}
}

func TestCheckListsAllProblemsWithTheirLines(t *testing.T) {
	cfg := configured(t, `journal: {sqlite: gridwarden.db}
people:
  - {id: alice, institute: CERN, accounts: [console/1001], rolls: [shifter]}
  - {id: alice, institute: KIT, accounts: [console/1001]}
policies:
  ban: {approvals: [{role: atlas-security, count: 0}]}
nonsense: true
`)
	got := gridwarden(t, "check", "--config", cfg)
	if got.status != exitUsage || got.out != "" {
		t.Errorf("status %d, standard output %q", got.status, got.out)
	}
	contains(t, "check", got.err, "problems; nothing was started", cfg+":3: ", "rolls", cfg+":4: ", cfg+":6: ", cfg+":7: ", "nonsense")
	for _, command := range [][]string{{"serve"}, {"run", "help"}} {
		other := gridwarden(t, append([]string{command[0], "--config", cfg}, command[1:]...)...)
		if other.status != exitUsage || other.err != got.err {
			t.Errorf("%s says something else, status %d: %s", command[0], other.status, other.err)
		}
	}
}

func TestCheckProbe(t *testing.T) {
	yaml := peopled(strings.Replace(testConfig, "sandbox: {speed: 300}", "sandbox: {speed: 300, file: sandbox.json}", 1))
	cfg := configured(t, yaml)
	out := ok(t, "check", "--config", cfg, "--probe")
	contains(t, "check --probe", out, "probe: journal: ok", "probe: sandbox: ok",
		"probe: role atlas-security: ok: the group console/sec gives it to 2 people: bob, carol\n", "probe: policy ban: ok: 3 people could approve, and 2 must\n")
	if n := strings.Count(out, "probe: journal:"); n != 1 {
		t.Errorf("the journal is asked %d times", n)
	}

	written(t, filepath.Join(filepath.Dir(cfg), "sandbox.json"), "{")
	if got := gridwarden(t, "check", "--config", cfg, "--probe"); got.status != exitFailed {
		t.Errorf("with a broken backend: %+v", got)
	}
}

// TestCheckLooksAtSecrets refuses without --probe what a start would refuse, and
// says nothing of secrets that are elsewhere.
func TestCheckLooksAtSecrets(t *testing.T) {
	for _, name := range []string{"serving.dsn", "owner.dsn", "tls.key"} {
		cfg := configured(t, strings.Replace(testConfig, "journal: {sqlite: gridwarden.db}", `
journal: {postgres: {dsn_file: serving.dsn, owner_dsn_file: owner.dsn}}
audit: {key_file: audit.key, checkpoint_file: audit.checkpoint}
http: {listen: ":8443", tls: {cert: tls.crt, key_file: tls.key}}
`, 1))
		ok(t, "check", "--config", cfg)
		file := written(t, filepath.Join(filepath.Dir(cfg), name), "host=nowhere password=s3cret")
		ok(t, "check", "--config", cfg)
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		got := gridwarden(t, "check", "--config", cfg)
		if got.status != exitUsage || !strings.Contains(got.err, "The file "+file+" is open to every user") || strings.Contains(got.out+got.err, "s3cret") {
			t.Errorf("%+v", got)
		}
	}
}

// peopled has two people in the group of testConfig that gives a role: a group that
// nobody is in fails a probe.
func peopled(yaml string) string {
	return strings.Replace(yaml, "console: {trusted: true}", "console: {trusted: true, groups: {sec: [bob, carol]}}", 1)
}
