package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/searchtest"
)

// aJob is one job of the last days, in whole minutes before now.
type aJob struct {
	user, host            string
	submitted, start, end int
}

// recent are documents of jobs that ended lately, and of looks at the queue.
type recent struct {
	prefix string
	now    time.Time
}

func (r recent) at(minutesAgo int) time.Time {
	return r.now.Add(-time.Duration(minutesAgo) * time.Minute)
}

func (r recent) document(index string, day time.Time, id string, source map[string]any) searchtest.Document {
	text, err := json.Marshal(source)
	if err != nil {
		panic(err) // of maps and strings
	}
	return searchtest.Document{Index: r.prefix + index + day.Format(time.DateOnly), ID: id, Source: text}
}

func (r recent) fields(j aJob) map[string]any {
	return map[string]any{
		"GlobalJobId": fmt.Sprintf("crab3@vocms0100.example#%d.0#%d", 1+j.submitted, r.at(j.submitted).Unix()), "ScheddName": "crab3@vocms0100.example",
		"Site": "T2_XX_A", "Type": "analysis", "CRAB_UserHN": j.user, "AccountingGroup": "analysis." + j.user, "NumJobStarts": 1,
	}
}

// finished is the document of es-cms.
func (r recent) finished(j aJob) searchtest.Document {
	f := r.fields(j)
	for name, ago := range map[string]int{"QDate": j.submitted, "JobStartDate": j.start, "JobCurrentStartDate": j.start, "CompletionDate": j.end, "EnteredCurrentStatus": j.end, "RecordTime": j.end} {
		f[name] = r.at(ago).Unix()
	}
	f["Status"], f["JobStatus"], f["NumShadowStarts"], f["LastRemoteHost"] = "Completed", 4, 1, "slot1_1@glidein_1_2@"+j.host
	return r.document("cms-", r.at(j.submitted), fmt.Sprintf("%s#%d", f["GlobalJobId"], f["RecordTime"]), f)
}

// looks are MONIT's documents of a job, of each 12 minutes until seen; gone adds
// the one of a removal.
func (r recent) looks(j aJob, gone bool) []searchtest.Document {
	var all []searchtest.Document
	add := func(ago int, f map[string]any) {
		ms := r.at(ago).UnixMilli()
		f["RecordTime"], f["QDate"], f["JobCurrentStartDate"] = ms, r.at(j.submitted).UnixMilli(), r.at(j.start).UnixMilli()
		id := fmt.Sprintf("%s#%d", f["GlobalJobId"], ms)
		all = append(all, r.document("monit_prod_condor_raw_metric-", r.at(ago), id, map[string]any{"data": f, "metadata": map[string]any{"timestamp": ms, "producer": "condor"}}))
	}
	for ago := j.start; ago > j.end; ago -= 12 {
		f := r.fields(j)
		f["Status"], f["RemoteHost"] = "Running", "slot1_1@glidein_1_2@"+j.host
		add(ago, f)
	}
	if gone {
		f := r.fields(j)
		f["Status"], f["JobStatus"], f["LastRemoteHost"], f["JobStartDate"], f["EnteredCurrentStatus"] = "Removed", 3, "slot1_1@glidein_1_2@"+j.host, r.at(j.start).UnixMilli(), r.at(j.end).UnixMilli()
		add(j.end, f)
	}
	return all
}

const minutesOfADay = 24 * 60

// TestWhatAServerLacksIsSaid: with MONIT down, an index gone or a shard failing, an
// answer gives what the rest knows, and names what is missing, wherever it is read.
func TestWhatAServerLacksIsSaid(t *testing.T) {
	t.Parallel()
	for _, kind := range searched {
		t.Run(string(kind), func(t *testing.T) { lacking(t, searchtest.One(t, kind)) })
	}
}

