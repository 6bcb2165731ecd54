package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"
)

// The things that people do to the grid.
const (
	doBan      = "ban"
	doUnban    = "unban"
	doKillTask = "kill of a task"
	doKillJobs = "kill of jobs"
	doSubmit   = "submission"
)

// again stands before what somebody did although it held already. It changes
// nothing, and is kept so that the file tells how often each thing was done.
const again = "again: "

// event is one thing done to the grid, at a simulated time.
type event struct {
	At  time.Time `json:"at"`
	Do  string    `json:"do"`
	IDs []string  `json:"ids"` // an account, a task, or jobs
}

// header is the first line of the file: it ties all processes to one clock.
type header struct {
	Began time.Time `json:"began"`
	Start time.Time `json:"start"`
	Speed float64   `json:"speed"`
	Seed  int64     `json:"seed"`
}

func (h header) clock() clock { return clock{Began: h.Began, Start: h.Start, Speed: h.Speed} }

// eventLog is the list of events: in memory, or in a file of JSON lines to which
// several processes append. A file only grows, so nobody has to lock it.
type eventLog struct {
	mu     sync.Mutex
	file   string // "" for memory
	offset int64  // up to where the file was read
	events []event
	sorted int      // how many of them folded has
	folded *history // those of before and the sorted ones; nil: none yet
}

// maxLog bounds what is read of the file, in bytes.
const maxLog = 64 << 20

// openLog opens the file of c, or makes it with a clock that begins now.
func openLog(c Config, now time.Time) (*eventLog, header, error) {
	head := header{Began: now.Round(0).UTC(), Start: c.Start, Speed: c.Speed, Seed: c.Seed}
	if c.File == "" {
		return &eventLog{}, head, nil
	}
	if err := create(c.File, head); err != nil {
		return nil, head, fmt.Errorf("sandbox: making %s: %w", c.File, err)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return nil, head, fmt.Errorf("sandbox: reading %s: %w", c.File, err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	var kept header
	if err := json.Unmarshal(first, &kept); err != nil || kept.Began.IsZero() || kept.Speed <= 0 {
		return nil, head, fmt.Errorf("sandbox: %s does not begin with the clock of a sandbox; remove it to begin anew", c.File)
	}
	if kept.Speed != c.Speed || kept.Seed != c.Seed {
		return nil, head, fmt.Errorf("sandbox: %s was begun with speed %v and seed %d; configure these, or remove it to begin anew", c.File, kept.Speed, kept.Seed)
	}
	return &eventLog{file: c.File, offset: int64(len(first)) + 1}, kept, nil
}

// create makes the file with its header unless it exists. The link makes sure
// that no process ever sees it without one.
func create(file string, head header) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := json.Marshal(head)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".sandbox-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp.Name())
	if _, err := temp.Write(append(data, '\n')); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), file); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// append adds an event: one write, so that those of two processes do not mix.
func (l *eventLog) append(e event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == "" {
		l.events = append(l.events, e)
		return nil
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	return errors.Join(err, f.Close())
}

// history gives what came of the events before and of all in the log, also those
// of other processes. It is made anew when there are more, and never changed.
func (l *eventLog) history(before func() []event) (history, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != "" {
		if err := l.readMore(); err != nil {
			return history{}, err
		}
	}
	if l.folded == nil || l.sorted != len(l.events) {
		events := append(before(), l.events...)
		slices.SortStableFunc(events, func(a, b event) int { return a.At.Compare(b.At) })
		h := foldEvents(events)
		l.folded, l.sorted = &h, len(l.events)
	}
	return *l.folded, nil
}

// readMore reads what was appended since. A last line without its end is still
// being written and is left for the next time.
func (l *eventLog) readMore() error {
	f, err := os.Open(l.file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(l.offset, io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxLog))
	if err != nil {
		return err
	}
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return nil
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%s at byte %d: %w", l.file, l.offset, err)
		}
		l.events = append(l.events, e)
		l.offset += int64(len(line)) + 1
		data = rest
	}
}

// span is a time during which an account is banned; a zero end is none yet.
type span struct{ from, to time.Time }

// history is the events by what they were done to.
type history struct {
	bans      map[string][]span    // by account
	taskKills map[string]time.Time // by task, the first
	jobKills  map[string]time.Time // by job, the first
	submitted []event
}

// foldEvents reads events in the order of their times.
func foldEvents(events []event) history {
	h := history{bans: map[string][]span{}, taskKills: map[string]time.Time{}, jobKills: map[string]time.Time{}}
	for _, e := range events {
		if e.Do == doSubmit {
			h.submitted = append(h.submitted, e)
			continue
		}
		for _, id := range e.IDs {
			switch e.Do {
			case doBan:
				if last := h.lastBan(id); last == nil || !last.to.IsZero() {
					h.bans[id] = append(h.bans[id], span{from: e.At})
				}
			case doUnban:
				if last := h.lastBan(id); last != nil && last.to.IsZero() {
					last.to = e.At
				}
			case doKillTask:
				keepFirst(h.taskKills, id, e.At)
			case doKillJobs:
				keepFirst(h.jobKills, id, e.At)
			}
		}
	}
	return h
}

func keepFirst(m map[string]time.Time, id string, at time.Time) {
	if _, known := m[id]; !known {
		m[id] = at
	}
}

// lastBan is the latest ban of an account, nil when there was none.
func (h history) lastBan(account string) *span {
	bans := h.bans[account]
	if len(bans) == 0 {
		return nil
	}
	return &bans[len(bans)-1]
}

// banAt gives the ban of an account at a time, nil when it is not banned then.
func (h history) banAt(account string, at time.Time) *span {
	bans := h.bans[account]
	n := sort.Search(len(bans), func(i int) bool { return bans[i].from.After(at) })
	if n == 0 || !bans[n-1].to.IsZero() && !at.Before(bans[n-1].to) {
		return nil
	}
	return &bans[n-1]
}

// bannedAt tells whether an account is banned at a time, and since when.
func (h history) bannedAt(account string, at time.Time) (since time.Time, banned bool) {
	if ban := h.banAt(account, at); ban != nil {
		return ban.from, true
	}
	return time.Time{}, false
}

// freeFrom gives the first moment, not before at, when an account is not banned;
// false when no end of the ban is known.
func (h history) freeFrom(account string, at time.Time) (time.Time, bool) {
	for ban := h.banAt(account, at); ban != nil; ban = h.banAt(account, at) {
		if ban.to.IsZero() {
			return time.Time{}, false
		}
		at = ban.to
	}
	return at, true
}
