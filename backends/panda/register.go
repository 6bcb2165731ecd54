package panda

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// mayRegister asks whether the role has the grants of gridwarden_registrar.
func (b *banner) mayRegister(ctx context.Context) error {
	var may bool
	err := b.pool.QueryRow(ctx, b.names.Replace(`SELECT has_column_privilege(t.oid, 'name', 'INSERT') AND has_column_privilege(t.oid, 'status', 'INSERT') AND has_sequence_privilege('{meta}.users_id_seq', 'USAGE')
		FROM (SELECT '{meta}.users'::regclass::oid) AS t`)).Scan(&may)
	if err != nil {
		return fmt.Errorf("panda: looking at the grants of the role that bans: %w", b.explain(err))
	}
	if !may {
		return trouble.Errorf(nil, "Somebody who has never submitted cannot be banned here: the role of %s.dsn_file may not make users. Nothing was proposed. Give it the grants of gridwarden_registrar in docs/panda.md, or wait for the first submission.", Setting+".ban")
	}
	return nil
}

// maxDN is how much of a DN the column takes.
const maxDN = 150

// register makes the row as the server makes that of somebody new, under the same
// sequence, but banned. Names have no unique index: PanDA may make the same user at
// the same moment, which the looks at the action find.
func (b *banner) register(ctx context.Context, name, dn string) error {
	tx, err := b.pool.Begin(ctx)
	if err != nil {
		return b.explain(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
	var known *string
	if dn != "" && len([]rune(dn)) <= maxDN {
		known = &dn
	}
	_, err = tx.Exec(ctx, b.names.Replace(`INSERT INTO {meta}.users (id, name, dn, lastmod, firstjob, latestjob, cachetime, ncurrent, jobid, status)
		SELECT nextval('{meta}.users_id_seq'), $1::varchar, $2::varchar, t.utc, t.utc, t.utc, t.utc, 0, 1, $3::varchar FROM (SELECT (now() AT TIME ZONE 'UTC') AS utc) AS t
		WHERE NOT EXISTS (SELECT FROM {meta}.users WHERE name = $1::varchar)`), name, known, disabled)
	if err != nil {
		return b.explain(err)
	}
	var all, banned int
	err = tx.QueryRow(ctx, b.names.Replace(`SELECT count(*), count(*) FILTER (WHERE status = $2) FROM {meta}.users WHERE name = $1`), name, disabled).Scan(&all, &banned)
	switch {
	case err != nil:
		return b.explain(err)
	case all != banned || all == 0:
		return trouble.Errorf(nil, "There is a user %q in PanDA now, so none was made. Use `ban`, so that people see whom it hits.", name)
	}
	if err := tx.Commit(ctx); err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			return b.explain(err)
		}
		return trouble.Errorf(err, "The connection to PanDA's database broke while the user %q was made: whether it was is not known. `bans` tells.", name)
	}
	return nil
}

func (p program) mayRegister(context.Context) error {
	return trouble.Errorf(nil, "Somebody who has never submitted cannot be banned here: PanDA's own program changes rows that are there and makes none. Nothing was proposed. It would need %s via postgres.", Setting+".ban")
}

func (p program) register(ctx context.Context, _, _ string) error { return p.mayRegister(ctx) }
