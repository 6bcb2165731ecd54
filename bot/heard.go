package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Bounds of what is told of times without a connection.
const (
	gapTold  = time.Minute // a shorter one is in the record and the export, and is not said
	startLag = 2 * time.Minute
)

// ear is what is kept of how a workspace of a platform was heard.
type ear struct {
	Last time.Time `json:"last"`          // the latest moment at which it surely was
	Deaf time.Time `json:"deaf,omitzero"` // since when it is not
	By   string    `json:"by,omitempty"`  // the event that said so last
}

// ears are the workspaces that this process hears now.
type ears struct {
	mu   sync.Mutex
	open map[string]bool // by key
}

func earKey(t Thread) string { return "heard/" + t.Platform + "/" + t.Workspace }

func (e *ears) set(key string, open bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[string]bool{}
	}
	if !open {
		delete(e.open, key)
		return
	}
	e.open[key] = true
}

func (e *ears) keys() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.open))
}

// listening notes that what is heard is heard still: after a crash that is since
// when it was not.
func (e *Engine) listening(ctx context.Context) error {
	for _, key := range e.ears.keys() {
		if err := e.rememberEar(ctx, key, ear{Last: now()}, action.Effects{}); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) rememberEar(ctx context.Context, key string, state ear, fx action.Effects) error {
	data, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("bot: encoding how a platform is heard: %w", err)
	}
	if err := e.journal.Remember(ctx, key, data, fx); err != nil {
		return fmt.Errorf("bot: noting how a platform is heard: %w", err)
	}
	return nil
}

func (e *Engine) earOf(ctx context.Context, key string) (state ear, known bool, err error) {
	data, err := e.journal.Remembered(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return state, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &state)
	}
	if err != nil {
		return state, false, fmt.Errorf("bot: how a platform was heard: %w", err)
	}
	return state, true, nil
}

// heard takes the news that a platform stopped to deliver, or began to. Both go
// into the timeline of every open case there: that nothing is recorded of such a
// time does not mean that nothing was said.
func (e *Engine) heard(ctx context.Context, log *slog.Logger, req *Request, ev Event) Reply {
	reply := Reply{Request: req.ID, State: "answered"}
	key := earKey(ev.Thread)
	err := e.hear(ctx, req, ev, key)
	if err == nil {
		e.ears.set(key, ev.Kind == Heard)
		_, err = e.journal.Finish(ctx, req.ID, action.Effects{})
	}
	if err != nil {
		log.ErrorContext(ctx, "since when a platform is not heard, or is, is not recorded", "error", err)
		reply.State, reply.Err = "failed", err
	}
	e.nudge()
	return reply
}

func (e *Engine) hear(ctx context.Context, req *Request, ev Event, key string) error {
	state, known, err := e.earOf(ctx, key)
	if err != nil || known && state.By == ev.ID { // written, and interrupted afterwards
		return err
	}
	at := ev.At.UTC().Truncate(time.Microsecond)
	if ev.Kind == Deaf {
		if !state.Deaf.IsZero() {
			return nil
		}
		fx, err := e.tellGap(ctx, req, ev, audit.Deaf, gap{from: at})
		if err != nil {
			return err
		}
		return e.rememberEar(ctx, key, ear{Last: at, Deaf: at, By: ev.ID}, fx)
	}
	g := gap{from: state.Last, to: at, readFrom: ev.Since, missed: ev.Value}
	if !state.Deaf.IsZero() {
		g.from = state.Deaf
	} else if slices.Contains(e.ears.keys(), key) { // another connection beside the one that is heard
		return nil
	}
	var fx action.Effects
	if known && g.from.Before(g.to) {
		if fx, err = e.tellGap(ctx, req, ev, audit.Heard, g); err != nil {
			return err
		}
	}
	return e.rememberEar(ctx, key, ear{Last: at, By: ev.ID}, fx)
}

// gap is a time in which a platform was not heard.
type gap struct {
	from, to time.Time
	readFrom time.Time // from when on what was said was read back; zero: the platform sent all of it later
	missed   string    // what could not be read back
}

// readBack says how complete what was missed is known.
func (g gap) readBack() (complete bool, said string) {
	missed := g.missed
	if missed == "" && !g.readFrom.IsZero() && g.readFrom.After(g.from.Add(startLag)) {
		missed = "only what was said since " + clock(g.readFrom) + " was read"
	}
	switch {
	case missed != "":
		return false, "What was said meanwhile could not be read back completely: " + missed + "."
	case g.readFrom.IsZero():
		return true, "The platform delivered afterwards what happened meanwhile."
	}
	return true, "What was typed and voted meanwhile was read back completely; presses of buttons and slash commands of that time never reached gridwarden."
}

// tellGap records a gap, once for each open case there, and says a long one.
func (e *Engine) tellGap(ctx context.Context, req *Request, ev Event, kind audit.Kind, g gap) (fx action.Effects, err error) {
	open, err := e.journal.OpenIncidents(ctx)
	if err != nil {
		return fx, fmt.Errorf("bot: which cases are open: %w", err)
	}
	where := ev.Thread.Platform
	if ev.Thread.Workspace != "" {
		where += " (" + ev.Thread.Workspace + ")"
	}
	body := func() map[string]any {
		out := map[string]any{"platform": ev.Thread.Platform, "workspace": ev.Thread.Workspace, "from": g.from}
		if kind == audit.Heard {
			out["to"], out["seconds"] = g.to, int64(g.to.Sub(g.from).Seconds())
			out["complete"], out["said"] = g.readBack()
		}
		return out
	}
	req.Surface = string(ev.Kind)
	write := func(incident string) {
		req.Incident = incident
		r := req.record(kind, body())
		r.Account, r.Person = "", ""
		fx.Records = append(fx.Records, r)
	}
	for _, i := range open {
		home, err := ParseThread(i.Thread)
		if err != nil || home.Platform != ev.Thread.Platform || home.Workspace != ev.Thread.Workspace {
			continue
		}
		write(i.ID)
		if kind == audit.Heard && g.to.Sub(g.from) >= gapTold {
			_, said := g.readBack()
			m := Say("gridwarden did not hear %s from %s to %s (%s). %s", where, clock(g.from), clock(g.to), g.to.Sub(g.from).Round(time.Second).String(), said)
			fx.Posts = append(fx.Posts, post("heard/"+req.ID+"/"+i.ID, home, m))
		}
	}
	if len(fx.Records) == 0 {
		write("")
	}
	return fx, nil
}
