package grid

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Condition is what a server that holds records can be asked to test of each,
// so that it need not send those that no trace wants. It speaks of attributes
// as the rules read them: a server whose copy of an attribute says less must
// leave the condition out, on the side on which nobody is lost.
type Condition struct {
	Op        Op
	Of        []Condition // All, AnyOf; the one of Not
	Attribute Attribute   // Has, OnDate, Counts, OneOf, Reads
	From, To  time.Time   // OnDate, both included
	Least     int64       // Counts: from Least to Most
	Most      int64
	Numbers   []int64 // OneOf
	Form      Form    // Reads
	Text      string  // Reads: what Form is about
}

// Op is the kind of a Condition.
type Op int

// The kinds of condition.
const (
	All    Op = iota // all of some; of none: always true
	AnyOf            // one of some; of none: never true
	Not              // not the one
	Has              // there is a value, whichever
	OnDate           // the value is a date in an interval
	Counts           // the value is a number in an interval
	OneOf            // the value is one of some whole numbers
	Reads            // the value is a text of a form
)

// Form is a form that a text may have. Blanks around a text do not count, nor
// does the case of letters, except for Is.
type Form int

// The forms.
const (
	Is        Form = iota // the very text
	Equals                // the text
	Clusters              // the text, or more after a dot
	Contains              // the text is a part, or may be one behind a backslash
	NoValue               // a spelling of "no value", such as Unknown
	NamesHost             // a slot or machine with a full name
	Container             // a slot or machine that is named like a container
)

// Narrow gives a condition that holds for each record whose job Match may
// accept. It is built from what proves that a record lies outside: a date, site
// or name that is missing, or that contradicts another, proves nothing.
//
// It takes for granted that the spider and the schedd write each of their
// attributes as one value, never as a list.
func Narrow(q Query) Condition {
	inside := []Condition{}
	if !q.Window.IsZero() {
		inside = append(inside, not(outsideTime(q.Window)))
	}
	if len(q.Sites) > 0 {
		inside = append(inside, not(elsewhere(q)))
	}
	switch q.Kind {
	case ByHost:
		inside = append(inside, mayBeOnHost(q))
	case ByBatch:
		inside = append(inside, anyOf(append(mayHaveMoved(), ofBatch(q.Batch))...))
	case ByPilotID:
		inside = append(inside, anyOf(append(mayHaveMoved(), NarrowPilots([]PilotID{q.Pilot}))...))
	case ByUser:
		names := []Condition{mayNameUser(q.User)}
		for _, name := range q.Also {
			names = append(names, mayNameUser(name))
		}
		inside = append(inside, anyOf(names...))
	case ByIP: // addresses are in texts of many forms, which are read one by one
	}
	return all(inside...)
}

// NarrowLatest holds for each record whose latest run Match may accept, which is
// what a query by batch id or pilot is about: there are few of them, so that time and
// site need not be asked for, while those of jobs with an unrecorded earlier run are many.
func NarrowLatest(q Query) Condition {
	switch q.Kind {
	case ByPilotID:
		return NarrowPilots([]PilotID{q.Pilot})
	case ByBatch:
		return ofBatch(q.Batch)
	}
	return Narrow(q)
}

func all(of ...Condition) Condition   { return Condition{Op: All, Of: of} }
func anyOf(of ...Condition) Condition { return Condition{Op: AnyOf, Of: of} }
func not(c Condition) Condition       { return Condition{Op: Not, Of: []Condition{c}} }
func has(attribute string) Condition  { return Condition{Op: Has, Attribute: wanted[attribute]} }

func on(attribute string, from, to time.Time) Condition {
	return Condition{Op: OnDate, Attribute: wanted[attribute], From: from, To: to}
}

func counts(attribute string, least, most int64) Condition {
	return Condition{Op: Counts, Attribute: wanted[attribute], Least: least, Most: most}
}

func oneOf(attribute string, numbers []int64) Condition {
	return Condition{Op: OneOf, Attribute: wanted[attribute], Numbers: numbers}
}

