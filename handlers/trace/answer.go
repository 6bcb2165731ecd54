package trace

import (
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// answer is a trace on its way to people and machines.
type answer struct {
	q        question
	trace    grid.Trace
	now      time.Time
	personal bool            // names, DNs and addresses may be shown
	later    string          // when it is looked at again by itself; "" for never
	known    *grid.Knowledge // who has which login and DN; may be nil
	request  string          // by which later commands name this answer
	picture  picture         // when one was asked for
}

// machine is the machine form of a trace (docs/machine-answers.md).
type machine struct {
	Asked       asked           `json:"asked"`
	Window      window          `json:"window"`
	Complete    bool            `json:"complete"`
	OpenUntil   time.Time       `json:"open_until,omitzero"`
	Withheld    bool            `json:"withheld,omitempty"` // personal data was left out; only Counts says how much was found
	Counts      counts          `json:"counts"`
	Sources     []source        `json:"sources"`
	People      []person        `json:"people"`
	Sightings   []sighting      `json:"sightings"`
	FollowOn    []grid.FollowOn `json:"follow_on"`
	WouldChange []string        `json:"would_change"`
}

type asked struct {
	Kind    grid.QueryKind `json:"kind"`
	Host    string         `json:"host,omitempty"`
	Aliases []string       `json:"aliases,omitempty"`
	IP      string         `json:"ip,omitempty"`
	Batch   string         `json:"batch,omitempty"`
	Queue   string         `json:"queue,omitempty"`
	Pilot   string         `json:"pilot,omitempty"`
	Factory string         `json:"factory,omitempty"`
	Entry   string         `json:"entry,omitempty"`
	User    string         `json:"user,omitempty"`
	Also    []string       `json:"also,omitempty"`
	Time    time.Time      `json:"time,omitzero"`
	Site    string         `json:"site,omitempty"`
	Raw     string         `json:"raw,omitempty"`
}

type window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  []string  `json:"why"`
}

type counts struct {
	Confirmed int `json:"confirmed"`          // people
	Possible  int `json:"possible"`           // people
	Unplaced  int `json:"unplaced,omitempty"` // of the possible people, those whom nothing ties to the place but an earlier run in no record
	Jobs      int `json:"jobs"`
}

type source struct {
	Name       string           `json:"name"`
	Experiment grid.Experiment  `json:"experiment"`
	State      grid.SourceState `json:"state"`
	Searched   string           `json:"searched,omitempty"`
	Records    int              `json:"records"`
	Matched    int              `json:"matched"`
	Newest     time.Time        `json:"newest,omitzero"`
	Notes      []string         `json:"notes,omitempty"`
}

type person struct {
	Confidence   grid.Confidence `json:"confidence"`
	Experiment   grid.Experiment `json:"experiment"`
	Username     string          `json:"username,omitempty"`
	Name         string          `json:"name,omitempty"`
	DN           string          `json:"dn,omitempty"`
	Email        string          `json:"email,omitempty"`
	Label        string          `json:"label,omitempty"`
	Disagreement bool            `json:"disagreement"`
	Unplaced     bool            `json:"unplaced,omitempty"` // see counts
	Disputes     []string        `json:"disputes,omitempty"`
	Notes        []string        `json:"notes,omitempty"`
	Identities   []grid.Identity `json:"identities"`
	Jobs         int             `json:"jobs"`
	First        time.Time       `json:"first,omitzero"`
	Last         time.Time       `json:"last,omitzero"`
	Sites        []string        `json:"sites,omitempty"`
	Hosts        []string        `json:"hosts,omitempty"`
	Pilots       []string        `json:"pilots,omitempty"`
	SubmitFrom   []string        `json:"submit_from,omitempty"`
}

type sighting struct {
	Job        string          `json:"job"`
	Experiment grid.Experiment `json:"experiment"`
	Person     string          `json:"person,omitempty"` // username, else DN
	Confidence grid.Confidence `json:"confidence"`
	Why        string          `json:"why"`
	Host       string          `json:"host,omitempty"`
	Site       string          `json:"site,omitempty"`
	Start      time.Time       `json:"start,omitzero"`
	End        *time.Time      `json:"end"` // null while it runs or when nobody knows
	Pilot      string          `json:"pilot,omitempty"`
	Sources    []string        `json:"sources"`
}