func lacking(t *testing.T, s searchtest.Server) {
	t.Helper()
	r := recent{templated(t, s), time.Now().UTC().Truncate(time.Minute)}
	docs := []searchtest.Document{
		r.finished(aJob{"astrid", "wn1.example.org", 900, 850, 700}),
		r.finished(aJob{"boris", "wn1.example.org", 900 + minutesOfADay, 800, 600}), // whose index will be lost
		r.finished(aJob{"else", "wn2.example.org", 901, 850, 20}),
		r.finished(aJob{"else", "wn2.example.org", 900 + 2*minutesOfADay, 850, 30}),
		r.finished(aJob{"else", "wn2.example.org", 900 + 3*minutesOfADay, 850, 30}),
		r.finished(aJob{"else", "wn2.example.org", 40, 35, 30}),
	}
	docs = append(docs, r.looks(aJob{"carla", "wn1.example.org", 880, 840, 650}, true)...) // killed: es-cms never got it
	docs = append(docs, r.looks(aJob{"else", "wn2.example.org", 1500, 1490, 0}, false)...)
	s.Load(t, slices.Values(docs))
	finished, snapshots := s.Proxy(t), s.Proxy(t)
	cfg := onCMS(t, searching(finished.URL, snapshots.URL, r.prefix, "2d"))
	question := []string{"wn1.example.org", r.at(820).Format(time.RFC3339), "to=" + r.at(640).Format(time.RFC3339), "site=T2_XX_A"}
	lost := r.at(900 + minutesOfADay).Format(time.DateOnly)
	for _, x := range []struct {
		what   string
		change func()
		people []string // usernames
		source string
		state  string
		says   string
	}{
		{"all is well", func() {}, []string{"astrid", "boris", "carla"}, "cms-elastic", "complete", ""},
		{"MONIT is down", func() { snapshots.Set(func(*http.Request) searchtest.Fault { return searchtest.Dropped() }) }, []string{"astrid", "boris"}, "cms-monit", "failed", "cannot be reached"},
		{"a shard fails", func() {
			snapshots.Set(nil)
			finished.Set(func(q *http.Request) searchtest.Fault {
				if strings.HasSuffix(q.URL.Path, "/_search") {
					return searchtest.ShardFailed()
				}
				return searchtest.Fault{}
			})
		}, []string{"astrid", "boris", "carla"}, "cms-elastic", "partial", "shards could not be searched"},
		{"an index is gone", func() {
			finished.Set(nil)
			s.Call(t, http.MethodDelete, "/"+r.prefix+"cms-"+lost, nil)
		}, []string{"astrid", "carla"}, "cms-elastic", "partial", "there is no index of " + lost},
	} {
		x.change()
		a, status := traceOn(t, cfg, question)
		var people []string
		for _, p := range a.Trace.People {
			people = append(people, p.Username)
		}
		slices.Sort(people)
		whole := x.says == ""
		if diff := cmp.Diff(x.people, people); diff != "" || (status == exitOK) != whole || a.Trace.Complete != whole || (a.State == "partial") == whole {
			t.Errorf("%s: status %d, %s, complete %t, people %s", x.what, status, a.State, a.Trace.Complete, diff)
		}
		if state, notes := a.source(x.source); state != x.state || !strings.Contains(notes, x.says) {
			t.Errorf("%s: %s is %s and says %q", x.what, x.source, state, notes)
		}
		talk := talkOn(t, cfg, question)
		sameWords(t, a, talk)
		contains(t, x.what, talk, append([]string{x.says}, x.people...)...)
		if strings.Contains(talk, "Every source was complete.") != whole || strings.Contains(talk, "Not everything could be searched: there may be more.") == whole {
			t.Errorf("%s: whether that is all is not said rightly:\n%s", x.what, talk)
		}
	}
}

// TestWhoAppearsLaterIsPosted: a window that is open is looked at again, also by a
// program that was started since, and whoever is new is posted in the thread.
func TestWhoAppearsLaterIsPosted(t *testing.T) {
	t.Parallel()
	s := searchtest.One(t, searchtest.OS2)
	r := recent{templated(t, s), time.Now().UTC().Truncate(time.Minute)}
	s.Load(t, slices.Values(append(
		r.looks(aJob{"astrid", "wn1.example.org", 90, 60, 0}, false),
		r.finished(aJob{"else", "wn2.example.org", 100, 90, 20}), r.finished(aJob{"else", "wn2.example.org", 100 + minutesOfADay, 90, 20}),
	)))
	cfg := onCMS(t, searching(s.URL, s.URL, r.prefix, "1d"))
	serving := func() (*service, io.Writer) {
		in, keyboard := io.Pipe()
		t.Cleanup(func() { _ = keyboard.Close() })
		return startServe(t, cfg, in), keyboard
	}
	first, keyboard := serving()
	fmt.Fprintln(keyboard, "alice> trace wn1.example.org", r.at(50).Format(time.RFC3339))
	contains(t, "the first answer", first.said("Next:"), "astrid")
	if status := first.ends(); status != exitOK {
		t.Errorf("status %d", status)
	}

	s.Load(t, slices.Values(r.looks(aJob{"bela", "wn1.example.org", 30, 24, 0}, false)))
	tamper(t, filepath.Dir(cfg), `UPDATE work SET at = 1, due = 1 WHERE kind = 'again'`) // as if an hour had gone by
	second, _ := serving()
	later := second.said("New: bela (confirmed)")
	contains(t, "the later answer", later, "Looked again at wn1.example.org: 1 change")
	if strings.Contains(later, "New: astrid") {
		t.Errorf("who was known is new:\n%s", later)
	}
	second.ends()
	if threads := spoken(t, cfg); len(threads) != 2 || threads[0] != threads[1] {
		t.Errorf("it was said in the threads %q", threads)
	}
}

// said waits until the terminal shows text, and returns all that it shows.
func (s *service) said(text string) string {
	s.t.Helper()
	late := time.After(2 * time.Minute) // servers that do much else
	for {
		if seen := flowing(s.out.String()); strings.Contains(seen, text) {
			return seen
		}
		select {
		case <-s.out.wrote:
		case <-late:
			s.t.Fatalf("%q was not said:\n%s\n%s", text, &s.out, &s.err)
		}
	}
}

// spoken are the threads of all that was said, in its order.
func spoken(t *testing.T, cfg string) (threads []string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(cfg), "gridwarden.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT thread FROM outbox WHERE state = 'said' ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var thread string
		if err := rows.Scan(&thread); err != nil {
			t.Fatal(err)
		}
		threads = append(threads, thread)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return threads
}
