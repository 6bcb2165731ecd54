package pilotlog

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/config/secret"
)

// truth is one run of a job that a generated pilot had.
type truth struct {
	pilot  int
	id     string
	user   string
	from   time.Time
	to     time.Time
	record bool // a record source knows it
	ad     bool // the log has its ad
}

// world are generated pilots of one factory on a few hosts, with what really ran.
type world struct {
	begin time.Time
	files map[string]string // by path in a factory's layout
	runs  []truth
	hosts []string // of the pilots
}

const entryOf = "CMSHTPC_T2_XX_Here_ce%d"

// invent makes n pilots on hosts of a site in another zone, in the hours after
// begin. Of the jobs some are not in the records and some have no ad.
func invent(n int, seed uint64) world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := world{begin: time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC), files: map[string]string{}}
	zone := time.FixedZone("CEST", 2*3600)
	for i := range n {
		host := fmt.Sprintf("wn%d.here.example", i%17)
		w.hosts = append(w.hosts, host)
		from := w.begin.Add(time.Duration(r.IntN(48*60)) * time.Minute)
		to := from.Add(time.Duration(60+r.IntN(600)) * time.Minute)
		local := func(t time.Time) string { return t.In(zone).Format("01/02/06 15:04:05") }
		date := func(t time.Time) string {
			return fmt.Sprintf("%s (%d)", t.In(zone).Format("Mon Jan _2 15:04:05 MST 2006"), t.Unix())
		}
		var starters [3]strings.Builder
		var history strings.Builder
		runs := 0
		for slot := range starters {
			at := from.Add(5 * time.Minute)
			for {
				start := at.Add(time.Duration(r.IntN(3600)) * time.Second)
				end := start.Add(time.Duration(60+r.IntN(7200)) * time.Second)
				if !end.Before(to.Add(-5 * time.Minute)) {
					break
				}
				at = end
				runs++
				cluster, schedd := 1000+len(w.runs), fmt.Sprintf("sub%d.example.org", r.IntN(4))
				t := truth{
					pilot: i, id: fmt.Sprintf("crab3@%s#%d.0#%d", schedd, cluster, from.Unix()-3600), user: fmt.Sprintf("user%d", r.IntN(40)),
					from: start, to: end, record: r.IntN(10) > 0, ad: r.IntN(20) > 0,
				}
				w.runs = append(w.runs, t)
				pid := 10_000 + len(w.runs)
				skew := time.Duration(r.IntN(20)) * time.Second
				fmt.Fprintf(&starters[slot], `%[1]s (pid:%[2]d) ** condor_starter (CONDOR_STARTER) STARTING UP
%[1]s (pid:%[2]d) Communicating with shadow <192.0.2.11:4080?addrs=192.0.2.11-4080>
%[1]s (pid:%[2]d) Submitting machine is "%[3]s"
%[1]s (pid:%[2]d) Starting a VANILLA universe job with ID: %[4]d.0
%[1]s (pid:%[2]d) Create_Process succeeded, pid=%[5]d
%[6]s (pid:%[2]d) Process exited, pid=%[5]d, status=0
%[6]s (pid:%[2]d) **** condor_starter (condor_STARTER) pid %[2]d EXITING WITH STATUS 0
`, local(start.Add(skew)), pid, schedd, cluster, pid+1, local(end))
				if t.ad {
					fmt.Fprintf(&history, "ClusterId = %d\nCRAB_UserHN = \"%s\"\nGlobalJobId = \"%s\"\nJobCurrentStartDate = %d\nJobStatus = 2\nOwner = \"cms1\"\nProcId = 0\nQDate = %d\n*** Offset = 0 ClusterId = %[1]d ProcId = 0 Owner = \"cms1\" CompletionDate = -1 CurrentTime = %[6]d\n",
						cluster, t.user, t.id, start.Unix(), from.Unix()-3600, end.Unix())
				}
			}
		}
		dir := fmt.Sprintf("user_frontend/glidein_gfactory_instance/entry_"+entryOf, i%3)
		w.files[fmt.Sprintf("%s/job.%d.%d.out", dir, 500+i/10, i%10)] = fmt.Sprintf(`Starting glidein_startup.sh at %s
condorg_cluster   = '%d'
condorg_subcluster= '%d'
condorg_schedd    = '%s'
glidein_entry     = '%s'
Running on %s
GLIDEIN_CMSSite T2_XX_Here
=== Condor starting %s ===
=== Condor ended %s after 1 ===
Total number of activations/claims: %d
=== Glidein ending %s with code 0 after 1 ===
`, date(from), 500+i/10, i%10, factorySchedd, fmt.Sprintf(entryOf, i%3), host, date(from.Add(time.Minute)), date(to.Add(-time.Minute)), runs, date(to))
		errs := "some text\n"
		for slot := range starters {
			errs += pack(fmt.Sprintf("StarterLog.slot1_%d", slot+1), starters[slot].String())
		}
		w.files[fmt.Sprintf("%s/job.%d.%d.err", dir, 500+i/10, i%10)] = errs + pack("StartdHistoryLog", history.String())
	}
	return w
}

