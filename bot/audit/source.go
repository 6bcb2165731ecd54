package audit

import (
	"context"
	"iter"

	"golang.org/x/mod/sumdb/tlog"
)

// Source gives a whole log, from a database or from an export: the same code
// verifies both. Lines come in the order of Line's fields, and all of them
// from one moment. Reading stops at the first error.
type Source interface {
	Lines(ctx context.Context) iter.Seq2[Line, error]
}

// Line is one piece of a log, as a line of an export. Exactly one field is set.
type Line struct {
	Header     *Header           `json:"header,omitempty"`
	Checkpoint *StoredCheckpoint `json:"checkpoint,omitempty"` // by size
	Leaf       *Leaf             `json:"leaf,omitempty"`       // by number
	Waiting    *Waiting          `json:"waiting,omitempty"`    // in the order in which they were written
	Stray      *Stray            `json:"stray,omitempty"`
	Row        *Row              `json:"row,omitempty"`  // by subject, no subject twice
	Tile       *Tile             `json:"tile,omitempty"` // never in an export: it follows from the leaves
	End        *End              `json:"end,omitempty"`
}

// Format is the version of Line's form.
const Format = "gridwarden audit log 1"

// Header comes first.
type Header struct {
	Format string `json:"format"`
	Tiles  bool   `json:"tiles"` // every tile of the tree comes, too
}

// StoredCheckpoint is a checkpoint as it is kept, with the size under which it is.
type StoredCheckpoint struct {
	Size int64  `json:"size"`
	Note string `json:"note"`
}

// Leaf is a place in the log and what is there. Hash is the leaf's hash as it
// was taken into the tree: it tells a changed record from a changed tree.
type Leaf struct {
	Number int64     `json:"number"`
	Hash   tlog.Hash `json:"hash"`
	Entry  *Entry    `json:"entry"`          // nil: the record is missing
	Body   *Body     `json:"body,omitempty"` // nil: erased
}

// Waiting is a record that has no place in the log yet.
type Waiting struct {
	Entry   Entry `json:"entry"`
	Body    *Body `json:"body,omitempty"`
	Refused bool  `json:"refused,omitempty"` // it never gets one: this program did not write it
}

// Stray is something that belongs to nothing, such as a record that neither
// has a place in the log nor waits for one.
type Stray struct {
	What string `json:"what"`
	ID   string `json:"id"`
}

// Row is a stored row that records account for, as it is now.
type Row struct {
	Subject string `json:"subject"` // as in Record
	Version int    `json:"version"`
	JSON    []byte `json:"json"` // its canonical JSON
}

// End comes last and counts the lines before it: what is cut off shows.
type End struct {
	Lines int64 `json:"lines"`
}
