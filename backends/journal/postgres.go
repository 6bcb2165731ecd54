package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/secret"
)

// writeConnections write side by side on PostgreSQL.
const writeConnections = 8

// maxClockDifference is how far the clocks of this machine and the database's
// may be apart: all times that decide are this process's.
const maxClockDifference = 2 * time.Second

// openPostgres connects as the role that serves, makes or upgrades the tables
// as their owner where that role is at hand, and refuses a role that could
// rewrite the audit log.
func (j *Journal) openPostgres(ctx context.Context, c Postgres) error {
	db, role, err := connect(c.DSNFile)
	if err != nil {
		return err
	}
	j.closers = append(j.closers, db.Close)
	db.SetMaxOpenConns(writeConnections)
	db.SetMaxIdleConns(writeConnections)
	if err := reach(ctx, db, c.DSNFile); err != nil {
		return err
	}
	readers, _, err := connect(c.DSNFile)
	if err != nil {
		return err
	}
	j.closers = append(j.closers, readers.Close)
	readers.SetMaxOpenConns(readConnections)
	readers.SetMaxIdleConns(readConnections)
	if c.OwnerDSNFile != "" {
		owner, _, err := connect(c.OwnerDSNFile)
		if err != nil {
			return err
		}
		j.closers = append(j.closers, owner.Close)
		owner.SetMaxOpenConns(2)
		owner.SetMaxIdleConns(0) // it is seldom needed
		if err := reach(ctx, owner, c.OwnerDSNFile); err != nil {
			return err
		}
		if err := migratePostgres(ctx, owner); err != nil {
			return err
		}
		if err := grant(ctx, owner, role); err != nil {
			return err
		}
		eraser := newPGWriter(owner)
		j.closers = append(j.closers, eraser.close)
		j.eraser = eraser
	}
	if err := checkRole(ctx, db); err != nil {
		return err
	}
	if err := checkSchema(ctx, db); err != nil {
		return err
	}
	if err := checkClock(ctx, db); err != nil {
		return err
	}
	j.readers, j.writer = newPool(readers, postgresDialect), newPGWriter(db)
	return nil
}

// connect prepares connections; none is made yet. It returns the role's name.
func connect(file secret.File) (*sql.DB, string, error) {
	dsn, err := file.Read()
	if err != nil {
		return nil, "", err
	}
	c, err := pgx.ParseConfig(dsn.Reveal())
	if err != nil { // the error may quote the connection string
		return nil, "", unparsed(file, err)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	c.RuntimeParams["application_name"] = "gridwarden"
	return stdlib.OpenDB(*c, stdlib.OptionAfterConnect(steady)), c.User, nil
}

// steady makes plans that hold. Every question of weight has its index; a plan
// made while the tables were empty would read them whole for ever, for prepared
// statements keep their plans. Without sequential scans the small tables that
// have no index look so dear that compiling their queries would seem to pay.
// Set here and not as parameters of the start, which poolers refuse.
func steady(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan`)
	return err
}

// rights are what the role that serves may do. Records, leaves and checkpoints
// are only ever added.
var rights = map[string]string{
	"SELECT, INSERT":                 "audit_record, audit_body, audit_leaf, audit_checkpoint, audit_refused",
	"SELECT, INSERT, DELETE":         "audit_pending",
	"SELECT, INSERT, UPDATE":         "audit_tile, action, incident, link",
	"SELECT, INSERT, UPDATE, DELETE": "inbox, outbox, card_message, vote, incident_note, remembered, work, presence",
	"SELECT":                         "goose_db_version",
}

// grant gives the role that serves its rights, and takes back any other. A
// role that is the owner is refused later.
func grant(ctx context.Context, owner *sql.DB, role string) error {
	t, err := owner.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	to := pgx.Identifier{role}.Sanitize()
	statements := []string{`SELECT pg_advisory_xact_lock(hashtextextended('grant', 0))`}
	for _, tables := range rights {
		statements = append(statements, `REVOKE ALL ON `+tables+` FROM `+to)
	}
	for what, tables := range rights {
		statements = append(statements, `GRANT `+what+` ON `+tables+` TO `+to)
	}
	statements = append(statements, `GRANT USAGE ON SEQUENCE work_token TO `+to)
	for _, s := range statements {
		if _, err := t.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("giving the role %s its rights: %w", role, err)
		}
	}
	return t.Commit()
}

// checkRole refuses a role that could rewrite the audit log.
func checkRole(ctx context.Context, db *sql.DB) error {
	var role string
	var could []string
	err := db.QueryRowContext(ctx, `SELECT current_user`).Scan(&role)
	if err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, `SELECT c.relname || ': ' || CASE
			WHEN pg_has_role(c.relowner, 'MEMBER') THEN 'owns it'
			WHEN has_table_privilege(c.oid, 'UPDATE') THEN 'may change it'
			WHEN has_table_privilege(c.oid, 'DELETE') THEN 'may delete from it'
			ELSE 'may empty it' END
		FROM pg_class c WHERE c.oid IN (to_regclass('audit_record'), to_regclass('audit_body'), to_regclass('audit_leaf'), to_regclass('audit_checkpoint'))
			AND (pg_has_role(c.relowner, 'MEMBER') OR has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')) ORDER BY 1`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return err
		}
		could = append(could, s)
	}
	if err := rows.Err(); err != nil || len(could) == 0 {
		return err
	}
	return trouble.Errorf(nil, "The role %q could rewrite the audit log (%s). Nothing was started. Serve as a role that owns nothing (journal.postgres.dsn_file) and name the owner's connection in journal.postgres.owner_dsn_file.", role, strings.Join(could, ", "))
}

// checkSchema refuses tables that are missing, older or newer.
func checkSchema(ctx context.Context, db *sql.DB) error {
	want, err := latestSchema("postgres")
	if err != nil {
		return err
	}
	var have int64
	err = db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&have)
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && (e.Code == "42P01" || e.Code == "42501"):
		return trouble.Errorf(err, "The tables of the journal are missing, or this role may not use them. Run `gridwarden check --probe --config OWNER.yaml` with a configuration that has journal.postgres.owner_dsn_file: the owner makes them and gives this role its rights.")
	case err != nil:
		return err
	case have > want:
		return tooNew(have, want)
	case have < want:
		return trouble.Errorf(nil, "The tables of the journal are older than this gridwarden (schema %d; this one needs %d). Run `gridwarden check --probe --config OWNER.yaml` with a configuration that has journal.postgres.owner_dsn_file: the owner upgrades them.", have, want)
	}
	return nil
}

// checkClock holds this machine's clock against the database's.
func checkClock(ctx context.Context, db *sql.DB) error {
	before := now()
	var micros int64
	if err := db.QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`).Scan(&micros); err != nil {
		return err
	}
	return clocksAgree(before, timeOf(micros), now())
}

// clocksAgree holds the database's time against when it was asked and answered.
func clocksAgree(asked, theirs, answered time.Time) error {
	off := max(asked.Sub(theirs), theirs.Sub(answered))
	if off <= maxClockDifference {
		return nil
	}
	return trouble.Errorf(nil, "The clock of this machine and the one of the journal's database are %s apart: nothing is decided until they agree to %s. Look at the time synchronisation of both.", off.Round(time.Millisecond), maxClockDifference)
}
