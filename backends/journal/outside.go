package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gridwarden/gridwarden/backends/handover"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/crash"
)

// keepOwed keeps the newest checkpoint outside. A failure is owed until it
// succeeds: until then a backup from before it would not show.
func (j *Journal) keepOwed() error {
	if j.owed == "" {
		return nil
	}
	err := j.keepOutside(j.owed)
	if err == nil {
		crash.Point("checkpoint kept outside")
		j.owed = ""
	}
	return err
}

// keepOutside replaces the checkpoint outside the database, whole or not at all.
func (j *Journal) keepOutside(note string) (err error) {
	dir, name := filepath.Split(j.outside)
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err == nil {
		handover.Like(f, j.outside, filepath.Dir(j.outside))
		_, err = f.WriteString(note)
		err = errors.Join(err, f.Sync(), f.Close())
		if err == nil {
			crash.Point("checkpoint written outside")
			err = os.Rename(f.Name(), j.outside)
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("journal: keeping the checkpoint outside the database: %w", err)
	}
	return nil
}

// outsideNote is the checkpoint that is kept outside, "" when there is none.
func (j *Journal) outsideNote() (string, error) {
	f, err := os.Open(j.outside)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the checkpoint outside the database: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<13))
	if err != nil {
		return "", fmt.Errorf("reading the checkpoint outside the database: %w", err)
	}
	return string(data), nil
}

// checkOutside refuses a database that is not a continuation of what was
// signed last: going on would sign a second history of the same log.
func (j *Journal) checkOutside(ctx context.Context) error {
	note, err := j.outsideNote()
	if err != nil {
		if foreign := handover.Foreign(j.outside); foreign != "" {
			return trouble.Errorf(err, "The last checkpoint of the audit log cannot be read. %s", foreign)
		}
		return trouble.Errorf(err, "The last checkpoint of the audit log cannot be read. Make the file %s readable for gridwarden.", j.outside)
	}
	newest, err := newestCheckpoint(ctx, j.readers)
	if err != nil {
		return err
	}
	if note == "" {
		if newest.size > 0 {
			j.log.WarnContext(ctx, "the checkpoint outside the database is missing; a restored backup would not show", "file", j.outside)
		}
		return nil
	}
	c, err := audit.ParseCheckpoint(note, j.key.Verifier())
	if err != nil {
		return trouble.Errorf(err, "The file %s holds no checkpoint that this journal's key signed. Put the right key and file together; keep both for an investigation.", j.outside)
	}
	return j.continues(ctx, j.readers, newest, c)
}

// continues refuses a log that is not a continuation of what was signed.
func (j *Journal) continues(ctx context.Context, r reader, newest signedLog, c audit.Checkpoint) error {
	if c.Size > newest.size {
		return trouble.Errorf(&behind{here: newest.size, signed: c}, "The journal holds %d audit records, but %d were signed: it was restored from a backup, or records were removed. Nothing was changed. Restore the newest journal; if it is lost, tell those who rely on the log and run `gridwarden audit resume`: it records the gap and keeps the file %s aside as the proof of what was there.", newest.size, c.Size, j.outside)
	}
	root, err := j.rootAt(ctx, r, newest, c.Size)
	if told := (*trouble.Error)(nil); err != nil && (ctx.Err() != nil || errors.As(explain(err), &told)) {
		return err // the database does not answer, which says nothing of the log
	}
	if err != nil || root != c.Root {
		return trouble.Errorf(err, "The audit log in the journal is another one than the one that was signed last, although it is as long. Nothing was changed. Keep the journal and the file %s, restore the newest journal that belongs to it, and run `gridwarden audit verify`.", j.outside)
	}
	if c.Size < newest.size { // a process ended between signing it and keeping it
		j.owed = newest.note
	}
	return nil
}

// rootAt is the root of the log when it had that size.
func (j *Journal) rootAt(ctx context.Context, r reader, newest signedLog, size int64) (tlog.Hash, error) {
	c, err := audit.ParseCheckpoint(newest.note, j.key.Verifier())
	if err != nil {
		return tlog.Hash{}, err
	}
	return tlog.TreeHash(size, tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tiles{tileOf(ctx, r)}))
}

// behind is a log that is shorter than what was signed.
type behind struct {
	here   int64
	signed audit.Checkpoint
}

func (b *behind) Error() string {
	return fmt.Sprintf("%d of %d records are there", b.here, b.signed.Size)
}
