package panda

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// queuesLast is how long the list of queues is believed. CRIC gives it anew about
// every hour.
const queuesLast = 15 * time.Minute

// queueList keeps which queues are of which site.
type queueList struct {
	mu     sync.Mutex
	ofSite map[string][]string // by the site in lower case
	readAt time.Time
}

// of gives the queues of a site; none when the site is not known.
func (l *queueList) of(ctx context.Context, m *Monitor, site string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.readAt) > queuesLast {
		found := map[string][]string{}
		err := m.ask(ctx, "sites/", nil, func(d *json.Decoder) error {
			clear(found)
			return objects(d, func(object map[string]any) {
				f := fieldsOf(object)
				site, queue := strings.ToLower(f.text("atlas_site")), f.text("nickname")
				if queue == "" {
					queue = f.text("panda_queue")
				}
				if site != "" && queue != "" {
					found[site] = append(found[site], queue)
				}
			})
		})
		if err != nil {
			return nil, err
		}
		l.ofSite, l.readAt = found, time.Now()
	}
	return slices.Clone(l.ofSite[strings.ToLower(site)]), nil
}
