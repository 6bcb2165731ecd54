package history

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/backends/document"
	"github.com/gridwarden/gridwarden/backends/grid"
)

// row is one record as it is stored.
type row struct {
	id       [20]byte
	recorded int64 // Unix seconds, 0 when not known
	schedd   string
	data     []byte // by encodeJob
	bucket   bucket
	keys     []int64
	undated  bool
	ahead    bool // dates after now
}

// errNoRecord says that an object is one that surrounds records in dumps, such
// as the action line of a _bulk file.
var errNoRecord = errors.New("no record")

// reader reads records one after the other.
type reader struct {
	documents document.Reader
	records   grid.Reader
	index     *grid.Indexer[int64]
	data      []byte
	keys      []int64
}

func newReader() *reader { return &reader{index: grid.NewIndexer(keyOf)} }

// read makes a row of one JSON object.
func (r *reader) read(text string, now time.Time) (row, error) {
	r.documents.Begin()
	o, err := r.documents.Read(text)
	if err != nil {
		return row{}, err
	}
	record, err := r.unwrap(o)
	if err != nil {
		return row{}, err
	}
	j, err := r.records.Job(record, Name)
	if failed := r.documents.Failed(); failed != nil {
		return row{}, failed
	}
	if err != nil {
		return row{}, err
	}
	return r.row(&j, now), nil
}

// unwrap gives the record in what Elasticsearch's _bulk files put around it:
// action lines have none, an update has it as its doc.
func (r *reader) unwrap(o *document.Object) (*document.Object, error) {
	if o.Size() <= 3 {
		if text, ok := o.Surrounds("doc"); ok {
			return r.documents.Read(text)
		}
	}
	if o.Size() != 1 {
		return o, nil
	}
	for _, action := range []string{"index", "create", "update", "delete"} {
		if _, ok := o.Surrounds(action); ok {
			return nil, errNoRecord
		}
	}
	return o, nil
}

// row prepares a job for storing. What it points to lies in the reader's room,
// which is only added to.
func (r *reader) row(j *grid.Job, now time.Time) row {
	out := row{id: idOf(j), schedd: j.Schedd, bucket: bucketOf(j.Presence())}
	if !j.Recorded.IsZero() {
		out.recorded = j.Recorded.Unix()
	}
	from := len(r.keys)
	r.keys = append(r.keys, r.index.Keys(j)...)
	out.keys = r.keys[from:len(r.keys):len(r.keys)]
	tomorrow := now.Add(24 * time.Hour)
	out.ahead = j.Recorded.After(tomorrow) || j.Start.After(tomorrow) || j.End.After(tomorrow) || j.Submitted.After(tomorrow)
	out.undated = j.Start.IsZero() && j.End.IsZero() && j.FirstStart.IsZero() && j.Submitted.IsZero()
	from = len(r.data)
	r.data = encodeJob(r.data, j)
	out.data = r.data[from:len(r.data):len(r.data)]
	return out
}

// idOf says which record replaces which: the record of a job's end another one
// of it, an epoch and a snapshot another one of the same run. Snapshots of a run
// whose start is not known are kept one by one, for each proves another moment.
//
// Its first bytes sort as a schedd numbers its jobs, so that an import in that
// order writes next to what it wrote before.
func idOf(j *grid.Job) [20]byte {
	run := string(j.Kind)
	switch {
	case j.Kind == grid.Finished, j.Kind == grid.Snapshot && j.Start.IsZero() && len(j.Hosts) == 0:
	case j.Start.IsZero():
		run += " seen " + strconv.FormatInt(j.Recorded.Unix(), 10)
	default:
		run += " " + strconv.FormatInt(j.Start.Unix(), 10)
	}
	if j.Kind != grid.Finished && len(j.Hosts) > 0 {
		run += " " + j.Hosts[0].Host
	}
	var id [20]byte
	prefix := jobPrefix(j)
	copy(id[:], prefix[:])
	sum := sha256.Sum256([]byte(string(j.Experiment) + " " + j.ID + "\x00" + run))
	copy(id[len(prefix):], sum[:])
	return id
}

// jobPrefix is what the ids of all records of a job begin with.
func jobPrefix(j *grid.Job) [10]byte {
	var p [10]byte
	sum := sha256.Sum256([]byte(j.Schedd))
	copy(p[:], sum[:3])
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(j.Cluster))
	copy(p[3:], number[3:])
	binary.BigEndian.PutUint16(p[8:], uint16(j.Proc))
	return p
}

// keyOf shortens a key. Two keys that become one cost a look, not an answer:
// what is found is matched.
func keyOf(key string) int64 {
	sum := sha256.Sum256([]byte(key))
	return int64(binary.BigEndian.Uint64(sum[:]))
}
