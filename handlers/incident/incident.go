package incident

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Journal is what the commands need of the bot's journal; see bot.Cases for
// the contract of the first five.
type Journal interface {
	OpenIncident(ctx context.Context, i bot.Incident, fx action.Effects) error
	UpdateIncident(ctx context.Context, id string, change func(*bot.Incident) (action.Effects, error)) (bot.Incident, error)
	Incident(ctx context.Context, id string) (bot.Incident, error)
	IncidentAt(ctx context.Context, thread string) (bot.Incident, error)
	OpenIncidents(ctx context.Context) ([]bot.Incident, error)
	Records(ctx context.Context, f bot.RecordFilter) ([]audit.Record, error)
	Actions(ctx context.Context, limit int, commands ...string) ([]action.Action, error)
}

// Checkpointer gives the audit log's newest signed checkpoint, as text.
type Checkpointer interface {
	CurrentCheckpoint(ctx context.Context) (string, error)
}

// The longest texts that are kept, in characters.
const (
	maxTitle   = 200
	maxOutcome = 2000
	maxNote    = 4000
)

// commands holds what the commands share.
type commands struct {
	journal     Journal
	checkpoints Checkpointer
}

// New gives the commands of a case.
func New(j Journal, c Checkpointer) []bot.Command {
	x := commands{journal: j, checkpoints: c}
	note := bot.Command{
		Args:    "TEXT [incident=ID]",
		Summary: "add what you know to the case of this thread",
		Options: []string{"incident"},
		Role:    bot.Shifter,
		Run:     x.note,
	}
	short, long := note, note
	short.Name, short.Example = "note", `note "the site has isolated wn042.example.org"`
	long.Name, long.Example = "incident note", `incident note "the site has isolated wn042.example.org"`
	return []bot.Command{
		{
			Name: "incident open", Args: "TITLE",
			Summary: "open a case; this thread becomes its home",
			Example: `incident open "suspicious jobs at T2_XX_Example"`,
			Role:    bot.Shifter, Run: x.open,
		},
		long,
		short,
		{
			Name: bot.PinCommand, Args: "MESSAGE [incident=ID]", As: []string{long.Name, short.Name},
			Summary: "keep a message as evidence of the case; the reaction :pushpin: under it does the same",
			Example: "incident pin 1782396300.000200",
			Options: []string{"incident"},
			Role:    bot.Shifter, Run: x.pin,
		},
		{
			Name: bot.UnpinCommand, Args: "MESSAGE", As: []string{long.Name, short.Name},
			Summary: "record that your pin is taken away; the evidence stays",
			Example: "incident unpin 1782396300.000200",
			Role:    bot.Shifter, Run: x.unpin,
		},
		{
			Name: "incident close", Args: "OUTCOME [incident=ID]",
			Summary: "close the case of this thread and post the audit log's checkpoint",
			Example: `incident close "false alarm: a benchmark of the user"`,
			Options: []string{"incident"},
			Role:    bot.Shifter, Run: x.close,
		},
		{
			Name: "incident export", Args: "[ID]",
			Summary: "the case's timeline as Markdown and JSON, with hashes and a checkpoint",
			Example: "incident export",
			Role:    bot.Shifter, Run: x.export,
		},
	}
}

// idOf makes a case's id from the request that opens it: a request that is run
// again after a crash finds the case that it has already opened.
func idOf(request string) string {
	sum := sha256.Sum256([]byte("incident " + request))
	return "case-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// textOf joins a command's words to the text that is kept. what names the text
// for people.
func textOf(r *bot.Request, what string, limit int) (string, error) {
	s := strings.TrimSpace(strings.Join(r.Args(), " "))
	switch {
	case s == "":
		return "", bot.Problemf("usage", "The %s is missing.", what)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, isHidden):
		return "", bot.Problemf("usage", "The %s has control or invisible characters. Type it by hand.", what)
	case utf8.RuneCountInString(s) > limit:
		return "", bot.Problemf("usage", "The %s has %d characters; at most %d are kept. Shorten it, or attach a file to the thread.", what, utf8.RuneCountInString(s), limit)
	}
	return s, nil
}

// isHidden finds what a reader of the timeline would not see; line ends are
// part of a quoted note.
func isHidden(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// caseOf finds the case that is meant: the one named, or the one whose home
// this thread is.
func (x commands) caseOf(ctx context.Context, r *bot.Request, named string) (bot.Incident, error) {
	id := named
	if id == "" {
		id = r.Incident
	}
	if id == "" { // the thread of a closed case is still that case's
		here, err := x.journal.IncidentAt(ctx, r.Thread.String())
		if err != nil && !errors.Is(err, bot.ErrNotFound) {
			return bot.Incident{}, fmt.Errorf("incident: the case of thread %s: %w", r.Thread, err)
		}
		id = here.ID
	}
	if id == "" {
		return bot.Incident{}, bot.Problemf("usage", "This thread is not the home of a case. Ask in the case's thread, name the case's id, or open one: incident open TITLE")
	}
	i, err := x.journal.Incident(ctx, id)
	if errors.Is(err, bot.ErrNotFound) {
		return bot.Incident{}, bot.Problemf("not-found", "There is no case %q. Ids look like case-abcd2345 and stand in the first answer of the case's thread.", clip(id, 40))
	}
	if err != nil {
		return bot.Incident{}, fmt.Errorf("incident: case %s: %w", id, err)
	}
	return i, nil
}

// record accounts for a change of case id. Its own id follows from the
// request, for the change may be tried twice.
func record(r *bot.Request, id string, kind audit.Kind, body any) (audit.Record, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return audit.Record{}, fmt.Errorf("incident: record of case %s: %w", id, err)
	}
	return audit.Record{
		ID:       r.ID + "/" + strings.ReplaceAll(string(kind), " ", "-"),
		At:       r.At.UTC().Truncate(time.Microsecond),
		Kind:     kind,
		Request:  r.ID,
		Person:   string(r.Person.ID),
		Account:  r.Account.Key(),
		Incident: id,
		Subject:  "incident/" + id,
		Body:     raw,
	}, nil
}

// utc writes a time for people.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// clip bounds foreign text in a sentence about it.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
