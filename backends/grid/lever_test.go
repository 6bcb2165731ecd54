package grid

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const cmsDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=700408/CN=John Doe"

// crabJob is a proven job of a CRAB user, with its pilot.
func crabJob(schedd string, cluster int64, host string, ids ...Identity) Sighting {
	s := seen(fmt.Sprintf("%s#%d.0#1", schedd, cluster), host, Confirmed, ids...)
	s.Job.Experiment, s.Job.Schedd, s.Job.Cluster = CMS, schedd, cluster
	s.Job.Task = "260624_021500:jdoe_crab_dy"
	s.Job.Pilot.ID = PilotID{Schedd: "schedd_glideins9@factory.example.org", Cluster: 10176593}
	return s
}

func traceOf(sightings ...Sighting) Trace {
	return Merge(Query{Kind: ByHost, Window: window}, []Found{complete("cms", CMS, sightings...)}, hours(100))
}

// linesOf are the lines of a lever, and what is left out of it.
func linesOf(c Containment, name string) (lines, left []string) {
	for _, l := range c.Levers {
		if l.Name == name {
			lines, left = append(lines, l.Lines...), append(left, l.Left...)
		}
	}
	return lines, left
}

func TestTheLeversOfAConfirmedPerson(t *testing.T) {
	t.Parallel()
	here := traceOf(
		crabJob("crab3@vocms0198.example.org", 70112, "wn042.example.org", login("jdoe"), dnOf(cmsDN), Identity{"owner", "cms1727", BySchedd, "test"}),
		crabJob("crab3@vocms0198.example.org", 70113, "wn042.example.org", login("roe"), dnOf("/DC=org/CN=Roe")),
	)
	elsewhere := crabJob("crab3@vocms0199.example.org", 70240, "c02.t3.example.net", login("jdoe"), dnOf(cmsDN))
	elsewhere.Job.ProxyEnds = hours(50)
	i := slices.IndexFunc(here.People, func(p Person) bool { return p.Username == "jdoe" })
	c, err := Contain(here.People[i], here, traceOf(elsewhere), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, l := range c.Levers {
		fmt.Fprintf(&got, "%s (%s)\n", l.Title, l.Where)
		for _, line := range l.Lines {
			got.WriteString("  " + line + "\n")
		}
		for _, s := range l.Left {
			got.WriteString("  - " + s + "\n")
		}
		if l.Effect == "" || len(l.Limits) == 0 {
			t.Errorf("%s says no effect or no limit", l.Name)
		}
	}
	want := `hold everything, before anything is removed (as an operator of the schedd, on it or on a machine of its pool)
  condor_hold -name crab3@vocms0198.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 7'
  condor_hold -name crab3@vocms0198.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 5'
  condor_hold -name crab3@vocms0199.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 7'
  condor_hold -name crab3@vocms0199.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 5'
copy the ads (as an operator of the schedd, on it or on a machine of its pool)
  condor_q -name crab3@vocms0198.example.org -constraint 'CRAB_UserHN =?= "jdoe"' -json
  condor_q -name crab3@vocms0199.example.org -constraint 'CRAB_UserHN =?= "jdoe"' -json
kill only the CRAB tasks that were seen here, as CRAB itself does (as an operator of the schedd, on it or on a machine of its pool)
  condor_rm -name crab3@vocms0198.example.org -constraint 'stringListMember(CRAB_DAGType, "BASE PROCESSING TAIL", " ") && CRAB_ReqName =?= "260624_021500:jdoe_crab_dy"'
  condor_rm -name crab3@vocms0198.example.org -constraint 'CRAB_ReqName =?= "260624_021500:jdoe_crab_dy" && CRAB_DAGType =?= "Job"'
kill everything, when the evidence is copied (as an operator of the schedd, on it or on a machine of its pool)
  condor_rm -name crab3@vocms0198.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 7'
  condor_rm -name crab3@vocms0198.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 5'
  condor_rm -name crab3@vocms0199.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 7'
  condor_rm -name crab3@vocms0199.example.org -constraint 'CRAB_UserHN =?= "jdoe" && JobUniverse =?= 5'
ban in CRAB, after the kill (in the configuration of every CRAB TaskWorker, which then must read it again)
  config.TaskWorker.bannedUsernames = ['jdoe']
block submission at the schedds (as an operator of the schedd, on it or on a machine of its pool)
  - The local account is "cms1727", which is not the person's by its name: it may be shared.
stop the pilots, only after the site has agreed (as an operator of the pilot factory, on it)
  condor_rm -name schedd_glideins9@factory.example.org 10176593.0
keep new pilots off the worker nodes (in nodes.blacklist of the frontend or factory; each line with its single quotes)
  'wn042.example.org'
ban at a site, with Argus (as the administrator of the site's Argus)
  pap-admin ban subject '/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=700408/CN=John Doe'
ban at a site, with LCMAPS (in /etc/grid-security/ban-mapfile)
  "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=700408/CN=John Doe"
suspend the membership (those who manage CMS's members: IAM or VOMS, and CRIC)
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(c.Doubts) > 0 {
		t.Errorf("doubts %q", c.Doubts)
	}
	limits := map[string]string{}
	for _, l := range c.Levers {
		limits[l.Name] += strings.Join(l.Limits, " ")
	}
	for name, say := range map[string]string{"pilots": "Jobs of 1 others were seen", "kill": "KILLFAILED", "membership": "A proxy in these records is good until 2025-06-26T14:00Z.", "site": "must never be banned"} {
		if !strings.Contains(limits[name], say) {
			t.Errorf("the limits of %s do not say %q: %s", name, say, limits[name])
		}
	}
}

func TestAgainstWhomNothingIsDrafted(t *testing.T) {
	t.Parallel()
	possible := crabJob("s1", 1, "", login("jdoe"))
	possible.Confidence = Possible
	production := crabJob("s1", 1, "wn1", Identity{"request", "pdmvserv_task_1", BySubmitter, "test"})
	production.Job.Type = "production"
	node := crabJob("s1", 1, "wn1", Identity{"crab", "jdoe", ByPilot, "logs"})
	atlas := crabJob("s1", 1, "wn1", Identity{"panda", "John Doe", BySchedd, "test"})
	atlas.Job.Experiment = ATLAS
	for name, test := range map[string]struct {
		s    Sighting
		says string
	}{
		"possible":   {possible, "jdoe is only possible"},
		"production": {production, "pdmvserv is no plain person (central production"},
		"node only":  {node, "(named by the worker node only)"},
		"atlas":      {atlas, "is of atlas"},
		"unnamed":    {crabJob("s1", 1, "wn1"), "has no name in the records"},
		"local":      {crabJob("s1", 1, "wn1", Identity{"owner", "cms1", BySchedd, "test"}), "(local account)"},
	} {
		trace := traceOf(test.s)
		c, err := Contain(trace.People[0], trace, trace, nil)
		var refusal *InputError
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, test.says) || len(c.Levers) > 0 {
			t.Errorf("%s: %v, %d levers", name, err, len(c.Levers))
		}
	}
}

// TestADisputedNameIsNoTarget holds that of a job whose claims disagree only the
// job itself is drafted against: the login may be a victim's.
func TestADisputedNameIsNoTarget(t *testing.T) {
	t.Parallel()
	const thief = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=thief/CN=1/CN=The Thief"
	trace := traceOf(crabJob("crab3@s1", 5, "wn1", login("victim"), dnOf(thief)), crabJob("crab3@s1", 6, "wn1", login("victim"), dnOf(thief)))
	wide := traceOf(crabJob("crab3@s2", 7, "wn2", login("victim")))
	c, err := Contain(trace.People[0], trace, wide, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range c.Levers {
		for _, line := range l.Lines {
			if strings.Contains(line, "victim") || strings.Contains(line, "thief") || strings.Contains(line, "constraint") || strings.Contains(line, "s2") {
				t.Errorf("%s: %s", l.Name, line)
			}
		}
	}
	if lines, _ := linesOf(c, "hold"); !slices.Equal(lines, []string{"condor_hold -name crab3@s1 5.0 6.0"}) {
		t.Errorf("hold %q", lines)
	}
	if lines, _ := linesOf(c, "kill"); !slices.Equal(lines, []string{"condor_rm -name crab3@s1 5.0 6.0"}) {
		t.Errorf("kill %q", lines)
	}
	if len(c.Doubts) != 1 || !strings.Contains(c.Doubts[0], `crab "victim" (submitter)`) || !strings.Contains(c.Doubts[0], "Settle first") {
		t.Errorf("doubts %q", c.Doubts)
	}
}

// TestAnotherWithTheNameElsewhereIsSaid: the line by name would hit those jobs, too.
func TestAnotherWithTheNameElsewhereIsSaid(t *testing.T) {
	t.Parallel()
	here := traceOf(crabJob("crab3@s1", 5, "wn1", login("jdoe"), dnOf(cmsDN)))
	wide := traceOf(crabJob("crab3@s2", 7, "wn2", login("jdoe"), dnOf("/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=other/CN=2/CN=Other")))
	c, err := Contain(here.People[0], here, wide, nil)
	if err != nil || len(c.Doubts) != 1 || !strings.Contains(c.Doubts[0], "1 more jobs bear one of these names") {
		t.Errorf("doubts %q, %v", c.Doubts, err)
	}
}

func TestHostileValuesInLevers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		s     Sighting
		lever string
		lines []string
		left  string // contained in what is left out
	}{
		"a login that closes the string": {
			crabJob("crab3@s1", 1, "wn1", login(`x" || true || "`)), "copy",
			[]string{`condor_q -name crab3@s1 -constraint 'CRAB_UserHN =?= "x\" || true || \""' -json`},
			"",
		},
		"no such login for the ban": {crabJob("crab3@s1", 1, "wn1", login(`x'] + ['y`)), "ban", nil, "cannot be a login of CRAB"},
		"a login of two lines":      {crabJob("crab3@s1", 1, "wn1", login("x\nrm -rf /")), "hold", nil, "line ends"},
		"a schedd that is an option": {
			crabJob("-all", 1, "wn1", login("jdoe")), "hold", nil, `"-all" stands in the records as a schedd`,
		},
		"a schedd with a shell's words": {crabJob("s1;reboot", 1, "wn1", login("jdoe")), "kill", nil, `"s1;reboot" stands`},
		"a DN with both quotes": {
			crabJob("crab3@s1", 1, "wn1", dnOf(`/DC=org/CN=Jo "x" O'Neil`)), "site",
			[]string{`pap-admin ban subject '/DC=org/CN=Jo "x" O'\''Neil'`},
			"has no way to write",
		},
		"the pilot's DN beside the login": {
			crabJob("crab3@s1", 1, "wn1", login("jdoe"), dnOf("/DC=ch/DC=cern/OU=computers/CN=cmspilotjob/vocms157.example.org")), "site",
			nil, "is not banned: pilot factory",
		},
		"a host that is none":   {crabJob("crab3@s1", 1, "wn1'\n'wn2", login("jdoe")), "nodes", nil, "is no name by which"},
		"a container":           {crabJob("crab3@s1", 1, "4b658c4b23eb", login("jdoe")), "nodes", nil, "is no name by which"},
		"by DN where no login":  {crabJob("crab3@s1", 1, "wn1", dnOf(cmsDN)), "copy", []string{`condor_q -name crab3@s1 -constraint 'x509userproxysubject =?= "` + cmsDN + `"' -json`}, ""},
		"an account of his own": {crabJob("crab3@s1", 1, "wn1", login("jdoe"), Identity{"owner", "jdoe", BySchedd, "t"}), "block", []string{"condor_qusers -name crab3@s1 -disable jdoe -reason 'security incident'"}, ""},
	} {
		trace := traceOf(test.s)
		c, err := Contain(trace.People[0], trace, trace, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		lines, left := linesOf(c, test.lever)
		if !slices.Equal(lines, test.lines) {
			t.Errorf("%s: lines %q, want %q", name, lines, test.lines)
		}
		if said := strings.Join(left, "\n"); !strings.Contains(said, test.left) || test.left == "" && said != "" {
			t.Errorf("%s: left out %q, want %q", name, said, test.left)
		}
		for _, l := range c.Levers {
			for _, line := range append(l.Lines, l.Left...) {
				if strings.ContainsAny(line, "\n\r") {
					t.Errorf("%s: %s has more than a line: %q", name, l.Name, line)
				}
			}
		}
	}
}

