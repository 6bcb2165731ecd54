package searchtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const (
	// A chunk of _bulk: what the small servers take in without refusing.
	chunkDocuments = 4000
	chunkBytes     = 8 << 20
	// A server refuses a request line of 4 KiB.
	urlBytes = 3 << 10
)

// Document is what one index holds under one id.
type Document struct {
	Index  string
	ID     string // made by the server when empty
	Source []byte // a JSON object
}

// Prefix is how the names of this test's indices, aliases and templates begin. All
// with it are removed at the test's end; others use the server at the same time.
func (s Server) Prefix(t testing.TB) string {
	t.Helper()
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails, see crypto/rand
	prefix := "t" + hex.EncodeToString(random) + "-"
	t.Cleanup(func() {
		s.remove(t, "/"+prefix+"*?expand_wildcards=all&ignore_unavailable=true")
		s.remove(t, "/_index_template/"+prefix+"*")
		s.remove(t, "/_template/"+prefix+"*")
	})
	return prefix
}

// remove deletes what may be gone already.
func (s Server) remove(t testing.TB, path string) {
	t.Helper()
	status, body, err := s.ask(context.WithoutCancel(t.Context()), http.MethodDelete, path, "", nil)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		t.Errorf("DELETE %s: status %d, error %v: %s", path, status, err, tail(body))
	}
}

// Call asks the server as its administrator does, past every proxy, and gives the
// answer. The test fails when the server refuses.
func (s Server) Call(t testing.TB, method, path string, body []byte) []byte {
	t.Helper()
	status, answer, err := s.ask(t.Context(), method, path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if status/100 != 2 {
		t.Fatalf("%s %s: status %d: %s", method, path, status, tail(answer))
	}
	return answer
}

// PutTemplate makes every index whose name fits the pattern, which may hold *, with
// the settings and mappings. Of two patterns that fit the longer one counts.
func (s Server) PutTemplate(t testing.TB, name, pattern string, mapping []byte) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"index_patterns": []string{pattern}, "priority": len(pattern), "template": json.RawMessage(mapping)})
	if err != nil {
		t.Fatalf("the template %s: %v", name, err)
	}
	t.Cleanup(func() { s.remove(t, "/_index_template/"+url.PathEscape(name)) })
	s.Call(t, http.MethodPut, "/_index_template/"+url.PathEscape(name), body)
}

// Load puts documents into their indices, which are made where missing, and returns
// when a search finds them. The test fails when the server refuses one. A chunk is
// made while the server takes the one before.
func (s Server) Load(t testing.TB, docs iter.Seq[Document]) {
	t.Helper()
	chunks, sent := make(chan []byte), make(chan error, 1)
	go func() {
		var err error
		for chunk := range chunks {
			if err == nil {
				err = s.bulk(t.Context(), chunk)
			}
		}
		sent <- err
	}()
	indices, err := chunked(docs, chunks)
	close(chunks)
	if failed := <-sent; err == nil {
		err = failed
	}
	if err != nil {
		t.Fatalf("loading documents: %v", err)
	}
	s.refresh(t, indices)
}

// chunked hands out documents as bodies of _bulk, and gives the names of their indices.
func chunked(docs iter.Seq[Document], chunks chan<- []byte) ([]string, error) {
	var chunk bytes.Buffer
	inChunk, indices := 0, map[string]bool{}
	send := func() {
		if inChunk > 0 {
			chunks <- bytes.Clone(chunk.Bytes())
		}
		chunk.Reset()
		inChunk = 0
	}
	for d := range docs {
		what := map[string]string{"_index": d.Index}
		if d.ID != "" {
			what["_id"] = d.ID
		}
		line, err := json.Marshal(map[string]any{"index": what})
		if err != nil {
			return nil, err
		}
		chunk.Write(line)
		chunk.WriteByte('\n')
		if err := json.Compact(&chunk, d.Source); err != nil { // a line is a document
			return nil, fmt.Errorf("the document %q of %s is no JSON: %w", d.ID, d.Index, err)
		}
		chunk.WriteByte('\n')
		indices[d.Index] = true
		if inChunk++; inChunk == chunkDocuments || chunk.Len() >= chunkBytes {
			send()
		}
	}
	send()
	return slices.Sorted(maps.Keys(indices)), nil
}

func (s Server) bulk(ctx context.Context, lines []byte) error {
	var result struct {
		Errors bool
		Items  []map[string]struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
			Error json.RawMessage
		}
	}
	status, answer, err := s.ask(ctx, http.MethodPost, "/_bulk?timeout=5m&filter_path=errors,items.*.error,items.*._index,items.*._id", "application/x-ndjson", bytes.NewReader(lines))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &result); err != nil || status != http.StatusOK {
		return fmt.Errorf("status %d: %s", status, tail(answer))
	}
	if !result.Errors {
		return nil
	}
	for _, item := range result.Items {
		for _, i := range item {
			if i.Error != nil {
				return fmt.Errorf("%s refuses %q, and perhaps more: %s", i.Index, i.ID, i.Error)
			}
		}
	}
	return fmt.Errorf("%s", tail(answer))
}

// refresh makes what was loaded visible to searches.
func (s Server) refresh(t testing.TB, indices []string) {
	t.Helper()
	for len(indices) > 0 {
		n, length := 0, 0
		for n < len(indices) && (n == 0 || length+len(indices[n])+1 <= urlBytes) {
			length += len(indices[n]) + 1
			n++
		}
		s.Call(t, http.MethodPost, "/"+strings.Join(indices[:n], ",")+"/_refresh", nil)
		indices = indices[n:]
	}
}
