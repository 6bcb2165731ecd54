package incident

import (
	"context"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// answer is the machine form of a case.
type answer struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	State      string     `json:"state"` // open or closed
	OpenedBy   string     `json:"opened_by"`
	OpenedAt   time.Time  `json:"opened_at"`
	ClosedBy   string     `json:"closed_by,omitempty"`
	ClosedAt   *time.Time `json:"closed_at,omitempty"`
	Outcome    string     `json:"outcome,omitempty"`
	Notes      int        `json:"notes"`
	Evidence   int        `json:"evidence"`
	Checkpoint string     `json:"checkpoint,omitempty"`
	Files      []file     `json:"files,omitempty"`
}

// file is one exported file.
type file struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func answerOf(i bot.Incident) answer {
	a := answer{
		ID: i.ID, Title: i.Title, State: "open",
		OpenedBy: string(i.OpenedBy), OpenedAt: i.OpenedAt.UTC(),
		Notes: len(i.Notes), Evidence: len(i.Evidence),
	}
	if isClosed(i) {
		at := i.ClosedAt.UTC()
		a.State, a.ClosedBy, a.ClosedAt, a.Outcome = "closed", string(i.ClosedBy), &at, i.Outcome
	}
	return a
}

func isClosed(i bot.Incident) bool { return !i.ClosedAt.IsZero() }

// witness adds the audit log's checkpoint to m and gives its text. A case that
// was opened or closed stays so when the checkpoint cannot be read: then m says
// that the thread does not witness the log.
func (x commands) witness(ctx context.Context, m *bot.Message) string {
	text, err := x.checkpoints.CurrentCheckpoint(ctx)
	if err != nil || strings.TrimSpace(text) == "" {
		m.Partial = true
		m.Line("The audit log's checkpoint could not be read, so this thread does not witness the log yet. Ask an admin to look at `status`.")
		return ""
	}
	m.Line("The audit log's checkpoint now (keep it: `gridwarden audit verify` checks the log against it):")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line == "" {
			m.Lines = append(m.Lines, bot.Text{})
			continue
		}
		m.Line("`%s`", line)
	}
	return text
}
