//go:build crash

package survival

import (
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot"
)

var (
	duration = flag.Duration("duration", 0, "how long a load lasts; 0 is a short one for every test run")
	warm     = flag.Duration("warm", 0, "how long a load lasts before that: what fills once is full by then, and is not growth")
	rate     = flag.Float64("rate", 20, "events a second")
	only     = flag.String("database", "", "sqlite or postgres; empty is both")
	folder   = flag.String("folder", "", "a folder for what is measured; empty keeps nothing")
)

// lasts is how long a load lasts.
func lasts(short time.Duration) time.Duration {
	if *duration > 0 {
		return *warm + *duration
	}
	return short
}

// alongside lets a short load run beside others: they mostly wait.
func alongside(t *testing.T) {
	if *duration == 0 {
		t.Parallel()
	}
}

// onDatabases runs a load on the databases that were asked for.
func onDatabases(t *testing.T, load func(t *testing.T, database string)) {
	for _, database := range []string{onSQLite, onPostgres} {
		if *only == "" || *only == database {
			t.Run(database, func(t *testing.T) { load(t, database) })
		}
	}
}

// durableServer is a server that syncs as in production. It ends with the test.
func durableServer(t *testing.T) *postgrestest.Server {
	t.Helper()
	s, err := postgrestest.New("fsync = on", "full_page_writes = on")
	if err != nil {
		postgrestest.Missing(t, err)
	}
	t.Cleanup(func() { _ = s.Remove() }) // a test may have stopped it
	return s
}

// TestSoak loads one serve for a long time and looks whether it grows.
func TestSoak(t *testing.T) {
	alongside(t)
	onDatabases(t, func(t *testing.T, database string) {
		s := settings{database: database, speed: 300}
		if database == onPostgres {
			s.server = durableServer(t)
		}
		p := newPlace(t, s)
		serve, err := p.start("")
		if err != nil {
			t.Fatal(err)
		}
		defer serve.kill()
		if err := serve.listening(p); err != nil {
			t.Fatal(err)
		}
		c := newCrowd(p, 2*time.Minute)
		l := newLoad(c, *rate)
		m := &meter{
			p: p, counts: []*counts{&c.counts}, serve: serve, began: time.Now(), title: "soak-" + database,
			goroutines: func() (int, error) { return p.room.Goroutines(serve.cmd.Process.Pid), nil },
		}
		m.during(t, lasts(12*time.Second), time.Minute, l)
		want := l.end(t)
		m.sample(t)
		if err := errors.Join(p.quiet(patience), serve.stop()); err != nil {
			t.Errorf("%v\n%s", err, p.logs())
		}
		if l.fell() {
			m.report(t)
			t.Fatal("what was asked was not answered in time: the rest would only repeat it")
		}
		if err := errors.Join(p.checkRoom(c, false), p.checkGrid(want), p.checkLog()); err != nil {
			t.Error(err)
		}
		m.report(t)
	})
}

// people are those who do something on a place.
type people interface {
	tick()
	begins(who, line string) (t bot.Thread, answered func() error)
	propose(who, line string) (proposal, error)
	click(who string, a proposal, verdict string) error
	decide(who, line string, a proposal) error
	becomes(a proposal, want string) error
	voted(a proposal, people ...string) error
	forgive(t bot.Thread, lenient bool) error
}

// load is a mix of questions, actions and votes at a rate.
type load struct {
	c       people
	ticker  *time.Ticker
	targets []target // who are banned and unbanned
	quiet   bool     // no others are proposed
	over    atomic.Bool
	acts    sync.WaitGroup

	mu   sync.Mutex
	errs []error
	want map[string]int // done to the grid
	old  []finished     // threads that nobody needs any more
}

type finished struct {
	thread bot.Thread
	at     time.Time
}

func newLoad(c *crowd, perSecond float64) *load {
	l := loadOf(c, perSecond)
	c.pace = l.ticker.C
	return l
}

func loadOf(c people, perSecond float64) *load {
	return &load{c: c, ticker: time.NewTicker(time.Duration(float64(time.Second) / perSecond)), targets: targets, want: map[string]int{}}
}

// target is a user of the grid who is banned and unbanned again and again.
type target struct {
	name, proposer string
	accounts       []string
}

