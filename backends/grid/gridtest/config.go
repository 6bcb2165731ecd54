package gridtest

import (
	"math"
	"time"
)

// Config says what to generate. Its zero value is a small world.
type Config struct {
	Jobs int    // of the background, beside the planted ones; 20,000 when zero
	Seed uint64 // another seed is another world

	// Now is the moment at which the records were collected: what runs then has no
	// record of its end. The default lies in November 2025, so that the night at
	// which Europe's summer time ended is among the days.
	Now  time.Time
	Days int // before Now; when zero as many as give 20,000 jobs a day, 14 to 90

	// Every is how often MONIT's snapshots are taken. The real spider's 12 minutes
	// give 20 documents a job; the default is a tenth of them.
	Every time.Duration

	// Logs is how many of the background's pilots get logs: one in so many. None
	// when zero; the planted pilots have theirs anyhow.
	Logs int
}

// The periods of the CMS spider: a history and a queue run each 12 minutes.
const (
	spiderEvery = 720
	sparseEvery = 10 * spiderEvery
)

func (c Config) withDefaults() Config {
	if c.Jobs <= 0 {
		c.Jobs = 20_000
	}
	if c.Now.IsZero() {
		c.Now = time.Date(2025, 11, 5, 12, 0, 0, 0, time.UTC)
	}
	if c.Days < 14 { // the incidents lie in the first 9 days
		c.Days = int(math.Min(90, math.Max(14, float64(c.Jobs)/20_000)))
	}
	if c.Every <= 0 {
		c.Every = sparseEvery * time.Second
	}
	return c
}

// Generator makes the records of one world. Each of its sequences simulates the
// world anew, in bounded memory, whatever its size. It is safe for concurrent use.
type Generator struct {
	config     Config
	begin, now int64 // Unix seconds
	every      int64
	sites      []*site
	users      []*user
	zipf       []float64 // cumulative weights of users
	weights    []float64 // cumulative weights of sites
	planted    *planted
}

// New prepares a world.
func New(c Config) *Generator {
	c = c.withDefaults()
	g := &Generator{config: c, now: c.Now.Unix(), every: int64(c.Every / time.Second)}
	g.begin = g.now - int64(c.Days)*day
	g.sites = newSites(c)
	for i, total := 0, 0.0; i < len(g.sites); i++ {
		total += g.sites[i].weight
		g.weights = append(g.weights, total)
	}
	g.users = newUsers(c.Seed)
	for i, total := 0, 0.0; i < len(g.users); i++ {
		total += 1 / math.Pow(float64(i+1), 1.1)
		g.zipf = append(g.zipf, total)
	}
	g.planted = g.plant()
	return g
}

// Now is the moment at which the records were collected.
func (g *Generator) Now() time.Time { return time.Unix(g.now, 0).UTC() }

const (
	minutes = 60
	hours   = 3600
	day     = 24 * hours
)
