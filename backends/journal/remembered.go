package journal

import (
	"context"
	"fmt"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Remembered implements bot.Journal.
func (j *Journal) Remembered(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	if err := j.readers.QueryRowContext(ctx, `SELECT value FROM remembered WHERE key = ?`, key).Scan(&value); err != nil {
		return nil, fmt.Errorf("journal: what is kept under %q: %w", key, notFound(err))
	}
	return value, nil
}

// Remember implements bot.Journal.
func (j *Journal) Remember(ctx context.Context, key string, value []byte, fx action.Effects) error {
	err := j.write(ctx, func(ctx context.Context, t *tx) error {
		err := t.exec(ctx, `INSERT INTO remembered (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, blob(value))
		if err != nil {
			return err
		}
		return j.effects(ctx, t, fx, nil)
	})
	if err != nil {
		return fmt.Errorf("journal: keeping %q: %w", key, err)
	}
	return nil
}
