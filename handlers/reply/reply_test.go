package reply_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/facts"
	"github.com/gridwarden/gridwarden/handlers/reply"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

var noon = time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)

// known are the facts of a thread.
type known struct {
	facts facts.Facts
	err   error
}

func (k known) Of(context.Context, *bot.Request) (facts.Facts, error) { return k.facts, k.err }

var sites = &grid.SiteMap{Sites: []grid.Site{
	{CMS: []string{"T2_XX_Here"}, WLCG: []string{"HERE-LCG2"}, ATLAS: []string{"HERE"}},
	{CMS: []string{"T2_XX_There"}},
}}

func claim(kind, value string, by grid.Trust) grid.Identity {
	return grid.Identity{Kind: kind, Value: value, AssertedBy: by, Source: "cms"}
}

// job is one that ran from noon on for an hour, proven to have been there unless host is "".
func job(e grid.Experiment, id, site, host string, ids ...grid.Identity) grid.Sighting {
	s := grid.Sighting{
		Confidence: grid.Confirmed, Why: "why", Host: host, Sources: []string{"cms"},
		Job: grid.Job{
			ID: id, Experiment: e, Kind: grid.Finished, Site: site, Status: "Completed", Type: "analysis", Task: "260624_100000:jdoe_crab_x",
			Submitted: noon.Add(-time.Hour), Start: noon, End: noon.Add(time.Hour), Recorded: noon.Add(time.Hour), Identities: ids,
		},
	}
	if host == "" {
		s.Confidence = grid.Possible
	}
	return s
}

const (
	wn1  = "wn1.example.org"
	jdoe = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=1/CN=John Doe"
	nu   = "/O=somegrid/O=users/O=site/CN=Naughty User"
)

// traced are the facts of a trace of wn1, or of what change makes of it.
func traced(change func(*facts.Facts, *grid.Query), reports []grid.Report, sightings ...grid.Sighting) facts.Facts {
	q := grid.Query{Kind: grid.ByHost, Host: wn1, Asked: noon, Window: grid.Window{From: noon.Add(-10 * time.Minute), To: noon.Add(2 * time.Hour)}}
	f := facts.Facts{Finding: trace.Finding{Line: "trace wn1.example.org 2026-06-24T12:00Z", Subject: wn1, At: noon.Add(100 * time.Hour)}, Request: "r-abc", Asked: noon.Add(3 * time.Hour)}
	if change != nil {
		change(&f, &q)
	}
	if reports == nil {
		reports = []grid.Report{{Name: "cms", Experiment: grid.CMS, State: grid.Complete}}
	}
	found := []grid.Found{}
	for i, r := range reports {
		one := grid.Found{Report: r}
		if i == 0 {
			one.Sightings = sightings
		}
		found = append(found, one)
	}
	f.Trace = grid.Merge(q, found, f.At)
	return f
}

// the whole story: a payload of ATLAS, a user of CMS here and elsewhere, two who
// must not be named, and a service.
func story() facts.Facts {
	atlas := job(grid.ATLAS, "1073623690", "HERE", wn1, claim("panda", "Naughty User", grid.BySchedd), claim("dn", nu, grid.BySubmitter))
	atlas.Job.End, atlas.Job.Kind, atlas.Job.Status, atlas.Job.SubmitAddress = time.Time{}, grid.Snapshot, "running", "lxplus7.example.org"
	atlas.Job.Pilot = grid.Pilot{ID: grid.PilotID{Schedd: "f@factory.example.org", Cluster: 77, Proc: 1}, Batch: "5581127.0", Queue: "ce1.example.org"}
	cms := job(grid.CMS, "crab3@s1#5.0#1", "T2_XX_Here", wn1, claim("crab", "jdoe", grid.BySubmitter), claim("dn", jdoe, grid.BySchedd), claim("email", "john.doe@example.org", grid.BySchedd))
	cms.Job.SubmitAddress = "203.0.113.7"
	there := job(grid.CMS, "crab3@s1#6.0#1", "T2_XX_There", "c1.example.net", claim("crab", "jdoe", grid.BySubmitter), claim("dn", jdoe, grid.BySchedd))
	possible := job(grid.CMS, "crab3@s1#7.0#1", "T2_XX_Here", "", claim("crab", "innocent", grid.BySubmitter))
	disputed := job(grid.CMS, "crab3@s1#8.0#1", "T2_XX_Here", wn1, claim("crab", "victim", grid.BySubmitter), claim("dn", strings.ReplaceAll(jdoe, "jdoe", "thief"), grid.BySchedd))
	service := job(grid.CMS, "s2#9.0#1", "T2_XX_Here", wn1, claim("request", "pdmvserv_task", grid.BySubmitter))
	service.Job.Type = "production"
	return traced(nil, []grid.Report{{Name: "os-cms", Experiment: grid.CMS, State: grid.Complete}, {Name: "monit", Experiment: grid.CMS, State: grid.Partial, Notes: []string{"internal.example.org: timeout"}}, {Name: "panda", Experiment: grid.ATLAS, State: grid.Complete}},
		atlas, cms, there, possible, disputed, service)
}

