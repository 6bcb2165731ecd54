package gridtest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// digests reads everything that a world gives.
func digests(t *testing.T, g *Generator) map[string]string {
	t.Helper()
	out := map[string]string{}
	put := func(name string, fill func(hash.Hash)) {
		h := sha256.New()
		fill(h)
		out[name] = fmt.Sprintf("%x", h.Sum(nil))
	}
	docs := func(all iter.Seq[Doc]) func(hash.Hash) {
		return func(h hash.Hash) {
			for d := range all {
				fmt.Fprintf(h, "%s %s %s\n", d.Index, d.ID, d.Source)
			}
		}
	}
	ads := func(all iter.Seq2[string, []byte]) func(hash.Hash) {
		return func(h hash.Hash) {
			for schedd, ad := range all {
				fmt.Fprintf(h, "%s %s\n", schedd, ad)
			}
		}
	}
	put("es-cms", docs(g.ESCMS()))
	put("MONIT", docs(g.MONIT()))
	put("history", ads(g.History()))
	put("epochs", ads(g.Epochs()))
	put("logs", func(h hash.Hash) {
		for l := range g.PilotLogs() {
			fmt.Fprintf(h, "%s %s %s\n", l.Path, l.Out, l.Err)
		}
	})
	put("questions", func(h hash.Hash) {
		text, err := json.Marshal(g.Questions())
		if err != nil {
			t.Error(err)
		}
		h.Write(text)
	})
	return out
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	one := digests(t, New(Config{Jobs: 1500, Seed: 7, Logs: 5}))
	g := New(Config{Jobs: 1500, Seed: 7, Logs: 5})
	for range 2 { // a second reading is equal, too
		for what, sum := range digests(t, g) {
			if one[what] != sum {
				t.Errorf("%s differ", what)
			}
		}
	}
	for what, sum := range digests(t, New(Config{Jobs: 1500, Seed: 8})) {
		if one[what] == sum {
			t.Errorf("%s of another seed are the same", what)
		}
	}
}

// TestWorldIsLikeTheRealOne: the shares on which the traps depend.
func TestWorldIsLikeTheRealOne(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 20_000, Seed: 3})
	var n, otherDay, several, removed, unhooked, crab, production, spoilt int
	byUser := map[string]int{}
	bySite := map[string]int{}
	g.walk(visitor{
		job: func(j *job) bool {
			n++
			if indexDay(j.submitted) != indexDay(j.last().start) {
				otherDay++
			}
			if len(j.runs) > 1 {
				several++
			}
			if j.removed {
				removed++
				if j.noHook {
					unhooked++
				}
			}
			if j.kind == analysis {
				crab++
				byUser[j.login]++
			} else {
				production++
			}
			bySite[j.last().pilot.site.name]++
			at := j.submitted
			for _, r := range j.runs {
				if r.start < at || r.end < r.start || r.start < r.pilot.start || r.end > r.pilot.end || r.start > g.now {
					spoilt++
				}
				at = r.end
			}
			return true
		},
	})
	if spoilt > 0 {
		t.Errorf("%d runs lie before their job, outside their pilot or in the future", spoilt)
	}
	share := func(what string, part, whole int, low, high float64) {
		if x := float64(part) / float64(whole); x < low || x > high {
			t.Errorf("%s: %.3f, want %.3f to %.3f", what, x, low, high)
		}
	}
	share("jobs in the index of another day than that of their start", otherDay, n, 0.15, 0.6)
	share("jobs of several runs", several, n, 0.05, 0.09)
	share("removed", removed, n, 0.055, 0.075)
	share("removed without any note of it", unhooked, removed, 0.002, 0.03)
	share("analysis", crab, n, 0.6, 0.7)
	share("at the largest site", bySite["T1_US_FNAL"], n, 0.08, 0.2)
	most := 0
	for _, of := range byUser {
		most = max(most, of)
	}
	share("of the busiest user", most, crab, 0.08, 0.35)
	if len(byUser) < 300 || len(bySite) < 45 {
		t.Errorf("%d users at %d sites", len(byUser), len(bySite))
	}
}

