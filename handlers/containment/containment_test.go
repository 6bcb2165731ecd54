package containment_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/containment"
	"github.com/gridwarden/gridwarden/handlers/facts"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

var noon = time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)

// known are the facts of a thread, and what a wider trace finds.
type known struct {
	facts facts.Facts
	err   error
	wide  trace.Finding
	werr  error
	asked []string
}

func (k *known) Of(context.Context, *bot.Request) (facts.Facts, error) { return k.facts, k.err }

func (k *known) More(_ context.Context, line string, _ time.Time) (trace.Finding, error) {
	k.asked = append(k.asked, line)
	return k.wide, k.werr
}

// job is one of a CRAB user, proven to have been on wn1 unless host is "".
func job(schedd, id, user, dn, host string) grid.Sighting {
	s := grid.Sighting{
		Confidence: grid.Confirmed, Why: "LastRemoteHost", Host: host, Sources: []string{"cms"},
		Job: grid.Job{
			ID: schedd + "#" + id + "#1", Experiment: grid.CMS, Schedd: schedd, Kind: grid.Finished, Site: "T2_XX_Here", Status: "Completed", Type: "analysis",
			Task: "260624_100000:" + user + "_crab_x", Submitted: noon.Add(-time.Hour), Start: noon, End: noon.Add(time.Hour), Recorded: noon.Add(time.Hour),
			Identities: []grid.Identity{{Kind: "crab", Value: user, AssertedBy: grid.BySubmitter, Source: "cms"}},
		},
	}
	if dn != "" {
		s.Job.Identities = append(s.Job.Identities, grid.Identity{Kind: "dn", Value: dn, AssertedBy: grid.BySchedd, Source: "cms"})
	}
	if host == "" {
		s.Confidence = grid.Possible
	}
	return s
}

func traceOf(kind grid.QueryKind, state grid.SourceState, sightings ...grid.Sighting) grid.Trace {
	q := grid.Query{Kind: kind, Host: "wn1.example.org", Asked: noon, Window: grid.Window{From: noon.Add(-10 * time.Minute), To: noon.Add(2 * time.Hour)}}
	return grid.Merge(q, []grid.Found{{Sightings: sightings, Report: grid.Report{Name: "cms", Experiment: grid.CMS, State: state}}}, noon.Add(100*time.Hour))
}

func factsOf(t grid.Trace) facts.Facts {
	return facts.Facts{Finding: trace.Finding{Trace: t, Line: "trace wn1.example.org 2026-06-24T12:00Z", Subject: "wn1.example.org", At: noon.Add(3 * time.Hour)}, Request: "r-abc", Asked: noon.Add(3 * time.Hour)}
}

const dn = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=1/CN=John Doe"