var targets = []target{
	{"Naughty Usher", "alice", []string{usher}},
	{"Mary McDonald", "mia", []string{"1005", "1006"}}, // by certificate and by token
	{"Li Wei", "noor", []string{liWei}},
}

// begin starts everybody: some act, and the rest of the rate are questions.
func (l *load) begin() {
	for _, who := range l.targets {
		l.acts.Go(func() {
			for !l.over.Load() {
				l.failed(l.banAndUnban(who))
			}
		})
	}
	l.acts.Go(func() {
		for !l.quiet && !l.over.Load() {
			l.failed(l.turnedDown())
		}
	})
	long := time.Now().Add(-12 * 24 * time.Hour).UTC().Format("2006-01-02T15:04Z") // its window is closed: it is not asked again
	questions := []string{`whois "Naughty User"`, "pending", "bans", "whoami", "help", "trace wn042.example.org " + long, `whois "Li Wei"`, "status"}
	people := []string{"alice", "mia", "noor", "omar", "bob", "carol"}
	l.acts.Go(func() {
		for n := 0; !l.over.Load(); n++ {
			line, who := questions[n%len(questions)], people[n/len(questions)%len(people)]
			// The pace is kept here, so that slow answers pile up as they would from people.
			l.c.tick()
			thread, answered := l.c.begins(who, line)
			l.acts.Go(func() {
				if err := answered(); err != nil {
					l.failed(err)
					return
				}
				l.finish(thread)
			})
		}
	})
}

func (l *load) failed(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errs) < maxNamed {
		l.errs = append(l.errs, err)
	}
	l.over.Store(true) // what follows would only fail, too
}

// fell reports whether the load was given up.
func (l *load) fell() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.errs) > 0
}

func (l *load) finish(threads ...bot.Thread) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range threads {
		l.old = append(l.old, finished{t, time.Now()})
	}
}

func (l *load) expect(what string, accounts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range accounts {
		l.want[what+" "+id]++
	}
}

func (l *load) banAndUnban(who target) error {
	ban, err := l.c.propose(who.proposer, fmt.Sprintf("ban %q cryptominer", who.name))
	if err != nil {
		return err
	}
	if err := l.c.click("bob", ban, "approve"); err != nil {
		return err
	}
	if err := l.c.decide("carol", "approve "+ban.id, ban); err != nil {
		return err
	}
	l.expect("ban", who.accounts)
	if err := l.c.becomes(ban, "settled"); err != nil {
		return err
	}
	unban, err := l.c.propose(who.proposer, fmt.Sprintf("unban %q false alarm", who.name))
	if err != nil {
		return err
	}
	if err := l.c.click("carol", unban, "approve"); err != nil {
		return err
	}
	l.expect("unban", who.accounts)
	err = errors.Join(l.c.becomes(unban, "settled"), l.c.voted(ban, "bob", "carol"), l.c.voted(unban, "carol"))
	l.finish(ban.thread, unban.thread)
	return err
}

// turnedDown proposes what is denied, and what is withdrawn.
func (l *load) turnedDown() error {
	ban, err := l.c.propose("omar", `ban "naughty user" cryptominer`)
	if err != nil {
		return err
	}
	if err := l.c.decide("bob", "deny "+ban.id+" wrong user", ban); err != nil {
		return err
	}
	unban, err := l.c.propose("omar", `unban "Ivan Petrov" asked for it`)
	if err != nil {
		return err
	}
	if err := l.c.click("omar", unban, "withdraw"); err != nil {
		return err
	}
	err = errors.Join(l.c.becomes(ban, "denied"), l.c.becomes(unban, "withdrawn"))
	l.finish(ban.thread, unban.thread)
	return err
}

// tidy checks threads that have been finished for a while, and forgets them.
func (l *load) tidy(age time.Duration) {
	l.mu.Lock()
	var due []bot.Thread
	l.old = slices.DeleteFunc(l.old, func(f finished) bool {
		if time.Since(f.at) < age {
			return false
		}
		due = append(due, f.thread)
		return true
	})
	l.mu.Unlock()
	for _, thread := range due {
		l.failed(l.c.forgive(thread, false))
	}
}