// TestPilotsHaveEightCores: what starts in a pilot finds its slot free and
// its cores, but for the earlier runs of jobs, which are put there afterwards.
func TestPilotsHaveEightCores(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 4000, Seed: 5})
	pilots := 0
	g.walk(visitor{pilot: func(p *pilot, runs []placed) bool {
		if !slices.Contains(g.planted.pilots, p) {
			pilots++
			checkCores(t, p, runs)
		}
		return true
	}})
	if pilots < 50 {
		t.Errorf("only %d pilots", pilots)
	}
}

func checkCores(t *testing.T, p *pilot, runs []placed) {
	t.Helper()
	for _, a := range runs {
		used := 0
		for _, b := range runs {
			latest := b.run == b.job.last()
			if !latest || b.run.start > a.run.start || b.run.end <= a.run.start {
				continue
			}
			used += b.job.cpus
			if a.job != b.job && a.run == a.job.last() && a.run.slot == b.run.slot {
				t.Errorf("%s: two jobs in slot %d", p.startd, a.run.slot)
			}
		}
		if used > 8 {
			t.Errorf("%s: %d cores are used", p.startd, used)
		}
	}
}

// TestRecordsAreReadAsTheyAreMeant: grid's reading of every kind of record gives
// back what truly happened.
func TestRecordsAreReadAsTheyAreMeant(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 1500, Seed: 2})
	jobs := map[string]*job{}
	g.walk(visitor{job: func(j *job) bool { jobs[j.id()] = j; return true }})
	kinds := map[grid.RecordKind]int{}
	check := func(what string, source []byte, run func(*job, grid.Job) (run, bool)) {
		var rec map[string]any
		d := json.NewDecoder(bytes.NewReader(source))
		d.UseNumber()
		if err := d.Decode(&rec); err != nil {
			t.Fatalf("%s: %v: %s", what, err, source)
		}
		got, err := grid.JobFromRecord(rec, what)
		if err != nil {
			t.Fatalf("%s: %v: %s", what, err, source)
		}
		j := jobs[got.ID]
		if j == nil {
			t.Fatalf("%s: no job has the id %s", what, got.ID)
		}
		r, ok := run(j, got)
		kinds[got.Kind]++
		host, _ := grid.HostOf(r.pilot.site.self(r.node))
		switch {
		case !ok:
			t.Errorf("%s: %s was not there: %s", what, got.ID, source)
		case !slices.ContainsFunc(got.Hosts, func(c grid.HostClaim) bool { return c.Last && c.Host == host }):
			t.Errorf("%s: hosts %v, not %s", what, got.Hosts, host)
		case got.Site != r.pilot.site.name, !got.Start.Equal(time.Unix(r.start, 0)), got.Pilot.ID.Cluster != r.pilot.cluster, got.Pilot.ID.Proc != r.pilot.proc:
			t.Errorf("%s: %+v, not %+v", what, got, r)
		case got.Kind != grid.Snapshot && !got.End.Equal(time.Unix(r.end, 0)) && !got.End.Equal(time.Unix(r.end+1, 0)):
			t.Errorf("%s: ended %s", what, got.End)
		case grid.Resolve(got, nil).Username != j.person():
			t.Errorf("%s: %+v is not %s", what, got.Identities, j.person())
		}
	}
	last := func(j *job, _ grid.Job) (run, bool) { return j.last(), j.end() <= g.now }
	at := func(j *job, got grid.Job) (run, bool) {
		i := slices.IndexFunc(j.runs, func(r run) bool { return r.start == got.Start.Unix() })
		return j.runs[max(i, 0)], i >= 0
	}
	for d := range g.ESCMS() {
		check("es-cms", d.Source, last)
		if j := jobs[strings.Join(strings.Split(d.ID, "#")[:3], "#")]; j == nil || d.Index != "cms-"+indexDay(j.submitted) || d.Index == "cms-"+g.planted.missingDay {
			t.Errorf("%s lies in %s", d.ID, d.Index)
		}
	}
	for d := range g.MONIT() {
		check("MONIT", d.Source, at)
	}
	for _, ad := range g.History() {
		check("history", ad, last)
	}
	for _, ad := range g.Epochs() {
		check("epochs", ad, at)
	}
	for _, k := range []grid.RecordKind{grid.Finished, grid.Snapshot, grid.Epoch} {
		if kinds[k] == 0 {
			t.Errorf("no record is %s", k)
		}
	}
}

