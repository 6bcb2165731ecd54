package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/config"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// restoredTo puts a backup of a journal in dir, with its key and the checkpoint
// that was kept elsewhere.
func restoredTo(t *testing.T, dir, copied, from string) {
	t.Helper()
	written(t, filepath.Join(dir, "gridwarden.db"), readFile(t, copied))
	for _, suffix := range []string{".key", ".key.pub", ".checkpoint"} {
		written(t, filepath.Join(dir, "gridwarden.db"+suffix), readFile(t, filepath.Join(from, "gridwarden.db"+suffix)))
	}
}

// TestARestoredBotRunsNothingAgain bans somebody, is backed up while it runs,
// and is started from the copy on a grid that has forgotten the ban: a second
// ban or a second message would show.
func TestARestoredBotRunsNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := startBotIn(t, dir, testConfig)
		id, home, _ := b.propose()
		for _, who := range []string{"bob", "carol"} {
			b.deliver(bot.Event{Kind: bot.Typed, Account: account(who, bot.Member), Thread: home, Value: "approve " + string(id)})
		}
		time.Sleep(time.Minute)
		if err := b.engine.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.journal.CurrentCheckpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), testConfig)
		copied := filepath.Join(t.TempDir(), "copy.db")
		contains(t, "the backup", ok(t, "backup", "--config", cfg, copied), "Copied to "+copied, "is sound", "The key "+filepath.Join(dir, "gridwarden.db.key")+" is not in it")

		other := t.TempDir()
		restoredTo(t, other, copied, dir)
		r := startBotIn(t, other, testConfig)
		time.Sleep(2 * time.Minute) // longer than any lease
		if err := r.engine.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, err := r.journal.Action(t.Context(), id)
		if err != nil || a.State != action.Settled {
			t.Fatalf("%+v, %v", a, err)
		}
		if n := len(r.records(audit.Started)); n != 1 {
			t.Errorf("it was started %d times", n)
		}
		for _, s := range r.room.Said() {
			if !strings.HasPrefix(s.Message.Plain(), "The group sec gives the role") { // which a start says
				t.Errorf("said once more: %+v", s)
			}
		}
		r.n = 1000 // what was asked before is known
		if got := r.ask(account("alice", bot.Member), "bans").Message.Plain(); strings.Count(got, "Naughty User") != 1 || !strings.Contains(got, "Gone, and not by gridwarden: the ban of Naughty User") {
			t.Errorf("banned once more, or not missed: %s", got)
		}
		contains(t, "the log", ok(t, "audit", "verify", "--config", written(t, filepath.Join(other, "gridwarden.yaml"), testConfig)), "Sound:")
	})
}

// TestAuditResume restores a backup that is older than the last checkpoint.
func TestAuditResume(t *testing.T) {
	cfg, dir := recorded(t)
	copied := filepath.Join(t.TempDir(), "copy.db")
	ok(t, "backup", "--config", cfg, copied)
	asked(t, cfg, "alice", "whois", "asmith")
	other := t.TempDir()
	restoredTo(t, other, copied, dir)
	again := written(t, filepath.Join(other, "gridwarden.yaml"), testConfig)

	checkpoint := filepath.Join(other, "gridwarden.db.checkpoint")
	for _, args := range [][]string{{"serve"}, {"run", "--as", "alice", "whois", "jdoe"}, {"audit", "show"}} {
		n := 1
		if args[0] == "audit" {
			n = 2
		}
		got := gridwarden(t, append(append(append([]string{}, args[:n]...), "--config", again), args[n:]...)...)
		if got.status != exitFailed {
			t.Errorf("%q: %+v", args, got)
		}
		contains(t, "the refusal", got.out+got.err, "were signed", "gridwarden audit resume", checkpoint)
	}
	if got := gridwarden(t, "audit", "resume", "--config", again, "--reason", " "); got.status != exitUsage {
		t.Errorf("%+v", got)
	}
	out := ok(t, "audit", "resume", "--config", again, "--reason", "the disk broke")
	contains(t, "resuming", out, " signed records ", "The gap is recorded, by console/", checkpoint+".lost-", "Open in the backup, may have ended since: ", "(proposed) ban Naughty User")
	contains(t, "the records", ok(t, "audit", "show", "--config", again), "resumed", "the others are lost. the disk broke")
	asked(t, again, "alice", "whois", "jdoe")
	contains(t, "the log", ok(t, "audit", "verify", "--config", again), "Sound:")
	contains(t, "once more", ok(t, "audit", "resume", "--config", again, "--reason", "x"), "Nothing is missing")
}