func reads(attribute string, form Form, text string) Condition {
	return Condition{Op: Reads, Attribute: wanted[attribute], Form: form, Text: text}
}

// anyHas is true when one of the attributes has a value.
func anyHas(attributes []string) Condition {
	var c []Condition
	for _, a := range attributes {
		c = append(c, has(a))
	}
	return anyOf(c...)
}

func anyReads(attributes []string, form Form, text string) Condition {
	var c []Condition
	for _, a := range attributes {
		c = append(c, reads(a, form, text))
	}
	return anyOf(c...)
}

// marks are the attributes by which a record is taken for an ad: then nothing in
// it is believed to be the spider's, so nothing of it proves anything.
var marks = strings.Fields(lowerASCII(markSpellings + " " + matchedNames))

// dates are the dates from which readTimes makes those of a job.
var dates = strings.Fields(`qdate jobstartdate jobcurrentstartdate joblaststartdate completiondate jobfinishedhookdone enteredcurrentstatus lastvacatetime recordtime`)

// lastDate is the last date that counts as one.
var lastDate = newestDate.Add(-time.Millisecond)

// outsideTime is true only of records that latestRun and beforeLatest accept for
// no part of the window: all dates are before it and the job has ended, or all
// are so long before it that no run lasted until it, and one bounds the run; or
// all are after it.
func outsideTime(w Window) Condition {
	before := func(t time.Time) Condition {
		c := []Condition{on("recordtime", oldestDate, t.Add(-time.Millisecond))}
		for _, d := range dates {
			c = append(c, not(on(d, t, lastDate)))
		}
		return all(c...)
	}
	after := []Condition{anyOf(on("jobstartdate", w.To.Add(time.Millisecond), lastDate), on("qdate", w.To.Add(time.Millisecond), lastDate))}
	for _, d := range []string{"jobcurrentstartdate", "recordtime"} {
		after = append(after, on(d, w.To.Add(time.Millisecond), lastDate))
	}
	for _, d := range dates {
		after = append(after, not(on(d, oldestDate, w.To)))
	}
	longBefore := w.From.Add(-maxRun)
	bounded := []Condition{} // a run of which neither start nor end is known may have been at any time
	for _, d := range []string{"qdate", "jobstartdate", "jobcurrentstartdate"} {
		bounded = append(bounded, on(d, oldestDate, longBefore))
	}
	for _, d := range []string{"completiondate", "jobfinishedhookdone"} { // no end of a job that has not ended
		bounded = append(bounded, all(hasEnded(), on(d, oldestDate, longBefore)))
	}
	return all(not(anyHas(marks)), anyOf(
		all(hasEnded(), before(w.From)),
		all(before(longBefore), anyOf(bounded...)),
		all(after...),
	))
}

// hasEnded is true only of records that kindOf takes for those of finished jobs.
func hasEnded() Condition {
	return all(
		anyOf(reads("status", Is, "Completed"), reads("status", Is, "Removed")),
		anyOf(counts("jobstatus", 3, 4), not(has("jobstatus"))),
	)
}

// elsewhere is true only of records that inSites puts at no site of the query.
func elsewhere(q Query) Condition {
	atSite := func(attribute string) []Condition {
		var c []Condition
		for _, s := range q.Sites {
			c = append(c, reads(attribute, Equals, s), reads(attribute, Equals, s+"_Disk"))
		}
		return c
	}
	c := []Condition{
		has("site"), not(reads("site", NoValue, "")), not(anyOf(atSite("site")...)), not(anyHas(marks)),
		not(counts("numjobstarts", 2, 1<<53)), not(on("joblaststartdate", oldestDate, lastDate)),
	}
	for i := 1; i <= 8; i++ {
		n := strconv.Itoa(i)
		c = append(c, not(has("machineattrglidein_cmssite"+n)), not(has("machineattrcmsprocessingsitename"+n)))
	}
	return all(c...)
}

// ofBatch is what matchBatch asks.
func ofBatch(id string) Condition {
	if id == "" {
		return anyOf()
	}
	return anyReads([]string{"match_exp_job_glidein_sitewms_jobid", "glidein_sitewms_jobid"}, Clusters, id)
}

