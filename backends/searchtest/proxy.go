package searchtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what goes wrong with one request. The zero value lets it pass.
type Fault struct {
	Delay      time.Duration // first of all, unless the client leaves
	Drop       bool          // the connection ends without an answer
	Status     int           // this answer in place of the server's, which never hears of the request
	RetryAfter time.Duration // a header with Status, in whole seconds
	Body       string        // with Status
	Rewrite    func(answer []byte) ([]byte, error)
	Cut        bool // the connection ends in the middle of the answer
}

// Slow lets the server answer late.
func Slow(by time.Duration) Fault { return Fault{Delay: by} }

// Dropped ends the connection in place of an answer. A client asks again by itself
// for a GET; what it does with POST is its affair.
func Dropped() Fault { return Fault{Drop: true} }

// TooMany is the answer of a server whose queue is full.
func TooMany(retryAfter time.Duration) Fault {
	return Fault{Status: http.StatusTooManyRequests, RetryAfter: retryAfter, Body: refusal(http.StatusTooManyRequests, "es_rejected_execution_exception", "rejected execution of the search: the queue is full")}
}

// Unavailable is the answer of a server without a master.
func Unavailable() Fault {
	return Fault{Status: http.StatusServiceUnavailable, Body: refusal(http.StatusServiceUnavailable, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];")}
}

// NoJSON is an answer that says it went well and is no JSON.
func NoJSON() Fault {
	return Fault{Status: http.StatusOK, Body: `{"took":3,"timed_out":false,"hits":{"total":{"value":<html>`}
}

// CutInHalf ends the connection in the middle of the server's answer.
func CutInHalf() Fault { return Fault{Cut: true} }

// ShardFailed tells one shard of a search's answer as failed; see [FailShard].
func ShardFailed() Fault { return Fault{Rewrite: FailShard} }

func refusal(status int, kind, reason string) string {
	cause := map[string]any{"type": kind, "reason": reason}
	b, err := json.Marshal(map[string]any{"error": map[string]any{"root_cause": []any{cause}, "type": kind, "reason": reason}, "status": status})
	if err != nil {
		panic(err) // of maps and strings
	}
	return string(b)
}

// FailShard rewrites the answer of a search as if one shard had failed, which a
// server tells with status 200. The hits stay, as if the other shards had them.
// An answer without _shards stays as it is.
func FailShard(answer []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(answer, &all); err != nil {
		return nil, fmt.Errorf("an answer that is no JSON object: %w", err)
	}
	if all["_shards"] == nil {
		return answer, nil
	}
	var shards struct {
		Total      int              `json:"total"`
		Successful int              `json:"successful"`
		Skipped    int              `json:"skipped"`
		Failed     int              `json:"failed"`
		Failures   []map[string]any `json:"failures"`
	}
	if err := json.Unmarshal(all["_shards"], &shards); err != nil {
		return nil, fmt.Errorf("_shards: %w", err)
	}
	if shards.Successful > 1 {
		shards.Successful--
	} else { // when all fail a server answers 503
		shards.Total++
	}
	shards.Failed++
	shards.Failures = append(shards.Failures, map[string]any{
		"shard": 0, "index": "unknown", "node": "n1",
		"reason": map[string]any{"type": "circuit_breaking_exception", "reason": "[parent] Data too large", "durability": "TRANSIENT"},
	})
	var err error
	if all["_shards"], err = json.Marshal(shards); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// Proxy stands in front of a server and breaks what it is told to.
type Proxy struct {
	URL    string
	server Server
	choose atomic.Pointer[func(*http.Request) Fault]
}

// Proxy opens a proxy in front of the server, until the test's end. It lets everything pass at first.
func (s Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	p := &Proxy{server: s}
	listener := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := p.serve(w, r); err != nil && r.Context().Err() == nil {
			t.Errorf("the proxy in front of %s: %s %s: %v", s.URL, r.Method, r.URL, err)
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	listener.Start()
	t.Cleanup(listener.Close)
	p.URL = listener.URL
	return p
}

// Set chooses what goes wrong from now on, asked for every request; nil is nothing. The function may
// read the request's body, and is called by several requests at once.
func (p *Proxy) Set(choose func(*http.Request) Fault) {
	if choose == nil {
		p.choose.Store(nil)
		return
	}
	p.choose.Store(&choose)
}

// serve answers one request. Its error is the proxy's own, never a chosen one.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) error {
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var f Fault
	if choose := p.choose.Load(); choose != nil {
		r.Body = io.NopCloser(bytes.NewReader(asked))
		f = (*choose)(r)
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	if f.Status != 0 {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body) // to who may have left
		return nil
	}
	status, header, answer, err := p.forward(r, asked)
	if err != nil {
		return err
	}
	if f.Rewrite != nil {
		if answer, err = f.Rewrite(answer); err != nil {
			return err
		}
	}
	maps.Copy(w.Header(), header)
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	}
	w.WriteHeader(status)
	if f.Cut {
		_, _ = w.Write(answer[:len(answer)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(answer) // to who may have left
	return nil
}

func (p *Proxy) forward(r *http.Request, asked []byte) (status int, header http.Header, answer []byte, err error) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, p.server.URL+r.URL.RequestURI(), bytes.NewReader(asked))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header = withoutHop(r.Header)
	req.Header.Del("Accept-Encoding") // what is rewritten must be readable
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, withoutHop(resp.Header), answer, err
}

// withoutHop leaves out what is said about one connection: passed on, it would end
// that between the proxy and the server.
func withoutHop(header http.Header) http.Header {
	header = header.Clone()
	for _, name := range []string{"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length"} {
		header.Del(name)
	}
	return header
}