// TestEveryIncidentIsThere: each has an answer, and somebody to mix it up with.
func TestEveryIncidentIsThere(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 5000, Seed: 4})
	asked := map[string]int{}
	for _, q := range g.Questions() {
		asked[q.Incident]++
		if len(q.Truth) == 0 {
			t.Errorf("(%s) %s: nobody was there", q.Incident, q.About)
		}
		for _, e := range q.Truth {
			if slices.Contains(q.Never, e.Job) {
				t.Errorf("(%s) %s: %s was and was not there", q.Incident, q.About, e.Job)
			}
		}
		if q.Incident != "" {
			checkSeen(t, q)
		}
	}
	for c := 'a'; c <= 'r'; c++ {
		if asked[string(c)] == 0 {
			t.Errorf("incident (%c) is not asked about", c)
		}
	}
	if asked[""] != background {
		t.Errorf("%d questions about the background", asked[""])
	}
}

// checkSeen: an incident whose point is that some records lack the job has one
// that they lack.
func checkSeen(t *testing.T, q Question) {
	t.Helper()
	lacks := func(s Sources) bool {
		return slices.ContainsFunc(q.Truth, func(e Expected) bool { return e.By&s == 0 })
	}
	disputed := slices.ContainsFunc(q.Truth, func(e Expected) bool { return e.Disputed })
	switch q.Incident {
	case "j", "p":
		if !lacks(ESCMS) || lacks(ESCMS|MONIT) {
			t.Errorf("(%s): es-cms must lack somebody, MONIT nobody: %v", q.Incident, q.Truth)
		}
	case "l":
		if !lacks(ESCMS|History|Epochs) || lacks(MONIT) || q.Query.OpenUntil.IsZero() {
			t.Errorf("(l): %v", q.Truth)
		}
	case "n":
		if !lacks(ESCMS|MONIT|History|Epochs) || lacks(ESCMS|PilotLogs) {
			t.Errorf("(n): %v", q.Truth)
		}
	case "o":
		if !disputed {
			t.Error("(o): nobody is disputed")
		}
	}
	if disputed && q.Incident != "o" {
		t.Errorf("(%s): somebody is disputed", q.Incident)
	}
}

// TestWriteWritesTheSame: the files hold what the sequences give.
func TestWriteWritesTheSame(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 800, Seed: 6})
	dir := t.TempDir()
	steps := 0
	for range 2 { // over what is there
		if err := g.Write(dir, func(Progress) { steps++ }); err != nil {
			t.Fatal(err)
		}
	}
	if steps == 0 {
		t.Error("no progress was told")
	}
	for name, docs := range map[string]iter.Seq[Doc]{ESCMSFile: g.ESCMS(), MONITFile: g.MONIT()} {
		var want []byte
		for d := range docs {
			want = append(append(append(want, d.BulkAction()...), d.Source...), '\n')
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has other documents (%v)", name, err)
		}
	}
	for folder, all := range map[string]iter.Seq2[string, []byte]{HistoryFolder: g.History(), EpochsFolder: g.Epochs()} {
		want := map[string][]string{}
		for schedd, ad := range all {
			want[schedd] = append(want[schedd], string(ad))
		}
		for schedd, ads := range want {
			text, err := os.ReadFile(filepath.Join(dir, folder, schedd+".json"))
			if err != nil {
				t.Error(err)
			}
			var got []json.RawMessage
			if err := json.Unmarshal(text, &got); err != nil || len(got) != len(ads) || string(got[0]) != ads[0] {
				t.Errorf("%s of %s: %d ads, want %d (%v)", folder, schedd, len(got), len(ads), err)
			}
			if !slices.Contains(g.Schedds(), schedd) {
				t.Errorf("%s is no schedd whose history was handed over", schedd)
			}
		}
	}
	for l := range g.PilotLogs() {
		for end, want := range map[string][]byte{".out": l.Out, ".err": l.Err} {
			if got, err := os.ReadFile(filepath.Join(dir, LogsFolder, filepath.FromSlash(l.Path)+end)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s%s is another (%v)", l.Path, end, err)
			}
		}
	}
	var truth []Question
	if text, err := os.ReadFile(filepath.Join(dir, TruthFile)); err != nil || json.Unmarshal(text, &truth) != nil || len(truth) != len(g.Questions()) {
		t.Errorf("the truth has %d questions (%v)", len(truth), err)
	}
}

