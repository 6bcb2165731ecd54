package journal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// TestACheckpointThatWasNotKept has a process end after it has committed a
// checkpoint and before it has kept it outside; the next one does, although
// nothing new is recorded.
func TestACheckpointThatWasNotKept(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		o := place(t)
		j := o.open(t)
		file := o.options().CheckpointFile
		if file == "" {
			file = filepath.Join(o.dir, "journal ?#%.db.checkpoint")
		}
		var kept [][]byte
		for range 2 {
			must(t, j.Write(t.Context(), action.Effects{Records: []audit.Record{{ID: audit.NewID(), Kind: audit.Noted}}}))
			_, err := j.Sequence(t.Context())
			must(t, err)
			data, err := os.ReadFile(file)
			must(t, err)
			kept = append(kept, data)
		}
		must(t, j.Close())
		must(t, os.WriteFile(file, kept[0], 0o600))

		_, err := openAt(t, o).Sequence(t.Context())
		must(t, err)
		if got, err := os.ReadFile(file); err != nil || string(got) != string(kept[1]) {
			t.Errorf("kept outside: %s, %v; want %s", got, err, kept[1])
		}
	})
}
