package grid

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Lever is one way to contain a user of CMS: lines for those who may run or
// write them. Nothing in this program does.
type Lever struct {
	Name   string   `json:"name"`  // hold, copy, tasks, kill, ban, block, pilots, nodes, site, membership
	Title  string   `json:"title"` // what it is, a fragment
	Where  string   `json:"where"` // on which machine or in which file the lines belong
	Shell  bool     `json:"shell"` // the lines are commands of a POSIX shell
	Lines  []string `json:"lines"` // in order, each whole
	Effect string   `json:"effect"`
	Limits []string `json:"limits"`
	Left   []string `json:"left,omitempty"` // what has no line, and why
}

// Containment is what can be done about one person, in the order in which to
// do it.
type Containment struct {
	Person Person
	Doubts []string // what to check before, a sentence each
	Levers []Lever
}

// Containable says in a sentence why nothing is drafted against a person; ""
// when something is.
func (p Person) Containable() string {
	switch {
	case p.Confidence != Confirmed:
		return "is only possible: the records cannot exclude this person, and nothing proves that the jobs ran there. Against people who may have nothing to do with it nothing is drafted"
	case !p.In(CMS):
		return "is of " + string(p.Experiment) + ". These drafts are for CMS; for PanDA there are `ban` and `kill user`, which run after approval"
	case p.Label != "":
		return "is no plain person (" + p.Label + "): what stops this name stops others with it. Ask those who run it"
	case p.Username == "" && p.DN == "":
		return "has no name in the records"
	}
	return ""
}

// Contain drafts what can be done about p, one of the people of here. wide has
// more jobs of that person where more were looked for; else it is here. Whoever
// is not Containable is refused with an *InputError.
func Contain(p Person, here, wide Trace, sites *SiteMap) (Containment, error) {
	if why := p.Containable(); why != "" {
		return Containment{}, refuse(CodeInvalid, personName(p)+" "+why+".")
	}
	d := draft{Containment: Containment{Person: p}, here: ofCMS(SightingsOf(here, p)), trace: here, sites: sites}
	d.jobs = d.wider(p, wide)
	d.schedds, d.bad = scheddsOf(d.jobs)
	if p.Disagreement {
		d.doubt("The records disagree about who this is: %s. So nothing is drafted against a person, only against the very jobs that were seen. Settle first who owns them.", claimed(p))
		d.byJob()
	} else {
		if !slices.ContainsFunc(p.Identities, func(id Identity) bool { return id.AssertedBy == BySchedd && id.Kind == "dn" }) {
			d.doubt("No schedd has authenticated this name: it is what the jobs say of themselves, and whoever submits can write another's. Check the DN before you ban.")
		}
		d.byPerson()
	}
	return d.Containment, nil
}

// ofCMS keeps the jobs of CMS: somebody may have others.
func ofCMS(all []Sighting) []Sighting {
	return slices.DeleteFunc(all, func(s Sighting) bool { return s.Job.Experiment != CMS })
}

func personName(p Person) string { return cmp.Or(p.Username, p.Name, p.DN, "Somebody") }

// claimed lists what the records call a disputed person.
func claimed(p Person) string {
	var out []string
	for _, id := range p.Identities {
		if id.Kind == "crab" || id.Kind == "dn" || id.Kind == "accounting" {
			out = appendNew(out, fmt.Sprintf("%s %q (%s)", id.Kind, clipped(id.Value), id.AssertedBy))
		}
	}
	return strings.Join(out, "; ")
}

// draft is a Containment being written.
type draft struct {
	Containment
	here    []Sighting // of the person, where the trace looked
	trace   Trace      // of everybody there
	jobs    []Sighting // of the person, everywhere that is known
	schedds []string
	bad     []string // what the records give as schedd and is no name of one
	sites   *SiteMap
}

func (d *draft) doubt(format string, args ...any) {
	d.Doubts = append(d.Doubts, fmt.Sprintf(format, args...))
}

// wider adds to the jobs here those that another trace has of the same person.
// Jobs there whose claims disagree are not taken: they are said.
func (d *draft) wider(p Person, wide Trace) []Sighting {
	out := slices.Clone(d.here)
	for _, other := range wide.People {
		switch {
		case !sameOwner(p, other):
		case other.Disagreement && !p.Disagreement:
			d.doubt("Elsewhere %d more jobs bear one of these names beside a contradicting one. A line that selects by that name also hits those: look at `trace user`.", other.Jobs)
		case other.Disagreement == p.Disagreement:
			out = append(out, ofCMS(SightingsOf(wide, other))...)
		}
	}
	return out
}

func sameOwner(a, b Person) bool {
	da, _ := NormalizeDN(a.DN)
	db, _ := NormalizeDN(b.DN)
	sameDN, sameLogin := da.Equal(db), a.Username != "" && a.Username == b.Username
	if !a.In(CMS) || !b.In(CMS) || a.Label != b.Label {
		return false
	}
	if a.Disagreement && b.Disagreement { // one claim in common does not make them one
		return a.Username == b.Username && da.Key() == db.Key()
	}
	return sameDN || sameLogin
}

