package journal

import "log/slog"

// Config says where the journal is.
type Config struct {
	// SQLite is the database file; it is made when it is not there.
	SQLite string `yaml:"sqlite"`
}

// Options are what else the journal needs.
type Options struct {
	Log *slog.Logger // nil: nothing is logged

	// KeyFile holds the key that signs the audit log; "" is the database
	// file's name with .key added. It is made together with a new log.
	KeyFile string
	// CheckpointFile holds the last checkpoint outside the database, so that a
	// restored backup shows; "" is the database file's name with .checkpoint
	// added. It belongs on another disk, or at least in another backup.
	CheckpointFile string
}
