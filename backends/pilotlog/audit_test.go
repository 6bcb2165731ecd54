package pilotlog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/gridwarden/gridwarden/backends/grid"
)

const victimDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe"

// begun is the line of a job's start, at local time.
func begun(at, slot, job, more string) string {
	return fmt.Sprintf("06/24/25 %s (D_AUDIT) Job start: {'Name': '%s', 'SlotID': '1', 'GlobalJobId': '%s'%s}\n", at, slot, job, more)
}

func over(at, slot, job string) string {
	return fmt.Sprintf("06/24/25 %s Job stop: {'Name': '%s', 'SlotID': '1', 'GlobalJobID': '%s'}\n", at, slot, job)
}

const (
	slotOne  = "slot1_1@glidein_1_2@wn042.example-t2.org"
	slotTwo  = "slot1_2@glidein_1_2@wn042.example-t2.org"
	jobOne   = "crab3@sub.example.org#5.1#1750000000"
	jobTwo   = "crab3@sub.example.org#6.0#1750000000"
	ownedBy  = ", 'RemoteOwner': 'cms1727@cms', 'ClientMachine': 'sub.example.org', 'x509UserProxyVOName': 'cms', 'x509userproxysubject': '" + victimDN + "', 'x509UserProxyEmail': 'john.doe@example.org'"
	brokenBy = ", 'RemoteOwner': 'cms1', 'ProjectName': 'x', 'x509userproxysubject': '/CN=Victim', 'x509userproxysubject': '/CN=Evil'"
)

