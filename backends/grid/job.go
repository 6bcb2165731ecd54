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
	Host  string `json:"host,omitzero"`  // as HostOf gives it: lower case, after the last "@"
	Field string `json:"field,omitzero"` // such as LastRemoteHost
	Last  bool   `json:"last,omitzero"`  // the host of the latest run; false for earlier runs and hints
}

// PilotID identifies a pilot: the factory's schedd and its cluster and proc.
// Cluster ids repeat across factory schedds.
type PilotID struct {
	Schedd  string `json:"schedd,omitzero"`
	Cluster int64  `json:"cluster,omitzero"`
	Proc    int64  `json:"proc,omitzero"`
}

// Pilot is what a record says of the pilot that ran the job.
type Pilot struct {
	ID      PilotID `json:"id,omitzero"`
	Factory string  `json:"factory,omitzero"` // factory name, not host
	Entry   string  `json:"entry,omitzero"`
	Name    string  `json:"name,omitzero"`   // glidein instance, such as gfactory_instance
	Client  string  `json:"client,omitzero"` // frontend.group
	Batch   string  `json:"batch,omitzero"`  // the site's own batch id (GLIDEIN_SiteWMS_JobId), "" when unknown
	Queue   string  `json:"queue,omitzero"`  // GLIDEIN_SiteWMS_Queue, "" when unknown
}

// Job is one job as one record describes it, normalised: the literal Unknown
// and its spellings are empty strings, times are UTC and zero when the record
// has none, whatever unit the record used.
type Job struct {
	ID           string     `json:"id,omitzero"` // GlobalJobId or PandaID
	Experiment   Experiment `json:"vo,omitzero"`
	Source       string     `json:"source,omitzero"` // name of the source the record came from
	Kind         RecordKind `json:"kind,omitzero"`
	Schedd       string     `json:"schedd,omitzero"`
	Cluster      int64      `json:"cluster,omitzero"`
	Proc         int64      `json:"proc,omitzero"`
	Site         string     `json:"site,omitzero"`
	EarlierSites []string   `json:"earlier_sites,omitzero"` // sites of earlier runs, latest first; rarely recorded
	Status       string     `json:"status,omitzero"`        // Idle, Running, Removed, Completed, Held, …
	Type         string     `json:"type,omitzero"`          // analysis, production, …
	Task         string     `json:"task,omitzero"`          // CRAB workflow, WMAgent request or JEDI task

	Hosts     []HostClaim  `json:"hosts,omitzero"`
	Addresses []netip.Addr `json:"addresses,omitzero"` // addresses of the startd; may be a NAT's
	Pilot     Pilot        `json:"pilot,omitzero"`

	Submitted     time.Time `json:"submitted,omitzero"`      // QDate
	FirstStart    time.Time `json:"first_start,omitzero"`    // JobStartDate: first start ever
	Start         time.Time `json:"start,omitzero"`          // JobCurrentStartDate: start of the latest run
	PreviousStart time.Time `json:"previous_start,omitzero"` // JobLastStartDate: start of the run before the latest; zero when there was none
	End           time.Time `json:"end,omitzero"`            // zero while running
	EndField      string    `json:"end_field,omitzero"`      // which field gave End
	Recorded      time.Time `json:"recorded,omitzero"`       // RecordTime, else the best the record has
	OverBy        time.Time `json:"over_by,omitzero"`        // of a running job's snapshot: another record shows that this run was over by then
	ProxyEnds     time.Time `json:"proxy_ends,omitzero"`     // x509UserProxyExpiration

	Starts       int           `json:"starts,omitzero"`        // NumJobStarts
	ShadowStarts int           `json:"shadow_starts,omitzero"` // NumShadowStarts: counts refused matches too
	LostWall     time.Duration `json:"lost_wall,omitzero"`     // RemoteWallClockTime - CommittedTime

	Identities    []Identity `json:"identities,omitzero"`
	SubmitAddress string     `json:"submit_address,omitzero"` // CRAB_SubmitterIpAddr: may be a list, first hop can be forged
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

// EachText calls f for each text of the job, which f may replace by an equal one: a
// reader of records gives pieces of what it read, which keep all of it in memory.
func (j *Job) EachText(f func(*string)) {
	for _, s := range []*string{
		&j.ID, &j.Source, &j.Schedd, &j.Site, &j.Status, &j.Type, &j.Task, &j.EndField, &j.SubmitAddress,
		&j.Pilot.ID.Schedd, &j.Pilot.Factory, &j.Pilot.Entry, &j.Pilot.Name, &j.Pilot.Client, &j.Pilot.Batch, &j.Pilot.Queue,
	} {
		f(s)
	}
	for i := range j.EarlierSites {
		f(&j.EarlierSites[i])
	}
	for i := range j.Hosts {
		f(&j.Hosts[i].Host)
		f(&j.Hosts[i].Field)
	}
	for i := range j.Identities {
		f(&j.Identities[i].Kind)
		f(&j.Identities[i].Value)
		f(&j.Identities[i].Source)
	}
}
