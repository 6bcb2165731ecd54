package journal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// OpenIncident implements bot.Cases.
func (j *Journal) OpenIncident(ctx context.Context, i bot.Incident, fx action.Effects) error {
	err := j.write(ctx, func(ctx context.Context, t *tx) error {
		if err := t.alone(ctx, incidentSubject(i.ID), "home/"+i.Thread); err != nil {
			return err
		}
		var taken bool
		err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM incident WHERE id = ? OR thread = ? AND closed_at IS NULL)`, i.ID, i.Thread).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			return bot.ErrExists
		}
		i := i
		i.Version = 1
		_, err = j.saveIncident(ctx, t, i, nil, fx)
		return err
	})
	if err != nil {
		return fmt.Errorf("journal: opening case %s: %w", i.ID, err)
	}
	return nil
}

// UpdateIncident implements bot.Cases. Effects returned together with an error
// are stored without the case's change, as with actions.
func (j *Journal) UpdateIncident(ctx context.Context, id string, change func(*bot.Incident) (action.Effects, error)) (bot.Incident, error) {
	var out bot.Incident
	var refused error
	err := j.write(ctx, func(ctx context.Context, t *tx) error {
		refused = nil
		if err := t.alone(ctx, incidentSubject(id)); err != nil {
			return err
		}
		i, stored, err := storedIncident(ctx, t, id)
		if err != nil {
			return err
		}
		if err := j.bound(ctx, t, stored); err != nil {
			return err
		}
		version, before := i.Version, slices.Clone(i.Notes)
		fx, err := change(&i)
		if err != nil {
			refused = err
			return j.effects(ctx, t, fx, nil)
		}
		i.ID, i.Version = id, version+1
		out, err = j.saveIncident(ctx, t, i, before, fx)
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return bot.Incident{}, fmt.Errorf("journal: changing case %s: %w", id, err)
	}
	return out, nil
}

// saveIncident writes a case with its notes and effects, and returns it as it
// is read back. before are the notes that are stored now.
func (j *Journal) saveIncident(ctx context.Context, t *tx, i bot.Incident, before []bot.Note, fx action.Effects) (bot.Incident, error) {
	w, err := rowOfIncident(i)
	if err != nil {
		return bot.Incident{}, err
	}
	err = t.exec(ctx, `INSERT INTO incident (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data`, i.ID, string(w.data))
	if err != nil {
		return bot.Incident{}, err
	}
	if err := saveNotes(ctx, t, i.ID, before, w.notes); err != nil {
		return bot.Incident{}, err
	}
	if err := j.effects(ctx, t, fx, &row{subject: incidentSubject(i.ID), version: i.Version, json: w.json}); err != nil {
		return bot.Incident{}, err
	}
	return parseIncident(w.data, w.notes)
}

// saveNotes writes what differs. Notes are mostly added at the end.
func saveNotes(ctx context.Context, t *tx, id string, before, after []bot.Note) error {
	same := 0
	for same < len(before) && same < len(after) && equalNotes(before[same], after[same]) {
		same++
	}
	if same < len(before) {
		if err := t.exec(ctx, `DELETE FROM incident_note WHERE incident = ? AND n >= ?`, id, same); err != nil {
			return err
		}
	}
	for n, note := range after[same:] {
		err := t.exec(ctx, `INSERT INTO incident_note (incident, n, person, at, text) VALUES (?, ?, ?, ?, ?)`,
			id, same+n, string(note.Person), note.At.Format(time.RFC3339Nano), note.Text)
		if err != nil {
			return fmt.Errorf("note of %s: %w", note.Person, err)
		}
	}
	return nil
}

func equalNotes(a, b bot.Note) bool {
	return a.Person == b.Person && a.Text == b.Text && a.At.Equal(b.At)
}

func loadIncident(ctx context.Context, r reader, id string) (bot.Incident, error) {
	i, _, err := storedIncident(ctx, r, id)
	return i, err
}

// storedIncident gives a case together with its row as it is stored.
func storedIncident(ctx context.Context, r reader, id string) (bot.Incident, row, error) {
	var data []byte
	if err := r.QueryRowContext(ctx, `SELECT data FROM incident WHERE id = ?`, id).Scan(&data); err != nil {
		return bot.Incident{}, row{}, notFound(err)
	}
	notes, err := loadNotes(ctx, r, id)
	if err != nil {
		return bot.Incident{}, row{}, err
	}
	i, err := parseIncident(data, notes)
	if err != nil {
		return bot.Incident{}, row{}, err
	}
	w, err := rowOfIncident(i)
	return i, row{subject: incidentSubject(id), version: i.Version, json: asStored(data, w, err)}, nil
}

func loadNotes(ctx context.Context, r reader, id string) ([]bot.Note, error) {
	var notes []bot.Note
	err := each(ctx, r, func(scan func(...any) error) error {
		var n bot.Note
		var at string
		var place int
		if err := scan(&place, &n.Person, &at, &n.Text); err != nil {
			return err
		}
		var err error
		if n.At, err = parsePart(place, len(notes), at); err != nil {
			return fmt.Errorf("note of %s: %w", n.Person, err)
		}
		notes = append(notes, n)
		return nil
	}, `SELECT n, person, at, text FROM incident_note WHERE incident = ? ORDER BY n`, id)
	return notes, err
}

// Incident implements bot.Cases.
func (j *Journal) Incident(ctx context.Context, id string) (bot.Incident, error) {
	i, err := snapshot(ctx, j, func(r reader) (bot.Incident, error) { return loadIncident(ctx, r, id) })
	if err != nil {
		return bot.Incident{}, fmt.Errorf("journal: case %s: %w", id, err)
	}
	return i, nil
}

const anyCase = `SELECT EXISTS (SELECT 1 FROM incident WHERE thread = ?)`

// IncidentAt implements bot.Cases.
func (j *Journal) IncidentAt(ctx context.Context, thread string) (bot.Incident, error) {
	// Every request asks, and few threads are a case's.
	if some, err := j.any(ctx, anyCase, thread); err != nil || !some {
		return bot.Incident{}, fmt.Errorf("journal: case of thread %s: %w", thread, cmp.Or(err, bot.ErrNotFound))
	}
	i, err := snapshot(ctx, j, func(r reader) (bot.Incident, error) {
		var id string
		err := r.QueryRowContext(ctx, `SELECT id FROM incident WHERE thread = ? ORDER BY closed_at IS NULL DESC, opened_at DESC, id DESC LIMIT 1`, thread).Scan(&id)
		if err != nil {
			return bot.Incident{}, notFound(err)
		}
		return loadIncident(ctx, r, id)
	})
	if err != nil {
		return bot.Incident{}, fmt.Errorf("journal: case of thread %s: %w", thread, err)
	}
	return i, nil
}

// OpenIncidents implements bot.Cases.
func (j *Journal) OpenIncidents(ctx context.Context) ([]bot.Incident, error) {
	out, err := j.incidents(ctx, `SELECT id FROM incident WHERE closed_at IS NULL ORDER BY opened_at, id`)
	if err != nil {
		return nil, fmt.Errorf("journal: listing open cases: %w", err)
	}
	return out, nil
}

// Incidents implements bot.Cases.
func (j *Journal) Incidents(ctx context.Context, limit int) ([]bot.Incident, error) {
	out, err := j.incidents(ctx, `SELECT id FROM incident ORDER BY opened_at DESC, id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("journal: listing cases: %w", err)
	}
	return out, nil
}

// incidents are the cases whose ids a query gives.
func (j *Journal) incidents(ctx context.Context, query string, args ...any) ([]bot.Incident, error) {
	return snapshot(ctx, j, func(r reader) ([]bot.Incident, error) {
		ids, err := idsOf[string](ctx, r, query, args...)
		if err != nil {
			return nil, err
		}
		var out []bot.Incident
		for _, id := range ids {
			i, err := loadIncident(ctx, r, id)
			if err != nil {
				return nil, err
			}
			out = append(out, i)
		}
		return out, nil
	})
}