func TestSightingsOfAPerson(t *testing.T) {
	t.Parallel()
	trace := traceOf(
		crabJob("s1", 1, "wn1", login("jdoe")), crabJob("s1", 2, "wn1", login("jdoe"), dnOf(cmsDN)), crabJob("s1", 3, "wn1", dnOf(cmsDN)),
		crabJob("s1", 4, "wn1", login("roe")), crabJob("s1", 5, "wn1", login("jdoe"), dnOf("/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=roe/CN=2/CN=R")),
	)
	total := 0
	for _, p := range trace.People {
		found := SightingsOf(trace, p)
		if len(found) != p.Jobs {
			t.Errorf("%s (%v) has %d sightings, want %d", p.Username, p.Disagreement, len(found), p.Jobs)
		}
		total += len(found)
	}
	if total != 5 || len(trace.People) != 3 {
		t.Errorf("%d sightings of %d people", total, len(trace.People))
	}
}

func TestSameSite(t *testing.T) {
	t.Parallel()
	m := &SiteMap{Sites: []Site{{CMS: []string{"T2_XX_A"}, WLCG: []string{"A-LCG2"}, ATLAS: []string{"A"}}, {CMS: []string{"T2_XX_B"}}}}
	for _, test := range []struct {
		a, b string
		want bool
	}{{"T2_XX_A", "a-lcg2", true}, {"A", "T2_XX_A", true}, {"T2_XX_A", "T2_XX_B", false}, {"unknown", "Unknown", true}, {"unknown", "T2_XX_A", false}, {"", "", false}, {"", "A", false}} {
		if got := m.SameSite(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: %v", test.a, test.b, got)
		}
	}
}
