package journal

import (
	"context"
	"database/sql"
	"fmt"
)

// hot are the questions that commands, decisions and polls ask all the time.
// SQLite keeps them prepared from the start: parsing one takes longer than
// answering it, and whoever reads in a transaction holds a connection and cannot
// wait for another one to prepare on.
func hot() []string {
	votes, actions := actionsQueries(allOpen)
	return []string{
		anyDelivery, anyWork, anyCase, anyOrphan, anyPending, nextDue,
		votes, actions, oneAction, votesOfOne, latestOfRow, allLinks, cardsOf, cardAt, others,
	}
}

// keep prepares questions on SQLite. The driver of PostgreSQL keeps its own.
func (p *pool) keep(ctx context.Context, queries ...string) error {
	p.kept = map[string]*sql.Stmt{}
	for _, q := range queries {
		s, err := p.db.PrepareContext(ctx, q) //nolint:sqlclosecheck // closed with the pool
		if err != nil {
			return fmt.Errorf("preparing %q: %w", q, err)
		}
		p.kept[q] = s
	}
	return nil
}