func TestReadPayloads(t *testing.T) {
	type row struct{ Slot, Job, User, DN, From, To string }
	for name, c := range map[string]struct {
		log    string
		want   []row
		doubts string
		lost   string
	}{
		"two slots": {
			log: "06/24/25 12:00:00 (D_AUDIT) Audit payload maximum job hours: 72\n" + begun("12:10:00", slotOne, jobOne, ownedBy) + begun("12:11:00.123", slotTwo, jobTwo, "") + over("13:00:00", slotOne, jobOne) + over("14:00:00", slotTwo, ""),
			want: []row{
				{slotOne, jobOne, "cms1727@cms", victimDN, "12:10:00", "13:00:00"},
				{slotTwo, jobTwo, "", "", "12:11:00", "14:00:00"},
			},
		},
		"the pilot goes: the stop names its master": {
			log:  begun("12:10:00", slotOne, jobOne, ownedBy) + over("13:00:00", "glidein_1_2@wn042.example-t2.org", jobOne),
			want: []row{{slotOne, jobOne, "cms1727@cms", victimDN, "12:10:00", "13:00:00"}},
		},
		"the next job comes before the stop": {
			log:  begun("12:10:00", slotOne, jobOne, ownedBy) + begun("12:30:00", slotOne, jobTwo, "") + over("13:00:00", slotOne, jobOne),
			want: []row{{slotOne, jobOne, "cms1727@cms", victimDN, "12:10:00", "12:30:00"}, {slotOne, jobTwo, "", "", "12:30:00", ""}},
		},
		"it was forgotten": {
			log:  begun("12:10:00", slotOne, jobOne, "") + "06/24/25 20:00:00 (D_AUDIT) Cleaning up 259201-second expired job: {'Name': '" + slotOne + "', 'GlobalJobId': '" + jobOne + "'}\n",
			want: []row{{slotOne, jobOne, "", "", "12:10:00", "20:00:00"}},
		},
		"an apostrophe in a name": {
			log:  begun("12:10:00", slotOne, jobOne, ", 'x509userproxysubject': '/C=IE/CN=Pat O'Neil, 'the' boss'"),
			want: []row{{slotOne, jobOne, "", "/C=IE/CN=Pat O'Neil, 'the' boss", "12:10:00", ""}},
		},
		"a value that looks like entries": {
			log:    begun("12:10:00", slotOne, jobOne, brokenBy),
			want:   []row{{slotOne, jobOne, "", "", "12:10:00", ""}},
			doubts: "looks like another entry",
		},
		"entries out of order": {
			log:    begun("12:10:00", slotOne, jobOne, ", 'x509userproxysubject': '/CN=a', 'RemoteOwner': 'b'"),
			want:   []row{{slotOne, jobOne, "", "", "12:10:00", ""}},
			doubts: "looks like another entry",
		},
		"cut off":         {log: strings.TrimSuffix(begun("12:10:00", slotOne, jobOne, ownedBy), "'}\n"), want: []row{{slotOne, jobOne, "", "", "12:10:00", ""}}, doubts: "looks like another entry"},
		"terminal codes":  {log: begun("12:10:00", slotOne, jobOne, ", 'RemoteOwner': '\x1b]0;x\a'"), want: []row{{slotOne, jobOne, "\x1b]0;x\a", "", "12:10:00", ""}}, doubts: "change how text is shown"},
		"no date":         {log: "13/45/25 99:99:99 Job start: {'Name': 'a'}\n", lost: "have no date"},
		"an endless line": {log: begun("12:10:00", slotOne, jobOne, ", 'Group': '"+strings.Repeat("x", maxAuditLine)+"'"), lost: "too long"},
		"no name":         {log: "06/24/25 12:00:00 Job start: {}\n", lost: "could not be read"},
		"something else":  {log: "Job start: {'Name': 'a'}\n\x00\xff\n" + strings.Repeat("#", 100)},
	} {
		var f flaws
		var got []row
		var doubts []string
		for _, p := range readPayloads([]byte(c.log), &f) {
			clock := func(t time.Time) string {
				if t.IsZero() {
					return ""
				}
				return t.Format(time.TimeOnly)
			}
			got = append(got, row{p.slot, p.job, p.user, p.dn, clock(p.began), clock(p.ended)})
			doubts = append(doubts, p.doubts...)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if all := strings.Join(doubts, "; "); (c.doubts == "") != (all == "") || !strings.Contains(all, c.doubts) {
			t.Errorf("%s: doubts %q", name, all)
		}
		if all := strings.Join(f.lost, "; "); (c.lost == "") != (all == "") || !strings.Contains(all, c.lost) {
			t.Errorf("%s: lost %q", name, all)
		}
	}
}

func TestInZone(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	for wall, want := range map[string]string{
		"2025-06-24 12:10:00": "06-24 10:10 06-24 10:10",
		"2025-10-26 02:30:00": "10-26 00:30 10-26 01:30", // was shown twice
		"2025-03-30 02:30:00": "",                        // was never shown: whose clock it was is not known
		"2025-10-26 03:30:00": "10-26 02:30 10-26 02:30",
	} {
		at, err := time.Parse(time.DateTime, wall)
		if err != nil {
			t.Fatal(err)
		}
		first, last := inZone(at, zone)
		if got := first.Format("01-02 15:04 ") + last.Format("01-02 15:04"); want != "" && got != want {
			t.Errorf("%s is %s, want %s", wall, got, want)
		}
		if last.Before(first) || last.Sub(first) > 2*time.Hour {
			t.Errorf("%s is from %s to %s", wall, first, last)
		}
	}
	if first, last := inZone(time.Time{}, zone); !first.IsZero() || !last.IsZero() {
		t.Error("no time has become one")
	}
}

// TestWhatASiteHandsOver: a job that no record has is possible by the audit log,
// named by the worker node's word; one that a record has is in both.
func TestWhatASiteHandsOver(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(begun("12:10:00", slotOne, jobOne, ownedBy) + over("13:00:00", slotOne, jobOne))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write("AuditPayloadLog.20250624T230000", packed.Bytes())
	write("AuditPayloadLog", []byte(begun("12:20:00", slotTwo, jobTwo, "")+begun("12:20:00", "slot1@glidein_3_4@wn043.example-t2.org", "s@h#7.0#1", "")))
	write("SchedLog", []byte(begun("12:20:00", slotTwo, "s@h#8.0#1", "")))
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "AuditPayloadLog.link")); err != nil {
		t.Fatal(err)
	}
	from := time.Date(2025, 6, 24, 10, 0, 0, 0, time.UTC)
	q := grid.Query{Kind: grid.ByHost, Host: "wn042.example-t2.org", Sites: []string{"T2_XX_Example"}, Window: grid.Window{From: from, To: from.Add(48 * time.Hour)}}
	record := grid.Job{
		ID: jobTwo, Experiment: grid.CMS, Source: "cms-elastic", Kind: grid.Finished, Schedd: "crab3@sub.example.org", Cluster: 6, Site: "T2_XX_Example",
		Start: from.Add(20 * time.Minute), End: from.Add(3 * time.Hour), Pilot: samplePilot, Hosts: []grid.HostClaim{{Host: q.Host, Field: "LastRemoteHost", Last: true}},
		Identities: []grid.Identity{{Kind: "crab", Value: "mrossi", AssertedBy: grid.BySubmitter, Source: "cms-elastic"}},
	}
	seen := []grid.Sighting{{Job: record, Confidence: grid.Confirmed, Host: q.Host, Why: "LastRemoteHost"}}
	c := Config{Audit: dir, Site: "T2_XX_Example", Zone: "Europe/Zurich"}
	if p := c.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	l := newLogs(t, c)
	if err := l.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := enrich(t, l, q, seen)
	got := map[string]string{}
	for _, s := range f.Sightings {
		p := grid.Resolve(s.Job, nil)
		got[s.Job.ID] = strings.Join([]string{string(s.Confidence), s.Host, p.DN, s.Job.Start.Format("15:04"), s.Job.End.Format("15:04")}, " ")
		if s.Job.ID == jobOne {
			if slices.ContainsFunc(s.Job.Identities, func(id grid.Identity) bool { return id.AssertedBy != grid.ByPilot }) || !strings.Contains(s.Why, "AuditPayloadLog") {
				t.Errorf("%+v", s)
			}
		}
	}
	want := map[string]string{
		jobOne: "possible wn042.example-t2.org " + victimDN + " 10:10 11:00",
		jobTwo: "confirmed wn042.example-t2.org  10:20 13:00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	notes := strings.Join(f.Report.Notes, "\n")
	if f.Report.State != grid.Complete || !strings.Contains(notes, "1 job is in records and logs") || !strings.Contains(notes, "1 job is in the logs only") || !strings.Contains(f.Report.Searched, "2 audit logs of CEs") {
		t.Errorf("%+v", f.Report)
	}
	q.Sites = []string{"T2_XX_Other"}
	if f := enrich(t, l, q, nil); len(f.Sightings) > 0 {
		t.Errorf("another site's log was read: %+v", f.Sightings)
	}
}

