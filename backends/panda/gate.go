package panda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// gateDelay is how long a front end of PanDA keeps the list of banned names before
// it reads it anew. Each process has a list of its own; seen up to 544 s after a ban.
const gateDelay = 600 * time.Second

// Gate lets users submit or not, by the status in their row. Nobody else of PanDA
// writes it. It is safe for concurrent use.
type Gate struct {
	writer writer
	store  *Store
}

// writer writes the status of one user.
type writer interface {
	// write sets the status of the row with this id and exactly this name, and gives
	// how many rows were written.
	write(ctx context.Context, id int64, name string, banned bool) (int64, error)
	// register makes the row of a user who is banned.
	register(ctx context.Context, name, dn string) error
	mayRegister(ctx context.Context) error
	check(ctx context.Context) error
	close()
}

// OpenGate prepares the gate for a checked configuration. The store tells what a
// ban came to. Nothing is asked or run yet.
func OpenGate(c BanConfig, store *Store) (*Gate, error) {
	if c.Via == ViaCommand {
		return &Gate{writer: newProgram(c), store: store}, nil
	}
	pool, err := newPool(c.DSNFile, Setting+".ban", 2, bounded(store.config.Deadline))
	if err != nil {
		return nil, err
	}
	return &Gate{writer: &banner{pool: pool, names: store.names}, store: store}, nil
}

// Name is the word for the gate in status.
func (g *Gate) Name() string { return "panda-ban" }

// Close ends the connections.
func (g *Gate) Close() error {
	g.writer.close()
	return nil
}

// Check tells whether bans could be written, without writing one.
func (g *Gate) Check(ctx context.Context) error { return g.writer.check(ctx) }

// GateDelay is the time after which every front end knows of a change.
func (g *Gate) GateDelay() time.Duration { return gateDelay }

// Ban bars the user with this id and exactly this name from submitting. Nothing is
// written when there is none.
func (g *Gate) Ban(ctx context.Context, id, name string) error { return g.set(ctx, id, name, true) }

// Unban lifts a ban. The status becomes NULL, as PanDA has it for everybody else.
func (g *Gate) Unban(ctx context.Context, id, name string) error { return g.set(ctx, id, name, false) }

// CanBanUnseen says why nobody can be banned who has never submitted; nil when
// somebody can.
func (g *Gate) CanBanUnseen(ctx context.Context) error { return g.writer.mayRegister(ctx) }

// BanUnseen makes a user of this name, with the DN where it is known, that is
// banned from the start. It makes none when there is one.
func (g *Gate) BanUnseen(ctx context.Context, name, dn string) error {
	if err := g.writer.register(ctx, name, dn); err != nil {
		return fmt.Errorf("panda: making a banned user: %w", err)
	}
	return nil
}

func (g *Gate) set(ctx context.Context, id, name string, banned bool) error {
	key, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return trouble.Errorf(err, "%q is no id of a user of PanDA, so nothing was written. Propose again.", id)
	}
	rows, err := g.writer.write(ctx, key, name, banned)
	if err != nil {
		return fmt.Errorf("panda: writing the status of user %s: %w", id, err)
	}
	if rows == 0 {
		return g.nobody(ctx, id, name)
	}
	return g.readBack(ctx, key, name, banned, rows)
}

// readBack looks whether what was written is what the reader sees: a program may
// say what it likes, and may be that of another PanDA.
func (g *Gate) readBack(ctx context.Context, id int64, name string, banned bool, rows int64) error {
	var status *string
	err := g.store.pool.QueryRow(ctx, g.store.sql(`SELECT status FROM {meta}.users WHERE id = $1::bigint AND name = $2`), id, name).Scan(&status)
	switch {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return trouble.Errorf(err, "%d rows were updated for %q, but the status could not be read back. `bans` tells whether it holds.", rows, name)
	case err != nil || (status != nil && *status == disabled) != banned:
		return trouble.Errorf(err, "%d rows were said to be updated for %q, but its status in %s.database is not what was written. Is that a copy that lags, or the database of another PanDA?", rows, name, Setting)
	}
	return nil
}

