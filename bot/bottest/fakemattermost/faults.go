package fakemattermost

import (
	"slices"
	"strings"
)

// Fault is one way a call goes wrong.
type Fault struct {
	Call        string // its beginning, such as "POST /posts"; "" for any
	Status      int
	RetryAfter  string // the header, "" for none
	AfterEffect bool   // the call has its effect before it fails
	Times       int
}

type faults struct {
	calls     []*Fault
	skip      int  // events that get a number and never arrive
	swap      int  // events that overtake the one before them
	unwhisper bool // the bot may not make ephemeral posts
	closed    bool // nobody may open a socket
	holding   bool
	held      []queued        // happened since, and nobody was told
	muted     map[string]bool // channels in which members may not post
	keepFiles bool            // a changed post keeps its files
	edits     string

	refuseCalls bool // no integration is reached
	hideRoots   bool // commands do not tell their thread
	noBots      bool
	noCommands  bool
}

// editLimit is the setting of that name, no limit unless one was set.
func (f *faults) editLimit() string {
	if f.edits == "" {
		return "-1"
	}
	return f.edits
}

// LimitEdits sets for how many seconds posts may be changed, as clients are told.
func (s *Server) LimitEdits(seconds string) { s.fault(func(f *faults) { f.edits = seconds }) }

// KeepFiles makes a changed post keep the files it had, as servers before 10 do.
func (s *Server) KeepFiles() { s.fault(func(f *faults) { f.keepFiles = true }) }

// Fail makes the next calls go wrong.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(f.Times, 1)
	s.faults.calls = append(s.faults.calls, &f)
}

// Skip loses the next n events, which have their numbers.
func (s *Server) Skip(n int) { s.fault(func(f *faults) { f.skip = n }) }

// Swap makes the next n pairs of events arrive the wrong way round.
func (s *Server) Swap(n int) { s.fault(func(f *faults) { f.swap = n }) }

// Hold keeps events back, as a busy cluster does; Release sends them, and Reverse does
// so too, the last one first. They have their numbers when they are sent.
func (s *Server) Hold() { s.fault(func(f *faults) { f.holding = true }) }

// Release ends Hold.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.faults.held
	s.faults.holding, s.faults.held = false, nil
	for _, q := range held {
		s.broadcast(q.channel, q.kind, q.data)
	}
}

// Reverse ends Hold.
func (s *Server) Reverse() {
	s.fault(func(f *faults) { slices.Reverse(f.held) })
	s.Release()
}

// Mute takes create_post from the members of a channel, as moderating it does, or
// gives it back. What they have posted they may change (api4/post.go, createPost and patchPost).
func (s *Server) Mute(channel string, on bool) {
	s.fault(func(f *faults) {
		if f.muted == nil {
			f.muted = map[string]bool{}
		}
		f.muted[channel] = on
	})
}

// Freeze makes sockets half open: they stand, and nothing passes any more.
// Sockets that are opened later work.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.live {
		c.frozen = true
	}
}

// ForbidWhispers takes the permission for ephemeral posts from everybody.
func (s *Server) ForbidWhispers() { s.fault(func(f *faults) { f.unwhisper = true }) }

// Shut lets nobody open a socket until Open.
func (s *Server) Shut() { s.fault(func(f *faults) { f.closed = true }) }

// Open ends Shut.
func (s *Server) Open() { s.fault(func(f *faults) { f.closed = false }) }

func (s *Server) fault(set func(*faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set(&s.faults)
}

// Drop cuts every socket. Who comes back is sent what was missed.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.live) > 0 {
		s.hangUp(s.live[0])
	}
}

// Restart cuts every socket and remembers none.
func (s *Server) Restart() {
	s.Drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = map[string]*socket{}
}

// faultFor is the fault of a call, which it uses up. The caller holds mu.
func (s *Server) faultFor(call string) *Fault {
	for i, f := range s.faults.calls {
		if !strings.HasPrefix(call, f.Call) {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.faults.calls = append(s.faults.calls[:i:i], s.faults.calls[i+1:]...)
		}
		return f
	}
	return nil
}
