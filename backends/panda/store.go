package panda

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Store reads PanDA's database. It is safe for concurrent use.
type Store struct {
	config DatabaseConfig
	sites  *grid.SiteMap
	pool   *pgxpool.Pool
	byID   *pgxpool.Pool     // for lookUp
	names  *strings.Replacer // {panda}, {meta}, {arch} and {deft} in a statement
	most   int               // sightings of one answer

	layouts layouts
	matcher grid.AccountMatcher

	mu    sync.Mutex
	kinds map[identity]grid.AccountKind // of the users read last
}

// maxConnections is how many statements run side by side: few, for the database
// serves the grid first.
const (
	maxConnections = 4
	maxByID        = 2
)

// Open prepares reading for a checked configuration. No connection is made yet, so
// that a database that is down does not stop the start. sites may be nil.
func Open(c DatabaseConfig, sites *grid.SiteMap) (*Store, error) {
	pool, err := newPool(c.DSNFile, Setting+".database", maxConnections, reading(c.Deadline))
	if err != nil {
		return nil, err
	}
	byID, err := newPool(c.DSNFile, Setting+".database", maxByID, reading(c.Deadline)+"; SET plan_cache_mode = force_generic_plan")
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{config: c, sites: sites, pool: pool, byID: byID, names: c.Schemas.replacer(), most: maxSightings}, nil
}

// replacer fills the quoted names of the schemas into a statement.
func (s Schemas) replacer() *strings.Replacer {
	quote := func(name string) string { return pgx.Identifier{name}.Sanitize() }
	return strings.NewReplacer("{panda}", quote(s.Panda), "{meta}", quote(s.Meta), "{arch}", quote(s.Arch), "{deft}", quote(s.Deft))
}

// reading keeps a session from writing and from holding the database up. Plans
// are made for the values at hand, for these decide which partitions are read.
func reading(deadline time.Duration) string {
	return fmt.Sprintf("SET default_transaction_read_only = on; %s", bounded(deadline))
}

func bounded(deadline time.Duration) string {
	return fmt.Sprintf("SET statement_timeout = %[1]d; SET lock_timeout = %[1]d; SET idle_in_transaction_session_timeout = 60000; SET jit = off; SET plan_cache_mode = force_custom_plan", deadline.Milliseconds())
}

// connectTimeout is how long a connection may take to be made.
const connectTimeout = 5 * time.Second

// newPool prepares connections as the role in file. Each begins with the
// statements of setUp: given as parameters of the start, poolers would refuse them.
func newPool(file secret.File, setting string, most int32, setUp string) (*pgxpool.Pool, error) {
	c, err := poolConfig(file, setting)
	if err != nil {
		return nil, err
	}
	c.MaxConns, c.MinConns, c.MinIdleConns = most, 0, 0
	c.MaxConnIdleTime, c.MaxConnLifetime = time.Minute, 30*time.Minute
	c.BeforeConnect = func(_ context.Context, own *pgx.ConnConfig) error {
		again, err := poolConfig(file, setting) // the password may have been changed
		if err != nil {
			return err
		}
		*own = *again.ConnConfig
		return nil
	}
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, setUp)
		return err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), c) // it connects when it is asked
	if err != nil {
		return nil, fmt.Errorf("panda: preparing the connections of %s: %w", setting, err)
	}
	return pool, nil
}

func poolConfig(file secret.File, setting string) (*pgxpool.Config, error) {
	dsn, err := file.Read()
	if err != nil {
		return nil, err
	}
	c, err := pgxpool.ParseConfig(dsn.Reveal())
	if err != nil { // the error may quote the connection string
		return nil, trouble.Errorf(nil, "The file %s of %s.dsn_file holds no usable connection string of PostgreSQL, such as postgres://role:password@host/database. Look at its words, and at sslmode and the files that it names.", file, setting)
	}
	if c.ConnConfig.ConnectTimeout == 0 || c.ConnConfig.ConnectTimeout > connectTimeout {
		c.ConnConfig.ConnectTimeout = connectTimeout
	}
	c.ConnConfig.RuntimeParams["application_name"] = "gridwarden"
	return c, nil
}

// Name is the word for the database in answers and for source=.
func (s *Store) Name() string { return "panda-database" }

// Experiment is whose jobs and users these are.
func (s *Store) Experiment() grid.Experiment { return grid.ATLAS }

// Close ends the connections.
func (s *Store) Close() error {
	s.pool.Close()
	s.byID.Close()
	return nil
}

// sql is a statement with the names of the schemas filled in for {panda}, {meta},
// {arch} and {deft}.
func (s *Store) sql(statement string) string { return s.names.Replace(statement) }

// query asks for rows. Its error, and that of the rows, go through explain.
func (s *Store) query(ctx context.Context, statement string, args ...any) (pgx.Rows, error) {
	return s.pool.Query(ctx, s.sql(statement), args...)
}

// lookUp is query for what is found by a key that tells nothing of the partition it is in. The
// plan is the same whatever the key, and to make it anew for each, with dozens of
// partitions, takes many times as long as to run it.
func (s *Store) lookUp(ctx context.Context, statement string, args ...any) (pgx.Rows, error) {
	return s.byID.Query(ctx, s.sql(statement), args...)
}

// Check tells whether the database answers and the users and live jobs can be read.
func (s *Store) Check(ctx context.Context) error {
	for _, statement := range []string{
		`SELECT FROM {meta}.users LIMIT 1`,
		`SELECT FROM {panda}.jobsactive4 LIMIT 1`,
		`SELECT FROM {panda}.jobsdefined4 LIMIT 1`,
	} {
		if _, err := s.pool.Exec(ctx, s.sql(statement)); err != nil {
			return fmt.Errorf("panda: looking at the database: %w", s.explain(err))
		}
	}
	return nil
}

// Newest is when a live job was changed last; zero when there is none.
func (s *Store) Newest(ctx context.Context) (time.Time, error) {
	var newest *time.Time
	if err := s.pool.QueryRow(ctx, s.sql(`SELECT max(modificationtime) FROM {panda}.jobsactive4`)).Scan(&newest); err != nil {
		return time.Time{}, fmt.Errorf("panda: reading the age of the jobs: %w", s.explain(err))
	}
	if newest == nil {
		return time.Time{}, nil
	}
	return *newest, nil
}
