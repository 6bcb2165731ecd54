package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to tamper with the journal behind gridwarden's back
)

// said is what one call of the program came to.
type said struct {
	status   int
	out, err string
}

// gridwarden runs the program as its main does, with nobody at a terminal.
func gridwarden(t *testing.T, args ...string) said {
	t.Helper()
	return gridwardenRead(t, "", args...)
}

func gridwardenRead(t *testing.T, in string, args ...string) said {
	t.Helper()
	var out, err bytes.Buffer
	status := run(t.Context(), args, terminal{in: strings.NewReader(in), out: &out, err: &err})
	return said{status: status, out: out.String(), err: err.String()}
}

// ok is gridwarden where it must succeed.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	got := gridwarden(t, args...)
	if got.status != exitOK {
		t.Fatalf("%q: status %d\n%s%s", args, got.status, got.out, got.err)
	}
	return got.out
}

// configured writes a configuration into a directory of its own.
func configured(t *testing.T, yaml string) string {
	t.Helper()
	return written(t, filepath.Join(t.TempDir(), "gridwarden.yaml"), yaml)
}

func written(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// recorded gives a configuration whose journal has some records in it: a
// question, a proposed ban, a vote for it and a case.
func recorded(t *testing.T) (cfg, dir string) {
	t.Helper()
	cfg = configured(t, testConfig)
	asked(t, cfg, "alice", "whois", "Naughty User")
	asked(t, cfg, "alice", "ban", "Naughty User", "cryptominer")
	asked(t, cfg, "alice", "whois", "jdoe")
	return cfg, filepath.Dir(cfg)
}

func asked(t *testing.T, cfg, who string, words ...string) {
	t.Helper()
	ok(t, append([]string{"run", "--config", cfg, "--as", who}, words...)...)
}

// tamper changes the journal as somebody with access to its file can.
func tamper(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "gridwarden.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	res, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s changed nothing: %v", statement, err)
	}
}

func contains(t *testing.T, where, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not say %q:\n%s", where, w, text)
		}
	}
}

func TestAuditVerifySaysWhatWasVerified(t *testing.T) {
	cfg, dir := recorded(t)
	out := ok(t, "audit", "verify", "--config", cfg)
	contains(t, "a sound log", out, "records", "compared with", "the checkpoint outside the database", "newest checkpoint", " UTC", "Sound:")

	var v verdict
	if err := json.Unmarshal([]byte(ok(t, "audit", "verify", "--config", cfg, "--json")), &v); err != nil {
		t.Fatal(err)
	}
	if !v.Sound || v.Problems == nil || v.Log == nil || v.Log.Records < 6 || v.Log.Waiting != 0 || v.Log.Rows != 1 || !v.Log.Outside || v.Log.Newest.Size != v.Log.Records {
		t.Errorf("%+v %+v", v, v.Log)
	}
	if old := time.Since(v.Log.Newest.Latest); old < 0 || old > time.Hour {
		t.Errorf("the newest record is said to be %s old", old)
	}

	// The private key is not needed.
	public := filepath.Join(dir, "gridwarden.db.key.pub")
	if err := os.Remove(filepath.Join(dir, "gridwarden.db.key")); err != nil {
		t.Fatal(err)
	}
	ok(t, "audit", "verify", "--config", cfg)
	ok(t, "audit", "verify", "--config", cfg, "--public", public)
	key, err := os.ReadFile(public)
	if err != nil {
		t.Fatal(err)
	}
	ok(t, "audit", "verify", "--config", cfg, "--public", strings.TrimSpace(string(key)))
}

func TestAuditVerifyWhileServeRuns(t *testing.T) {
	b := startBot(t, testConfig)
	b.propose()
	dir := filepath.Dir(b.file)
	cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), testConfig)
	contains(t, "verify beside serve", ok(t, "audit", "verify", "--config", cfg), "Sound")
}