// TestLogsTellOfEveryRun: the sound logs have each run in a starter's log and in
// the ads, in the site's own time; the hostile ones are what they are meant to be.
func TestLogsTellOfEveryRun(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 2500, Seed: 9, Logs: 10})
	logs := map[string]Log{}
	for l := range g.PilotLogs() {
		if _, twice := logs[l.Path]; twice {
			t.Errorf("%s is there twice", l.Path)
		}
		logs[l.Path] = l
	}
	hostile, sound := 0, 0
	g.walk(visitor{pilot: func(p *pilot, runs []placed) bool {
		if !g.hasLogs(p) {
			return true
		}
		l, ok := logs[fmt.Sprintf("%s/user_frontend/glidein_gfactory_instance/entry_%s/job.%d.%d", p.schedd[strings.IndexByte(p.schedd, '@')+1:], p.entry, p.cluster, p.proc)]
		switch {
		case !ok:
			t.Errorf("no log of %s#%d.%d", p.schedd, p.cluster, p.proc)
		case p.hostile == "":
			sound++
			checkLog(t, p, runs, l)
		default:
			hostile++
			checkHostile(t, g, p, l)
		}
		return true
	}})
	if hostile != 3 || sound < 20 || len(logs) != hostile+sound {
		t.Errorf("%d logs, %d sound and %d hostile", len(logs), sound, hostile)
	}
}

// unpacked gives the logs that a .err has in it.
func unpacked(t *testing.T, text []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	head := regexp.MustCompile(`(?m)^(\S.*)\n======== gzip . uuencode =============\nbegin-base64 644 -\n`)
	for _, m := range head.FindAllSubmatchIndex(text, -1) {
		packed, _, ok := bytes.Cut(text[m[1]:], []byte("\n===="))
		if !ok {
			t.Errorf("%s has no end", text[m[2]:m[3]])
		}
		z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(packed)))
		if err != nil {
			t.Error(err)
			continue
		}
		log, err := io.ReadAll(io.LimitReader(z, 64<<20))
		if err != nil {
			t.Error(err)
		}
		out[string(text[m[2]:m[3]])] = string(log)
	}
	return out
}

func checkLog(t *testing.T, p *pilot, runs []placed, l Log) {
	t.Helper()
	inside := unpacked(t, l.Err)
	for _, x := range runs {
		number := fmt.Sprintf("Starting a VANILLA universe job with ID: %d.%d\n", x.job.cluster, x.job.proc)
		began := time.Unix(x.run.start, 0).In(p.site.zone()).Format("01/02/06 15:04:05") + " (pid:"
		if s := inside[fmt.Sprintf("StarterLog.slot1_%d", x.run.slot)]; !strings.Contains(s, number) || !strings.Contains(s, began) {
			t.Errorf("%s: no starter tells of %s", l.Path, x.job.id())
		}
		if h := inside["StartdHistoryLog"]; !strings.Contains(h, "GlobalJobId = \""+x.job.id()+"\"\n") || !strings.Contains(h, fmt.Sprintf("CurrentTime = %d\n", x.run.end)) {
			t.Errorf("%s: no ad tells of %s", l.Path, x.job.id())
		}
	}
	for n := range p.nodes {
		if !bytes.Contains(l.Out, []byte("\nRunning on "+p.site.self(p.node+n)+"\n")) {
			t.Errorf("%s: its host is missing", l.Path)
		}
	}
	if p.valid != bytes.Contains(l.Out, fmt.Appendf(nil, "activations/claims: %d\n", len(runs))) {
		t.Errorf("%s: activations are not %d", l.Path, len(runs))
	}
}

func checkHostile(t *testing.T, g *Generator, p *pilot, l Log) {
	t.Helper()
	switch p.hostile {
	case forgedLog:
		if j := g.planted.forged; j.last().pilot == p || !strings.Contains(unpacked(t, l.Err)["StartdHistoryLog"], j.id()) {
			t.Error("the forged log claims no job of another site")
		}
	case bombLog:
		if n := len(unpacked(t, l.Err)["StarterLog.slot1_8"]); n < 100*len(l.Err) {
			t.Errorf("the bomb unpacks from %d to %d bytes", len(l.Err), n)
		}
	case garbageLog:
		if utf8.Valid(l.Out) {
			t.Error("the garbage is text")
		}
	}
}
