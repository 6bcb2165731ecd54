package audit

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the height of the tiles in which the tree's hashes are kept: a
// tile holds up to 256 hashes of one level, its parents are computed.
const TileHeight = 8

const tileWidth = 1 << TileHeight

// Tile is a run of the tree's hashes: those at level TileHeight*Level, from
// 256*N on. Only the last tile of a level may be partial.
type Tile struct {
	Level int    `json:"level"`
	N     int64  `json:"n"`
	Data  []byte `json:"data"` // the hashes, one after the other
}

// Edge is the right edge of a growing Merkle tree: enough to append to it and
// to know its root, in memory that grows with the logarithm of its size. The
// zero Edge is the empty tree.
type Edge struct {
	size    int64
	roots   []tlog.Hash // of the perfect subtrees that the tree is made of, largest first
	partial [][]byte    // hashes of the last, partial tile of each tile level
}

// Size is the number of leaves.
func (e *Edge) Size() int64 { return e.size }

// Append adds a leaf and returns the tiles that are full by it.
func (e *Edge) Append(h tlog.Hash) []Tile {
	var full []Tile
	for level := 0; ; level++ {
		if level%TileHeight == 0 {
			if t, ok := e.fill(level/TileHeight, h); ok {
				full = append(full, t)
			}
		}
		if e.size>>level&1 == 0 {
			break
		}
		last := len(e.roots) - 1
		h = tlog.NodeHash(e.roots[last], h)
		e.roots = e.roots[:last]
	}
	e.roots = append(e.roots, h)
	e.size++
	return full
}

// fill puts a hash in the partial tile of a tile level.
func (e *Edge) fill(level int, h tlog.Hash) (Tile, bool) {
	if level == len(e.partial) {
		e.partial = append(e.partial, nil)
	}
	e.partial[level] = append(e.partial[level], h[:]...)
	if len(e.partial[level]) < tileWidth*tlog.HashSize {
		return Tile{}, false
	}
	t := Tile{Level: level, N: (e.size+1)>>(TileHeight*(level+1)) - 1, Data: e.partial[level]}
	e.partial[level] = nil
	return t, true
}

// Partial returns the tiles that are not full yet.
func (e *Edge) Partial() []Tile {
	var out []Tile
	for level, data := range e.partial {
		if len(data) > 0 {
			out = append(out, Tile{Level: level, N: e.size >> (TileHeight * (level + 1)), Data: slices.Clone(data)})
		}
	}
	return out
}

// Root is the tree's root hash.
func (e *Edge) Root() tlog.Hash {
	if e.size == 0 {
		h, err := tlog.TreeHash(0, nil)
		if err != nil { // the empty tree needs no stored hash
			panic(err)
		}
		return h
	}
	h := e.roots[len(e.roots)-1]
	for i := len(e.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(e.roots[i], h)
	}
	return h
}

// Clone copies the edge: a change of the copy that did not commit is dropped with it.
func (e *Edge) Clone() *Edge {
	c := &Edge{size: e.size, roots: slices.Clone(e.roots), partial: make([][]byte, len(e.partial))}
	for i, data := range e.partial {
		c.partial[i] = slices.Clone(data)
	}
	return c
}

// LoadEdge makes the edge of a tree of that size from its partial tiles.
func LoadEdge(size int64, tile func(level int, n int64) ([]byte, error)) (*Edge, error) {
	e := &Edge{size: size}
	for level := 0; size>>(TileHeight*level) > 0; level++ {
		width := int(size >> (TileHeight * level) % tileWidth)
		var data []byte
		if width > 0 {
			var err error
			if data, err = tile(level, size>>(TileHeight*(level+1))); err != nil {
				return nil, fmt.Errorf("audit: right edge of the tree: %w", err)
			}
			if len(data) != width*tlog.HashSize {
				return nil, fmt.Errorf("audit: the last tile of level %d holds %d bytes for %d hashes", level, len(data), width)
			}
		}
		e.partial = append(e.partial, slices.Clone(data))
	}
	for level := len(e.partial) - 1; level >= 0; level-- {
		data := e.partial[level]
		for bit := TileHeight - 1; bit >= 0; bit-- {
			if n := tlog.HashSize << bit; size>>(TileHeight*level+bit)&1 == 1 {
				e.roots = append(e.roots, perfect(data[:n]))
				data = data[n:]
			}
		}
	}
	return e, nil
}

// perfect is the root over hashes whose number is a power of two.
func perfect(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return tlog.Hash(data)
	}
	half := len(data) / 2
	return tlog.NodeHash(perfect(data[:half]), perfect(data[half:]))
}