const factorySchedd = "schedd_glideins1@factory.example.org"

func (w world) write(t testing.TB, dir string) {
	t.Helper()
	for name, text := range w.files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tar puts the files into one archive.
func (w world) tar(t testing.TB, prefix string) []byte {
	t.Helper()
	var b bytes.Buffer
	all := tar.NewWriter(&b)
	for name, text := range w.files {
		member(t, all, &tar.Header{Name: prefix + name, Typeflag: tar.TypeReg, Mode: 0o644}, text)
	}
	all.Close()
	return b.Bytes()
}

func member(t testing.TB, all *tar.Writer, h *tar.Header, text string) {
	t.Helper()
	h.Size = int64(len(text))
	if err := all.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	all.Write([]byte(text))
}

// pilotOf is a pilot as records name it.
func pilotOf(i int) grid.Pilot {
	return grid.Pilot{ID: grid.PilotID{Schedd: factorySchedd, Cluster: int64(500 + i/10), Proc: int64(i % 10)}, Entry: fmt.Sprintf(entryOf, i%3), Name: "gfactory_instance"}
}

// records are the sightings of what a record source knows.
func (w world) records(q grid.Query) []grid.Sighting {
	var out []grid.Sighting
	for _, r := range w.runs {
		if !r.record {
			continue
		}
		j := grid.Job{
			ID: r.id, Experiment: grid.CMS, Source: "cms-elastic", Kind: grid.Finished, Type: "analysis", Site: "T2_XX_Here", Start: r.from, FirstStart: r.from, End: r.to,
			EndField: "CompletionDate", Recorded: r.to, Starts: 1, Pilot: pilotOf(r.pilot),
			Hosts:      []grid.HostClaim{{Host: w.hosts[r.pilot], Field: "LastRemoteHost", Last: true}},
			Identities: []grid.Identity{{Kind: "crab", Value: r.user, AssertedBy: grid.BySubmitter, Source: "cms-elastic"}},
		}
		fmt.Sscanf(r.id[strings.IndexByte(r.id, '#')+1:], "%d", &j.Cluster)
		j.Schedd = r.id[:strings.IndexByte(r.id, '#')]
		if s, ok := grid.Match(q, j); ok {
			out = append(out, s)
		}
	}
	return out
}

func hostQuery(w world, host string) grid.Query {
	return grid.Query{Kind: grid.ByHost, Host: host, Sites: []string{"T2_XX_Here"}, Window: grid.Window{From: w.begin.Add(10 * time.Hour), To: w.begin.Add(40 * time.Hour)}}
}

func newLogs(t testing.TB, configs ...Config) *Logs {
	t.Helper()
	l, err := New(configs)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func enrich(t testing.TB, l *Logs, q grid.Query, seen []grid.Sighting) grid.Found {
	t.Helper()
	f, err := l.Enrich(t.Context(), q, seen)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAThousandGeneratedLogs finds in every kind of archive every run that was
// there, and says of each how records and log agree.
func TestAThousandGeneratedLogs(t *testing.T) {
	w := invent(1000, 7)
	dir := t.TempDir()
	w.write(t, filepath.Join(dir, "client"))
	q := hostQuery(w, "wn3.here.example")
	seen := w.records(q)

	// All as the truth has it.
	want := map[string][2]string{} // by job: confidence and user
	both, logOnly := 0, 0
	for _, r := range w.runs {
		if w.hosts[r.pilot] != q.Host || r.from.After(q.Window.To) || r.to.Before(q.Window.From) {
			continue
		}
		switch {
		case r.record:
			want[r.id] = [2]string{"confirmed", r.user}
			both++
		case r.ad:
			want[r.id] = [2]string{"possible", r.user}
			logOnly++
		default: // the log has the number of the job, not its whole id
			id := strings.TrimPrefix(r.id[:strings.LastIndexByte(r.id, '#')], "crab3@")
			want[id] = [2]string{"possible", ""}
			logOnly++
		}
	}
	if both < 50 || logOnly < 5 {
		t.Fatalf("the generated world is too small: %d and %d", both, logOnly)
	}
	tarred := filepath.Join(dir, "logs.tar.zst")
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tarred, z.EncodeAll(w.tar(t, "client/"), nil), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{"tree": {Tree: filepath.Join(dir, "client")}, "archive": {Archives: tarred}} {
		t.Run(name, func(t *testing.T) {
			f := enrich(t, newLogs(t, c), q, seen)
			trace := grid.Merge(q, []grid.Found{{Sightings: seen, Report: grid.Report{State: grid.Complete}}, f}, w.begin.Add(300*time.Hour))
			got := map[string][2]string{}
			for _, s := range trace.Sightings {
				got[s.Job.ID] = [2]string{string(s.Confidence), grid.Resolve(s.Job, nil).Username}
				if !slices.Contains(s.Sources, Name) && s.Job.Source != Name {
					t.Errorf("the log does not tell of %s", s.Job.ID)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			notes := strings.Join(f.Report.Notes, "\n")
			for _, says := range []string{fmt.Sprintf("%d jobs are in records and logs", both), fmt.Sprintf("%d jobs are in the logs only", logOnly)} {
				if !strings.Contains(notes, says) {
					t.Errorf("the notes do not say %q:\n%s", says, notes)
				}
			}
			if strings.Contains(notes, "in the records only") {
				t.Errorf("the notes are wrong:\n%s", notes)
			}
			if f.Report.State != grid.Complete {
				t.Errorf("it is %s: %q", f.Report.State, f.Report.Notes)
			}
		})
	}
}

// TestAPilotOfWhichNoRecordTells is found by its host, in a tree and in archives
// of GlideinMonitor, and by its number.
func TestAPilotOfWhichNoRecordTells(t *testing.T) {
	out, errs := sample(t, "job.10176593.0.out"), sample(t, "job.10176593.0.err")
	dir := t.TempDir()
	entry := filepath.Join(dir, "client", "user_x", "glidein_gfactory_instance", "entry_"+samplePilot.Entry)
	monitor := filepath.Join(dir, "monitor", "2025-06-24")
	for _, d := range []string{entry, monitor} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(entry, "job.10176593.0.out"), out, 0o644)
	os.WriteFile(filepath.Join(entry, "job.10176593.0.err"), errs, 0o644)
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	all := tar.NewWriter(packed)
	member(t, all, &tar.Header{Name: "job.10176593.0.out", Typeflag: tar.TypeReg, Mode: 0o644}, string(out))
	member(t, all, &tar.Header{Name: "job.10176593.0.err", Typeflag: tar.TypeReg, Mode: 0o644}, string(errs))
	all.Close()
	packed.Close()
	os.WriteFile(filepath.Join(monitor, "glidein_gfactory_instance_entry_"+samplePilot.Entry+"_job.10176593.0.tar.gz"), b.Bytes(), 0o644)

	window := grid.Window{From: time.Unix(1750759000, 0).UTC(), To: time.Unix(1750764000, 0).UTC()}
	for name, c := range map[string]Config{"tree": {Tree: filepath.Join(dir, "client")}, "GlideinMonitor": {Archives: filepath.Join(dir, "monitor")}} {
		l := newLogs(t, c)
		if err := l.Check(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for kind, q := range map[string]grid.Query{
			"host":  {Kind: grid.ByHost, Host: "wn042.example-t2.org", Window: window},
			"pilot": {Kind: grid.ByPilotID, Pilot: grid.PilotID{Schedd: samplePilot.ID.Schedd, Cluster: 10176593}, Window: window},
		} {
			for range 2 { // the second time from what is remembered
				f := enrich(t, l, q, nil)
				if len(f.Sightings) != 3 || f.Sightings[0].Confidence != grid.Possible || f.Report.State != grid.Complete {
					t.Errorf("%s by %s: %d sightings, %s, %q", name, kind, len(f.Sightings), f.Report.State, f.Report.Notes)
				}
			}
		}
		f := enrich(t, l, grid.Query{Kind: grid.ByHost, Host: "wn04.example-t2.org", Window: window}, nil)
		if len(f.Sightings) > 0 || f.Report.State != grid.Complete {
			t.Errorf("%s: another host has %d sightings, %s", name, len(f.Sightings), f.Report.State)
		}
		if f := enrich(t, l, grid.Query{Kind: grid.ByUser, User: "jdoe"}, nil); f.Report.State != grid.NotAsked {
			t.Errorf("%s by user: %s", name, f.Report.State)
		}
	}
}

// TestNothingOutsideOfTheArchiveIsRead has links, pipes and paths that lead out.
func TestNothingOutsideOfTheArchiveIsRead(t *testing.T) {
	leak := goodOut + "Running on leaked.example.org\n"
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	entry := filepath.Join(dir, "client", "user_x", "glidein_g", "entry_e")
	for _, d := range []string{outside, entry} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(outside, "job.77.1.out"), []byte(leak), 0o644)
	os.WriteFile(filepath.Join(outside, "job.77.1.err"), []byte(pack("StartdHistoryLog", goodAd+goodBanner)), 0o644)
	for from, to := range map[string]string{
		filepath.Join(entry, "job.77.1.out"):                           filepath.Join(outside, "job.77.1.out"),
		filepath.Join(dir, "client", "user_x", "glidein_g", "entry_f"): outside,
	} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(entry, "job.77.1.err"), 0o644); err != nil {
		t.Fatal(err)
	}
	window := grid.Window{From: time.Unix(1750759000, 0).UTC(), To: time.Unix(1750764000, 0).UTC()}
	l := newLogs(t, Config{Tree: filepath.Join(dir, "client")})
	for _, p := range []grid.Pilot{{}, {Entry: "e"}, {Entry: "f"}, {Entry: "../../../outside"}, {Name: "../../../outside"}} {
		p.ID = goodPilot.ID
		seen := []grid.Sighting{{Confidence: grid.Confirmed, Job: grid.Job{ID: "a#1.0", Kind: grid.Finished, Pilot: p, End: time.Unix(1750764000, 0)}}}
		f := enrich(t, l, grid.Query{Kind: grid.ByPilotID, Pilot: p.ID, Window: window}, seen)
		if len(f.Sightings) > 0 || f.Report.Records > 0 || f.Report.State == grid.Complete {
			t.Errorf("%+v: %d sightings of %d records, %s", p, len(f.Sightings), f.Report.Records, f.Report.State)
		}
	}
	// Members of an archive that lead out, or are no files.
	var b bytes.Buffer
	all := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "../job.77.1.out", Typeflag: tar.TypeReg},
		{Name: "/etc/job.77.1.out", Typeflag: tar.TypeReg},
		{Name: "entry_e/../../job.77.1.out", Typeflag: tar.TypeReg},
		{Name: "entry_e/job.77.1.out", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "entry_e/job.77.1.out", Typeflag: tar.TypeLink, Linkname: "other"},
		{Name: "entry_e/job.77.1.err", Typeflag: tar.TypeFifo},
	} {
		text := ""
		if h.Typeflag == tar.TypeReg {
			text = leak
		}
		member(t, all, &h, text)
	}
	all.Close()
	os.WriteFile(filepath.Join(dir, "evil.tar"), b.Bytes(), 0o644)
	evil := newLogs(t, Config{Archives: filepath.Join(dir, "evil.tar")})
	f := enrich(t, evil, grid.Query{Kind: grid.ByHost, Host: "wn1.example.org", Window: window}, nil)
	if len(f.Sightings) > 0 || f.Report.Searched != "logs of 0 pilots" {
		t.Errorf("%+v", f.Report)
	}
	// A damaged archive makes the answer partial.
	os.WriteFile(filepath.Join(dir, "cut.tar"), b.Bytes()[:700], 0o644)
	cut := newLogs(t, Config{Archives: filepath.Join(dir, "cut.tar")})
	f, err := cut.Enrich(t.Context(), grid.Query{Kind: grid.ByHost, Host: "wn1.example.org", Window: window}, nil)
	if err == nil && f.Report.State == grid.Complete {
		t.Errorf("a damaged archive is complete")
	}
}

// TestWhenALogIsNotThere says of a pilot without a log whether it may come, and
// when to look again.
func TestWhenALogIsNotThere(t *testing.T) {
	dir := t.TempDir()
	entry := filepath.Join(dir, "client", "user_x", "glidein_g", "entry_e")
	server := filepath.Join(dir, "server", "entry_e")
	for _, d := range []string{entry, server} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UTC().Truncate(time.Second)
	ago := func(d time.Duration) string { return now.Add(-d).Format(time.RFC3339) }
	os.WriteFile(filepath.Join(server, "completed_jobs_20260624.log"), []byte(
		fmt.Sprintf("<job terminated=%q client=\"c\" username=\"x\" id=\"1.000\" duration=\"5\" condor_started=\"True\"></job>\n<job terminated=%q client=\"c\" username=\"x\" id=\"2.000\" duration=\"5\" condor_started=\"True\"></job>\n", ago(20*time.Minute), ago(20*time.Hour))), 0o644)
	os.WriteFile(filepath.Join(entry, "condor_activity_20260624_c.log"), []byte("001 (3.000.000) 06/24 12:05:25 Job executing on host: x\n...\n"), 0o644)
	os.WriteFile(filepath.Join(entry, "job.1.0.out"), nil, 0o644) // the factory's, empty until the pilot ends
	os.WriteFile(filepath.Join(entry, "job.1.0.err"), nil, 0o644)
	l := newLogs(t, Config{Tree: filepath.Join(dir, "client"), Server: filepath.Join(dir, "server")})
	for name, c := range map[string]struct {
		cluster int64
		seen    time.Duration // ago
		again   time.Duration // from now; 0 for never
	}{
		"ended 20 minutes ago":           {1, 20 * time.Minute, 40 * time.Minute},
		"ended yesterday":                {2, 21 * time.Hour, 0},
		"runs by the factory":            {3, 2 * time.Hour, runningStep},
		"nobody knows, seen an hour ago": {4, time.Hour, runningStep},
		"nobody knows, seen last week":   {5, 7 * 24 * time.Hour, 0},
		"it must end soon":               {4, 48 * time.Hour, 2 * time.Hour},
	} {
		p := grid.Pilot{ID: grid.PilotID{Schedd: factorySchedd, Cluster: c.cluster}, Entry: "e"}
		j := grid.Job{ID: "a#1.0", Kind: grid.Finished, Pilot: p, Start: now.Add(-c.seen), End: now.Add(-c.seen)}
		f := enrich(t, l, grid.Query{Kind: grid.ByPilotID, Pilot: p.ID}, []grid.Sighting{{Confidence: grid.Confirmed, Job: j}})
		if f.Report.State != grid.Partial {
			t.Errorf("%s: it is %s", name, f.Report.State)
		}
		got := f.Report.LookAgain.Sub(now)
		if c.again == 0 && !f.Report.LookAgain.IsZero() || c.again > 0 && (got-c.again).Abs() > time.Minute {
			t.Errorf("%s: looks again in %s, want %s", name, got, c.again)
		}
		if will := len(f.Report.WouldChange) > 0; will != (c.again > 0) {
			t.Errorf("%s: would change: %q", name, f.Report.WouldChange)
		}
	}
}

// TestTwoFactoriesWithOneNumber keeps the logs of two pilots of equal number apart,
// without letting a log hide itself by naming another schedd.
func TestTwoFactoriesWithOneNumber(t *testing.T) {
	dir := t.TempDir()
	put := func(entry, out string) {
		at := filepath.Join(dir, "entry_"+entry)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(at, "job.77.1.out"), []byte(out), 0o644)
		os.WriteFile(filepath.Join(at, "job.77.1.err"), []byte(pack("StarterLog.slot1_1", starterLog(""))+pack("StartdHistoryLog", goodAd+goodBanner)), 0o644)
	}
	other := strings.ReplaceAll(goodOut, "schedd_glideins1", "schedd_glideins2")
	other = strings.ReplaceAll(other, "wn1", "wn2")
	put("a", goodOut)
	put("b", other)
	q := grid.Query{Kind: grid.ByPilotID, Pilot: goodPilot.ID, Window: grid.Window{From: time.Unix(1750759000, 0), To: time.Unix(1750764000, 0)}}
	f := enrich(t, newLogs(t, Config{Tree: dir}), q, nil)
	if len(f.Sightings) != 1 || f.Sightings[0].Host != "wn1.example.org" {
		t.Errorf("%+v", f.Sightings)
	}
	os.RemoveAll(filepath.Join(dir, "entry_a"))
	f = enrich(t, newLogs(t, Config{Tree: dir}), q, nil)
	if len(f.Sightings) != 1 || !strings.Contains(strings.Join(f.Report.Notes, "; "), "names another pilot") {
		t.Errorf("%+v, %q", f.Sightings, f.Report.Notes)
	}
}

