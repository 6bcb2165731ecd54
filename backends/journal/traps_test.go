package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// TestQuestionsAreAnsweredInsideAChange asks while the one connection that
// writes is taken: a question that waited for it would wait for ever.
func TestQuestionsAreAnsweredInsideAChange(t *testing.T) {
	j, _ := open(t)
	_, _, err := j.Create(t.Context(), ban("a1"), note("asked"))
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) {
		before, err1 := j.Action(ctx, "a1")
		_, err2 := j.Records(ctx, bot.RecordFilter{})
		_, err3 := j.Links(ctx)
		_, err4 := j.NextWork(ctx)
		if before.Version != 1 {
			t.Errorf("the change is seen before it is committed: %+v", before)
		}
		a.Reminded++
		return action.Effects{}, errors.Join(err1, err2, err3, err4)
	})
	must(t, err)
}

// TestTheTreeIsDroppedWithItsTransaction fails a pass after its tree has grown:
// the records wait on, and the tree in memory must not have gone ahead.
func TestTheTreeIsDroppedWithItsTransaction(t *testing.T) {
	j, o := open(t)
	ctx := t.Context()
	must(t, j.Write(ctx, note("one")))
	_, err := j.Sequence(ctx)
	must(t, err)
	db := raw(t, o.config().SQLite)
	_, err = db.ExecContext(ctx, "CREATE TRIGGER broken BEFORE INSERT ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'broken'); END")
	must(t, err)
	for i := range 300 { // more than a tile
		must(t, j.Write(ctx, note(fmt.Sprint(i))))
	}
	for range 2 {
		if n, err := j.Sequence(ctx); n != 0 || err == nil {
			t.Errorf("a pass that failed placed %d records: %v", n, err)
		}
		if err := j.Check(ctx); err == nil {
			t.Error("the check does not tell that the log is not continued")
		}
	}
	_, err = db.ExecContext(ctx, "DROP TRIGGER broken")
	must(t, err)
	if n, err := j.Sequence(ctx); n != 300 || err != nil {
		t.Errorf("afterwards %d records got their place: %v", n, err)
	}
	must(t, j.Check(ctx))
	if r, err := j.Verify(ctx); err != nil || !r.Sound() || r.Records != 301 || r.Checkpoints != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestTwoProcessesShareAJournal has two write and sequence at once: each goes
// on from where the other one left the tree.
func TestTwoProcessesShareAJournal(t *testing.T) {
	one, o := open(t)
	other := o.open(t)
	defer func() { must(t, other.Close()) }()
	_, _, err := one.Create(t.Context(), ban("a1"), action.Effects{})
	must(t, err)
	var both sync.WaitGroup
	for _, j := range []*journal.Journal{one, other} {
		both.Go(func() {
			for i := range 20 {
				_, err := j.Update(t.Context(), "a1", func(a *action.Action) (action.Effects, error) {
					a.Reminded++
					return about("action/a1", "reminded"), nil
				})
				if err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					if _, err := j.Sequence(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	both.Wait()
	a, err := one.Action(t.Context(), "a1")
	must(t, err)
	if a.Reminded != 40 || a.Version != 41 {
		t.Errorf("of 40 changes %d are there, at version %d", a.Reminded, a.Version)
	}
	if r, err := other.Verify(t.Context()); err != nil || !r.Sound() || r.Records != 41 || r.Waiting != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRestoredBackupIsRefused puts an older file back, goes on with it, and
// puts a fork in the place of the log.
func TestRestoredBackupIsRefused(t *testing.T) {
	o := opener{dir: t.TempDir()}
	path, outside := o.config().SQLite, o.config().SQLite+".checkpoint"
	grow := func(text string, n int) {
		t.Helper()
		j := o.open(t)
		for i := range n {
			must(t, j.Write(t.Context(), note(fmt.Sprint(text, i))))
		}
		_, err := j.Sequence(t.Context())
		must(t, errors.Join(err, j.Close()))
	}
	refused := func(name, says string) {
		t.Helper()
		before := read(t, path)
		j, err := journal.Open(t.Context(), o.config(), journal.Options{})
		if err == nil {
			_ = j.Close()
		}
		if said := told(err); !strings.Contains(said, says) || !strings.Contains(said, outside) {
			t.Errorf("%s: told %q (%v)", name, said, err)
		}
		if read(t, path) != before {
			t.Errorf("%s: the file was changed", name)
		}
	}

	grow("first", 3)
	backup, older := read(t, path), read(t, outside)
	grow("second", 3)
	newer := read(t, outside)

	write(t, path, backup)
	refused("a backup", "holds 3 audit records, but 6 were signed: it was restored from a backup")
	must(t, os.Remove(outside))
	grow("other", 4) // somebody moved the file away, as the sentence says
	write(t, outside, newer)
	refused("a fork", "is another one than the one that was signed last")
	write(t, outside, "nothing")
	refused("another file", "holds no checkpoint that this journal's key signed")

	// A process that ended before it could keep the newest one left an older one.
	write(t, outside, older)
	grow("third", 1)
	if read(t, outside) == older {
		t.Error("the checkpoint outside was not renewed")
	}
}

// TestTheCheckpointOutsideIsOwed cannot keep a checkpoint outside for a while.
func TestTheCheckpointOutsideIsOwed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "elsewhere")
	o := opener{dir: t.TempDir()}
	j, err := journal.Open(t.Context(), o.config(), journal.Options{CheckpointFile: filepath.Join(dir, "checkpoint")})
	must(t, err)
	defer func() { must(t, j.Close()) }()
	must(t, j.Write(t.Context(), note("one")))
	for range 2 {
		if _, err := j.Sequence(t.Context()); err == nil {
			t.Error("it could not be kept, and nobody was told")
		}
		if err := j.Check(t.Context()); err == nil {
			t.Error("the check does not tell it")
		}
	}
	must(t, os.Mkdir(dir, 0o700))
	_, err = j.Sequence(t.Context())
	must(t, errors.Join(err, j.Check(t.Context())))
	if note, err := j.CurrentCheckpoint(t.Context()); err != nil || note != read(t, filepath.Join(dir, "checkpoint")) {
		t.Errorf("outside is another checkpoint than the newest: %v", err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

func write(t *testing.T, path, data string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(data), 0o600))
}

// TestALogThatLostItsEndIsNotSignedOn takes records away from under a journal
// that has signed them, as a standby does that had not got them yet.
func TestALogThatLostItsEndIsNotSignedOn(t *testing.T) {
	j, o := open(t)
	ctx := t.Context()
	must(t, j.Write(ctx, note("kept")))
	_, err := j.Sequence(ctx)
	must(t, err)
	before := restored(t, o)
	for range 3 {
		must(t, j.Write(ctx, note("lost")))
	}
	_, err = j.Sequence(ctx)
	must(t, err)
	outside := read(t, o.outside())
	db := raw(t, o.config().SQLite)
	for _, s := range []string{
		"ATTACH '" + before.config().SQLite + "' AS old",
		"PRAGMA foreign_keys = 0",
		"BEGIN IMMEDIATE; DELETE FROM audit_body; DELETE FROM audit_pending; DELETE FROM audit_leaf; DELETE FROM audit_record; DELETE FROM audit_tile; DELETE FROM audit_checkpoint;" +
			"INSERT INTO audit_record SELECT * FROM old.audit_record; INSERT INTO audit_body SELECT * FROM old.audit_body; INSERT INTO audit_leaf SELECT * FROM old.audit_leaf;" +
			"INSERT INTO audit_tile SELECT * FROM old.audit_tile; INSERT INTO audit_checkpoint SELECT * FROM old.audit_checkpoint; COMMIT",
	} {
		_, err := db.ExecContext(ctx, s)
		must(t, err)
	}
	notSigned := func(says string) {
		t.Helper()
		must(t, j.Write(ctx, note("after")))
		_, err := j.Sequence(ctx)
		if said := told(err); !strings.Contains(said, says) {
			t.Errorf("told %q (%v)", said, err)
		}
		if read(t, o.outside()) != outside {
			t.Error("the checkpoint of what is lost was replaced")
		}
		if err := j.Check(ctx); err == nil {
			t.Error("the check does not tell it")
		}
	}
	notSigned("holds 1 audit records, but 4 were signed")
	// A process on another machine has its own checkpoint, of before or none.
	other, err := journal.Open(ctx, o.config(), journal.Options{CheckpointFile: filepath.Join(t.TempDir(), "checkpoint")})
	must(t, err)
	for range 9 {
		must(t, other.Write(ctx, note("another history")))
	}
	_, err = other.Sequence(ctx)
	must(t, errors.Join(err, other.Close()))
	notSigned("is another one than the one that was signed last")
}
