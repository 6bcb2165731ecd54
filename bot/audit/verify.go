package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Verify reads a whole log and reports everything in it that is not as it was
// signed: records, bodies, their order, checkpoints, and the stored rows that
// records account for. kept are checkpoints, as text, that were kept where
// nobody who can change the log can change them, such as a mail or an incident
// thread; without any, a log that was rolled back whole looks sound.
//
// The error is about reading only; a log that is not sound is no error.
func Verify(ctx context.Context, src Source, v note.Verifier, kept []string) (Report, error) {
	x := verification{v: v, kept: kept, whole: true}
	for line, err := range ahead(ctx, src) {
		if err != nil {
			return Report{}, fmt.Errorf("audit: reading the log: %w", err)
		}
		if err := x.read(line); err != nil {
			return Report{}, err
		}
		x.lines++
	}
	x.finish()
	return x.report, nil
}

// verification is one pass over a log. Its memory grows with the number of
// rows and of checkpoints, not with that of records.
type verification struct {
	v        note.Verifier
	kept     []string
	report   Report
	lines    int64
	section  int // which field of Line the last one had set
	ended    bool
	tiled    bool
	tree     Edge
	whole    bool // no leaf was missing so far
	signed   signed
	rows     history
	erasures erasures
	tiles    map[tilePlace][sha256.Size]byte
}

type tilePlace struct {
	level int
	n     int64
}

// errOrder is a stream that Export never wrote.
var errOrder = errors.New("audit: the lines are not in the order of an export")

// The sections of a log, in order.
const (
	inHeader = iota + 1
	inCheckpoints
	inLeaves
	inWaiting
	inStrays
	inRows
	inTiles
	inEnd
)

func (x *verification) read(l Line) error {
	at := sectionOf(l)
	if at == 0 || at < x.section || x.ended || (x.lines == 0) != (at == inHeader) {
		return errOrder
	}
	x.enter(at)
	switch at {
	case inHeader:
		if l.Header.Format != Format {
			return fmt.Errorf("audit: the format is %s; this gridwarden reads %q", clip(l.Header.Format), Format)
		}
		x.tiled = l.Header.Tiles
	case inCheckpoints:
		x.signed.store(&x.report, x.v, *l.Checkpoint)
	case inLeaves:
		x.leaf(*l.Leaf)
	case inWaiting:
		x.waiting(*l.Waiting)
	case inStrays:
		x.report.problem("There is a %s that belongs to nothing: %s.", clip(l.Stray.What), clip(l.Stray.ID))
	case inRows:
		x.rows.row(&x.report, *l.Row)
	case inTiles:
		x.tile(*l.Tile)
	case inEnd:
		x.ended = true
		if l.End.Lines != x.lines {
			x.report.problem("The log says that %d lines come before its end, but there are %d.", l.End.Lines, x.lines)
		}
	}
	return nil
}

// enter does what is due between two sections.
func (x *verification) enter(at int) {
	if x.section <= inCheckpoints && at > inCheckpoints {
		x.signed.keep(&x.report, x.v, x.kept)
	}
	if x.section <= inLeaves && at > inLeaves {
		for _, t := range x.tree.Partial() {
			x.expect(t)
		}
	}
	x.section = at
}

// sectionOf is 0 unless exactly one field is set.
func sectionOf(l Line) int {
	at := 0
	for i, set := range [...]bool{l.Header != nil, l.Checkpoint != nil, l.Leaf != nil, l.Waiting != nil, l.Stray != nil, l.Row != nil, l.Tile != nil, l.End != nil} {
		if set && at != 0 {
			return 0
		}
		if set {
			at = i + 1
		}
	}
	return at
}

func (x *verification) leaf(l Leaf) {
	if l.Number != x.tree.Size() && x.whole {
		x.whole = false
		x.report.problem("Leaf %d comes where leaf %d should be: what is missing was removed.", l.Number, x.tree.Size())
	}
	x.report.Records++
	if l.Entry == nil {
		x.report.problem("Leaf %d: its record is missing.", l.Number)
	} else {
		where := place{l.Number, l.Entry}
		if l.Entry.LeafHash() != l.Hash {
			x.report.problem("%s was changed, or its hash was.", where)
		}
		x.entry(where, *l.Entry, l.Body)
	}
	if !x.whole {
		return
	}
	for _, t := range x.tree.Append(l.Hash) {
		x.expect(t)
	}
	x.signed.reach(&x.report, x.tree.Size(), x.tree.Root)
}

func (x *verification) waiting(w Waiting) {
	where := place{-1, &w.Entry}
	if w.Refused {
		x.report.problem("%s was not written by gridwarden, or is in the log already: it gets no place there.", where)
		return
	}
	x.report.Waiting++
	x.entry(where, w.Entry, w.Body)
}

// entry checks what a record says about its body and about a stored row.
func (x *verification) entry(where place, e Entry, b *Body) {
	x.rows.read(&x.report, where, e)
	if b == nil {
		x.erasures.lacks(e.ID, where)
		return
	}
	if b.Hash() != e.BodyHash {
		x.report.problem("%s has another body than the one that was recorded.", where)
	}
	if e.Kind == Erased {
		x.erasures.read(&x.report, where, *b)
	}
}

// expect notes a tile that must be stored. Tiles come after everything else;
// only a hash of each is kept until then.
func (x *verification) expect(t Tile) {
	if !x.tiled {
		return
	}
	if x.tiles == nil {
		x.tiles = map[tilePlace][sha256.Size]byte{}
	}
	x.tiles[tilePlace{t.Level, t.N}] = sha256.Sum256(t.Data)
}

func (x *verification) tile(t Tile) {
	if !x.whole {
		return
	}
	at := tilePlace{t.Level, t.N}
	want, ok := x.tiles[at]
	switch {
	case !ok:
		x.report.problem("Tile %d of level %d is stored, but the log has none there.", t.N, t.Level)
	case want != sha256.Sum256(t.Data):
		x.report.problem("Tile %d of level %d does not hold the hashes of its leaves.", t.N, t.Level)
	}
	delete(x.tiles, at)
}

func (x *verification) finish() {
	x.enter(inEnd)
	x.signed.finish(&x.report, x.tree.Size(), x.whole)
	x.rows.finish(&x.report)
	x.erasures.finish(&x.report)
	if x.whole && len(x.tiles) > 0 {
		x.report.problem("%d tiles of the tree are missing.", len(x.tiles))
	}
	x.report.Root = x.tree.Root()
	if !x.ended {
		x.report.problem("The log has no end: it was cut off.")
	}
}