func TestProblemsOfAudit(t *testing.T) {
	for text, c := range map[string]Config{
		"exactly one of them":    {Audit: "a", Tree: "b", Zone: "UTC"},
		"write the name of its":  {Audit: "a"},
		"is no time zone":        {Audit: "a", Zone: "Moon"},
		"stands beside audit":    {Tree: "a", Site: "T2_XX_A"},
		"pilots of all factorie": {Audit: "a", Zone: "UTC", Factories: []string{"f.example.org"}},
	} {
		if p := c.Problems(); !slices.ContainsFunc(p, func(p Problem) bool { return strings.Contains(p.Text, text) }) {
			t.Errorf("%+v: %v, want %q", c, p, text)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if err := newLogs(t, Config{Audit: path, Zone: "UTC"}).Check(t.Context()); err == nil {
			t.Errorf("%s is taken for audit logs", path)
		}
	}
}

func FuzzPayloads(f *testing.F) {
	f.Add([]byte(begun("12:10:00", slotOne, jobOne, ownedBy) + over("13:00:00", slotOne, jobOne)))
	f.Add([]byte(begun("12:10:00", slotOne, jobOne, brokenBy) + begun("12:11:00", slotOne, jobTwo, "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		var fl flaws
		for _, p := range readPayloads(data, &fl) {
			if p.slot == "" || p.began.IsZero() || len(p.slot)+len(p.job)+len(p.dn)+len(p.user)+len(p.email) > maxAuditLine {
				t.Errorf("%+v", p)
			}
			j, err := p.asJob("T2_XX_Example", time.UTC)
			if err != nil {
				continue
			}
			for _, id := range j.Identities {
				if id.AssertedBy != grid.ByPilot {
					t.Errorf("%+v is more than the worker node's word", id)
				}
			}
			if j.End.Before(j.Start) && p.ended.IsZero() {
				t.Errorf("%s to %s", j.Start, j.End)
			}
		}
	})
}