func TestTheDraftsOfAConfirmedUser(t *testing.T) {
	t.Parallel()
	here := traceOf(grid.ByHost, grid.Complete, job("crab3@s1.example.org", "5.0", "jdoe", dn, "wn1.example.org"))
	k := &known{facts: factsOf(here), wide: trace.Finding{Trace: traceOf(grid.ByUser, grid.Complete, job("crab3@s2.example.org", "6.0", "jdoe", dn, "wn9.example.org"))}}
	c := answertest.Command(t, containment.New(k, nil), "containment")
	m := answertest.Run(t, c, answertest.Request(c, noon))
	said := m.Plain()
	for _, want := range []string{
		"Containment of jdoe (John Doe): drafts for people\ngridwarden runs none of these lines.",
		"From trace wn1.example.org 2026-06-24T12:00Z, asked again at 2026-06-24 15:00:00 UTC.\nSchedds were looked for by all jobs of this user that ran from 2026-06-17 11:50:00 UTC on.\n",
		"\n1. hold everything, before anything is removed (as an operator of the schedd",
		"\ncondor_hold -name crab3@s1.example.org -constraint 'CRAB_UserHN =?= \"jdoe\" && JobUniverse =?= 7'\n",
		"\ncondor_hold -name crab3@s2.example.org -constraint 'CRAB_UserHN =?= \"jdoe\" && JobUniverse =?= 5'\n",
		"\n5. ban in CRAB, after the kill (",
		"\nconfig.TaskWorker.bannedUsernames = ['jdoe']\n",
		"\n'wn1.example.org'\n",
		"\npap-admin ban subject '" + dn + "'\n",
		"\nNext: reply site trace=r-abc\nNext: reply user \"jdoe\" trace=r-abc\nfile: containment.txt",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
	if m.Partial || strings.Contains(said, "wn9") {
		t.Errorf("partial: %v, or the other site's node is kept off", m.Partial)
	}
	order := []string{"condor_hold", "condor_q ", "condor_rm", "bannedUsernames"}
	for i := range order[1:] {
		if strings.Index(said, order[i]) > strings.Index(said, order[i+1]) {
			t.Errorf("%s comes after %s", order[i], order[i+1])
		}
	}
	if want := `trace user "jdoe" 2026-06-17T11:50:00Z 2026-06-24T15:00:00Z`; len(k.asked) != 1 || k.asked[0] != want {
		t.Errorf("asked %q, want %q", k.asked, want)
	}
}

// TestTheFileIsToCopyFrom holds that it has every line as it is, and that a
// shell that is given the file runs none of them.
func TestTheFileIsToCopyFrom(t *testing.T) {
	t.Parallel()
	var all []grid.Sighting
	for _, schedd := range []string{"s1", "s2", "s3", "s4", "s5", "s6"} {
		all = append(all, job(schedd, "5.0", "x\n\"`$(echo pwned)`", "", "wn1.example.org"))
	}
	here := traceOf(grid.ByUser, grid.Partial, all...)
	k := &known{facts: factsOf(here)}
	c := answertest.Command(t, containment.New(k, nil), "containment")
	m := answertest.Run(t, c, answertest.Request(c, noon))
	file := string(m.Files[0].Data)
	for line := range strings.Lines(file) {
		if strings.HasPrefix(line, "pwned") || strings.Contains(line, "pwned") && !strings.HasPrefix(line, "#") {
			t.Errorf("a line of the file is the intruder's: %q", line)
		}
	}
	if !m.Partial || len(k.asked) != 0 {
		t.Errorf("partial: %v, asked %q", m.Partial, k.asked)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	cmd := exec.CommandContext(t.Context(), sh)
	cmd.Stdin, cmd.Env = strings.NewReader(file), []string{"PATH=/nonexistent"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || string(out) != "Do not run this file. Copy the lines that you need.\n" {
		t.Errorf("a shell that runs the file says %q, %v", out, err)
	}
}

func TestLongListsAreInTheFile(t *testing.T) {
	t.Parallel()
	var all []grid.Sighting
	for _, schedd := range []string{"s1", "s2", "s3", "s4", "s5", "s6"} {
		all = append(all, job(schedd, "5.0", "jdoe", dn, "wn1.example.org"))
	}
	c := answertest.Command(t, containment.New(&known{facts: factsOf(traceOf(grid.ByUser, grid.Complete, all...))}, nil), "containment")
	m := answertest.Run(t, c, answertest.Request(c, noon))
	const last = "condor_hold -name s6 -constraint 'CRAB_UserHN =?= \"jdoe\" && JobUniverse =?= 5'"
	if said := m.Plain(); strings.Contains(said, last) || !strings.Contains(said, "\n4 more lines are in the file beside this answer.\n") || !strings.Contains(string(m.Files[0].Data), "\n"+last+"\n") {
		t.Errorf("said\n%s", said)
	}
}

func TestScheddsThatCouldNotBeLookedFor(t *testing.T) {
	t.Parallel()
	here := traceOf(grid.ByHost, grid.Complete, job("s1", "5.0", "jdoe", dn, "wn1.example.org"))
	for name, test := range map[string]struct {
		k    known
		says string
	}{
		"failed":  {known{werr: errors.New("down")}, "Other jobs of this user could not be looked for; only the schedds of the trace are here."},
		"partial": {known{wide: trace.Finding{Trace: traceOf(grid.ByUser, grid.Partial)}}, "Not everything could be searched: there may be more schedds."},
	} {
		test.k.facts = factsOf(here)
		c := answertest.Command(t, containment.New(&test.k, nil), "containment")
		m := answertest.Run(t, c, answertest.Request(c, noon))
		if !m.Partial || !strings.Contains(m.Plain(), test.says) || !strings.Contains(m.Plain(), "condor_hold -name s1 ") {
			t.Errorf("%s: partial %v\n%s", name, m.Partial, m.Plain())
		}
	}
}

func TestWhoIsMeant(t *testing.T) {
	t.Parallel()
	few := traceOf(grid.ByHost, grid.Complete, job("s1", "1.0", "jdoe", dn, "wn1.example.org"), job("s1", "2.0", "roe", "", ""))
	two := traceOf(grid.ByHost, grid.Complete, job("s1", "1.0", "jdoe", dn, "wn1.example.org"), job("s1", "2.0", "roe", "", "wn1.example.org"))
	possible := traceOf(grid.ByHost, grid.Complete, job("s1", "2.0", "roe", "", ""))
	for name, test := range map[string]struct {
		trace grid.Trace
		typed string
		says  string // "" when it is drafted
	}{
		"the only one":          {few, "", ""},
		"by login":              {two, "jdoe", ""},
		"by DN":                 {two, "CN=John Doe,CN=1,CN=jdoe,OU=Users,OU=Organic Units,DC=cern,DC=ch", ""},
		"two, and nobody named": {two, "", `usage: Several people fit: "jdoe", "roe". Name one as it stands here.`},
		"a possible one":        {few, "roe", "refused: roe is only possible: the records cannot exclude this person, and nothing proves that the jobs ran there. Against people who may have nothing to do with it nothing is drafted."},
		"only possible ones":    {possible, "", "refused: There is nobody in that trace against whom something can be drafted. roe is only possible"},
		"nobody of that name":   {few, "JDOE", `not-found: "JDOE" is not among the people of that trace. They are: "jdoe", "roe".`},
		"no one at all":         {traceOf(grid.ByHost, grid.Complete), "", "refused: The trace found no one, so there is nobody to contain."},
	} {
		c := answertest.Command(t, containment.New(&known{facts: factsOf(test.trace), wide: trace.Finding{Trace: few}}, nil), "containment")
		var words []string
		if test.typed != "" {
			words = []string{test.typed}
		}
		r := answertest.Request(c, noon, words...)
		if test.says == "" {
			if m := answertest.Run(t, c, r); !strings.Contains(m.Plain(), "Containment of jdoe (John Doe)") {
				t.Errorf("%s: %s", name, m.Plain())
			}
			continue
		}
		if code, sentence := answertest.Problem(t, c, r); !strings.HasPrefix(code+": "+sentence, test.says) {
			t.Errorf("%s: %s: %s", name, code, sentence)
		}
	}
}

func TestDraftsAreWithheldWhereNamesMayNotBeShown(t *testing.T) {
	t.Parallel()
	k := &known{facts: factsOf(traceOf(grid.ByHost, grid.Complete, job("s1", "1.0", "jdoe", dn, "wn1.example.org")))}
	c := answertest.Command(t, containment.New(k, nil), "containment")
	r := answertest.Request(c, noon)
	r.Personal = false
	if code, sentence := answertest.Problem(t, c, r); code != "refused" || !strings.Contains(sentence, "configured for personal data") {
		t.Errorf("%s: %s", code, sentence)
	}
	k.err = bot.Problemf("no-facts", "Nothing was traced.")
	if code, _ := answertest.Problem(t, c, answertest.Request(c, noon)); code != "no-facts" {
		t.Errorf("without facts: %s", code)
	}
}