// nobody words that no row was written, which PanDA's own script passes over, and
// names whom it may have been meant for.
func (g *Gate) nobody(ctx context.Context, id, name string) error {
	all, err := g.store.Accounts(ctx)
	if err != nil {
		return trouble.Errorf(err, "PanDA has no user with the id %s and exactly the name %q, so nothing was written (0 rows updated). Who has a similar name could not be read. Propose again.", id, name)
	}
	if i := slices.IndexFunc(all, func(a grid.Account) bool { return a.ID == id }); i >= 0 && all[i].Name != name {
		return trouble.Errorf(nil, "The user with the id %s is called %q, not %q, so nothing was written (0 rows updated). Propose again with the exact name.", id, all[i].Name, name)
	}
	m := g.store.matcher.Match(name, all)
	near := append(slices.Clone(m.Exact), m.LookAlike...)
	if len(near) == 0 {
		return trouble.Errorf(nil, "PanDA has no user with the id %s and exactly the name %q, so nothing was written (0 rows updated). Nobody has a similar name. Propose again.", id, name)
	}
	var words []string
	for _, a := range near[:min(len(near), 10)] {
		words = append(words, fmt.Sprintf("%q (id %s, %s)", a.Name, a.ID, grid.DescribeName(a.Name)))
	}
	return trouble.Errorf(nil, "PanDA has no user with the id %s and exactly the name %q, so nothing was written (0 rows updated). These come near, and none was picked: %s. Propose again.", id, name, strings.Join(words, "; "))
}

// banner writes as a role of the database that may set the status of users.
type banner struct {
	pool  *pgxpool.Pool
	names *strings.Replacer
}

func (b *banner) close() { b.pool.Close() }

func (b *banner) explain(err error) error {
	return explainPostgres(err, "panda-ban", Setting+".ban")
}

// check asks what the role may do: too little stops bans, too much must not go
// unseen.
func (b *banner) check(ctx context.Context) error {
	var writes, renames, reads bool
	err := b.pool.QueryRow(ctx, b.names.Replace(`SELECT has_column_privilege(t.oid, 'status', 'UPDATE'), has_column_privilege(t.oid, 'name', 'UPDATE') OR has_table_privilege(t.oid, 'DELETE'),
		has_column_privilege(t.oid, 'id', 'SELECT') AND has_column_privilege(t.oid, 'name', 'SELECT') AND has_column_privilege(t.oid, 'status', 'SELECT')
		FROM (SELECT '{meta}.users'::regclass::oid) AS t`)).Scan(&writes, &renames, &reads)
	switch {
	case err != nil:
		return fmt.Errorf("panda: looking at the grants of the role that bans: %w", b.explain(err))
	case !writes || !reads:
		return trouble.Errorf(nil, "The role of %s.dsn_file may not write the status of users. Give it the grants of gridwarden_banner in docs/panda.md.", Setting+".ban")
	case renames:
		return trouble.Errorf(nil, "The role of %s.dsn_file may do more than ban: it could rename or delete users. Give it the grants of gridwarden_banner in docs/panda.md and no others.", Setting+".ban")
	}
	return nil
}

// write sets the status and reads it back before it counts.
func (b *banner) write(ctx context.Context, id int64, name string, banned bool) (rows int64, err error) {
	var status *string
	if banned {
		s := disabled
		status = &s
	}
	tx, err := b.pool.Begin(ctx)
	if err != nil {
		return 0, b.explain(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
	tag, err := tx.Exec(ctx, b.names.Replace(`UPDATE {meta}.users SET status = $3 WHERE id = $1::bigint AND name = $2`), id, name, status)
	if err != nil {
		return 0, b.explain(err)
	}
	if tag.RowsAffected() == 0 {
		return 0, nil
	}
	var now *string
	err = tx.QueryRow(ctx, b.names.Replace(`SELECT status FROM {meta}.users WHERE id = $1::bigint AND name = $2`), id, name).Scan(&now)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && !equal(now, status):
		return 0, trouble.Errorf(nil, "PanDA's database did not keep the status of %q as it was written, so the change was taken back. Is there a trigger on its users table? Ask its administrators.", name)
	case err != nil:
		return 0, b.explain(err)
	}
	if err := tx.Commit(ctx); err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			return 0, b.explain(err)
		}
		return 0, trouble.Errorf(err, "The connection to PanDA's database broke while the status of %q was written: whether it was is not known. `bans` tells.", name)
	}
	return tag.RowsAffected(), nil
}

func equal(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
