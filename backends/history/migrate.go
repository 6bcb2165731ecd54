package history

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the store to this program's schema. One that is newer is
// refused.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("preparing the schema: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if have > want {
		return trouble.Errorf(nil, "The store of job records was written by a newer gridwarden (schema %d; this one knows %d). Run the newer program, or import into a new file.", have, want)
	}
	if have == want {
		return nil
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
