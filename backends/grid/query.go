package grid

import (
	"net/netip"
	"time"
)

// QueryKind is what a trace was asked by.
type QueryKind string

// The ways to ask for a trace.
const (
	ByHost    QueryKind = "host"
	ByBatch   QueryKind = "batch"
	ByPilotID QueryKind = "pilot"
	ByUser    QueryKind = "user"
	ByIP      QueryKind = "ip"
	ByJob     QueryKind = "job" // not asked of a trace: one job whose id is known
)

// Window is a closed interval of time, UTC.
type Window struct {
	From time.Time
	To   time.Time
}

// Query asks which jobs match and overlapped a window.
type Query struct {
	Kind      QueryKind
	Raw       string   // what was typed, for the answer
	Host      string   // ByHost: normalised by HostOf
	Aliases   []string // other names of Host that the site map knows
	IP        netip.Addr
	Batch     string
	Queue     string
	Pilot     PilotID // ByPilotID: Schedd may be empty
	Factory   string
	Entry     string
	User      string    // ByUser: a login, a name or a DN
	Also      []string  // ByUser: other logins and DNs of the same person, as Knowledge.Names gives them
	Sites     []string  // empty: any site. Names as the source knows them
	Asked     time.Time // the time that was asked about
	Window    Window    // the window to search, already widened
	OpenUntil time.Time // where the window ends when that is in the future; else zero
	Why       []string  // why it is wider than asked, a sentence each
	Only      []string  // names of the sources to ask; empty: all
}

// Found is what one source knows about a Query.
type Found struct {
	Sightings []Sighting
	Report    Report
	FollowOn  []FollowOn
	Exposed   []Exposure
}

// Confidence tells a proven sighting from one that cannot be excluded.
type Confidence string

// The two confidences.
const (
	Confirmed Confidence = "confirmed"
	Possible  Confidence = "possible"
)

// Sighting is one job seen on a host in a window.
type Sighting struct {
	Job        Job
	Confidence Confidence
	Why        string // the rule and the field that placed it there
	Host       string
	Sources    []string
	Unplaced   bool // nothing ties the job to the place: an earlier run of it is in no record, and could have been anywhere
	Running    bool // it ran when it was last seen, and no record of its end is known; set by Merge
}

// SourceState is how one source did.
type SourceState string

// The states of a source. NotAsked carries its reason in Report.Notes.
const (
	Complete SourceState = "complete"
	Partial  SourceState = "partial"
	Failed   SourceState = "failed"
	NotAsked SourceState = "not asked"
)

// Report is one source's completeness statement.
type Report struct {
	Name        string
	Experiment  Experiment
	State       SourceState
	Searched    string    // what was searched, in words
	Records     int       // records looked at
	Matched     int       // records that matched
	Newest      time.Time // data age: the newest record the source has; zero when unknown
	Notes       []string  // what is missing and what it means
	WouldChange []string  // what could change the answer later
	LookAgain   time.Time // when what is missing may be there; zero when nobody knows
}

// FollowOn is somebody or something exposed by what was found.
type FollowOn struct {
	Person string `json:"person"`
	Host   string `json:"host"`
	Why    string `json:"why"`
}

// Same tells whether both are about the same person on the same host.
func (f FollowOn) Same(other FollowOn) bool { return f.Person == other.Person && f.Host == other.Host }

// Person is one human or service found by a trace, merged from its sightings.
type Person struct {
	Confidence   Confidence
	Why          []string // why a possible one cannot be excluded; empty for a confirmed one
	Experiment   Experiment
	Username     string
	Name         string
	DN           string
	Email        string
	Label        string // such as "central production, service credential"; empty for a plain person
	Disagreement bool
	Disputes     []string // who says what, where claims name different people
	Notes        []string // what was made of the names, and on whose word
	Identities   []Identity
	Jobs         int
	First        time.Time
	Last         time.Time // zero while one of the jobs runs
	Sites        []string
	Hosts        []string
	Pilots       []string
	SubmitFrom   []string
	Unplaced     bool  // possible only, as all of the person's sightings are Unplaced
	Seen         []int `json:"-"` // the person's sightings, as indexes of the trace's

	holder  string // whose DN is: a login or another key, "" when nobody knows
	vouched bool   // the alias table or a register says so, and not the DN alone
}

// Trace is the merged answer of every source.
type Trace struct {
	Query       Query
	Complete    bool
	OpenUntil   time.Time // zero when the window cannot change any more
	Reports     []Report
	People      []Person
	Sightings   []Sighting
	FollowOn    []FollowOn
	WouldChange []string
}
