package history

// Config says where the store is and how far it can be trusted to be whole.
type Config struct {
	// SQLite is the database file; it is made when it is not there.
	SQLite string `yaml:"sqlite"`

	// Complete says that the records of every schedd are imported regularly. Only
	// then, and only inside the time that records cover, an answer counts as
	// complete: nobody can tell from what was imported what was not.
	Complete bool `yaml:"complete"`
}
