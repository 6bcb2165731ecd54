package panda

import (
	"context"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// StatementOf is the statement that reads the rows for a trace by host.
func StatementOf(ctx context.Context, s *Store, q grid.Query) (statement string, args []any, err error) {
	x := &search{store: s, answer: newAnswer(s.Name(), q, s.config.Tail, s.most)}
	if x.layout, err = s.layoutOf(ctx); err != nil {
		return "", nil, err
	}
	statement, args = x.statement(x.ofHosts([]string{q.Host}), true)
	return s.sql(statement), args, nil
}

// QueryForTest asks in a session of the reader.
func QueryForTest(ctx context.Context, s *Store, statement string, args ...any) (rows int, err error) {
	all, err := s.pool.Query(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	defer all.Close()
	for all.Next() {
		rows++
	}
	return rows, all.Err()
}
