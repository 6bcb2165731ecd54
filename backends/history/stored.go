package history

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// storedForm begins a record as encodeJob writes it. Those of a store's first
// schema are JSON and begin with a brace.
const storedForm = 1

// words are what records say again and again; each is stored as its number. New
// ones go to the end.
var words = strings.Fields(`cms atlas ` + Name + ` finished snapshot epoch
Idle Running Removed Completed Held TransferringOutput Suspended Unknown Error
analysis production tier0 test unknown
LastRemoteHost RemoteHost GLIDEIN_SiteWMS_Slot MachineAttrName0 HoldReason LastHoldReason RemoveReason
CompletionDate JobFinishedHookDone EnteredCurrentStatus RecordTime EpochWriteDate JobCurrentFinishTransferOutputDate LastVacateTime
crab dn fqan email accounting owner request connect panda schedd submitter pilot
/cms/Role=NULL/Capability=NULL /cms/Role=production/Capability=NULL /cms/Role=pilot/Capability=NULL OSG CERN-Prod gfactory_instance HTCondor`)

var wordNumbers = func() map[string]uint64 {
	m := map[string]uint64{}
	for i, w := range words {
		m[w] = uint64(i)
	}
	return m
}()

// How a string is stored, in the lowest bits of its first number.
const (
	asBytes = iota // their number, and then they
	asWord         // the number of the word
	asAgain        // how many strings of the record, written as bytes, came before the same one
	stringForms
)

// jobWriter writes the parts of one job.
type jobWriter struct {
	data []byte
	said []string // what was written as bytes
	last int64    // seconds of the latest time that was written
}

// encodeJob appends the stored form of a job. Equal jobs have equal forms.
func encodeJob(data []byte, j *grid.Job) []byte {
	var room [24]string
	w := jobWriter{data: append(data, storedForm), said: room[:0]}
	w.text(j.Schedd)
	w.number(j.Cluster)
	w.number(j.Proc)
	rest, usual := strings.CutPrefix(j.ID, idStem(j))
	w.flag(usual)
	w.text(rest)
	for _, s := range []string{string(j.Experiment), j.Source, string(j.Kind), j.Site, j.Status, j.Type, j.Task, j.EndField, j.SubmitAddress} {
		w.text(s)
	}
	w.count(len(j.EarlierSites))
	for _, s := range j.EarlierSites {
		w.text(s)
	}
	w.count(len(j.Hosts))
	for _, h := range j.Hosts {
		w.text(h.Host)
		w.text(h.Field)
		w.flag(h.Last)
	}
	w.count(len(j.Addresses))
	for _, a := range j.Addresses {
		w.text(a.String())
	}
	p := &j.Pilot
	w.number(p.ID.Cluster)
	w.number(p.ID.Proc)
	for _, s := range []string{p.ID.Schedd, p.Factory, p.Entry, p.Name, p.Client, p.Batch, p.Queue} {
		w.text(s)
	}
	for _, t := range []time.Time{j.Submitted, j.FirstStart, j.Start, j.PreviousStart, j.End, j.Recorded, j.OverBy, j.ProxyEnds} {
		w.time(t)
	}
	w.number(int64(j.Starts))
	w.number(int64(j.ShadowStarts))
	w.number(int64(j.LostWall))
	w.count(len(j.Identities))
	for i := range j.Identities {
		id := &j.Identities[i]
		w.text(id.Kind)
		w.text(id.Value)
		w.text(string(id.AssertedBy))
		w.text(id.Source)
	}
	return w.data
}

// idStem is what a job's id usually begins with.
func idStem(j *grid.Job) string {
	return j.Schedd + "#" + strconv.FormatInt(j.Cluster, 10) + "." + strconv.FormatInt(j.Proc, 10)
}

func (w *jobWriter) count(n int)    { w.data = binary.AppendUvarint(w.data, uint64(n)) }
func (w *jobWriter) number(n int64) { w.data = binary.AppendVarint(w.data, n) }

func (w *jobWriter) flag(b bool) {
	n := byte(0)
	if b {
		n = 1
	}
	w.data = append(w.data, n)
}

func (w *jobWriter) text(s string) {
	if s == "" {
		w.data = append(w.data, asBytes)
		return
	}
	if n, ok := wordNumbers[s]; ok {
		w.data = binary.AppendUvarint(w.data, n*stringForms+asWord)
		return
	}
	for i, said := range w.said {
		if said == s {
			w.data = binary.AppendUvarint(w.data, uint64(i)*stringForms+asAgain)
			return
		}
	}
	w.said = append(w.said, s)
	w.data = binary.AppendUvarint(w.data, uint64(len(s))*stringForms+asBytes)
	w.data = append(w.data, s...)
}

