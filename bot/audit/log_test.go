package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

var noon = time.Date(2026, 6, 24, 12, 0, 0, 123456000, time.UTC)

// fatal is what *testing.T and *rapid.T have in common.
type fatal interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must(t fatal, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) Key {
	t.Helper()
	k, err := NewKey(filepath.Join(t.TempDir(), "key"), "gridwarden/test")
	must(t, err)
	return k
}

// memory is a log in memory, kept as the journal keeps it.
type memory struct {
	key         Key
	edge        Edge
	full        map[tilePlace][]byte
	checkpoints []StoredCheckpoint
	leaves      []Leaf
	rows        map[string]Row
}

// add gives a record its place. One with a Subject changes that row.
func (m *memory) add(t fatal, r Record) string {
	t.Helper()
	r.ID, r.At = fmt.Sprintf("record-%d", len(m.leaves)), noon.Add(time.Duration(len(m.leaves))*time.Second)
	if r.Subject != "" {
		row := Row{Subject: r.Subject, Version: m.rows[r.Subject].Version + 1}
		row.JSON = fmt.Appendf(nil, `{"version":%d,"after":%q}`, row.Version, r.ID)
		r.Version, r.Hash = row.Version, HashRow(row.JSON)
		if m.rows == nil {
			m.rows = map[string]Row{}
		}
		m.rows[r.Subject] = row
	}
	e, b, err := m.key.Seal(r)
	must(t, err)
	hash := e.LeafHash()
	m.leaves = append(m.leaves, Leaf{Number: m.edge.Size(), Hash: hash, Entry: &e, Body: &b})
	for _, tile := range m.edge.Append(hash) {
		if m.full == nil {
			m.full = map[tilePlace][]byte{}
		}
		m.full[tilePlace{tile.Level, tile.N}] = tile.Data
	}
	return r.ID
}

// sign adds the checkpoint over everything.
func (m *memory) sign(t fatal) Checkpoint {
	t.Helper()
	c := Checkpoint{Size: m.edge.Size(), Root: m.edge.Root()}
	if n := len(m.checkpoints); n > 0 {
		c.Follows = m.checkpoints[n-1].Size
	}
	text, err := m.key.Sign(c)
	must(t, err)
	m.checkpoints = append(m.checkpoints, StoredCheckpoint{Size: c.Size, Note: text})
	return c
}

// erase removes the bodies of leaves, with the record of it.
func (m *memory) erase(t fatal, leaves ...int) {
	t.Helper()
	e := Erasure{Reason: "asked to"}
	for _, i := range leaves {
		m.leaves[i].Body = nil
		e.Records = append(e.Records, m.leaves[i].Entry.ID)
	}
	body, err := json.Marshal(e)
	must(t, err)
	m.add(t, Record{Kind: Erased, Person: "dana", Body: body})
}

// Lines implements Source.
func (m *memory) Lines(context.Context) iter.Seq2[Line, error] {
	lines := []Line{{Header: &Header{Format: Format, Tiles: true}}}
	for i := range m.checkpoints {
		lines = append(lines, Line{Checkpoint: &m.checkpoints[i]})
	}
	for i := range m.leaves {
		lines = append(lines, Line{Leaf: &m.leaves[i]})
	}
	for _, subject := range sorted(m.rows) {
		row := m.rows[subject]
		lines = append(lines, Line{Row: &row})
	}
	tiles := m.edge.Partial()
	for at, data := range m.full {
		tiles = append(tiles, Tile{Level: at.level, N: at.n, Data: data})
	}
	for i := range tiles {
		lines = append(lines, Line{Tile: &tiles[i]})
	}
	lines = append(lines, Line{End: &End{Lines: int64(len(lines))}})
	return func(yield func(Line, error) bool) {
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// tile reads one tile, full or not.
func (m *memory) tile(level int, n int64) ([]byte, error) {
	for _, t := range m.edge.Partial() {
		if t.Level == level && t.N == n {
			return t.Data, nil
		}
	}
	data, ok := m.full[tilePlace{level, n}]
	if !ok {
		return nil, fmt.Errorf("no tile %d of level %d", n, level)
	}
	return data, nil
}

// Height, ReadTiles and SaveTiles implement tlog.TileReader.
func (m *memory) Height() int { return TileHeight }

func (m *memory) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, w := range want {
		data, err := m.tile(w.L, w.N)
		if err != nil {
			return nil, err
		}
		out = append(out, data[:w.W*tlog.HashSize])
	}
	return out, nil
}

func (m *memory) SaveTiles([]tlog.Tile, [][]byte) {}

func (m *memory) export(t fatal) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, Export(context.Background(), &b, m))
	return b.Bytes()
}

// small is a log with something of each kind.
func small(t fatal, k Key) *memory {
	m := &memory{key: k}
	for i := range 3 {
		m.add(t, Record{Kind: Received, Request: fmt.Sprint("r", i), Person: "alice", Account: "console/alice", Body: json.RawMessage(`{"typed":"ban \"Naughty User\""}`)})
	}
	m.sign(t)
	m.add(t, Record{Kind: Proposed, Request: "r1", Subject: "action/a1", Incident: "c1"})
	m.add(t, Record{Kind: Approved, Request: "r2", Person: "bob", Subject: "action/a1"})
	m.add(t, Record{Kind: IncidentOpened, Subject: "incident/c1"})
	m.sign(t)
	m.erase(t, 0, 2)
	m.sign(t)
	return m
}

// lines reads an export; nil when it cannot be read.
func lines(data []byte) []Line {
	var out []Line
	for l, err := range Import(bytes.NewReader(data)).Lines(context.Background()) {
		if err != nil {
			return nil
		}
		out = append(out, l)
	}
	return slices.Clip(out)
}