// end lets everybody finish what they began, and returns what must have been
// done to the grid.
func (l *load) end(t *testing.T) map[string]int {
	t.Helper()
	l.over.Store(true)
	l.acts.Wait()
	l.ticker.Stop()
	for _, err := range l.errs {
		t.Error(err)
	}
	return l.want
}

// sample is what was measured at a moment.
type sample struct {
	at          time.Duration
	events      int
	usage       usage
	goroutines  int
	size        int64 // of the database, bytes
	answers     int
	p50, p99    time.Duration
	slowest     time.Duration
	unansweredN int
}

// meter measures one serve.
type meter struct {
	p          *place
	counts     []*counts
	serve      *process
	goroutines func() (int, error) // of serve
	began      time.Time
	title      string
	samples    []sample
}

// during begins loads and measures until their time is over or one has failed.
// Threads that were finished for an age are checked and forgotten meanwhile.
func (m *meter) during(t *testing.T, whole, age time.Duration, loads ...*load) {
	t.Helper()
	ended := time.After(whole)
	every := time.NewTicker(m.interval(whole))
	defer every.Stop()
	for _, l := range loads {
		l.begin()
	}
	for running := true; running; {
		select {
		case <-every.C:
			m.sample(t)
			for _, l := range loads {
				l.tidy(age)
				running = running && !l.over.Load()
			}
		case <-m.serve.ended:
			t.Fatalf("serve ended: %v\n%s", m.serve.err, m.p.logs())
		case <-ended:
			running = false
		}
	}
}

// interval is ten seconds, and less where a load is short.
func (m *meter) interval(whole time.Duration) time.Duration { return min(10*time.Second, whole/8) }

func (m *meter) sample(t *testing.T) {
	t.Helper()
	u, err := m.serve.usage()
	if err != nil {
		t.Errorf("measuring serve: %v", err)
		return
	}
	size, err := m.p.size()
	if err != nil {
		t.Errorf("measuring the database: %v", err)
	}
	goroutines, err := m.goroutines()
	if err != nil {
		t.Errorf("measuring goroutines: %v", err)
	}
	var took []time.Duration
	events := 0
	for _, c := range m.counts {
		some, did := c.sinceLast()
		took, events = append(took, some...), events+did
	}
	slices.Sort(took)
	at := func(q float64) time.Duration {
		if len(took) == 0 {
			return 0
		}
		return took[min(int(q*float64(len(took))), len(took)-1)]
	}
	m.samples = append(m.samples, sample{
		at: time.Since(m.began), events: events, usage: u, goroutines: goroutines,
		size: size, answers: len(took), p50: at(0.5), p99: at(0.99), slowest: at(1), unansweredN: m.p.unacknowledged(),
	})
	if s := m.samples[len(m.samples)-1]; len(m.samples)%30 == 0 {
		say("%s %s: %d events, %.1f MB resident, %d descriptors, %d goroutines, database %.1f MB, answers p50 %s p99 %s", m.title, s.at.Round(time.Second),
			s.events, mb(s.usage.rss), s.usage.fds, s.goroutines, mb(s.size), s.p50.Round(time.Millisecond), s.p99.Round(time.Millisecond))
	}
	if err := m.csv(); err != nil {
		t.Error(err)
	}
}

func mb(n int64) float64 { return float64(n) / 1e6 }

// csv writes what was measured so far: a run that is cut short leaves it, too.
func (m *meter) csv() error {
	if *folder == "" {
		return nil
	}
	if err := os.MkdirAll(*folder, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(*folder, m.title+".csv"))
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	rows := [][]string{{"seconds", "events", "answers", "rss_bytes", "descriptors", "goroutines", "database_bytes", "p50_ms", "p99_ms", "slowest_ms", "not_acknowledged"}}
	ms := func(d time.Duration) string { return strconv.FormatFloat(float64(d)/1e6, 'f', 1, 64) }
	for _, s := range m.samples {
		rows = append(rows, []string{
			strconv.FormatFloat(s.at.Seconds(), 'f', 1, 64), strconv.Itoa(s.events), strconv.Itoa(s.answers), strconv.FormatInt(s.usage.rss, 10),
			strconv.Itoa(s.usage.fds), strconv.Itoa(s.goroutines), strconv.FormatInt(s.size, 10), ms(s.p50), ms(s.p99), ms(s.slowest), strconv.Itoa(s.unansweredN),
		})
	}
	return errors.Join(w.WriteAll(rows), f.Close())
}

