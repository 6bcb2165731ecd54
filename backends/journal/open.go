package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/gridwarden/gridwarden/backends/handover"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Journal is the bot's own database. It is safe for concurrent use, also by
// several processes: on one machine with SQLite, on many with PostgreSQL.
type Journal struct {
	log        *slog.Logger
	holder     string // this process
	key        audit.Key
	outside    string // the file of the last checkpoint
	readers    pool
	writer     writer
	eraser     writer // may delete bodies; nil: this configuration may not
	closers    []func() error
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

// Open opens the journal and brings its schema up to date. It refuses a
// database whose audit log is not the one that the last checkpoint outside of
// it was signed for; the error then says what to do.
func Open(ctx context.Context, c Config, o Options) (*Journal, error) {
	return open(ctx, c, o, (*Journal).checkOutside)
}

// open leaves it to check whether the database may be gone on with.
func open(ctx context.Context, c Config, o Options, check func(*Journal, context.Context) error) (_ *Journal, err error) {
	if c.SQLite == "" && c.Postgres == nil {
		return nil, trouble.Errorf(nil, "The journal needs a place: set journal.sqlite or journal.postgres in the configuration.")
	}
	j := &Journal{log: o.Log, holder: o.Holder, wakeUp: make(chan struct{}, 1)}
	if j.holder == "" {
		j.holder = rand.Text()
	}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("journal: opening %s: %w", c, errors.Join(explain(err), j.Close()))
		}
	}()
	if c.Postgres != nil {
		err = j.openPostgres(ctx, *c.Postgres)
	} else {
		var path string
		if path, err = filepath.Abs(c.SQLite); err == nil {
			o = o.beside(path)
			err = j.openSQLite(ctx, path)
		}
	}
	if err != nil {
		return nil, err
	}
	if o.KeyFile == "" || o.CheckpointFile == "" {
		return nil, trouble.Errorf(nil, "A journal on PostgreSQL needs audit.key_file and audit.checkpoint_file in the configuration.")
	}
	j.outside = o.CheckpointFile
	if j.key, err = j.openKey(ctx, o.KeyFile); err != nil {
		return nil, err
	}
	if err = check(j, ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// beside gives the files that are not named places beside the database.
func (o Options) beside(path string) Options {
	if o.KeyFile == "" {
		o.KeyFile = path + ".key"
	}
	if o.CheckpointFile == "" {
		o.CheckpointFile = path + ".checkpoint"
	}
	return o
}

// openKey reads the signing key, or makes one for a log that is still empty: a
// new key for a log that was signed would hide who signed it.
func (j *Journal) openKey(ctx context.Context, path string) (audit.Key, error) {
	key, err := audit.LoadKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		if foreign := handover.Foreign(path); errors.Is(err, os.ErrPermission) && foreign != "" {
			return key, trouble.Errorf(err, "The key of the audit log cannot be read. %s", foreign)
		}
		if err != nil {
			return key, trouble.Errorf(err, "The key of the audit log cannot be used: %s.", strings.TrimPrefix(err.Error(), "audit: "))
		}
		if err := key.KeepPublic(path); err != nil {
			j.log.WarnContext(ctx, "the public key is not kept beside the key", "error", err)
		}
		return key, nil
	}
	var records bool
	if err := j.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM audit_record)`).Scan(&records); err != nil {
		return key, err
	}
	if records {
		return key, trouble.Errorf(err, "The key of the audit log is missing, and the journal holds records that were made with it. Put the key file back; without it the log can be verified but not continued.")
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	key, err = audit.NewKey(path, "gridwarden/"+strings.Map(keyName, host))
	if errors.Is(err, os.ErrExist) { // another process that opened the new journal made it meanwhile
		return audit.LoadKey(path)
	}
	if err != nil {
		return key, err
	}
	return key, errors.Join(handOver(path), handOver(path+audit.PublicSuffix))
}

// handOver gives a file that was made now to the owner of its folder.
func handOver(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	handover.Like(f, filepath.Dir(path))
	return f.Close()
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
	for i := len(j.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, j.closers[i]())
	}
	if err != nil {
		return fmt.Errorf("journal: closing: %w", err)
	}
	return nil
}
