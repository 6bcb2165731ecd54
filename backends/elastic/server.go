package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// server is what the server says that it is.
type server struct {
	product string // Elasticsearch or OpenSearch
	number  string
	major   int
	minor   int
}

func (s server) String() string { return s.product + " " + s.number }

// shardDoc tells whether the server can number the documents of a point in time,
// so that there is a unique place to go on from. Elsewhere a scroll is the only walk
// that misses no document of those with equal values. OpenSearch has such numbers
// since 3.3 and loses documents by them (seen with 3.8.0, TestNobodyIsLeftOut).
func (s server) shardDoc() bool {
	return s.product == "Elasticsearch" && (s.major > 7 || s.major == 7 && s.minor >= 12)
}

// asked asks the server what it is, once.
func (s *Source) asked(ctx context.Context) (server, error) {
	s.mu.Lock()
	known := s.server
	s.mu.Unlock()
	if known.product != "" {
		return known, nil
	}
	body, err := s.client.call(ctx, true, http.MethodGet, "/", nil, nil)
	if err != nil {
		return server{}, fmt.Errorf("elastic: asking %s what it is: %w", s.Name(), s.explain(err))
	}
	found, err := serverOf(body)
	if err != nil {
		return server{}, fmt.Errorf("elastic: asking %s what it is: %w", s.Name(), s.explain(err))
	}
	s.mu.Lock()
	s.server = found
	s.mu.Unlock()
	return found, nil
}

func serverOf(body json.RawMessage) (server, error) {
	var root struct {
		Version struct {
			Number       string `json:"number"`
			Distribution string `json:"distribution"`
		} `json:"version"`
	}
	if err := json.Unmarshal(body, &root); err != nil {
		return server{}, errBody
	}
	found := server{product: "Elasticsearch", number: root.Version.Number}
	if strings.EqualFold(root.Version.Distribution, "opensearch") {
		found.product = "OpenSearch"
	}
	major, rest, _ := strings.Cut(found.number, ".")
	minor, _, _ := strings.Cut(rest, ".")
	var errMajor, errMinor error
	found.major, errMajor = strconv.Atoi(major)
	found.minor, errMinor = strconv.Atoi(minor)
	if errMajor != nil || errMinor != nil || len(found.number) > 30 {
		return server{}, errBody
	}
	return found, nil
}