func run(t *testing.T, k known, name string, words ...string) bot.Message {
	t.Helper()
	c := answertest.Command(t, reply.New(reply.Parts{Facts: k, Sites: sites}), name)
	return answertest.Run(t, c, answertest.Request(c, noon.Add(3*time.Hour), words...))
}

func problem(t *testing.T, k known, name string, words ...string) string {
	t.Helper()
	c := answertest.Command(t, reply.New(reply.Parts{Facts: k, Sites: sites}), name)
	code, sentence := answertest.Problem(t, c, answertest.Request(c, noon, words...))
	return code + ": " + sentence
}

func TestTheAnswerToASite(t *testing.T) {
	t.Parallel()
	m := run(t, known{facts: story()}, "reply site", "site=HERE-LCG2")
	const want = `Subject: [TLP:AMBER] Re: wn1.example.org, 2026-06-24 12:00:00 UTC

TLP:AMBER

Dear colleagues at HERE-LCG2,

We have looked into wn1.example.org, 2026-06-24 12:00:00 UTC. We searched the job records from 2026-06-24 11:50:00 UTC to 2026-06-24 14:00:00 UTC.

A DN that your batch system or computing element shows may be that of a pilot factory. Pilots pick up the payloads of many people; these are not submitted by the factory but by:

1. /DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=1/CN=John Doe
   experiment cms, authenticated when the jobs were submitted
   - job crab3@s1#5.0#1; ran from 2026-06-24 12:00:00 UTC, until 2026-06-24 13:00:00 UTC; submitted 2026-06-24 11:00:00 UTC

2. /O=somegrid/O=users/O=site/CN=Naughty User
   experiment atlas, authenticated when the jobs were submitted
   - job 1073623690; ran from 2026-06-24 12:00:00 UTC, not seen to end; submitted 2026-06-24 11:00:00 UTC from host lxplus7.example.org; batch id 5581127.0 ce1.example.org; pilot f@factory.example.org#77.1

Also seen: 1 job of a service and not of one person: central production, service credential (cms).
2 more people cannot be excluded, or the records do not agree on who it was. We do not name people who may have nothing to do with this; we will write again if that changes.
The records of cms could be searched only in part, so there may be more.
The records of atlas could be searched completely.
We will contact the people involved and investigate further.

Until this is understood, please
- isolate the worker node from the network, and do not power it off, reboot or wipe it: memory and files are evidence;
- keep the logs of the batch system, the computing element and the network, and the working directories of the pilots;
- write down every action with its time in UTC, and follow your own incident procedure;
- tell us before you end pilots, for that destroys what is on the node.
If we cancel jobs in PanDA, a running one learns of it when its pilot calls next, up to 30 minutes later. A malicious payload can evade that: please end the batch job as well, once its traces are safe.
Malicious code can survive the end of its job. Only you can see what is left on the node.

Times here are UTC. Names and DNs are personal data: please keep this mail at TLP:AMBER, for those who need it to handle this.

Best regards,
Alice Adams
`
	if diff := cmp.Diff(want, string(m.Files[0].Data)); diff != "" || m.Files[0].Name != "reply-site.txt" {
		t.Errorf("%s: -want +got\n%s", m.Files[0].Name, diff)
	}
	said := m.Plain()
	for _, note := range []string{
		"Draft: the answer to HERE-LCG2\nA draft: gridwarden sends nothing.", "• From trace wn1.example.org 2026-06-24T12:00Z, asked again at 2026-06-28 16:00:00 UTC.",
		"• 1 job was at other sites: this mail does not tell of them.", "• 2 people are not named", "• It names 2 people with proven jobs at HERE-LCG2", "\nNext: reply ask trace=r-abc\n",
	} {
		if !strings.Contains(said, note) {
			t.Errorf("%q is missing in\n%s", note, said)
		}
	}
	for _, secret := range []string{"innocent", "victim", "thief", "john.doe@", "203.0.113.7", "c1.example.net", "T2_XX_There", "pdmvserv", "internal.example.org", "os-cms"} {
		if strings.Contains(said+string(m.Files[0].Data), secret) {
			t.Errorf("%s is told to the site", secret)
		}
	}
	if !m.Partial {
		t.Error("a draft from a partial trace is whole")
	}
}

