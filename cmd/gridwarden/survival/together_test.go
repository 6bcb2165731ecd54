//go:build crash

package survival

import (
	"errors"
	"flag"
	"testing"
	"time"
)

var each = flag.Float64("each", 10, "events a second on each chat, of those that run together")

// TestTogether loads one serve on Mattermost, Slack and Discord at once, and looks
// whether it grows.
func TestTogether(t *testing.T) {
	alongside(t)
	chats := []chat{&onMattermost{full: true}, &onSlack{}, &onDiscord{}}
	s := settings{database: onSQLite, chats: chats, speed: 300}
	if *only == onPostgres {
		s.database, s.server = onPostgres, durableServer(t)
	}
	p := newPlace(t, s)
	serve, err := p.start("")
	if err != nil {
		t.Fatal(err)
	}
	defer serve.kill()
	if err := errors.Join(serve.listening(p), p.connect()); err != nil {
		t.Fatalf("%v\n%s", err, p.logs())
	}
	m := &meter{p: p, serve: serve, began: time.Now(), title: "soak-chats", goroutines: p.goroutines}
	var circles []*circle
	var loads []*load
	for i, on := range chats {
		c := newCircle(on, 2*time.Minute)
		l := loadOf(c, *each)
		// They share one grid: each bans somebody else, and one is turned down.
		l.targets, l.quiet = targets[i:i+1], i > 0
		c.pace, c.others = l.ticker.C, i == 0
		circles, loads, m.counts = append(circles, c), append(loads, l), append(m.counts, &c.counts)
	}
	m.during(t, lasts(10*time.Second), 20*time.Second, loads...)
	want := map[string]int{}
	fell := false
	for _, l := range loads {
		l.over.Store(true)
	}
	for _, l := range loads {
		for what, n := range l.end(t) {
			want[what] += n
		}
		fell = fell || l.fell()
	}
	m.sample(t)
	if err := errors.Join(p.quiet(patience), serve.stop()); err != nil {
		t.Errorf("%v\n%s", err, p.logs())
	}
	m.report(t)
	if fell {
		t.Fatal("what was asked was not answered in time: the rest would only repeat it")
	}
	for _, c := range circles {
		if err := c.check(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(p.checkGrid(want), p.checkLog()); err != nil {
		t.Error(err)
	}
}
