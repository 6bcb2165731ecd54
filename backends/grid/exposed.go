package grid

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxPilotLife is how long a pilot lives at most: GLIDEIN_Max_Walltime of CMS's
// factories, 47.5 h, with a margin.
const maxPilotLife = 49 * time.Hour

// Exposure is somebody whose job began in a pilot after the window, when the pilot
// had run jobs that were asked about: what these left on the worker node may have
// met that person's proxy, until the pilot ended. It is no suspicion.
type Exposure struct {
	Person string // who, in a word
	Host   string // where; "" when the record names no host
	Pilot  PilotID
	From   time.Time // the start of the person's first job there after the window, UTC
	Said   bool      // only the log of the pilot says so
}

// Afterwards gives what to ask for once a window is over: the pilots that were
// surely there and may have lived on, and the time until which any of them can
// have. There are none for a person or an address, which are about many places.
func Afterwards(q Query, seen []Sighting) (after Query, pilots []PilotID) {
	if q.Window.IsZero() || q.Kind != ByHost && q.Kind != ByPilotID && q.Kind != ByBatch {
		return Query{}, nil
	}
	began := map[PilotID]time.Time{}
	for _, s := range seen {
		if id := s.Job.Pilot.ID; s.Confidence == Confirmed && !s.Job.Start.IsZero() {
			began[id] = earliest(began[id], s.Job.Start)
		}
	}
	for _, id := range PilotsOf(seen) {
		if began[id].IsZero() || began[id].Add(maxPilotLife).After(q.Window.To) {
			pilots = append(pilots, id)
		}
	}
	slices.SortFunc(pilots, func(a, b PilotID) int { return strings.Compare(a.String(), b.String()) })
	after = q
	after.Kind, after.Window = ByPilotID, Window{From: q.Window.To, To: q.Window.To.Add(maxPilotLife)}
	return after, pilots
}

// Exposed gives who came to one of some pilots after the window, by the records of
// jobs that are not in the answer. after is what Afterwards gives. Each person is there once for a pilot
// and host, in the order of time.
func Exposed(after Query, pilots []PilotID, jobs []Job) []Exposure {
	var all []Exposure
	for _, j := range jobs {
		if e, ok := exposure(after, pilots, j); ok {
			all = append(all, e)
		}
	}
	return joinExposures(all)
}

func exposure(after Query, pilots []PilotID, j Job) (Exposure, bool) {
	start, unsure := runStart(j)
	if unsure != "" || !everRan(j) || !start.After(after.Window.From) || start.After(after.Window.To) {
		return Exposure{}, false
	}
	if len(after.Sites) > 0 && j.Site != "" && !containsFold(after.Sites, j.Site) {
		return Exposure{}, false
	}
	i := slices.IndexFunc(pilots, func(id PilotID) bool {
		after.Pilot = id
		who, _ := matchPilotID(after, j)
		return who != never
	})
	if i < 0 {
		return Exposure{}, false
	}
	person := personWord(Resolve(j, nil))
	if person == "" {
		person = "whoever job " + j.ID + " is of"
	}
	return Exposure{Person: person, Host: latestHost(j), Pilot: pilots[i], From: start.UTC()}, true
}

// joinExposures makes one of what several records and jobs show of a person, in
// the order of time, whatever the order of the records.
func joinExposures(all []Exposure) []Exposure {
	slices.SortFunc(all, func(a, b Exposure) int {
		return cmp.Or(a.From.Compare(b.From), strings.Compare(a.Person, b.Person), strings.Compare(a.Host, b.Host), strings.Compare(a.Pilot.String(), b.Pilot.String()), compareBool(a.Said, b.Said))
	})
	var out []Exposure
	for _, e := range all {
		i := slices.IndexFunc(out, func(o Exposure) bool {
			return o.Person == e.Person && samePilot(o.Pilot, e.Pilot) && (o.Host == e.Host || o.Host == "" || e.Host == "")
		})
		if i < 0 {
			out = append(out, e)
			continue
		}
		o := &out[i]
		o.Host, o.Said = orElse(o.Host, e.Host), o.Said && e.Said
		if o.Pilot.Schedd == "" {
			o.Pilot = e.Pilot
		}
	}
	return out
}

// followOn words an exposure, never as a suspicion.
func (e Exposure) followOn() FollowOn {
	why := fmt.Sprintf("came to the pilot %s at %s, after the window: exposed until the pilot ended, not suspected", e.Pilot, minute(e.From))
	if e.Said {
		why += "; only the log of the pilot says so"
	}
	return FollowOn{Person: e.Person, Host: orElse(e.Host, "a host that the record does not name"), Why: why}
}
