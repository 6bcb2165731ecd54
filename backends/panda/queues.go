package panda

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// schedconfig has the settings of the queues, as CRIC gives them.
const schedconfig = "{panda}.schedconfig_json"

// sites adds the queues of the sites that are asked about: a job's record has its
// queue, not its site.
func (x *search) sites(ctx context.Context) error {
	if len(x.query.Sites) == 0 {
		return nil
	}
	if why := x.layout.lacks(schedconfig, "panda_queue", "data"); why != "" {
		x.tell("which queues are of a site is not available here (%s): only jobs whose queue goes by the very name are found", why)
		return nil
	}
	rows, err := x.store.query(ctx, `SELECT panda_queue FROM `+schedconfig+` WHERE lower(data::json->>'atlas_site') = ANY($1) ORDER BY panda_queue`, lowered(x.query.Sites))
	if err != nil {
		return err
	}
	queues, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("reading the queues of the site: %w", err)
	}
	own := slices.Clone(x.query.Sites)
	for _, queue := range queues {
		if !slices.ContainsFunc(own, func(s string) bool { return strings.EqualFold(s, queue) }) {
			own = append(own, queue)
		}
	}
	x.query.Sites = own
	return nil
}

func lowered(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = strings.ToLower(s)
	}
	return out
}
