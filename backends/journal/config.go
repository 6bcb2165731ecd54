package journal

import (
	"log/slog"

	"github.com/gridwarden/gridwarden/config/secret"
)

// Config says where the journal is: in one of the two.
type Config struct {
	// SQLite is the database file; it is made when it is not there.
	SQLite   string    `yaml:"sqlite"`
	Postgres *Postgres `yaml:"postgres"`
}

// String names the place, without secrets.
func (c Config) String() string {
	if c.Postgres != nil {
		return "PostgreSQL (" + string(c.Postgres.DSNFile) + ")"
	}
	return c.SQLite
}

// Postgres is a journal that several processes on several machines share.
type Postgres struct {
	// DSNFile holds the connection string of the role that serves. It owns
	// nothing and may neither change nor delete audit records.
	DSNFile secret.File `yaml:"dsn_file"`
	// OwnerDSNFile holds the connection string of the role that owns the tables.
	// It is needed to make and upgrade them and to erase personal data; a process
	// that does neither runs without it.
	OwnerDSNFile secret.File `yaml:"owner_dsn_file"`
}

// Options are what else the journal needs.
type Options struct {
	Log *slog.Logger // nil: nothing is logged

	// Holder names this process in what it has in hand; unique among those that
	// share the journal, and never used again. "" is a random one.
	Holder string

	// KeyFile holds the key that signs the audit log; "" is the SQLite file's
	// name with .key added. It is made together with a new log. Processes that
	// share a journal share the key.
	KeyFile string
	// CheckpointFile holds the last checkpoint outside the database, so that a
	// restored backup shows; "" is the SQLite file's name with .checkpoint
	// added. It belongs on another disk, or at least in another backup.
	CheckpointFile string
}