// TestAuditVerifyNamesThePlace changes one thing at a time.
func TestAuditVerifyNamesThePlace(t *testing.T) {
	for name, c := range map[string]struct{ statement, place string }{
		"a record":     {`UPDATE audit_record SET kind = 'forged' WHERE num = (SELECT num FROM audit_leaf WHERE leaf = 1)`, "problem: Leaf 1 "},
		"a body":       {`DELETE FROM audit_body WHERE num = (SELECT num FROM audit_leaf WHERE leaf = 2)`, "problem: Leaf 2 "},
		"a row":        {`UPDATE action SET data = replace(data, 'cryptominer', 'nothing')`, "problem: action/"},
		"a checkpoint": {`DELETE FROM audit_checkpoint WHERE size = (SELECT max(size) FROM audit_checkpoint)`, "problem: No checkpoint covers leaves"},
		"its text":     {"UPDATE audit_record SET id = char(27) || '[2J' WHERE num = (SELECT num FROM audit_leaf WHERE leaf = 1)", "problem: Leaf 1 "},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, dir := recorded(t)
			tamper(t, dir, c.statement)
			got := gridwarden(t, "audit", "verify", "--config", cfg)
			if got.status != exitFailed {
				t.Errorf("status %d", got.status)
			}
			contains(t, "the verification", got.out, "\n"+c.place, "NOT SOUND")
			if strings.Contains(got.out, "\x1b") {
				t.Errorf("a control character reached the terminal: %q", got.out)
			}
			machine := gridwarden(t, "audit", "verify", "--config", cfg, "--json")
			var v verdict
			if err := json.Unmarshal([]byte(machine.out), &v); err != nil || machine.status != exitFailed || v.Sound || len(v.Problems) == 0 {
				t.Errorf("status %d, %v: %s", machine.status, err, machine.out)
			}
		})
	}
}

