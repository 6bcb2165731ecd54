package journal

import (
	"context"
	"fmt"
)

// Check tells whether the journal can be written and its audit log continued.
func (j *Journal) Check(ctx context.Context) error {
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		return t.exec(ctx, `INSERT INTO remembered (key, value) VALUES ('journal checked', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
			[]byte(now().String()))
	})
	if err != nil {
		return fmt.Errorf("journal: check: %w", err)
	}
	j.sequencing.Lock()
	defer j.sequencing.Unlock()
	return j.failed
}
