package trace_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// told is what a trace told of how far it was, and how it ended.
type told struct {
	so     func() bot.Message
	times  int
	answer chan bot.Message
}

// begins asks in the background and waits until the sources are asked.
func begins(t *testing.T, all []bot.Command, personal bool, words ...string) *told {
	t.Helper()
	c, r := request(t, all, "trace", words...)
	out := &told{answer: make(chan bot.Message, 1)}
	r.Personal = personal
	r.Told = func(so func() bot.Message) { out.so, out.times = so, out.times+1 }
	go func() {
		m, err := c.Run(context.Background(), r)
		if err != nil {
			t.Error(err)
		}
		out.answer <- m
	}()
	synctest.Wait()
	return out
}

// waiting is a source that answers what its jobs say when it is released.
func waiting(name string, jobs ...grid.Job) (s *source, release chan error) {
	release = make(chan error)
	s = &source{name: name, jobs: jobs}
	s.instead = func(context.Context) (grid.Found, error) {
		if err := <-release; err != nil {
			return grid.Found{}, err
		}
		f := grid.Found{Report: grid.Report{State: grid.Complete, Records: len(jobs), Matched: len(jobs)}}
		for _, j := range jobs {
			j.Experiment, j.Source = grid.CMS, name
			f.Sightings = append(f.Sightings, grid.Sighting{Job: j, Confidence: grid.Confirmed, Host: "wn1.example.org", Why: "LastRemoteHost"})
		}
		return f, nil
	}
	return s, release
}

// TestSoFar follows a trace from source to source: each state says that it is not
// complete and who is still asked, names whom is known of, and never says that
// somebody is not there.
func TestSoFar(t *testing.T) {
	inJune(t, func(t *testing.T) {
		elastic, first := waiting("cms-elastic", job("s#1.0", "jdoe", "wn1.example.org", 5, 65))
		panda, second := waiting("panda")
		logs, third := waiting("cms-logs")
		all := commands([]*source{elastic, panda}, logs)
		out := begins(t, all, true, "wn1.example.org", "2026-06-24T12:00Z")
		state := func(wanted ...string) {
			t.Helper()
			m := out.so()
			says(t, m, append(wanted, "Who ran on wn1.example.org", "Not complete: ", "The answer will stand here.", "Searched: 2026-06-24 11:50:00 UTC")...)
			neverSays(t, m, "No one", "no one", "Next:", "Every source", "every source was complete")
			if !m.Partial || m.Answer != nil || len(m.Buttons)+len(m.Files) > 0 {
				t.Errorf("%+v", m)
			}
		}
		state("still asking cms-elastic, panda, cms-logs", "Nobody can be named or ruled out yet.", "• panda (cms): still asked")
		second <- nil
		synctest.Wait()
		state("still asking cms-elastic, cms-logs.", "Nobody can be named or ruled out yet.", "• panda (cms): complete; 0 jobs matched")
		first <- nil
		synctest.Wait()
		state("still asking cms-logs.", "So far: 1 person confirmed, 0 possible, 1 job. There may be more", "• jdoe (cms) · confirmed · 1 job", "• cms-logs (cms): still asked")
		third <- errors.New("gone")
		synctest.Wait()
		state("every source has answered, and what they know is put together", "• cms-logs (cms): failed")
		if out.times != 4 {
			t.Errorf("told %d times", out.times)
		}
		m := <-out.answer
		answertest.Valid(t, m)
		says(t, m, "1 person confirmed, 0 possible, 1 job. Not everything could be searched")
		neverSays(t, m, "still ask", "will stand here")
	})
}

// TestSoFarWithholds names nobody where people may not be named.
func TestSoFarWithholds(t *testing.T) {
	inJune(t, func(t *testing.T) {
		elastic, first := waiting("cms-elastic", job("s#1.0", "jdoe", "wn1.example.org", 5, 65))
		panda, second := waiting("panda")
		out := begins(t, commands([]*source{elastic, panda}), false, "wn1.example.org", "2026-06-24T12:00Z")
		first <- nil
		synctest.Wait()
		m := out.so()
		says(t, m, "So far: 1 person confirmed", "Names are withheld")
		neverSays(t, m, "jdoe")
		second <- nil
		<-out.answer
	})
}

// TestWhatIsLeftOutIsNotWaitedFor names as asked only who is asked.
func TestWhatIsLeftOutIsNotWaitedFor(t *testing.T) {
	inJune(t, func(t *testing.T) {
		elastic, first := waiting("cms-elastic")
		out := begins(t, commands([]*source{elastic, {name: "panda"}}), true, "wn1.example.org", "2026-06-24T12:00Z", "source=cms-elastic")
		if m := out.so(); strings.Contains(m.Plain(), "panda") {
			t.Errorf("panda is not asked:\n%s", m.Plain())
		}
		first <- nil
		<-out.answer
	})
}