func TestAnArchiveOnTheWeb(t *testing.T) {
	out, errs := sample(t, "job.10176593.0.out"), sample(t, "job.10176593.0.err")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect to another host was followed") }))
	defer elsewhere.Close()
	var asked []string
	mode := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.EscapedPath())
		switch {
		case r.Header.Get("Authorization") != "Bearer geheim":
			w.WriteHeader(http.StatusUnauthorized)
		case mode == "redirect":
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusFound)
		case mode == "broken":
			w.WriteHeader(http.StatusInternalServerError)
		case mode == "endless":
			for range 64 {
				if _, err := w.Write(bytes.Repeat([]byte("A"), 1<<20)); err != nil {
					return
				}
			}
		case !strings.HasPrefix(r.URL.Path, "/gfactory.example.org/user_second/"):
			http.NotFound(w, r)
		case path.Ext(r.URL.Path) == ".out":
			w.Write(out)
		default:
			w.Write(errs)
		}
	}))
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	os.WriteFile(token, []byte("geheim\n"), 0o600)
	c := Config{URL: server.URL + "/{factory}/user_{user}/glidein_{name}/entry_{entry}/job.{cluster}.{proc}.{file}", Users: []string{"first", "second"}}
	if p := c.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	seen := []grid.Sighting{{Confidence: grid.Confirmed, Job: grid.Job{ID: "a#1.0", Kind: grid.Finished, Pilot: samplePilot}}}
	q := grid.Query{Kind: grid.ByPilotID, Pilot: samplePilot.ID, Window: grid.Window{From: time.Unix(1750759000, 0), To: time.Unix(1750768000, 0)}}
	refused, err := newLogs(t, c).Enrich(t.Context(), q, seen)
	if err == nil || !strings.Contains(strings.Join(refused.Report.Notes, "; "), "refuses gridwarden") {
		t.Errorf("without the token: %v, %q", err, refused.Report.Notes)
	}
	c.TokenFile = secret.File(token)
	l := newLogs(t, c)
	f := enrich(t, l, q, seen)
	if len(f.Sightings) != 3 {
		t.Errorf("%d sightings, %q", len(f.Sightings), f.Report.Notes)
	}
	if want := "/gfactory.example.org/user_second/glidein_gfactory_instance/entry_CMSHTPC_T2_XX_Example_ce-1/job.10176593.0.err"; !slices.Contains(asked, want) {
		t.Errorf("asked for %q", asked)
	}
	if err := l.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	for m, want := range map[string]string{"redirect": "another host", "broken": "status 500", "endless": "longer than"} {
		mode = m
		f, _ := l.Enrich(t.Context(), q, seen)
		if f.Report.State == grid.Complete || !strings.Contains(strings.Join(f.Report.Notes, "; "), want) {
			t.Errorf("%s: %s, %q", m, f.Report.State, f.Report.Notes)
		}
	}
	mode = ""
	asked = nil
	seen[0].Job.Pilot.Entry = "../../secret"
	f, _ = l.Enrich(t.Context(), q, seen)
	if len(asked) > 0 || f.Report.State == grid.Complete {
		t.Errorf("asked for %q, %s", asked, f.Report.State)
	}
}