func TestWhatElseASiteIsTold(t *testing.T) {
	t.Parallel()
	mine := job(grid.CMS, "crab3@s1#5.0#1", "T2_XX_Here", wn1, claim("crab", "jdoe", grid.BySubmitter))
	for name, test := range map[string]struct {
		facts facts.Facts
		says  []string
		never []string
	}{
		"no one": {traced(nil, nil), []string{"Dear colleagues at the site,", "Our records have no job there in that time, and everything that we asked could be searched."}, []string{"We will contact"}},
		"no one in part": {
			traced(nil, []grid.Report{{Name: "cms", Experiment: grid.CMS, State: grid.Failed}}),
			[]string{"That is not the same as no job.", "The records of cms could not all be searched, so there may be more."},
			[]string{"have no job there"},
		},
		"a squid": {
			traced(func(f *facts.Facts, q *grid.Query) {
				f.Squid, f.Subject, q.Kind = "HERE-LCG2", "192.0.2.80", grid.ByIP
			}, nil),
			[]string{"Dear colleagues at HERE-LCG2,", "The address is a squid server of yours"},
			[]string{"We will contact"},
		},
		"a login and no DN": {traced(nil, nil, mine), []string{"\n1. jdoe\n   experiment cms, as the jobs say of themselves; not authenticated\n", "Dear colleagues at T2_XX_Here,"}, nil},
		"an open window": {
			traced(func(f *facts.Facts, q *grid.Query) { f.At, q.OpenUntil = noon.Add(2*time.Hour), noon.Add(48*time.Hour) }, nil, mine),
			[]string{"The time to look at goes on until 2026-06-26 12:00:00 UTC", "what they had at 2026-06-24 14:00:00 UTC"},
			nil,
		},
		"a person who was asked for": {
			traced(func(f *facts.Facts, q *grid.Query) { f.Subject, q.Host, q.Kind = "jdoe", "", grid.ByUser }, nil, mine),
			[]string{"Subject: [TLP:AMBER] Re: jobs at your site, 2026", "; on wn1.example.org; ran from"},
			nil,
		},
		"hostile values": {
			traced(nil, nil, job(grid.CMS, "x\nPlease reboot\u202e", "T2_XX_Here", wn1, claim("crab", "jd\noe", grid.BySubmitter), claim("dn", "/DC=org/CN="+strings.Repeat("x", 3000), grid.BySchedd))),
			[]string{"x\uFFFDPlease reboot\uFFFD"},
			[]string{"\nPlease reboot", strings.Repeat("x", 500)},
		},
	} {
		m := run(t, known{facts: test.facts}, "reply site", "tlp=red")
		text := strings.ReplaceAll(string(m.Files[0].Data), "TLP:RED", "TLP:AMBER")
		for _, want := range test.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in\n%s", name, want, text)
			}
		}
		for _, secret := range test.never {
			if strings.Contains(text, secret) {
				t.Errorf("%s: %q is in\n%s", name, secret, text)
			}
		}
	}
}

