package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Resumption says who goes on with a log that has lost records, and why.
type Resumption struct {
	By      action.PersonID
	Account string
	Reason  string
}

// Gap is what a log has lost. The zero value is none.
type Gap struct {
	Here   int64           // how many records are there
	Signed int64           // how many were signed
	Kept   string          // the file with the checkpoint that was signed last
	Open   []action.Action // as the backup has them; each may have ended since
}

// Resume goes on with a journal that Open refuses because it was restored from
// an older backup. The gap becomes a record, and the checkpoint outside is kept
// under another name: whoever holds it can prove what is missing. A journal
// that has lost nothing stays as it is.
func Resume(ctx context.Context, c Config, o Options, r Resumption, at time.Time) (g Gap, err error) {
	var lost *behind
	j, err := open(ctx, c, o, func(j *Journal, ctx context.Context) error {
		err := j.checkOutside(ctx)
		if errors.As(err, &lost) {
			return nil
		}
		return err
	})
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if lost == nil {
		return g, nil
	}
	g = Gap{Here: lost.here, Signed: lost.signed.Size, Kept: fmt.Sprintf("%s.lost-%d-%.8x", j.outside, lost.signed.Size, lost.signed.Root[:])}
	if _, err := os.Lstat(g.Kept); !errors.Is(err, os.ErrNotExist) { // it proves an earlier gap
		return g, trouble.Errorf(err, "The checkpoint of an earlier gap is in the way: %s. Nothing was changed. Move it to where such things are kept.", g.Kept)
	}
	body, err := json.Marshal(map[string]any{
		"said":   fmt.Sprintf("Restored from a backup: of %d signed records %d are there, the others are lost. %s", g.Signed, g.Here, r.Reason),
		"signed": g.Signed, "here": g.Here, "root": lost.signed.Root.String(), "reason": r.Reason,
	})
	if err != nil {
		return g, fmt.Errorf("journal: encoding a gap: %w", err)
	}
	err = j.Write(ctx, action.Effects{Records: []audit.Record{{ID: audit.NewID(), At: at, Kind: audit.Resumed, Person: string(r.By), Account: r.Account, Body: body}}})
	if err != nil {
		return g, err
	}
	if err := os.Rename(j.outside, g.Kept); err != nil { // the record is there, and the next try writes another
		return g, fmt.Errorf("journal: keeping the checkpoint of what is lost: %w", err)
	}
	if _, err := j.Sequence(ctx); err != nil {
		return g, err
	}
	g.Open, err = j.OpenActions(ctx)
	return g, err
}
