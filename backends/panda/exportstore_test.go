package panda

import "context"

// ExecForTest runs a statement in a session of the reader.
func ExecForTest(ctx context.Context, s *Store, statement string) error {
	_, err := s.pool.Exec(ctx, s.sql(statement))
	return err
}