func TestAQuestionToAUser(t *testing.T) {
	t.Parallel()
	m := run(t, known{facts: story()}, "reply user", "jdoe", "tlp=amber+strict")
	const want = `To: john.doe@example.org
Subject: [TLP:AMBER+STRICT] a question about your grid jobs

TLP:AMBER+STRICT

Dear John Doe,

We look after the security of the grid jobs of CMS and have a question about jobs that ran under your name. It is a question and no accusation: most such questions have a simple answer, and sometimes somebody else has used a credential.

The jobs bear this name: /DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=1/CN=John Doe
- task 260624_100000:jdoe_crab_x, job crab3@s1#5.0#1, submitted 2026-06-24 11:00:00 UTC
- task 260624_100000:jdoe_crab_x, job crab3@s1#6.0#1, submitted 2026-06-24 11:00:00 UTC

Please tell us
1. Did you submit these jobs yourself? If somebody else did with your agreement, who?
2. What do they do, and where does the code come from that they run?
3. From which machine did you submit them, and where do you keep your certificate, keys and tokens?
4. Have you noticed anything unusual with your account or that machine?

Until we have spoken, please do not delete or change the jobs, their code and their logs. If you do not know these jobs, tell us at once, do not use the credential and the machine any more, and leave the machine as it is.
Your jobs may be stopped meanwhile.

Please keep this to yourself and answer to us only.

Best regards,
Alice Adams
`
	if diff := cmp.Diff(want, string(m.Files[0].Data)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	said := m.Plain()
	for _, note := range []string{"the intruder may read its mail and be warned", "hold it against the experiment's register"} {
		if !strings.Contains(said, note) {
			t.Errorf("%q is missing in\n%s", note, said)
		}
	}
	for _, secret := range []string{"wn1", "HERE", "Naughty", "innocent"} {
		if strings.Contains(string(m.Files[0].Data), secret) {
			t.Errorf("the user is told of %s", secret)
		}
	}
}

func TestAnAddressThatIsNoneIsNotUsed(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"a@example.org, b@example.org", "John <a@example.org>", "a@example.org\nBcc: b@example.org", "nonsense", strings.Repeat("a", 500) + "@example.org", "a@example.org\u202e"} {
		m := run(t, known{facts: traced(nil, nil, job(grid.CMS, "1", "T2_XX_Here", wn1, claim("crab", "jdoe", grid.BySubmitter), claim("email", email, grid.BySchedd)))}, "reply user")
		if text := string(m.Files[0].Data); strings.Contains(text, "To:") || strings.Contains(text, "Bcc") || !strings.Contains(m.Plain(), "no address that can be used") {
			t.Errorf("%q is written to:\n%s", email, text)
		}
	}
}

func TestWhoIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	k := known{facts: story()}
	for typed, want := range map[string]string{
		"":         "usage: Several people fit: jdoe (John Doe), Naughty User. Name one.",
		"innocent": "refused: innocent: only possible, no record proves the jobs to have been there.",
		"victim":   "refused: victim (John Doe): the records disagree about who this is.",
		"pdmvserv": "refused: pdmvserv: central production, service credential.",
		"nobody":   `not-found: "nobody" is not among the people of that trace.`,
	} {
		var words []string
		if typed != "" {
			words = []string{typed}
		}
		if got := problem(t, k, "reply user", words...); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", typed, got)
		}
	}
	if got := problem(t, known{facts: traced(nil, nil)}, "reply user"); got != "refused: The trace found no one, so there is nobody to ask." {
		t.Errorf("no one: %s", got)
	}
}

// missingOf are the things that a draft asks for.
func missingOf(m bot.Message) string {
	var out []string
	for line := range strings.Lines(string(m.Files[0].Data)) {
		if what, ok := strings.CutPrefix(line, "* "); ok {
			out = append(out, strings.TrimSpace(what))
		}
	}
	return strings.Join(out, "; ")
}

