package audit

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// hashes is the reference: every hash of the tree, as tlog stores them.
type hashes []tlog.Hash

func (h hashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range at {
		out = append(out, h[i])
	}
	return out, nil
}

// TestEdgeIsTheTree compares the edge with tlog at every size, loads it anew at
// some, and reads every leaf back from the tiles.
func TestEdgeIsTheTree(t *testing.T) {
	sizes := map[int64]bool{1: true, 2: true, 255: true, 256: true, 257: true, 511: true, 512: true, 513: true, 700: true}
	m := &memory{}
	var all hashes
	for n := range int64(701) {
		want, err := tlog.TreeHash(n, all)
		must(t, err)
		if m.edge.Size() != n || m.edge.Root() != want {
			t.Fatalf("root at size %d", m.edge.Size())
		}
		if sizes[n] {
			loaded, err := LoadEdge(n, m.tile)
			must(t, err)
			if loaded.Size() != n || loaded.Root() != want {
				t.Errorf("loaded at size %d it has another root", n)
			}
			m.edge = *loaded.Clone() // and go on with that
		}
		leaf := tlog.RecordHash([]byte{byte(n), byte(n >> 8)})
		more, err := tlog.StoredHashesForRecordHash(n, leaf, all)
		must(t, err)
		all = append(all, more...)
		for _, tile := range m.edge.Append(leaf) {
			if m.full == nil {
				m.full = map[tilePlace][]byte{}
			}
			m.full[tilePlace{tile.Level, tile.N}] = tile.Data
		}
	}
	read := tlog.TileHashReader(tlog.Tree{N: m.edge.Size(), Hash: m.edge.Root()}, m)
	for n := range m.edge.Size() {
		got, err := read.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		must(t, err)
		if got[0] != all[tlog.StoredHashIndex(0, n)] {
			t.Fatalf("leaf %d from its tile", n)
		}
	}
}

// TestEdgeOfThreeLevels passes the size at which a tile of the second level is full.
func TestEdgeOfThreeLevels(t *testing.T) {
	const size = 1<<16 + 300
	m := &memory{full: map[tilePlace][]byte{}}
	for i := range size {
		for _, tile := range m.edge.Append(tlog.Hash{byte(i), byte(i >> 8), byte(i >> 16)}) {
			if len(tile.Data) != tileWidth*tlog.HashSize {
				t.Fatalf("tile %d of level %d is not full", tile.N, tile.Level)
			}
			m.full[tilePlace{tile.Level, tile.N}] = tile.Data
		}
	}
	if len(m.full) != 256+1+1 || m.full[tilePlace{1, 0}] == nil || len(m.edge.Partial()) != 3 {
		t.Errorf("%d full tiles, %d partial ones", len(m.full), len(m.edge.Partial()))
	}
	loaded, err := LoadEdge(size, m.tile)
	must(t, err)
	if loaded.Root() != m.edge.Root() {
		t.Error("loaded it has another root")
	}
	// tlog finds in the tiles the root that the edge has.
	read := tlog.TileHashReader(tlog.Tree{N: size, Hash: m.edge.Root()}, m)
	if root, err := tlog.TreeHash(size, read); err != nil || root != m.edge.Root() {
		t.Errorf("from the tiles: %v", err)
	}
}

func TestLoadEdgeRefusesWhatIsNotThere(t *testing.T) {
	m := &memory{}
	for i := range 300 {
		m.edge.Append(tlog.Hash{byte(i)})
	}
	for name, tile := range map[string]func(int, int64) ([]byte, error){
		"missing": (&memory{}).tile,
		"cut off": func(level int, n int64) ([]byte, error) {
			data, err := m.tile(level, n)
			return data[:len(data)-1], err
		},
		"too long": func(level int, n int64) ([]byte, error) {
			data, err := m.tile(level, n)
			return append(data, make([]byte, tlog.HashSize)...), err
		},
	} {
		if _, err := LoadEdge(300, tile); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	if e, err := LoadEdge(0, (&memory{}).tile); err != nil || e.Root() != (&Edge{}).Root() {
		t.Errorf("the empty tree: %v", err)
	}
}

// TestCloneIsApart holds that what is appended to a copy stays in the copy.
func TestCloneIsApart(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var e Edge
		for i := range rapid.IntRange(0, 600).Draw(r, "size") {
			e.Append(tlog.Hash{byte(i), byte(i >> 8)})
		}
		root, size := e.Root(), e.Size()
		c := e.Clone()
		for range rapid.IntRange(1, 300).Draw(r, "more") {
			c.Append(tlog.Hash{0xff})
		}
		if e.Root() != root || e.Size() != size {
			r.Fatal("the copy changed it")
		}
		e.Append(tlog.Hash{1})
		if loaded, err := LoadEdge(e.Size(), (&memory{edge: e}).tile); err != nil || loaded.Root() != e.Root() {
			r.Fatalf("its partial tiles are not its own any more: %v", err)
		}
	})
}
