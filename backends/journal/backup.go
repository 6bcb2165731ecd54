package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// Backup writes a copy of a journal on SQLite to a new file, also while it is
// in use: what was committed when it began. The copy is whole or not there.
func Backup(ctx context.Context, c Config, to string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("journal: backing up %s: %w", c, explain(err))
		}
	}()
	from, err := filepath.Abs(c.SQLite)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return trouble.Errorf(err, "The file %s is there already. Nothing was backed up; name a new one.", to)
	}
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*") // readable by its owner only
	if err != nil {
		why := err
		if p := (*os.PathError)(nil); errors.As(err, &p) {
			why = p.Err
		}
		return trouble.Errorf(err, "The file %s cannot be made: %v. Nothing was backed up. Its folder must be there, and writable for whoever runs this.", to, why)
	}
	defer func() { _ = os.Remove(f.Name()) }() // unless it was renamed
	defer f.Close()
	db, err := sql.Open("sqlite", source(from, "mode=ro&_pragma=busy_timeout(5000)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, f.Name()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
