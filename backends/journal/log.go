package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Log reads the audit log of a journal and changes nothing, also of one that
// Open refuses.
type Log struct {
	db      pool
	genuine func(audit.Entry) bool // nil: the key is not at hand
}

var _ audit.Source = (*Log)(nil)

// OpenLog opens the audit log of a journal for verification. It needs no key,
// and on PostgreSQL no right but to read.
func OpenLog(ctx context.Context, c Config) (*Log, error) {
	db, err := openReaders(c)
	if err != nil {
		return nil, fmt.Errorf("journal: opening %s: %w", c, err)
	}
	if c.Postgres != nil {
		err = reach(ctx, db.db, c.Postgres.DSNFile)
	} else {
		err = db.db.PingContext(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: opening %s: %w", c, errors.Join(explain(err), db.db.Close()))
	}
	return &Log{db: db}, nil
}

func openReaders(c Config) (pool, error) {
	if c.Postgres != nil {
		db, _, err := connect(c.Postgres.DSNFile)
		return newPool(db, postgresDialect), err
	}
	path, err := filepath.Abs(c.SQLite)
	if err != nil {
		return pool{}, err
	}
	if _, err := os.Stat(path); err != nil { // SQLite would make it
		return pool{}, err
	}
	db, err := sql.Open("sqlite", source(path, readerPragmas))
	return newPool(db, sqliteDialect), err
}

// Close ends it.
func (l *Log) Close() error { return l.db.db.Close() }

// Lines implements audit.Source. All lines are as of one moment.
func (l *Log) Lines(ctx context.Context) iter.Seq2[audit.Line, error] {
	return func(yield func(audit.Line, error) bool) {
		t, err := l.db.begin(ctx)
		if err != nil {
			yield(audit.Line{}, explain(err))
			return
		}
		defer t.tx.Rollback()
		s := stream{r: t, genuine: l.genuine, yield: yield}
		if err := s.all(ctx); err != nil && !errors.Is(err, errStop) {
			yield(audit.Line{}, explain(err))
		}
	}
}

// errStop ends a stream whose reader has enough.
var errStop = errors.New("enough")

// stream is one reading of a log.
type stream struct {
	r       reader
	genuine func(audit.Entry) bool
	yield   func(audit.Line, error) bool
	lines   int64
	seen    seen
}

// seen counts the records that have a place or wait for one, and their bodies.
type seen struct{ records, bodies int64 }

func (s *seen) add(body *audit.Body) {
	s.records++
	if body != nil {
		s.bodies++
	}
}

func (s *stream) send(l audit.Line) error {
	s.lines++
	if !s.yield(l, nil) {
		return errStop
	}
	return nil
}

func (s *stream) all(ctx context.Context) error {
	if err := s.send(audit.Line{Header: &audit.Header{Format: audit.Format, Tiles: true}}); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{s.checkpoints, s.leaves, s.waiting, s.strays, s.actions, s.incidents, s.links, s.tiles} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return s.send(audit.Line{End: &audit.End{Lines: s.lines}})
}

func (s *stream) checkpoints(ctx context.Context) error {
	return each(ctx, s.r, func(scan func(...any) error) error {
		var c audit.StoredCheckpoint
		if err := scan(&c.Size, &c.Note); err != nil {
			return err
		}
		return s.send(audit.Line{Checkpoint: &c})
	}, `SELECT size, note FROM audit_checkpoint ORDER BY size`)
}

// entryFields are recordColumns of a record that may be missing.
const entryFields = `coalesce(r.id, ''), coalesce(r.at, 0), coalesce(r.kind, ''), coalesce(r.request, ''), coalesce(r.incident, ''),
	coalesce(r.subject, ''), coalesce(r.version, 0), coalesce(r.hash, ''), coalesce(r.body_hash, ''), coalesce(r.mac, '')`

// entryOrNothing are entryColumns of a record that may be missing.
const entryOrNothing = entryFields + `, b.salt, b.data`

func (s *stream) waiting(ctx context.Context) error {
	last := int64(math.MinInt64)
	return each(ctx, s.r, func(scan func(...any) error) error {
		var rec scanned
		var w audit.Waiting
		var num int64
		var found, placed bool
		if err := scan(append(rec.into(), &num, &found, &placed, &w.Refused)...); err != nil {
			return err
		}
		w.Entry, w.Body = rec.entry, rec.erasable()
		if found && !placed && num != last { // who waits twice is one record
			s.seen.add(w.Body)
		}
		last = num
		w.Refused = w.Refused || s.genuine != nil && !s.genuine(w.Entry)
		return s.send(audit.Line{Waiting: &w})
	}, `SELECT `+entryOrNothing+`, x.num, r.num IS NOT NULL, l.leaf IS NOT NULL, x.refused OR r.num IS NULL OR l.leaf IS NOT NULL
		FROM (SELECT num, false AS refused FROM audit_pending UNION ALL SELECT num, true FROM audit_refused) x
		LEFT JOIN audit_record r ON r.num = x.num LEFT JOIN audit_body b ON b.num = x.num LEFT JOIN audit_leaf l ON l.num = x.num ORDER BY x.num`)
}

// strays sends what belongs to nothing. There are such records and bodies only
// where the tables hold more than was seen: counting is quick, looking for each is not.
func (s *stream) strays(ctx context.Context) error {
	var all seen
	if err := s.r.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM audit_record), (SELECT count(*) FROM audit_body)`).Scan(&all.records, &all.bodies); err != nil {
		return err
	}
	for _, q := range []struct {
		what  string
		some  bool
		query string
	}{
		{"record without a place in the log", all.records != s.seen.records, `SELECT id FROM audit_record r WHERE NOT EXISTS (SELECT 1 FROM audit_leaf WHERE num = r.num)
			AND NOT EXISTS (SELECT 1 FROM audit_pending WHERE num = r.num) AND NOT EXISTS (SELECT 1 FROM audit_refused WHERE num = r.num) ORDER BY num`},
		{"body without a record", all.bodies != s.seen.bodies, `SELECT CAST(num AS TEXT) FROM audit_body b WHERE NOT EXISTS (SELECT 1 FROM audit_record WHERE num = b.num) ORDER BY num`},
		{"vote without an action", true, `SELECT action FROM vote v WHERE NOT EXISTS (SELECT 1 FROM action WHERE id = v.action) ORDER BY action, n`},
		{"note without a case", true, `SELECT incident FROM incident_note n WHERE NOT EXISTS (SELECT 1 FROM incident WHERE id = n.incident) ORDER BY incident, n`},
	} {
		if !q.some {
			continue
		}
		ids, err := idsOf[string](ctx, s.r, q.query)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.send(audit.Line{Stray: &audit.Stray{What: q.what, ID: id}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// rows sends every row of a table of id and data. One that cannot be read is
// sent as it is, which matches no record.
func (s *stream) rows(ctx context.Context, table string, subject func(id string) string, load func(id string) (row, error)) error {
	ids, err := idsOf[string](ctx, s.r, `SELECT id FROM `+table+` ORDER BY id`)
	if err != nil {
		return err
	}
	for _, id := range ids {
		stored, err := load(id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			stored = row{subject: subject(id)}
			if err := s.r.QueryRowContext(ctx, `SELECT data FROM `+table+` WHERE id = ?`, id).Scan(&stored.json); err != nil {
				return err
			}
		}
		if err := s.send(audit.Line{Row: &audit.Row{Subject: stored.subject, Version: stored.version, JSON: stored.json}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) actions(ctx context.Context) error {
	subject := func(id string) string { return actionSubject(action.ID(id)) }
	return s.rows(ctx, "action", subject, func(id string) (row, error) {
		_, stored, err := storedAction(ctx, s.r, action.ID(id))
		return stored, err
	})
}

func (s *stream) incidents(ctx context.Context) error {
	return s.rows(ctx, "incident", incidentSubject, func(id string) (row, error) {
		_, stored, err := storedIncident(ctx, s.r, id)
		return stored, err
	})
}

func (s *stream) links(ctx context.Context) error {
	rows, err := loadLinks(ctx, s.r)
	if err != nil {
		return err
	}
	for _, l := range rows {
		stored, err := l.row()
		if err != nil {
			return err
		}
		if err := s.send(audit.Line{Row: &audit.Row{Subject: stored.subject, Version: stored.version, JSON: stored.json}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) tiles(ctx context.Context) error {
	return each(ctx, s.r, func(scan func(...any) error) error {
		var t audit.Tile
		if err := scan(&t.Level, &t.N, &t.Data); err != nil {
			return err
		}
		return s.send(audit.Line{Tile: &t})
	}, `SELECT level, n, data FROM audit_tile ORDER BY level, n`)
}

// Lines implements audit.Source. Sequence before, so that the newest records
// have their place.
func (j *Journal) Lines(ctx context.Context) iter.Seq2[audit.Line, error] {
	return (&Log{db: j.readers, genuine: j.key.Genuine}).Lines(ctx)
}

// Export places every record and writes the whole log as JSON lines.
func (j *Journal) Export(ctx context.Context, w io.Writer) error {
	if _, err := j.Sequence(ctx); err != nil {
		return err
	}
	return audit.Export(ctx, w, j)
}

// Verify places every record and verifies the whole log. The checkpoint outside
// the database is held against it together with those that somebody kept.
func (j *Journal) Verify(ctx context.Context, kept ...string) (audit.Report, error) {
	_, failed := j.Sequence(ctx)
	note, err := j.outsideNote()
	if err != nil {
		return audit.Report{}, fmt.Errorf("journal: %w", err)
	}
	if note != "" {
		kept = append(kept, note)
	}
	report, err := audit.Verify(ctx, j, j.key.Verifier(), kept)
	if err == nil && report.Sound() {
		err = failed // else the report tells why the log was not continued
	}
	return report, err
}

var _ interface { // what commands ask of the journal beside bot.Journal
	CurrentCheckpoint(context.Context) (string, error)
	Leaves(context.Context, []string) (map[string]int64, error)
	bot.Journal
} = (*Journal)(nil)