func (a answer) counts() counts {
	c := counts{Jobs: len(a.jobs())}
	for _, p := range a.trace.People {
		if p.Confidence == grid.Confirmed {
			c.Confirmed++
		} else {
			c.Possible++
		}
		if p.Unplaced {
			c.Unplaced++
		}
	}
	return c
}

// jobs gives the ids of all jobs, each once.
func (a answer) jobs() []string {
	var ids []string
	for _, s := range a.trace.Sightings {
		ids = append(ids, string(s.Job.Experiment)+" "+s.Job.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// machine gives the machine form, without personal data where it must be withheld.
func (a answer) machine() machine {
	q, t := a.q, a.trace
	m := machine{
		Asked: asked{
			Kind: q.Kind, Host: q.Host, Aliases: q.Aliases, Batch: q.Batch, Queue: q.Queue,
			Factory: q.Factory, Entry: q.Entry, Time: q.Asked, Site: q.Site,
		},
		Window:    window{From: q.Window.From.UTC(), To: q.Window.To.UTC(), Why: list(q.Why)},
		Complete:  t.Complete,
		OpenUntil: t.OpenUntil,
		Withheld:  !a.personal,
		Counts:    a.counts(),
		Sources:   []source{}, People: []person{}, Sightings: []sighting{}, FollowOn: []grid.FollowOn{},
		WouldChange: list(t.WouldChange),
	}
	if q.IP.IsValid() {
		m.Asked.IP = q.IP.String()
	}
	if q.Kind == grid.ByPilotID {
		m.Asked.Pilot = pilotName(q.Pilot)
	}
	for _, r := range t.Reports {
		m.Sources = append(m.Sources, source{
			Name: r.Name, Experiment: r.Experiment, State: r.State, Searched: r.Searched,
			Records: r.Records, Matched: r.Matched, Newest: r.Newest, Notes: r.Notes,
		})
	}
	if !a.personal {
		return m
	}
	m.Asked.User, m.Asked.Also, m.Asked.Raw = q.User, q.also, q.Raw
	m.FollowOn = list(t.FollowOn)
	for _, p := range a.trace.People {
		m.People = append(m.People, person{
			Confidence: p.Confidence, Experiment: p.Experiment, Username: p.Username, Name: p.Name, DN: p.DN, Email: p.Email,
			Label: p.Label, Disagreement: p.Disagreement, Unplaced: p.Unplaced, Disputes: p.Disputes, Notes: p.Notes, Identities: list(p.Identities), Jobs: p.Jobs,
			First: p.First, Last: p.Last, Sites: p.Sites, Hosts: p.Hosts, Pilots: p.Pilots, SubmitFrom: p.SubmitFrom,
		})
	}
	for _, s := range a.trace.Sightings {
		m.Sightings = append(m.Sightings, a.sighting(s))
	}
	return m
}

func (a answer) sighting(s grid.Sighting) sighting {
	out := sighting{
		Job: s.Job.ID, Experiment: s.Job.Experiment, Confidence: s.Confidence, Why: s.Why,
		Host: s.Host, Site: s.Job.Site, Start: s.Job.Start, Pilot: pilotName(s.Job.Pilot.ID), Sources: list(s.Sources),
	}
	if !s.Job.End.IsZero() {
		end := s.Job.End.UTC()
		out.End = &end
	}
	out.Person = a.owner(s)
	return out
}

// owner names the person of one sighting: the username, else the DN.
func (a answer) owner(s grid.Sighting) string {
	p := grid.Resolve(s.Job, a.known)
	if p.Username != "" {
		return p.Username
	}
	return p.DN
}

// pilotName is a pilot as people write it; "" for none.
func pilotName(id grid.PilotID) string {
	if id == (grid.PilotID{}) {
		return ""
	}
	return id.String()
}

// list is s, or an empty list: the machine form says "none" by [] and not by
// leaving out.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
