package journal

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

//go:embed migrations
var migrations embed.FS

func migrateSQLite(ctx context.Context, db *sql.DB) error {
	return migrate(ctx, goose.DialectSQLite3, "sqlite", db)
}

// migratePostgres holds a lock, so that processes that start at once do it one
// after the other; each tries every second, for five minutes.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return fmt.Errorf("preparing the schema's lock: %w", err)
	}
	return migrate(ctx, goose.DialectPostgres, "postgres", db, goose.WithSessionLocker(locker))
}

// migrate brings the database to this program's schema. One that is newer is
// refused: an older program would not write what the newer one relies on.
func migrate(ctx context.Context, dialect goose.Dialect, folder string, db *sql.DB, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return fmt.Errorf("preparing the schema: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if have > want {
		return tooNew(have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		// Two programs may start on a new file at once: then the other one did it.
		if have, _, again := p.GetVersions(ctx); again == nil && have == want {
			return nil
		}
		return fmt.Errorf("bringing the schema to version %d: %w", want, err)
	}
	return nil
}

func tooNew(have, want int64) error {
	return trouble.Errorf(nil, "The journal was written by a newer gridwarden (schema %d; this one knows %d). Nothing was changed. Run the newer program, or restore a backup from before the upgrade.", have, want)
}

// latestSchema is the newest version that this program knows.
func latestSchema(folder string) (int64, error) {
	files, err := fs.ReadDir(migrations, "migrations/"+folder)
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(files[len(files)-1].Name())
}
