package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/handover"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// Name is how answers and source= call the store.
const Name = "cms-history"

// Store is the embedded store of job records. It is safe for concurrent use,
// also by several processes on one machine: traces go on while an import runs.
type Store struct {
	config  Config
	db      *sql.DB // one connection, which writes
	readers *sql.DB
	sizes   sizes
	most    int // sightings of one answer
}

// The pragmas stand in the name of the database, for a connection of a pool
// knows nothing of what was said to another. A power cut may cost the latest
// records, which are still in the file that they came from, but not the store. A
// page holds twenty records: of the usual size it would hold nine, and a tree
// twice as many. The journal's mode is no pragma here, for those are run in the
// order of the alphabet, and after it the size of pages is settled.
const (
	writerPragmas = "_pragma=busy_timeout(30000)&_pragma=page_size(8192)&_journal_mode=WAL&_pragma=synchronous(NORMAL)&_pragma=cache_size(-24576)&_txlock=immediate"
	readerPragmas = "_pragma=busy_timeout(5000)&_pragma=query_only(1)&_pragma=cache_size(-16384)"
)

// Open opens the store, makes it when it is not there, and brings its schema up
// to date.
func Open(ctx context.Context, c Config) (_ *Store, err error) {
	path, err := filepath.Abs(c.SQLite)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	s := &Store{config: c, sizes: usual, most: maxSightings}
	defer func() {
		if err != nil {
			err = fmt.Errorf("history: opening %s: %w", c.SQLite, errors.Join(explain(err), s.Close()))
		}
	}()
	// Before SQLite would make it readable for everybody: it holds personal data.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		handover.Like(f, filepath.Dir(path))
	} else { // it is there, or a link to a file that is not
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	switch {
	case err == nil:
		err = f.Close()
	case errors.Is(err, os.ErrPermission): // SQLite says it better
		err = nil
	default:
		err = trouble.Errorf(err, "The file of the job records cannot be made. Look at backends.cms.history.sqlite in the configuration: its directory must be there and writable.")
	}
	if err != nil {
		return nil, err
	}
	if s.db, err = open(path, writerPragmas, 1); err != nil {
		return nil, err
	}
	if err = migrate(ctx, s.db); err != nil {
		return nil, err
	}
	s.readers, err = open(path, readerPragmas, 4)
	return s, err
}

func open(path, pragmas string, connections int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: pragmas}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Close ends it.
func (s *Store) Close() error {
	var err error
	for _, db := range []*sql.DB{s.readers, s.db} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("history: closing: %w", err)
	}
	return nil
}

// Name implements the source of a trace and the part of a status.
func (s *Store) Name() string { return Name }

// Experiment is whose records these are.
func (s *Store) Experiment() grid.Experiment { return grid.CMS }

// Check tells whether the store can be read.
func (s *Store) Check(ctx context.Context) error {
	_, err := s.coverage(ctx)
	return err
}

// Newest is when the newest record was written; zero when there is none.
func (s *Store) Newest(ctx context.Context) (time.Time, error) {
	c, err := s.coverage(ctx)
	return c.newest, err
}

// Details says what was imported, a sentence each.
func (s *Store) Details(ctx context.Context) ([]string, error) {
	c, err := s.coverage(ctx)
	if err != nil {
		return nil, err
	}
	if c.records == 0 {
		return []string{"nothing was imported yet: gridwarden import --config FILE PATH..."}, nil
	}
	out := []string{c.sentence() + "."}
	if c.rejected > 0 {
		out = append(out, c.rejectedNote()+".")
	}
	if c.unfinished > 0 {
		out = append(out, c.unfinishedNote()+".")
	}
	return out, nil
}
