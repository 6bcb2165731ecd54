package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Journal is the bot's own database. It is safe for concurrent use, also by
// several processes on one machine.
type Journal struct {
	log        *slog.Logger
	key        audit.Key
	outside    string  // the file of the last checkpoint
	db         *sql.DB // the writer's, with one connection
	readers    *sql.DB
	writer     *writer
	sequencing sync.Mutex // one pass at a time
	edge       *audit.Edge
	signed     signedLog // what edge belongs to
	owed       string    // a checkpoint that could not be kept outside yet
	failed     error     // of the latest pass
	wakeUp     chan struct{}
	closing    sync.Once
	closed     error // what closing came to
}

var _ bot.Journal = (*Journal)(nil)

// readConnections read beside the writer.
const readConnections = 4

// The pragmas stand in the name of the database, for a connection of a pool
// knows nothing of what was said to another. What is erased is overwritten.
const (
	writerPragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_txlock=immediate"
	readerPragmas = "_pragma=busy_timeout(5000)&_pragma=query_only(1)&_pragma=cache_size(-16000)"
)

// Open opens the journal and brings its schema up to date. It refuses a
// database whose audit log is not the one that the last checkpoint outside of
// it was signed for; the error then says what to do.
func Open(ctx context.Context, c Config, o Options) (_ *Journal, err error) {
	if c.SQLite == "" {
		return nil, troublef(nil, "The journal needs a file: set journal.sqlite in the configuration.")
	}
	path, err := filepath.Abs(c.SQLite)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{log: o.Log, outside: o.CheckpointFile, wakeUp: make(chan struct{}, 1)}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	if j.outside == "" {
		j.outside = path + ".checkpoint"
	}
	if o.KeyFile == "" {
		o.KeyFile = path + ".key"
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("journal: opening %s: %w", c.SQLite, errors.Join(explain(err), j.Close()))
		}
	}()
	if err = create(path); err != nil {
		return nil, err
	}
	if j.db, err = sql.Open("sqlite", source(path, writerPragmas)); err != nil {
		return nil, err
	}
	j.db.SetMaxOpenConns(1)
	if err = migrate(ctx, j.db); err != nil {
		return nil, err
	}
	if j.readers, err = sql.Open("sqlite", source(path, readerPragmas)); err != nil {
		return nil, err
	}
	j.readers.SetMaxOpenConns(readConnections)
	j.readers.SetMaxIdleConns(readConnections)
	if j.key, err = j.openKey(ctx, o.KeyFile); err != nil {
		return nil, err
	}
	if err = j.checkOutside(ctx); err != nil {
		return nil, err
	}
	conn, err := j.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	j.writer = newWriter(conn)
	return j, nil
}

// create makes the file readable by its owner only, before SQLite would make
// it for everybody.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil // SQLite says it better
	}
	if err != nil {
		return troublef(err, "The journal's file cannot be made. Look at journal.sqlite in the configuration: its directory must be there and writable.")
	}
	return f.Close()
}

// source is the data source name of a file, whatever characters its name has.
func source(path, pragmas string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: pragmas}).String()
}

// openKey reads the signing key, or makes one for a log that is still empty: a
// new key for a log that was signed would hide who signed it.
func (j *Journal) openKey(ctx context.Context, path string) (audit.Key, error) {
	key, err := audit.LoadKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		if err != nil {
			return key, troublef(err, "The key of the audit log cannot be used: %s.", strings.TrimPrefix(err.Error(), "audit: "))
		}
		return key, nil
	}
	var records int64
	if err := j.readers.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM audit_record LIMIT 1)`).Scan(&records); err != nil {
		return key, err
	}
	if records > 0 {
		return key, troublef(err, "The key of the audit log is missing, and the journal holds records that were made with it. Put the key file back; without it the log can be verified but not continued.")
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return audit.NewKey(path, "gridwarden/"+strings.Map(keyName, host))
}

// keyName keeps what a key's name may hold.
func keyName(r rune) rune {
	if r <= ' ' || r == '+' || r > '~' {
		return '-'
	}
	return r
}

// Name is how status calls the journal.
func (j *Journal) Name() string { return "journal" }

// PublicKey verifies everything that the journal signs.
func (j *Journal) PublicKey() string { return j.key.Public() }

// Close waits for the changes that are being committed and ends; closing again
// gives the same answer. Run must have ended before, for its last pass.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closed = j.close() })
	return j.closed
}

func (j *Journal) close() error {
	var err error
	if j.writer != nil {
		err = j.writer.close()
	}
	for _, db := range []*sql.DB{j.readers, j.db} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("journal: closing: %w", err)
	}
	return nil
}
