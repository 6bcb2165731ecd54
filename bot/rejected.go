package bot

import (
	"context"
	"log/slog"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// rejected records what a platform refused itself. The platform has answered
// whoever waited, if anybody did; here nothing is said and nothing runs.
func (e *Engine) rejected(ctx context.Context, log *slog.Logger, req *Request, ev Event) Reply {
	req.Surface = "callback"
	record := req.record(audit.Refused, map[string]any{"state": "refused", "code": "rejected", "why": cutTo(ev.Value, maxWhy)})
	_, err := e.journal.Finish(ctx, req.ID, action.Effects{Records: []audit.Record{record}})
	if err != nil {
		log.ErrorContext(ctx, "a rejected call was not recorded", "error", err)
		return Reply{Request: req.ID, State: "failed", Err: err}
	}
	return Reply{Request: req.ID, State: "refused", Code: "rejected"}
}

// maxWhy bounds the reason of a rejection in its record, in runes.
const maxWhy = 1000

func cutTo(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
