package journal

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// damaged is why the log is not continued: signing on would cover it up.
func damaged(cause error, format string, args ...any) error {
	return trouble.Errorf(cause, "The audit log in the journal is damaged or was changed: %s. It is not continued. Keep the file and run `gridwarden audit verify`.", fmt.Sprintf(format, args...))
}

// loadEdge reads the tree's right edge and holds it against the newest
// checkpoint, which covers every leaf.
func (j *Journal) loadEdge(ctx context.Context, r reader, newest signedLog) (*audit.Edge, error) {
	var leaves int64
	if err := r.QueryRowContext(ctx, `SELECT coalesce(max(leaf), -1) + 1 FROM audit_leaf`).Scan(&leaves); err != nil {
		return nil, err
	}
	if leaves != newest.size {
		return nil, damaged(nil, "it holds %d records, but %d were signed", leaves, newest.size)
	}
	if newest.size == 0 {
		return &audit.Edge{}, nil
	}
	c, err := audit.ParseCheckpoint(newest.note, j.key.Verifier())
	if err != nil {
		return nil, damaged(err, "its newest checkpoint was not signed with this key")
	}
	edge, err := audit.LoadEdge(leaves, tileOf(ctx, r))
	if err != nil {
		return nil, damaged(err, "its tree is not readable")
	}
	if c.Size != leaves || edge.Root() != c.Root {
		return nil, damaged(nil, "its newest checkpoint is not over its records")
	}
	return edge, nil
}

// tileOf reads tiles.
func tileOf(ctx context.Context, r reader) func(level int, n int64) ([]byte, error) {
	return func(level int, n int64) ([]byte, error) {
		var data []byte
		if err := r.QueryRowContext(ctx, `SELECT data FROM audit_tile WHERE level = ? AND n = ?`, level, n).Scan(&data); err != nil {
			return nil, fmt.Errorf("tile %d of level %d: %w", n, level, notFound(err))
		}
		return data, nil
	}
}

// tiles are the stored tiles as tlog reads them; tlog holds what it reads
// against the root that was signed.
type tiles struct {
	read func(level int, n int64) ([]byte, error)
}

func (t tiles) Height() int { return audit.TileHeight }

func (t tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, w := range want {
		data, err := t.read(w.L, w.N)
		if err != nil {
			return nil, err
		}
		size := w.W * tlog.HashSize // a tile may have grown since the tree that is asked about
		if len(data) < size {
			return nil, fmt.Errorf("tile %d of level %d holds %d bytes, not %d", w.N, w.L, len(data), size)
		}
		out[i] = data[:size]
	}
	return out, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
