package journal

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// How statements that stand alone are grouped on PostgreSQL. While one group
// waits for the disk another one fills.
const (
	pgGroupSize    = 128
	pgGroupWriters = 2
)

// standing is a statement that waits for its group.
type standing struct {
	statement
	changed bool
}

// one implements writer. When the connection is lost nobody knows whether the
// statement took effect: the error says that it failed, and who asks again
// finds out.
func (w *pgWriter) one(ctx context.Context, s statement) (bool, error) {
	waiting := &standing{statement: s}
	err := w.groups.do(ctx, waiting)
	return waiting.changed, explain(err)
}

// commit sends a group in one trip. What the server refuses as a group runs
// one by one, so that one statement does not sink the others.
func (w *pgWriter) commit(jobs []*job[*standing]) {
	slices.SortStableFunc(jobs, func(a, b *job[*standing]) int { return strings.Compare(a.what.key, b.what.key) })
	all := make([]*standing, len(jobs))
	for i, j := range jobs {
		all[i] = j.what
	}
	err := w.send(all)
	again := (len(jobs) > 1 || collided(err)) && undone(err)
	for _, j := range jobs {
		if again {
			j.done <- w.sendAlone(j.what)
			continue
		}
		j.done <- err
	}
}

// alike are statements that run as one: of the same text, and no two of the
// same id. They keep their order.
type alike []*standing

func sorted(all []*standing) []alike {
	var out []alike
next:
	for _, s := range all {
		for i, a := range out {
			if a[0].many == s.many && !slices.ContainsFunc(a, func(o *standing) bool { return o.id == s.id }) {
				out[i] = append(a, s)
				continue next
			}
		}
		out = append(out, alike{s})
	}
	return out
}

// arrays are the arguments of all, place by place.
func (a alike) arrays() []any {
	out := make([]any, len(a[0].args))
	for i := range out {
		out[i] = a.array(i)
	}
	return out
}

func (a alike) array(i int) any {
	switch a[0].args[i].(type) {
	case string:
		return column[string](a, i)
	case int64:
		return column[int64](a, i)
	case int:
		return column[int](a, i)
	case bool:
		return column[bool](a, i)
	default:
		return column[[]byte](a, i)
	}
}

func column[T any](a alike, i int) []T {
	out := make([]T, len(a))
	for n, s := range a {
		out[n] = s.args[i].(T) //nolint:forcetypeassert // see statement.args
	}
	return out
}

// tell notes which of them changed their row.
func (a alike) tell(results pgx.BatchResults) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	changed, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, s := range a {
		s.changed = slices.Contains(changed, s.id)
	}
	return err
}

// undone reports that nothing was committed. A fatal error does not say that: it
// ends the connection at some moment.
func undone(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.SeverityUnlocalized == "ERROR"
}

func (w *pgWriter) sendAlone(s *standing) (err error) {
	for range writeTries {
		if err = w.send([]*standing{s}); !collided(err) {
			return err
		}
	}
	return err
}

// send runs statements in one trip. Without any BEGIN the server takes what
// comes before the end of a pipeline as one transaction.
func (w *pgWriter) send(all []*standing) error {
	// The callers' contexts must not cut the statements of others.
	ctx, cancel := context.WithTimeout(context.Background(), writeDeadline)
	defer cancel()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	return conn.Raw(func(raw any) error {
		c, ok := raw.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("a connection of another driver: %T", raw)
		}
		var batch pgx.Batch
		groups := sorted(all)
		for _, g := range groups {
			batch.Queue(postgresDialect.query(g[0].many), g.arrays()...)
		}
		results := c.Conn().SendBatch(ctx, &batch)
		for _, g := range groups {
			if err := g.tell(results); err != nil {
				return errors.Join(err, closed(c, results))
			}
		}
		return closed(c, results)
	})
}

// closed ends a batch. A connection that broke must not go back to the pool.
func closed(c *stdlib.Conn, results pgx.BatchResults) error {
	err := results.Close()
	if c.Conn().IsClosed() {
		return errors.Join(err, driver.ErrBadConn)
	}
	return err
}