func TestBackupSaysWhatToRunOnPostgres(t *testing.T) {
	dir := t.TempDir()
	written(t, filepath.Join(dir, "serving.dsn"), "host=nowhere")
	yaml := strings.Replace(testConfig, "journal: {sqlite: gridwarden.db}", "journal: {postgres: {dsn_file: serving.dsn}}\naudit: {key_file: audit.key, checkpoint_file: audit.checkpoint}", 1)
	got := gridwarden(t, "backup", "--config", written(t, filepath.Join(dir, "gridwarden.yaml"), yaml), "copy.dump")
	if got.status != exitRefused {
		t.Errorf("%+v", got)
	}
	contains(t, "the refusal", got.err, "(umask 077; pg_dump --format=custom --file=copy.dump --dbname='host=HOST user=gridwarden_owner dbname=gridwarden')", filepath.Join(dir, "audit.key"))
}

func TestBackupOfATamperedJournal(t *testing.T) {
	cfg, dir := recorded(t)
	tamper(t, dir, `UPDATE action SET data = replace(data, 'cryptominer', 'nothing')`)
	got := gridwarden(t, "backup", "--config", cfg, filepath.Join(t.TempDir(), "copy.db"))
	if got.status != exitFailed {
		t.Errorf("%+v", got)
	}
	contains(t, "the backup", got.err, "is not sound", "keep older backups")
}

// TestServeRemovesWhatIsOver lets a year pass.
func TestServeRemovesWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := recorded(t)
		time.Sleep(120 * 24 * time.Hour)
		c, err := config.Load(cfg)
		if err != nil {
			t.Fatal(err)
		}
		in, terminal := io.Pipe()
		a, err := wire(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), nil)), wiring{in: in, out: io.Discard, listen: true, serves: true})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- a.run(t.Context()) }()
		time.Sleep(5 * time.Second)
		if err := errors.Join(terminal.Close(), <-done); err != nil {
			t.Fatal(err)
		}
		a.close()
		show := ok(t, "audit", "show", "--config", cfg, "--last", "100")
		contains(t, "the records", show, "erased", "4 bodies: the retention: older than", "ban Naughty User")
		if strings.Contains(show, "jdoe") {
			t.Errorf("a question is kept beyond its time:\n%s", show)
		}
		contains(t, "the log", ok(t, "audit", "verify", "--config", cfg), "Sound:")
	})
}

// TestAServiceRemovesWhatIsOver has no terminal, as under systemd.
func TestAServiceRemovesWhatIsOver(t *testing.T) {
	cfg, _ := recorded(t)
	written(t, cfg, readFile(t, cfg)+"retention: {requests: 1ms, personal_data: 1ms}\n")
	s := startServe(t, cfg, nobody(t))
	s.logged("what was kept long enough is removed")
	if status := s.ends(); status != exitOK {
		t.Errorf("status %d", status)
	}
}

// TestAuditEraseDue is how it is done where the process that serves may not erase.
func TestAuditEraseDue(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	dir := t.TempDir()
	for name, role := range map[string]string{"serving.dsn": db.Plain, "owner.dsn": db.Owner} {
		written(t, filepath.Join(dir, name), db.DSN(role))
	}
	yaml := strings.Replace(testConfig, "journal: {sqlite: gridwarden.db}", "journal: {postgres: {dsn_file: serving.dsn, owner_dsn_file: owner.dsn}}\naudit: {key_file: audit.key, checkpoint_file: audit.checkpoint}\nretention: {personal_data: 1h}", 1)
	owner := written(t, filepath.Join(dir, "owner.yaml"), yaml)
	serving := written(t, filepath.Join(dir, "serving.yaml"), strings.Replace(yaml, ", owner_dsn_file: owner.dsn", "", 1))
	asked(t, owner, "alice", "whois", "jdoe")
	contains(t, "status", ok(t, "run", "--config", serving, "--as", "alice", "status"), "gridwarden audit erase --due")
	if got := gridwarden(t, "audit", "erase", "--config", serving, "--due"); got.status != exitFailed || !strings.Contains(got.err, "owner_dsn_file") {
		t.Errorf("%+v", got)
	}
	contains(t, "too early", ok(t, "audit", "erase", "--config", owner, "--due"), "nothing was erased")
	now := written(t, filepath.Join(dir, "now.yaml"), strings.Replace(yaml, "personal_data: 1h", "requests: 1ms, personal_data: 1ms", 1))
	out := ok(t, "audit", "erase", "--config", now, "--due", "--reason", "nightly")
	if strings.Contains(out, "nothing was erased") {
		t.Error(out)
	}
	show := ok(t, "audit", "show", "--config", serving)
	contains(t, "the records", show, "bodies: nightly: older than")
	if strings.Contains(show, "jdoe") {
		t.Error(show)
	}
	if got := gridwarden(t, "audit", "erase", "--config", owner, "--due", "--before", "2026-01-01"); got.status != exitUsage {
		t.Errorf("%+v", got)
	}
	contains(t, "the log", ok(t, "audit", "verify", "--config", serving), "Sound:")
}