func TestWhatASiteIsAskedFor(t *testing.T) {
	t.Parallel()
	const (
		host  = "the full name of the worker node, as the node itself has it"
		when  = "the time of what you saw, with its time zone"
		batch = "the id of the batch job, with its queue or computing element"
		pilot = "the id of the pilot"
		panda = "the id of the PanDA job (ATLAS)"
	)
	proven := job(grid.CMS, "crab3@s1#5.0#1", "T2_XX_Here", wn1, claim("crab", "jdoe", grid.BySubmitter))
	nothing := known{err: bot.Problemf("no-facts", "Nothing was traced.")}
	for name, test := range map[string]struct {
		k     known
		words []string
		want  string
	}{
		"nothing was traced": {nothing, nil, strings.Join([]string{host, when, batch, pilot, panda}, "; ")},
		"said":               {nothing, []string{"batch,", "TIME"}, when + "; " + batch},
		"no one found":       {known{facts: traced(nil, nil)}, nil, strings.Join([]string{when, batch, pilot, panda}, "; ")},
		"a short host":       {known{facts: traced(func(f *facts.Facts, q *grid.Query) { f.Subject, q.Host = "wn1", "wn1" }, nil, proven)}, nil, host},
		"no zone":            {known{facts: traced(func(f *facts.Facts, _ *grid.Query) { f.Said = []string{"no zone given, read as UTC"} }, nil, proven)}, nil, when},
		"a squid": {
			known{facts: traced(func(f *facts.Facts, q *grid.Query) { f.Squid, q.Kind = "HERE", grid.ByIP }, nil)},
			nil,
			when + "; the worker node behind a squid server",
		},
		"behind a NAT": {
			known{facts: traced(func(f *facts.Facts, q *grid.Query) { f.NAT, q.Kind = "HERE", grid.ByIP }, nil, proven)},
			nil,
			when + "; the worker node behind a shared address",
		},
		"a batch id without a queue": {known{facts: traced(func(_ *facts.Facts, q *grid.Query) { q.Kind, q.Batch = grid.ByBatch, "5.0" }, nil, proven)}, nil, batch},
	} {
		m := run(t, test.k, "reply ask", test.words...)
		if got := missingOf(m); got != test.want {
			t.Errorf("%s: asks for %s\nwant %s", name, got, test.want)
		}
		if text := string(m.Files[0].Data); strings.Contains(text, "jdoe") || !strings.Contains(text, "do not power it off, reboot or wipe it") {
			t.Errorf("%s: names somebody, or does not say how to keep the node:\n%s", name, text)
		}
	}
	for _, system := range []string{"HTCondor: condor_who", "SLURM: squeue --nodelist=NODE", "sacct --allusers", "PBS: qstat -n -1", "LSF: bjobs", "SGE: qstat", "AuditPayloadLog", "PandaJob_NNNNNNNNNN", "pilotlog.txt", "CONDORG_SUBCLUSTER"} {
		if text := string(run(t, nothing, "reply ask").Files[0].Data); !strings.Contains(text, system) {
			t.Errorf("%s is no way to find it", system)
		}
	}
	if got := problem(t, known{facts: traced(nil, nil, proven)}, "reply ask"); !strings.HasPrefix(got, "refused: Nothing is missing") {
		t.Errorf("of a trace that found everything: %s", got)
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	k := known{facts: story()}
	for name, test := range map[string]struct {
		k       known
		command string
		words   []string
		want    string
	}{
		"several sites":  {k, "reply site", nil, "usage: The trace has jobs at 2 sites: HERE, T2_XX_There. Say which one you write to by site=NAME"},
		"words":          {k, "reply site", []string{"T2_XX_Here"}, `usage: "T2_XX_Here" was not understood. The site is given by site=NAME.`},
		"green":          {k, "reply site", []string{"tlp=green"}, "usage: TLP:GREEN is for what may be passed on freely."},
		"no label":       {k, "reply user", []string{"tlp=x"}, "usage: tlp= is AMBER, AMBER+STRICT or RED."},
		"a label of ask": {k, "reply ask", []string{"tlp=tlp:white"}, "usage: TLP:WHITE is for"},
		"no such thing":  {k, "reply ask", []string{"password"}, `usage: "password" cannot be asked for. What can is: host, time, batch, pilot, job, nat, squid.`},
		"no facts":       {known{err: bot.Problemf("no-facts", "Nothing was traced.")}, "reply site", nil, "no-facts: Nothing was traced."},
		"no facts, user": {known{err: bot.Problemf("no-facts", "Nothing was traced.")}, "reply user", nil, "no-facts: Nothing was traced."},
		"no such trace":  {known{err: bot.Problemf("not-found", "There is no request.")}, "reply ask", nil, "not-found: There is no request."},
	} {
		if got := problem(t, test.k, test.command, test.words...); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestNamesAreWithheld holds that a channel which may not show people gets no
// mail that names some, and a question that names none.
func TestNamesAreWithheld(t *testing.T) {
	t.Parallel()
	f := story()
	f.Subject, f.Line, f.Trace.Query.Kind = "jdoe", `trace user "jdoe" 12:00`, grid.ByUser
	for _, c := range reply.New(reply.Parts{Facts: known{facts: f}, Sites: sites}) {
		r := answertest.Request(c, noon)
		r.Personal = false
		if c.Plan != nil {
			continue // the bot itself refuses actions where people may not be named
		}
		if c.Name == "reply ask" {
			r.Words = []bot.Token{{Text: "batch"}}
			if m := answertest.Run(t, c, r); strings.Contains(m.Plain()+string(m.Files[0].Data), "jdoe") {
				t.Errorf("a person is named:\n%s", m.Plain())
			}
			continue
		}
		if code, sentence := answertest.Problem(t, c, r); code != "refused" || !strings.Contains(sentence, "configured for personal data") {
			t.Errorf("%s: %s: %s", c.Name, code, sentence)
		}
	}
}