// time writes the seconds since the time before: the times of a job are close
// together. Zero is none, so the others are one more.
func (w *jobWriter) time(t time.Time) {
	if t.IsZero() {
		w.data = append(w.data, 0)
		return
	}
	step := t.Unix() - w.last
	w.last = t.Unix()
	parts := uint64(step<<1^step>>63)<<1 + 1 // small for a small step, whatever its sign
	if t.Nanosecond() != 0 {
		parts++
	}
	w.data = binary.AppendUvarint(w.data, parts)
	if t.Nanosecond() != 0 {
		w.data = binary.AppendUvarint(w.data, uint64(t.Nanosecond()))
	}
}

// errDamaged is what is wrong with stored bytes that are no record.
var errDamaged = errors.New("a stored record is damaged")

// decodeJob reads what encodeJob wrote, and JSON.
func decodeJob(data []byte) (grid.Job, error) {
	var j grid.Job
	if len(data) > 0 && data[0] == '{' {
		if err := json.Unmarshal(data, &j); err != nil {
			return j, fmt.Errorf("%w: %w", errDamaged, err)
		}
		return j, nil
	}
	if len(data) == 0 || data[0] != storedForm {
		return j, errDamaged
	}
	r := jobReader{rest: string(data[1:])}
	r.job(&j)
	if r.damaged || r.rest != "" {
		return grid.Job{}, errDamaged
	}
	return j, nil
}

// jobReader reads the parts of one job. After a damaged one it gives nothing.
type jobReader struct {
	rest    string
	said    []string
	last    int64
	damaged bool
}

func (r *jobReader) job(j *grid.Job) {
	j.Schedd, j.Cluster, j.Proc = r.text(), r.number(), r.number()
	if usual := r.flag(); usual {
		j.ID = idStem(j)
	}
	j.ID += r.text()
	j.Experiment, j.Source, j.Kind = grid.Experiment(r.text()), r.text(), grid.RecordKind(r.text())
	for _, s := range []*string{&j.Site, &j.Status, &j.Type, &j.Task, &j.EndField, &j.SubmitAddress} {
		*s = r.text()
	}
	for range r.count() {
		j.EarlierSites = append(j.EarlierSites, r.text())
	}
	for range r.count() {
		j.Hosts = append(j.Hosts, grid.HostClaim{Host: r.text(), Field: r.text(), Last: r.flag()})
	}
	for range r.count() {
		a, err := netip.ParseAddr(r.text())
		r.damaged = r.damaged || err != nil
		j.Addresses = append(j.Addresses, a)
	}
	p := &j.Pilot
	p.ID.Cluster, p.ID.Proc = r.number(), r.number()
	for _, s := range []*string{&p.ID.Schedd, &p.Factory, &p.Entry, &p.Name, &p.Client, &p.Batch, &p.Queue} {
		*s = r.text()
	}
	for _, t := range []*time.Time{&j.Submitted, &j.FirstStart, &j.Start, &j.PreviousStart, &j.End, &j.Recorded, &j.OverBy, &j.ProxyEnds} {
		*t = r.time()
	}
	j.Starts, j.ShadowStarts, j.LostWall = int(r.number()), int(r.number()), time.Duration(r.number())
	for range r.count() {
		j.Identities = append(j.Identities, grid.Identity{Kind: r.text(), Value: r.text(), AssertedBy: grid.Trust(r.text()), Source: r.text()})
	}
}

// fail gives up.
func (r *jobReader) fail() { r.damaged, r.rest = true, "" }

func (r *jobReader) uvarint() uint64 {
	n := uint64(0)
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		c := r.rest[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
	}
	r.fail()
	return 0
}

func (r *jobReader) number() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

// count gives how many parts follow, each of which has a byte at least.
func (r *jobReader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *jobReader) flag() bool { return r.uvarint() == 1 }

func (r *jobReader) text() string {
	n := r.uvarint()
	form, n := n%stringForms, n/stringForms
	switch {
	case form == asBytes && n == 0:
		return ""
	case form == asBytes && n <= uint64(len(r.rest)):
		s := r.rest[:n]
		r.rest, r.said = r.rest[n:], append(r.said, s)
		return s
	case form == asWord && n < uint64(len(words)):
		return words[n]
	case form == asAgain && n < uint64(len(r.said)):
		return r.said[n]
	}
	r.fail()
	return ""
}

func (r *jobReader) time() time.Time {
	parts := r.uvarint()
	if parts == 0 {
		return time.Time{}
	}
	step := (parts - 1) >> 1
	r.last += int64(step>>1) ^ -int64(step&1)
	nanoseconds := uint64(0)
	if (parts-1)&1 == 1 {
		nanoseconds = r.uvarint()
	}
	return time.Unix(r.last, int64(nanoseconds%1e9)).UTC()
}
