package cric

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Name is the word for CRIC in answers.
const Name = "cric"

// How CRIC is asked, and by how much longer an answer is waited for when there is
// an old one.
const (
	askFor   = 45 * time.Second // for all tries together
	pause    = time.Minute      // after a failure, before it is asked again
	patience = 3 * time.Second
)

// Directory is CRIC's users. It is safe for concurrent use.
type Directory struct {
	config  Config
	from    origin
	pause   time.Duration
	wait    time.Duration
	ctx     context.Context //nolint:containedctx // ends with Close: an answer is read for everybody who waits, not for who asked first
	cancel  context.CancelFunc
	readers sync.WaitGroup

	mu      sync.Mutex
	last    *reading      // the last good one; nil: none
	failed  error         // why the latest try failed; nil: it did not
	tried   time.Time     // when it was
	reading chan struct{} // closed when the try that is going on is over; nil: none
}

// reading is one good answer.
type reading struct {
	register *grid.Register
	spoiled  int
	read     time.Time // when it was read
	mark     any       // by which its origin knows it again
}

// origin is where answers come from.
type origin interface {
	// fresh tells whether an answer would be read again just as it is.
	fresh(last reading, now time.Time) bool
	// read gives an answer, of what time it is, and a mark for fresh.
	read(ctx context.Context) (data []byte, asOf time.Time, mark any, err error)
}

// New gives the directory of the configured file or server. Nothing is read yet.
func New(c Config) *Directory {
	c = c.settled()
	d := &Directory{config: c, pause: pause, wait: patience}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	if c.File != "" {
		d.from, d.pause = snapshot{path: c.File}, 0
	} else {
		d.from = server{config: c}
	}
	return d
}

// Close ends what is being read.
func (d *Directory) Close() error {
	d.cancel()
	d.readers.Wait()
	return nil
}

// Name implements what commands ask.
func (d *Directory) Name() string { return Name }

// Experiment is CMS: so is every login here.
func (d *Directory) Experiment() grid.Experiment { return grid.CMS }

// Register gives the people of CRIC: as it tells them now, or the last good
// answer with a note of why and how old that is. The error is a Trouble, or that
// of ctx.
func (d *Directory) Register(ctx context.Context) (*grid.Register, error) {
	last, failed := d.current(ctx)
	if last == nil {
		return nil, failed
	}
	r := *last.register
	r.Notes = d.notes(*last, failed)
	return &r, nil
}

// notes are what people must know of an answer.
func (d *Directory) notes(last reading, failed error) []string {
	var out []string
	if failed != nil {
		out = append(out, "it could not be asked just now, so this is its last good answer")
	}
	if old := time.Since(last.register.AsOf); old > d.config.StaleAfter {
		out = append(out, fmt.Sprintf("what it says is %d days old: who registered or changed a certificate since then is not known", int(old.Hours()/24)))
	}
	return out
}

// Check tells whether CRIC can be read now. When it cannot, the sentence says
// what stands in for it.
func (d *Directory) Check(ctx context.Context) error {
	last, failed := d.current(ctx)
	if failed == nil || last == nil {
		return failed
	}
	t := &Trouble{Cause: failed, Sentence: "CRIC could not be asked."}
	if p, ok := failed.(interface{ ForPeople() string }); ok {
		t.Sentence = p.ForPeople()
	}
	t.Sentence += fmt.Sprintf(" Its answer of %s UTC is used.", last.register.AsOf.Format("2006-01-02 15:04"))
	return t
}

// Newest is of what time the answer is; zero when there is none.
func (d *Directory) Newest(ctx context.Context) (time.Time, error) {
	last, failed := d.current(ctx)
	if last == nil {
		return time.Time{}, failed
	}
	return last.register.AsOf, nil
}

// Details says what is in the answer and what of it is not usable.
func (d *Directory) Details(ctx context.Context) ([]string, error) {
	last, failed := d.current(ctx)
	if last == nil {
		return nil, failed
	}
	out := []string{fmt.Sprintf("%d people", last.register.People())}
	if logins, dns := last.register.Contested(); logins+dns > 0 {
		out = append(out, fmt.Sprintf("%d logins and %d DNs are registered for several people and name nobody", logins, dns))
	}
	if last.spoiled > 0 {
		out = append(out, fmt.Sprintf("%d entries could not be read, or not whole", last.spoiled))
	}
	return append(out, d.notes(*last, failed)...), nil
}

// current gives the last good answer, nil when there is none, after a try to have
// a new one where that is due. The error is why the latest try failed.
func (d *Directory) current(ctx context.Context) (*reading, error) {
	d.mu.Lock()
	now := time.Now()
	due := d.last == nil || d.failed != nil || !d.from.fresh(*d.last, now)
	if due && d.reading == nil && (d.failed == nil || now.Sub(d.tried) >= d.pause) && d.ctx.Err() == nil {
		d.reading = make(chan struct{})
		d.readers.Go(d.read)
	}
	wait, have := d.reading, d.last != nil
	d.mu.Unlock()

	if wait != nil && due {
		var enough <-chan time.Time
		if have {
			t := time.NewTimer(d.wait)
			defer t.Stop()
			enough = t.C
		}
		select {
		case <-wait:
		case <-enough:
		case <-ctx.Done():
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.last != nil || d.failed != nil:
		return d.last, d.failed
	case ctx.Err() != nil:
		return nil, fmt.Errorf("cric: waiting for the answer: %w", ctx.Err())
	}
	return nil, &Trouble{Sentence: "CRIC is not asked any more: the program stops."}
}

// read tries to have a new answer, whoever still waits for it.
func (d *Directory) read() {
	ctx, cancel := context.WithTimeout(d.ctx, askFor)
	defer cancel()
	next, err := d.try(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tried, d.failed = time.Now(), err
	if err == nil {
		d.last = next
	}
	close(d.reading)
	d.reading = nil
}

func (d *Directory) try(ctx context.Context) (*reading, error) {
	data, asOf, mark, err := d.from.read(ctx)
	if err != nil {
		return nil, err
	}
	a, err := parse(data)
	if err != nil {
		return nil, &Trouble{Sentence: d.unreadable(), Cause: err}
	}
	next := &reading{register: grid.NewRegister(Name, grid.CMS, asOf, a.entries), spoiled: a.spoiled, read: time.Now(), mark: mark}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil && d.config.File == "" && 2*next.register.People() < d.last.register.People() {
		return nil, &Trouble{Sentence: fmt.Sprintf("CRIC told of %d people, where there were %d before: that is taken for a broken answer. Start the program anew if it is right.", next.register.People(), d.last.register.People())}
	}
	return next, nil
}

func (d *Directory) unreadable() string {
	if d.config.File != "" {
		return fmt.Sprintf("The file %s has no users as CRIC tells them. Save the answer of %s there.", d.config.File, usersPath)
	}
	return "CRIC's answer has no users that could be read: it may be a login page, or half an answer. Look at backends.cms.cric.url and at the certificate or token."
}
