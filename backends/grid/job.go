package grid

import (
	"net/netip"
	"time"
)

// Experiment names a VO whose records are kept apart: people are merged across
// experiments only on an equal normalised DN.
type Experiment string

// The experiments that sources may answer for.
const (
	CMS   Experiment = "cms"
	ATLAS Experiment = "atlas"
)

// Trust says who asserted a fact about a job, from most to least reliable.
type Trust string

// The levels of trust, best first.
const (
	BySchedd    Trust = "schedd"    // authenticated at submission
	BySubmitter Trust = "submitter" // an ordinary job attribute
	ByPilot     Trust = "pilot"     // said by the worker node, which may be compromised
)

// Identity is one name that a source gives a job's owner.
type Identity struct {
	Kind       string `json:"kind"` // crab, dn, fqan, accounting, owner, request, connect, panda, email
	Value      string `json:"value"`
	AssertedBy Trust  `json:"asserted_by"`
	Source     string `json:"source"`
}

// HostClaim is one place in a record that names a host, with the field that said so.
type HostClaim struct {
	Host  string // as HostOf gives it: lower case, after the last "@"
	Field string // such as LastRemoteHost
	Last  bool   // the host of the latest run; false for earlier runs and hints
}

// PilotID identifies a pilot: the factory's schedd and its cluster and proc.
// Cluster ids repeat across factory schedds.
type PilotID struct {
	Schedd  string
	Cluster int64
	Proc    int64
}

// Pilot is what a record says of the pilot that ran the job.
type Pilot struct {
	ID      PilotID
	Factory string // factory name, not host
	Entry   string
	Name    string // glidein instance, such as gfactory_instance
	Client  string // frontend.group
	Batch   string // the site's own batch id (GLIDEIN_SiteWMS_JobId), "" when unknown
	Queue   string // GLIDEIN_SiteWMS_Queue, "" when unknown
}

// Job is one job as one record describes it, normalised: the literal Unknown
// and its spellings are empty strings, times are UTC and zero when the record
// has none, whatever unit the record used.
type Job struct {
	ID           string // GlobalJobId or PandaID
	Experiment   Experiment
	Source       string // name of the source the record came from
	Kind         RecordKind
	Schedd       string
	Cluster      int64
	Proc         int64
	Site         string
	EarlierSites []string // sites of earlier runs, latest first; rarely recorded
	Status       string   // Idle, Running, Removed, Completed, Held, …
	Type         string   // analysis, production, …
	Task         string   // CRAB workflow, WMAgent request or JEDI task

	Hosts     []HostClaim
	Addresses []netip.Addr // addresses of the startd; may be a NAT's
	Pilot     Pilot

	Submitted     time.Time // QDate
	FirstStart    time.Time // JobStartDate: first start ever
	Start         time.Time // JobCurrentStartDate: start of the latest run
	PreviousStart time.Time // JobLastStartDate: start of the run before the latest; zero when there was none
	End           time.Time // zero while running
	EndField      string    // which field gave End
	Recorded      time.Time // RecordTime, else the best the record has
	ProxyEnds     time.Time // x509UserProxyExpiration

	Starts       int           // NumJobStarts
	ShadowStarts int           // NumShadowStarts: counts refused matches too
	LostWall     time.Duration // RemoteWallClockTime - CommittedTime

	Identities    []Identity
	SubmitAddress string // CRAB_SubmitterIpAddr: may be a list, first hop can be forged
}

// RecordKind tells how a record may be read: a finished job's record gives an
// interval, a snapshot proves presence at one instant, an epoch is one run of several.
type RecordKind string

// The kinds of record.
const (
	Finished RecordKind = "finished"
	Snapshot RecordKind = "snapshot"
	Epoch    RecordKind = "epoch"
)