// NarrowPilots holds for each record in which MatchMate or Exposed may find one of
// some pilots, at any time and site: those of a pilot are few. The numbers of all are
// asked for together: a server has one list to look up where pairs would be as many
// searches as there are pilots, and what has the cluster of one and the process of
// another is little.
func NarrowPilots(ids []PilotID) Condition {
	var clusters, procs []int64
	for _, id := range ids {
		clusters, procs = append(clusters, id.Cluster), append(procs, id.Proc)
	}
	among := func(name string, numbers []int64) Condition {
		slices.Sort(numbers)
		numbers = slices.Compact(numbers)
		return anyOf(oneOf("match_exp_job_"+name, numbers), oneOf(name, numbers))
	}
	return all(among("glidein_clusterid", clusters), among("glidein_procid", procs))
}

// owners are the attributes from which identitiesOf reads.
var owners = strings.Fields(`crab_userhn crab_workflow crab_reqname x509userproxysubject x509userproxyfqan x509userproxyfirstfqan x509userproxyemail
crab_userdn accountinggroup acctgroupuser connectclientuser wmagent_requestname owner user`)

// mayNameUser is true of all records that namesUser may find the user in. Names
// and DNs have many spellings, but the letters and digits of a word have few: the
// longest word has to be there.
func mayNameUser(user string) Condition {
	user = strings.TrimSpace(user)
	if user == "" {
		return anyOf()
	}
	word := ""
	if dn, ok := NormalizeDN(user); ok {
		for _, cn := range dn.CommonNames() {
			word = longer(word, longestWord(foldName(cn)))
		}
		for _, r := range dn.rdns {
			if word == "" {
				word = longestWord(foldName(r.value))
			}
		}
	} else {
		word = longestWord(foldName(user))
	}
	if word == "" {
		return all()
	}
	return anyReads(owners, Contains, word)
}

// longestWord gives the longest run of letters and digits of ASCII.
func longestWord(s string) string {
	word := ""
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) {
		word = longer(word, w)
	}
	return word
}

func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}

// The attributes in which readHosts finds hosts.
var (
	slots      = strings.Fields(`remotehost lastremotehost match_exp_job_glidein_sitewms_slot glidein_sitewms_slot machineattrname0`)
	nameFields = func() []string {
		all := append(strings.Fields(`holdreason lastholdreason removereason`), slots...)
		for i := 1; i <= 8; i++ {
			all = append(all, "machineattrname"+strconv.Itoa(i))
		}
		return all
	}()
)

// mayHaveMoved are what all records have one of of which hadEarlierRun tells an
// earlier run.
func mayHaveMoved() []Condition {
	return []Condition{
		counts("numjobstarts", 2, 1<<53),
		counts("numshadowstarts", 2, 1<<53),
		counts("remotewallclocktime", 600, 1<<53),
		on("joblaststartdate", oldestDate, lastDate),
	}
}

// mayBeOnHost is true of all records that matchHost may accept: those that name
// the host, and those that cannot be excluded because they name none, one that
// stands for another, or had an earlier run.
func mayBeOnHost(q Query) Condition {
	may := append(mayHaveMoved(), not(placedElsewhere()), anyReads(slots, Container, ""))
	for _, name := range append([]string{q.Host}, q.Aliases...) {
		if name == "" {
			continue
		}
		if isAddress(name) {
			return all()
		}
		may = append(may, anyReads(nameFields, Contains, shortName(name)))
	}
	if q.IP.IsValid() {
		return all()
	}
	return anyOf(may...)
}

// placedElsewhere is true only of records that name the host of their latest run.
func placedElsewhere() Condition {
	running := all(reads("status", Is, "Running"), anyOf(counts("jobstatus", 2, 2), not(has("jobstatus"))))
	return all(not(anyHas(marks)), anyOf(
		all(running, reads("remotehost", NamesHost, "")),
		all(hasEnded(), reads("lastremotehost", NamesHost, "")),
	))
}
