package pandatest

import (
	"io"
	"net/http"
	"time"
)

// Trouble is what goes wrong with requests.
type Trouble struct {
	Path  string // such as job/kill; "": every one
	Times int    // 0: once; negative: always
	Skip  int    // requests that go well before

	Status   int           // answered by what stands in front of the server, with a page; nothing is done
	Body     string        // answered with status 200 in place of the server; nothing is done
	Delay    time.Duration // before anything is done
	Drop     bool          // the connection ends and nothing is done
	Lose     bool          // everything is done, and the connection ends in place of the answer
	Refuse   bool          // every second job of a kill is refused, as when its row is locked
	HalfDone bool          // half the jobs of a kill are killed, then the connection ends
}

// Trouble makes the requests to come go wrong.
func (s *Server) Trouble(t Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles = toCome(s.troubles, t)
}

// toCome adds a trouble to those that are to come, once where it does not say how often.
func toCome(all []*Trouble, t Trouble) []*Trouble {
	if t.Times == 0 {
		t.Times = 1
	}
	return append(all, &t)
}

// trouble is what goes wrong with the request that has come.
func (s *Server) trouble(path string) Trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	return troubleFor(s.troubles, path)
}

// troubleFor takes the trouble of a request from those that are to come.
func troubleFor(all []*Trouble, path string) Trouble {
	for _, t := range all {
		if t.Path != "" && t.Path != path || t.Times == 0 {
			continue
		}
		if t.Skip > 0 {
			t.Skip--
			continue
		}
		if t.Times > 0 {
			t.Times--
		}
		return *t
	}
	return Trouble{}
}

// before tells whether the request has had its answer.
func (t Trouble) before(w http.ResponseWriter, r *http.Request) bool {
	if t.Delay > 0 {
		wait := time.NewTimer(t.Delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done():
			return true
		}
	}
	switch {
	case t.Drop:
		panic(http.ErrAbortHandler)
	case t.Status != 0:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(t.Status)
		_, _ = io.WriteString(w, "<html><body><h1>"+http.StatusText(t.Status)+"</h1></body></html>")
		return true
	case t.Body != "":
		_, _ = io.WriteString(w, t.Body)
		return true
	}
	return false
}
