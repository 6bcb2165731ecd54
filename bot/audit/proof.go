package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Inclusion proves that one record is in the log of a checkpoint. It is
// verified with the public key alone.
type Inclusion struct {
	Leaf       int64       `json:"leaf"`
	Entry      Entry       `json:"entry"`
	Body       *Body       `json:"body,omitempty"` // absent when erased or withheld
	Checkpoint string      `json:"checkpoint"`
	Proof      []tlog.Hash `json:"proof"`
}

// Growth proves that the log of an older checkpoint is the beginning of the
// log of a newer one: nothing was changed, removed or put in between.
type Growth struct {
	Old   string      `json:"old"`
	New   string      `json:"new"`
	Proof []tlog.Hash `json:"proof"`
}

// ProveInclusion makes the proof that leaf n is in the tree of a checkpoint.
func ProveInclusion(c Checkpoint, n int64, tiles tlog.TileReader) ([]tlog.Hash, error) {
	p, err := tlog.ProveRecord(c.Size, n, tlog.TileHashReader(c.tree(), tiles))
	if err != nil {
		return nil, fmt.Errorf("audit: proving leaf %d in %d: %w", n, c.Size, err)
	}
	return p, nil
}

// ProveGrowth makes the proof that the tree of the checkpoint c begins with
// the first old leaves.
func ProveGrowth(c Checkpoint, old int64, tiles tlog.TileReader) ([]tlog.Hash, error) {
	p, err := tlog.ProveTree(c.Size, old, tlog.TileHashReader(c.tree(), tiles))
	if err != nil {
		return nil, fmt.Errorf("audit: proving growth from %d to %d: %w", old, c.Size, err)
	}
	return p, nil
}

func (c Checkpoint) tree() tlog.Tree { return tlog.Tree{N: c.Size, Hash: c.Root} }

// Verify checks the proof, the checkpoint's signature and, when the body is
// there, that it is the record's.
func (p Inclusion) Verify(v note.Verifier) (Record, error) {
	c, err := ParseCheckpoint(p.Checkpoint, v)
	if err != nil {
		return Record{}, err
	}
	if err := tlog.CheckRecord(p.Proof, c.Size, c.Root, p.Leaf, p.Entry.LeafHash()); err != nil {
		return Record{}, fmt.Errorf("audit: record %s is not leaf %d of this log: %w", p.Entry.ID, p.Leaf, err)
	}
	if p.Body != nil && !same(p.Body.Hash(), p.Entry.BodyHash) {
		return Record{}, fmt.Errorf("audit: the body of record %s is not the one that was recorded", p.Entry.ID)
	}
	return p.Entry.Record(p.Body)
}

// Verify checks the proof and both signatures. It returns both checkpoints.
func (g Growth) Verify(v note.Verifier) (older, newer Checkpoint, err error) {
	if older, err = ParseCheckpoint(g.Old, v); err != nil {
		return older, newer, err
	}
	if newer, err = ParseCheckpoint(g.New, v); err != nil {
		return older, newer, err
	}
	if err = tlog.CheckTree(g.Proof, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return older, newer, fmt.Errorf("audit: the log of %d records is no continuation of the one of %d: %w", newer.Size, older.Size, err)
	}
	return older, newer, nil
}