// quarter sums up a part of the run.
type quarter struct {
	rss, fds, goroutines float64 // means
	perEvent             float64 // bytes of the database for each event
	p50, p99             time.Duration
}

func sumUp(all []sample) quarter {
	var q quarter
	n := float64(len(all))
	for _, s := range all {
		q.rss += float64(s.usage.rss) / n
		q.fds += float64(s.usage.fds) / n
		q.goroutines += float64(s.goroutines) / n
		q.p50 = max(q.p50, s.p50)
		q.p99 = max(q.p99, s.p99)
	}
	first, last := all[0], all[len(all)-1]
	if d := last.events - first.events; d > 0 {
		q.perEvent = float64(last.size-first.size) / float64(d)
	}
	return q
}

// verdictAfter is how long a load must last for its growth to say something.
const verdictAfter = 5 * time.Minute

// report prints the first and the last quarter and judges the growth.
func (m *meter) report(t *testing.T) {
	t.Helper()
	judged := m.samples
	for len(judged) > 0 && judged[0].at < *warm {
		judged = judged[1:]
	}
	n := len(judged)
	if n < 8 {
		t.Errorf("only %d samples", n)
		return
	}
	first, last := sumUp(judged[:n/4]), sumUp(judged[n-n/4:])
	end := judged[n-1]
	say("%s: %d events in %s (%.1f a second)", m.title, end.events, end.at.Round(time.Second), float64(end.events)/end.at.Seconds())
	say("| | first quarter | last quarter |\n|---|---|---|")
	say("| resident memory, mean | %.1f MB | %.1f MB |", first.rss/1e6, last.rss/1e6)
	say("| file descriptors, mean | %.0f | %.0f |", first.fds, last.fds)
	say("| goroutines, mean | %.0f | %.0f |", first.goroutines, last.goroutines)
	say("| database, bytes for each event | %.0f | %.0f |", first.perEvent, last.perEvent)
	say("| answers, worst p50 and p99 of a sample | %s, %s | %s, %s |", first.p50.Round(time.Millisecond), first.p99.Round(time.Millisecond), last.p50.Round(time.Millisecond), last.p99.Round(time.Millisecond))
	if err := m.p.explainSize(); err != nil {
		t.Errorf("what the database holds: %v", err)
	}
	if end.at-*warm < verdictAfter {
		say("verdict: too short to judge growth")
		return
	}
	steady := func(what string, first, last, slack float64) {
		if last > first*1.15+slack {
			t.Errorf("%s grew from %.0f to %.0f", what, first, last)
		}
	}
	steady("resident memory", first.rss, last.rss, 8e6)
	steady("the number of file descriptors", first.fds, last.fds, 3)
	steady("the number of goroutines", first.goroutines, last.goroutines, 8)
	steady("the database for each event", first.perEvent, last.perEvent, 200)
	if !t.Failed() {
		say("verdict: memory, descriptors and goroutines are steady; the database grows by the same for each event")
	}
}

// size is that of the database, with its log where that is a file beside it.
func (p *place) size() (int64, error) {
	var n int64
	if p.kind == onPostgres {
		err := p.db.QueryRow(`SELECT pg_database_size(current_database())`).Scan(&n)
		return n, err
	}
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(p.journal + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, nil
}

// explainSize prints what the database holds, by table.
func (p *place) explainSize() error {
	query := `SELECT coalesce(m.tbl_name, s.name), sum(s.pgsize) FROM dbstat s LEFT JOIN sqlite_master m ON m.name = s.name GROUP BY 1 ORDER BY 2 DESC LIMIT 8`
	if p.kind == onPostgres {
		query = `SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables ORDER BY 2 DESC LIMIT 8`
	}
	rows, err := p.db.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	say("the largest tables, with their indexes:")
	for rows.Next() {
		var name string
		var size int64
		if err := rows.Scan(&name, &size); err != nil {
			return err
		}
		var n int64
		if err := p.db.QueryRow(`SELECT count(*) FROM ` + name).Scan(&n); err != nil {
			return err
		}
		say("  %-18s %8.1f MB %9d rows", name, mb(size), n)
	}
	return rows.Err()
}