// BenchmarkRead reads a pilot's log whose daemons wrote 10 MB.
func BenchmarkRead(b *testing.B) {
	w := invent(1, 3)
	var out string
	for name, text := range w.files {
		if strings.HasSuffix(name, ".out") {
			out = text
		}
	}
	var starter, history, startd strings.Builder
	for i := range 400 {
		starter.WriteString(strings.ReplaceAll(starterLog(""), "5.1", fmt.Sprintf("%d.1", 1000+i)))
		for j := range 140 {
			fmt.Fprintf(&starter, "06/24/25 12:12:26 (pid:100) A line %d of %d about file transfer that is of no use to anybody who looks for people\n", j, i)
		}
		if i < 300 {
			history.WriteString(strings.ReplaceAll(goodAd, "5", fmt.Sprint(1000+i)))
			for j := range 200 {
				fmt.Fprintf(&history, "SomeAttribute%d = \"a value that nobody asks for, %d\"\n", j, i)
			}
			fmt.Fprintf(&history, "*** Offset = 0 ClusterId = %d ProcId = 1 Owner = \"cms1\" CompletionDate = -1 CurrentTime = 1750764554\n", 1000+i)
		}
		fmt.Fprintf(&startd, "06/24/25 12:12:26 (pid:9) slot1_%d: Remote job ID is %d.1\n", i%8, 1000+i)
	}
	size := starter.Len() + history.Len() + startd.Len()
	errs := []byte(pack("StartdLog", startd.String()) + pack("StarterLog.slot1_1", starter.String()) + pack("StartdHistoryLog", history.String()))
	b.ReportAllocs()
	for b.Loop() {
		log, err := Read(b.Context(), []byte(out), errs)
		if err != nil || len(log.runs) < 400 {
			b.Fatal(err)
		}
		log.told(goodPilot, nil)
	}
	b.ReportMetric(float64(size)/(1<<20), "MB-decoded")
	b.ReportMetric(float64(len(errs))/(1<<20), "MB-file")
}
