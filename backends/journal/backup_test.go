package journal_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// restored backs the journal up, as docs/operations.md says, and puts the copy
// in another place, with the key and the checkpoint of now.
func restored(t *testing.T, o opener) opener {
	t.Helper()
	to := opener{dir: t.TempDir()}
	if o.database == nil {
		must(t, journal.Backup(t.Context(), o.config(), to.config().SQLite))
		write(t, to.config().SQLite+".key", read(t, o.config().SQLite+".key"))
		return to
	}
	db := o.database.Restore(t, o.database.Dump(t))
	to.database = &db
	must(t, os.WriteFile(string(to.file("plain.dsn")), []byte(db.DSN(db.Plain)), 0o600))
	must(t, os.WriteFile(string(to.file("owner.dsn")), []byte(db.DSN(db.Owner)), 0o600))
	write(t, to.options().KeyFile, read(t, o.options().KeyFile))
	return to
}

// TestBackupAndRestore backs up a journal in use. What was done is done in the
// copy, too: nothing is said, run or received again.
func TestBackupAndRestore(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		t.Parallel()
		o := place(t)
		j := filledAt(t, o)
		ctx := t.Context()
		at := time.Now()
		_, err := j.Receive(ctx, "r1", event("e1", "x"), noon)
		must(t, err)
		_, err = j.Finish(ctx, "r1", action.Effects{
			Posts: []action.Post{{Key: "said", Thread: "t1"}, {Key: "waits", Thread: "t1"}},
			Work:  []action.Work{{Kind: "run", Key: "done", At: noon}, {Kind: "run", Key: "waits", At: noon.Add(time.Second)}},
		})
		must(t, err)
		posts, err := j.NextDeliveries(ctx, at, time.Millisecond, 9)
		must(t, err)
		must(t, j.Delivered(ctx, posts[0].ID, "m1", 1, at))
		due, err := j.DueWork(ctx, noon, time.Millisecond, 1)
		must(t, err)
		must(t, j.WorkDone(ctx, due[0], action.Effects{}))
		_, err = j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) { a.State = action.Settled; return action.Effects{}, nil })
		must(t, err)
		_, err = j.Sequence(ctx)
		must(t, err)

		stop := make(chan struct{})
		var busy sync.WaitGroup
		busy.Go(func() {
			for range 200 {
				select {
				case <-stop:
					return
				default:
					if err := j.Write(ctx, note("meanwhile")); err != nil {
						t.Error(err)
					}
				}
			}
		})
		r := restored(t, o)
		close(stop)
		busy.Wait()

		same := openAt(t, r) // its checkpoint is lost, which is only warned of
		if report, err := same.Verify(ctx); err != nil || !report.Sound() || report.Subjects != 6 || report.Records < 300 {
			t.Errorf("%+v, %v", report, err)
		}
		a, err := same.Action(ctx, "a1")
		if must(t, err); a.State != action.Settled || len(a.Votes) != 2 {
			t.Errorf("%+v", a)
		}
		if fresh, err := same.Receive(ctx, "r2", event("e1", "x"), noon); err != nil || fresh {
			t.Errorf("what was answered is asked again: %v, %v", fresh, err)
		}
		if posts, err := same.NextDeliveries(ctx, at.Add(time.Hour), time.Hour, 9); err != nil || len(posts) != 1 || posts[0].Post.Key != "waits" {
			t.Errorf("to be said: %+v, %v", posts, err)
		}
		if due, err := same.DueWork(ctx, at, time.Hour, 9); err != nil || len(due) != 1 || due[0].Key != "waits" {
			t.Errorf("to be done: %+v, %v", due, err)
		}
		_, err = same.Update(ctx, "a2", func(a *action.Action) (action.Effects, error) { a.Reminded++; return action.Effects{}, nil })
		must(t, err)
	})
}

// TestResume goes on with a backup that is older than what was signed.
func TestResume(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		t.Parallel()
		o := place(t)
		j := openAt(t, o)
		ctx := t.Context()
		_, _, err := j.Create(ctx, ban("a1"), action.Effects{})
		must(t, err)
		_, err = j.Sequence(ctx)
		must(t, err)
		r := restored(t, o)
		for range 3 {
			must(t, j.Write(ctx, note("lost")))
		}
		lost, err := j.CurrentCheckpoint(ctx)
		must(t, err)
		write(t, r.outside(), lost) // which lies outside, and was not lost

		_, err = journal.Open(ctx, r.config(), r.options())
		refused(t, err, "holds 1 audit records, but 4 were signed", "gridwarden audit resume", r.outside())
		because := journal.Resumption{By: "dana", Account: "console/0", Reason: "the disk broke"}
		gap, err := journal.Resume(ctx, r.config(), r.options(), because, noon)
		must(t, err)
		if gap.Here != 1 || gap.Signed != 4 || len(gap.Open) != 1 || gap.Open[0].ID != "a1" || read(t, gap.Kept) != lost {
			t.Errorf("%+v", gap)
		}
		again, err := journal.Resume(ctx, r.config(), r.options(), because, noon)
		if must(t, err); again.Signed != 0 {
			t.Errorf("it was gone on with twice: %+v", again)
		}
		on := openAt(t, r)
		records, err := on.Records(ctx, bot.RecordFilter{Kinds: []audit.Kind{audit.Resumed}})
		must(t, err)
		if len(records) != 1 || records[0].Person != "dana" || !strings.Contains(string(records[0].Body), "of 4 signed records 1 are there, the others are lost. the disk broke") {
			t.Errorf("%+v", records)
		}
		if report, err := on.Verify(ctx); err != nil || !report.Sound() || report.Records != 2 {
			t.Errorf("%+v, %v", report, err)
		}
		if report, err := on.Verify(ctx, lost); err != nil || report.Sound() {
			t.Errorf("who kept a checkpoint of what is lost does not learn of it: %+v, %v", report, err)
		}
	})
}

// TestResumeHelpsNoForger: what was put in the place of the log is not gone on with.
func TestResumeHelpsNoForger(t *testing.T) {
	o := onSQLite(t)
	j := openAt(t, o)
	must(t, j.Write(t.Context(), note("one")))
	other, _ := open(t)
	for range 3 {
		must(t, other.Write(t.Context(), note("other")))
	}
	foreign, err := other.CurrentCheckpoint(t.Context())
	must(t, err)
	_, err = j.Sequence(t.Context())
	must(t, err)
	write(t, o.outside(), foreign)
	_, err = journal.Resume(t.Context(), o.config(), o.options(), journal.Resumption{Account: "console/0", Reason: "x"}, noon)
	refused(t, err, "holds no checkpoint that this journal's key signed")
	if read(t, o.outside()) != foreign {
		t.Error("the checkpoint was moved away")
	}
}

func TestBackupReplacesNothing(t *testing.T) {
	_, o := open(t)
	to := filepath.Join(t.TempDir(), "copy.db")
	write(t, to, "older backup")
	refused(t, journal.Backup(t.Context(), o.config(), to), to+" is there already", "name a new one")
	if read(t, to) != "older backup" {
		t.Error("it was replaced")
	}
	refused(t, journal.Backup(t.Context(), o.config(), filepath.Join(t.TempDir(), "nowhere", "copy.db")), "copy.db cannot be made: no such file or directory. Nothing")
	other := filepath.Join(filepath.Dir(to), "other.db")
	must(t, journal.Backup(t.Context(), o.config(), other))
	if info, err := os.Stat(other); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(to), ".*")); err != nil || len(left) > 0 {
		t.Errorf("%q, %v", left, err)
	}
}
