package pandatest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// column is one value of a row that is to be inserted.
type column struct {
	name  string
	value any
}

// row is what is said of a row; columns that are not in it get the table's default.
type row []column

// text is NULL where it is empty, as PanDA stores it.
func text(name, value string) column {
	if value == "" {
		return column{name, nil}
	}
	return column{name, value}
}

// number is NULL where it is 0.
func number[T ~int | ~int64](name string, value T) column {
	if value == 0 {
		return column{name, nil}
	}
	return column{name, int64(value)}
}

// moment is NULL where it is zero, and in UTC as all of PanDA's times.
func moment(name string, value time.Time) column {
	if value.IsZero() {
		return column{name, nil}
	}
	return column{name, value.UTC()}
}

// present is as it is, NULL never.
func present(name string, value any) column {
	if at, ok := value.(time.Time); ok {
		value = at.UTC()
	}
	return column{name, value}
}

func (r row) names() []string {
	out := make([]string, len(r))
	for i, c := range r {
		out[i] = c.name
	}
	return out
}

func (r row) values() []any {
	out := make([]any, len(r))
	for i, c := range r {
		out[i] = c.value
	}
	return out
}

// insertInto adds the row to a table.
func (r row) insertInto(ctx context.Context, q executor, table string) error {
	places := make([]string, len(r))
	for i := range r {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	sql := "INSERT INTO " + table + " (" + strings.Join(r.names(), ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
	if _, err := q.Exec(ctx, sql, r.values()...); err != nil {
		return fmt.Errorf("%s of %v: %w", sql, r.values(), err)
	}
	return nil
}

// executor is a pool, a connection or a transaction.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func (d *Database) insert(table string, r row) {
	d.t.Helper()
	if err := r.insertInto(d.context(), d.pool, table); err != nil {
		d.t.Fatal(err)
	}
}

// next is the next value of a sequence.
func (d *Database) next(sequence string) int64 {
	d.t.Helper()
	return One[int64](d, "SELECT nextval($1::regclass)", sequence)
}

// now is the time in whole seconds, as PanDA stores it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

func orNow(t time.Time) time.Time {
	if t.IsZero() {
		return now()
	}
	return t
}