// byPerson drafts against everything that is the person's.
func (d *draft) byPerson() {
	selector, left := d.selector()
	left = append(left, d.withoutSchedd()...)
	each := func(command string) (lines []string) {
		if selector == "" {
			return nil
		}
		for _, schedd := range d.schedds {
			for _, universe := range []string{"7", "5"} { // DAGs before their jobs: a DAG submits again what is lost
				lines = append(lines, d.shell(&left, command, "-name", schedd, "-constraint", selector+" && JobUniverse =?= "+universe))
			}
		}
		return slices.DeleteFunc(lines, isEmpty)
	}
	d.hold(each("condor_hold"), left)
	var ads []string
	for _, schedd := range d.schedds {
		if selector != "" {
			ads = append(ads, d.shell(&left, "condor_q", "-name", schedd, "-constraint", selector, "-json"))
		}
	}
	d.copies(slices.DeleteFunc(ads, isEmpty))
	d.tasks()
	d.kill(each("condor_rm"), left)
	d.ban()
	d.block()
	d.pilots()
	d.nodes()
	d.site()
	d.membership()
}

// byJob drafts against the jobs that were seen.
func (d *draft) byJob() {
	left := d.withoutSchedd()
	each := func(command, tail string) (lines []string) {
		for _, schedd := range d.schedds {
			var ids []string
			for _, s := range d.jobs {
				if name, id := scheddJob(s.Job); name == schedd && id != "" && s.Confidence == Confirmed {
					ids = appendNew(ids, id)
				}
			}
			for some := range slices.Chunk(ids, 50) {
				words := append([]string{command, "-name", schedd}, some...)
				lines = append(lines, d.shell(&left, append(words, tail)...))
			}
		}
		return slices.DeleteFunc(lines, isEmpty)
	}
	left = append(left, "The DAG that submitted them goes on and may submit them again: whose it is must be settled first.")
	d.hold(each("condor_hold", ""), left)
	d.copies(each("condor_q", "-json"))
	d.kill(each("condor_rm", ""), left)
	d.pilots()
	d.nodes()
}

// shell makes a command line of words. One that cannot be written is left out
// and said. Words without any text are dropped.
func (d *draft) shell(left *[]string, words ...string) string {
	var out []string
	for _, w := range words {
		if w == "" {
			continue
		}
		if strings.HasPrefix(w, "-") {
			out = append(out, w) // ours: foreign values that begin so are refused before
			continue
		}
		quoted, err := ShellWord(w)
		if err != nil {
			*left = appendNew(*left, fmt.Sprintf("No line with %q: %v.", clipped(w), err))
			return ""
		}
		out = append(out, quoted)
	}
	return strings.Join(out, " ")
}

func isEmpty(s string) bool { return s == "" }

// clipped bounds a foreign value in a sentence.
func clipped(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// selector is the ClassAd expression that is true for the person's jobs: by the
// CRAB login where a job has one, else by what else names its owner.
func (d *draft) selector() (expression string, left []string) {
	var parts []string
	add := func(attribute, value string) bool {
		quoted, err := ClassAdString(value)
		if err != nil {
			left = appendNew(left, fmt.Sprintf("No job is selected by %s %q: %v.", attribute, clipped(value), err))
			return false
		}
		parts = appendNew(parts, attribute+" =?= "+quoted)
		return true
	}
	for _, s := range d.jobs {
		for _, by := range []struct{ kind, attribute string }{
			{"crab", "CRAB_UserHN"}, {"dn", "x509userproxysubject"}, {"connect", "ConnectClientUser"}, {"accounting", "AccountingGroup"},
		} {
			found := false
			for _, id := range byTrust(s.Job.Identities, by.kind) {
				if by.kind == "dn" && (id.AssertedBy != BySchedd || !d.person(id.Value)) {
					continue
				}
				found = add(by.attribute, id.Value) || found
			}
			if found {
				break
			}
		}
	}
	slices.Sort(parts)
	switch {
	case len(parts) == 0:
		return "", append(left, "No record has a name by which a schedd could select the jobs.")
	case len(parts) == 1:
		return parts[0], left
	}
	return "(" + strings.Join(parts, " || ") + ")", left
}

// person reports whether a DN is not known to be that of a pilot, a robot or a
// service, under which many run.
func (d *draft) person(dn string) bool {
	kind, _ := KindOfDN(dn, d.sites)
	return kind == PersonAccount || kind == UnknownAccount
}

func (d *draft) withoutSchedd() (left []string) {
	for _, name := range d.bad {
		left = append(left, fmt.Sprintf("%q stands in the records as a schedd and is no name of one.", clipped(name)))
	}
	if len(d.schedds) == 0 {
		left = append(left, "No record names the schedd of these jobs.")
	}
	return left
}

// scheddsOf gives the schedds of jobs, and what stands there without being one.
func scheddsOf(jobs []Sighting) (names, bad []string) {
	for _, s := range jobs {
		name, _ := scheddJob(s.Job)
		switch {
		case name == "":
		case daemonName(name):
			names = appendNew(names, name)
		default:
			bad = appendNew(bad, name)
		}
	}
	slices.Sort(names)
	slices.Sort(bad)
	return names, bad
}

// scheddJob gives the schedd of a job and its CLUSTER.PROC there, as the record
// or its GlobalJobId has them.
func scheddJob(j Job) (schedd, id string) {
	schedd = j.Schedd
	name, rest, found := strings.Cut(j.ID, "#")
	number, _, _ := strings.Cut(rest, "#")
	if schedd == "" && found {
		schedd = name
	}
	switch {
	case j.Cluster > 0 && j.Proc >= 0:
		return schedd, fmt.Sprintf("%d.%d", j.Cluster, j.Proc)
	case found && schedd == name && numberOfJob.MatchString(number):
		return schedd, number
	}
	return schedd, ""
}

// latestProxy is when the last proxy that a job had ends; zero when no record says.
func latestProxy(jobs []Sighting) (end time.Time) {
	for _, s := range jobs {
		end = later(end, s.Job.ProxyEnds)
	}
	return end
}