// TestAuditVerifyFindsAnOldStateByAKeptCheckpoint puts a whole older journal
// back, with its own checkpoint file: only what was kept elsewhere can tell.
func TestAuditVerifyFindsAnOldStateByAKeptCheckpoint(t *testing.T) {
	cfg, dir := recorded(t)
	older := map[string][]byte{}
	for _, name := range []string{"gridwarden.db", "gridwarden.db.checkpoint"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		older[name] = data
	}
	asked(t, cfg, "alice", "whois", "asmith")
	// What show prints is what people keep, perhaps in a mail with other line ends.
	kept := written(t, filepath.Join(t.TempDir(), "mail.txt"), strings.ReplaceAll("Dear all,\n"+ok(t, "audit", "show", "--config", cfg), "\n", "\r\n"))
	contains(t, "a sound log", ok(t, "audit", "verify", "--config", cfg, "--kept", kept), "1 kept checkpoint and the checkpoint outside the database", "Sound:")

	if err := os.Remove(filepath.Join(dir, "gridwarden.db-wal")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for name, data := range older {
		written(t, filepath.Join(dir, name), string(data))
	}
	contains(t, "without a kept checkpoint", ok(t, "audit", "verify", "--config", cfg), "Sound:")
	got := gridwarden(t, "audit", "verify", "--config", cfg, "--kept", kept)
	if got.status != exitFailed {
		t.Errorf("status %d", got.status)
	}
	contains(t, "the verification", got.out, "rolled back", "NOT SOUND")

	// What belongs to another log or is no checkpoint is a problem, too.
	written(t, filepath.Join(dir, "gridwarden.db.checkpoint"), strings.Replace(string(older["gridwarden.db.checkpoint"]), "follows", "folows", 1))
	if got := gridwarden(t, "audit", "verify", "--config", cfg); got.status != exitFailed || !strings.Contains(got.out, "problem: The checkpoint outside the database") {
		t.Errorf("%+v", got)
	}
	if err := os.Remove(filepath.Join(dir, "gridwarden.db.checkpoint")); err != nil {
		t.Fatal(err)
	}
	contains(t, "without the file", ok(t, "audit", "verify", "--config", cfg), "warning: The checkpoint outside the database", "is missing", "Sound:")
	nonsense := written(t, filepath.Join(t.TempDir(), "x"), "nothing")
	none := filepath.Join(t.TempDir(), "none")
	if got := gridwarden(t, "audit", "verify", "--config", cfg, "--kept", none); got.status != exitUsage || got.err != "The file "+none+" cannot be read: no such file or directory.\n" {
		t.Errorf("a kept checkpoint that is missing: %+v", got)
	}
	if got := gridwarden(t, "audit", "verify", "--config", cfg, "--kept", nonsense); got.status != exitFailed || !strings.Contains(got.out, "Kept checkpoint 1 cannot be used") {
		t.Errorf("%+v", got)
	}
}

func TestAuditExportIsVerifiedOffline(t *testing.T) {
	cfg, dir := recorded(t)
	public := filepath.Join(dir, "gridwarden.db.key.pub")
	file := filepath.Join(t.TempDir(), "log.jsonl")
	got := gridwarden(t, "audit", "export", "--config", cfg, "--output", file)
	if got.status != exitOK || got.out != "" {
		t.Fatalf("%+v", got)
	}
	contains(t, "the summary", got.err, "Wrote ", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("personal data can be read by others: %v %v", info, err)
	}
	if again := gridwarden(t, "audit", "export", "--config", cfg, "--output", file); again.status != exitUsage || !strings.Contains(again.err, "never overwrites") {
		t.Errorf("%+v", again)
	}
	stream := ok(t, "audit", "export", "--config", cfg)
	data, err := os.ReadFile(file)
	if err != nil || string(data) != stream {
		t.Errorf("standard output has another export than the file: %v", err)
	}

	contains(t, "the verification", ok(t, "audit", "verify", "--export", file, "--public", public), file, "Sound:", "warning: No checkpoint was given")
	kept := filepath.Join(dir, "gridwarden.db.checkpoint")
	contains(t, "the verification", ok(t, "audit", "verify", "--export", file, "--public", public, "--kept", kept), "1 kept checkpoint\n", "Sound:")
	if got := gridwardenRead(t, stream, "audit", "verify", "--export", "-", "--public", public); got.status != exitOK {
		t.Errorf("from standard input: %+v", got)
	}
	lines := strings.SplitAfter(stream, "\n")
	for name, damaged := range map[string]string{
		"changed":    strings.Replace(stream, `"kind":"received"`, `"kind":"refused"`, 1),
		"cut off":    strings.Join(lines[:len(lines)/2], ""),
		"no export":  "hello\n",
		"empty file": "",
	} {
		got := gridwardenRead(t, damaged, "audit", "verify", "--export", "-", "--public", public)
		if got.status != exitFailed || !strings.Contains(got.out, "\nproblem: ") || !strings.Contains(got.out, "NOT SOUND") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAuditShow(t *testing.T) {
	cfg, dir := recorded(t)
	asked(t, cfg, "mia", "whois", "EvilName")
	tamper(t, dir, `UPDATE audit_body SET data = CAST(replace(CAST(data AS TEXT), 'EvilName', 'Evil' || char(8238) || 'Name') AS BLOB)`)
	key, err := os.ReadFile(filepath.Join(dir, "gridwarden.db.key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	out := ok(t, "audit", "show", "--config", cfg)
	contains(t, "show", out, "gridwarden audit log\n", "\n— ", "Public key: "+string(key), "--kept", `ban "Naughty User" cryptominer`, "leaf", "mia")
	if strings.Contains(out, "\u202e") || !strings.Contains(out, "Evil⟨U+202E⟩Name") {
		t.Errorf("what turns the direction of text reached the terminal: %q", out)
	}

	records := func(args ...string) (people []string) {
		t.Helper()
		var s shown
		if err := json.Unmarshal([]byte(ok(t, append([]string{"audit", "show", "--json", "--config", cfg}, args...)...)), &s); err != nil {
			t.Fatal(err)
		}
		if err := signedBy(s.Checkpoint, s.PublicKey); err != nil {
			t.Error(err)
		}
		for _, r := range s.Records {
			people = append(people, r.Person)
		}
		return people
	}
	if got := records("--last", "3"); len(got) != 3 {
		t.Errorf("the last 3: %v", got)
	}
	if got := records("--last", "0"); len(got) != 0 {
		t.Errorf("the last 0: %v", got)
	}
	if got := strings.Join(records("--person", "mia"), " "); got != "mia mia" {
		t.Errorf("of mia: %s", got)
	}
	if got := strings.Join(records("--person", "alice", "--last", "2"), " "); got != "alice alice" {
		t.Errorf("the last 2 of alice: %s", got)
	}
	if got := records("--person", "nobody"); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
	if got := gridwarden(t, "audit", "show", "--config", cfg, "--last", "-1"); got.status != exitUsage {
		t.Errorf("%+v", got)
	}
}

func TestAuditShowOfACase(t *testing.T) {
	cfg := configured(t, testConfig)
	var opened struct {
		Incident struct{ ID string }
	}
	if err := json.Unmarshal([]byte(ok(t, "run", "--config", cfg, "--as", "alice", "--json", "incident", "open", "odd node")), &opened); err != nil || opened.Incident.ID == "" {
		t.Fatalf("%+v %v", opened, err)
	}
	asked(t, cfg, "alice", "whois", "jdoe")
	out := ok(t, "audit", "show", "--config", cfg, "--incident", opened.Incident.ID)
	contains(t, "the case", out, "incident opened", "odd node")
	if strings.Contains(out, "jdoe") {
		t.Errorf("something else is shown:\n%s", out)
	}
}

func TestAuditProve(t *testing.T) {
	cfg, dir := recorded(t)
	public := filepath.Join(dir, "gridwarden.db.key.pub")
	checkpoint, err := os.ReadFile(filepath.Join(dir, "gridwarden.db.checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	kept := written(t, filepath.Join(t.TempDir(), "kept"), string(checkpoint))
	asked(t, cfg, "alice", "whois", "asmith")

	byLeaf := ok(t, "audit", "prove", "--config", cfg, "1")
	file := written(t, filepath.Join(t.TempDir(), "proof.json"), byLeaf)
	contains(t, "the proof of a record", ok(t, "audit", "verify", "--proof", file, "--public", public), "is leaf 1 of the log of", "alice", "Sound")
	p, err := parseProof([]byte(byLeaf))
	if err != nil {
		t.Fatal(err)
	}
	if byID := ok(t, "audit", "prove", "--config", cfg, p.Inclusion.Entry.ID); byID != byLeaf {
		t.Errorf("by its id another proof: %s", byID)
	}

	growth := written(t, filepath.Join(t.TempDir(), "growth.json"), ok(t, "audit", "prove", "--config", cfg, "--since", kept))
	contains(t, "the proof of growth", ok(t, "audit", "verify", "--proof", growth, "--public", public), "begins with the log of", "Sound")

	other := filepath.Join(t.TempDir(), "forged.json")
	for name, forged := range map[string]string{
		"a changed record": strings.Replace(byLeaf, `"leaf": 1`, `"leaf": 2`, 1),
		"both kinds":       `{"inclusion":{},"growth":{}}`,
		"neither":          `{}`,
		"two values":       byLeaf + byLeaf,
		"something else":   `{"leaf":1}`,
	} {
		got := gridwarden(t, "audit", "verify", "--proof", written(t, other, forged), "--public", public)
		if got.status != exitFailed || !strings.Contains(got.out, "It proves nothing") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no such record":     {[]string{"ffff"}, exitFailed, "no record"},
		"no such leaf":       {[]string{"999999"}, exitFailed, "no leaf 999999"},
		"neither":            {nil, exitUsage, "Name either"},
		"both":               {[]string{"1", "--since", kept}, exitUsage, "Name either"},
		"a foreign note":     {[]string{"--since", cfg}, exitFailed, "no checkpoint"},
		"a file that is not": {[]string{"--since", filepath.Join(dir, "none")}, exitUsage, "none"},
	} {
		got := gridwarden(t, append([]string{"audit", "prove", "--config", cfg}, c.args...)...)
		if got.status != c.status || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAuditErase(t *testing.T) {
	cfg, dir := recorded(t)
	db := filepath.Join(dir, "gridwarden.db")
	if got := gridwarden(t, "audit", "erase", "--config", cfg, "--reason", "retention", "0"); got.status != exitUsage || !strings.Contains(got.err, "--yes") {
		t.Errorf("without anybody to ask: %+v", got)
	}
	out := ok(t, "audit", "erase", "--config", cfg, "--yes", "--reason", "she asked for it", "1")
	contains(t, "the erasure", out, "Erased: the person, account and text of 1 record, by console/", "Kept: their ids")
	contains(t, "the log after it", ok(t, "audit", "verify", "--config", cfg), "erased bodies      1,", "Sound:")
	contains(t, "the records after it", ok(t, "audit", "show", "--config", cfg), "(erased)", "1 bodies: she asked for it")
	if out := ok(t, "audit", "erase", "--config", cfg, "--yes", "--reason", "again", "1"); !strings.Contains(out, "nothing to erase") {
		t.Error(out)
	}

	// All at once: those of the ban, which is still open, stay.
	out = ok(t, "audit", "erase", "--config", cfg, "--yes", "--reason", "retention", "--before", time.Now().UTC().Format(time.RFC3339Nano))
	contains(t, "the erasure", out, "Left alone: ", "actions that are still open")
	contains(t, "the log after it", ok(t, "audit", "verify", "--config", cfg), "Sound:")
	data, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("cryptominer")) {
		t.Error("the proposal of an open action was erased")
	}
	export := ok(t, "audit", "export", "--config", cfg)
	if strings.Contains(export, "jdoe") {
		t.Error("what was asked is still in the log")
	}

	for name, args := range map[string][]string{
		"neither":            {"--reason", "x"},
		"both":               {"--reason", "x", "--before", "2026-01-01", "1"},
		"an empty reason":    {"--reason", " ", "1"},
		"a long reason":      {"--reason", strings.Repeat("x", maxReason+1), "1"},
		"no reason":          {"1"},
		"no time":            {"--reason", "x", "--before", "yesterday"},
		"a time in tomorrow": {"--reason", "x", "--before", time.Now().Add(24 * time.Hour).UTC().Format(time.DateOnly)},
	} {
		if got := gridwarden(t, append([]string{"audit", "erase", "--config", cfg, "--yes"}, args...)...); got.status != exitUsage {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestConfirm(t *testing.T) {
	for typed, want := range map[string]bool{"12\n": true, " 12 \r\n": true, "12": true, "y\n": false, "1\n": false, "": false, "\n": false, strings.Repeat("1", 1000): false} {
		var out bytes.Buffer
		err := confirm(strings.NewReader(typed), &out, 12, "console/1")
		if (err == nil) != want {
			t.Errorf("%q: %v", typed, err)
		}
		contains(t, "the question", out.String(), "12 records", "console/1", "for ever")
	}
}

func TestAuditOfWhatIsNotThere(t *testing.T) {
	cfg := configured(t, testConfig)
	dir := filepath.Dir(cfg)
	for _, args := range [][]string{{"verify"}, {"show"}, {"export"}, {"prove", "1"}, {"erase", "--yes", "--reason", "x", "1"}} {
		got := gridwarden(t, append([]string{"audit", args[0], "--config", cfg}, args[1:]...)...)
		if got.status != exitFailed || !strings.Contains(got.err, "cannot be opened") {
			t.Errorf("%v without a journal: %+v", args, got)
		}
		broken := gridwarden(t, append([]string{"audit", args[0], "--config", filepath.Join(dir, "none.yaml")}, args[1:]...)...)
		if broken.status != exitUsage {
			t.Errorf("%v without a configuration: %+v", args, broken)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.db*")); err != nil || len(left) > 0 {
		t.Errorf("a journal was made: %v %v", left, err)
	}
	for name, args := range map[string][]string{
		"nothing to verify":       {},
		"two things to verify":    {"--config", cfg, "--export", "-"},
		"an export without a key": {"--export", "-"},
		"a proof without a key":   {"--proof", cfg},
		"what is no key":          {"--export", "-", "--public", "nonsense"},
		"a file that is no key":   {"--export", "-", "--public", cfg},
		"no such export":          {"--export", filepath.Join(dir, "none"), "--public", cfg},
		"kept beside a proof":     {"--proof", cfg, "--public", "x", "--kept", cfg},
		"no such kept checkpoint": {"--export", "-", "--public", "gridwarden/x+bf7f6b4c+AT", "--kept", filepath.Join(dir, "none")},
	} {
		if got := gridwarden(t, append([]string{"audit", "verify"}, args...)...); got.status != exitUsage || got.err == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestKeptCheckpointIsFoundInAMail(t *testing.T) {
	note := "gridwarden audit log\n7\nAAAA\nfollows 5\n\n— gridwarden/h AAAA\n"
	for name, c := range map[string]struct{ text, want string }{
		"alone":              {note, note},
		"without its end":    {strings.TrimSuffix(note, "\n"), note},
		"in a mail":          {"Dear all,\n\n" + note + "\nPublic key: x\n— regards\n", note},
		"with CR LF":         {strings.ReplaceAll("a\n"+note, "\n", "\r\n"), note},
		"without signature":  {"gridwarden audit log\n7\n", "gridwarden audit log\n7\n"},
		"in another line":    {"the gridwarden audit log\n", "the gridwarden audit log\n"},
		"nothing at all":     {"", "\n"},
		"signature is first": {"\n— x y\n" + note, note},
	} {
		got, err := keptCheckpoint(written(t, filepath.Join(t.TempDir(), "kept"), c.text))
		if err != nil || got != c.want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if _, err := keptCheckpoint(written(t, filepath.Join(t.TempDir(), "kept"), strings.Repeat("x", maxKeptFile+1))); err == nil {
		t.Error("a file without a bound was read")
	}
}

func TestAuditHelp(t *testing.T) {
	for _, name := range []string{"verify", "show", "export", "prove", "erase"} {
		contains(t, name+" --help", ok(t, "audit", name, "--help"), "--config")
	}
	contains(t, "verify --help", ok(t, "audit", "verify", "--help"), "Exit status", fmt.Sprintf("%d problems were found", exitFailed))
}
