package elastic

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// Source is one server with records of one kind. It is safe for concurrent use.
type Source struct {
	kind   Kind
	config Config
	client *client
	walks  int // at the same time
	room   int // bytes that an address has for names of indices
	most   int // sightings of one answer

	mu     sync.Mutex
	server server // what it said it is; zero before it was asked
}

// maxSightings bounds one answer. A window in which more jobs match is too wide
// for people to read.
const maxSightings = 50_000

// New gives a source for a checked configuration. It asks nothing of the server.
func New(kind Kind, c Config) (*Source, error) {
	own, err := newClient(c)
	if err != nil {
		return nil, err
	}
	return &Source{kind: kind, config: c, client: own, walks: 2, room: maxPath, most: maxSightings}, nil
}

// Name implements the source of a trace and the part of a status.
func (s *Source) Name() string { return "cms-" + string(s.kind) }

// Experiment is whose records these are.
func (s *Source) Experiment() grid.Experiment { return grid.CMS }

// Close ends the connections that are kept for later.
func (s *Source) Close() error {
	s.client.idle()
	return nil
}

// Check tells whether the server answers and has indices to be read.
func (s *Source) Check(ctx context.Context) error {
	if _, err := s.asked(ctx); err != nil {
		return err
	}
	names, err := s.names(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return s.noIndex()
	}
	return nil
}

func (s *Source) noIndex() error {
	return trouble.Errorf(nil, "%s has no index that is called %s. Look at %s.index, and at what the credentials may read.", s.Name(), s.config.Index, s.kind.Setting())
}

// Newest is when the newest record was written; zero when there is none.
func (s *Source) Newest(ctx context.Context) (time.Time, error) {
	names, err := s.names(ctx)
	if err != nil || len(names) == 0 {
		return time.Time{}, err
	}
	p, err := s.plan(ctx, names)
	if err != nil {
		return time.Time{}, err
	}
	a, err := s.ages(ctx, p, grid.Window{}, time.Now())
	return a.newest, err
}

// Details says what there is, a sentence each.
func (s *Source) Details(ctx context.Context) ([]string, error) {
	what, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	names, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	c := s.cover(names, grid.Window{}, time.Now())
	return []string{fmt.Sprintf("%s on %s.", c.sentence(), what)}, nil
}

func (c coverage) sentence() string {
	out := wording.Count(len(c.indices), "index", "indices")
	if !c.first.IsZero() {
		out += fmt.Sprintf(" of %s to %s", c.first.Format(time.DateOnly), c.last.Format(time.DateOnly))
	}
	return out
}
