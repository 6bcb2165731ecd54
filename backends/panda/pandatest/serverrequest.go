package pandatest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// route finds the method of a path. Only /api/v1 has some.
func route(path string) (name string, m method, known bool) {
	parts := strings.Split(path, "/")
	if len(parts) == 4 && strings.HasPrefix(path, "/server/panda/") {
		return parts[3], method{}, false
	}
	if len(parts) != 5 || parts[1] != "api" {
		return "", method{}, false
	}
	name = parts[3] + "/" + parts[4]
	if parts[2] != "v1" {
		return name, method{}, false
	}
	m, known = methods[name]
	return name, m, known
}

// parameters reads what a request gives. A body without a length is not read.
func parameters(r *http.Request) (map[string]any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, max(r.ContentLength, 0)))
	if err != nil {
		return nil, err
	}
	asJSON := r.Header.Get("Content-Type") == "application/json" && (r.Method == http.MethodPost || r.Method == http.MethodPut)
	if !asJSON {
		values := r.URL.Query()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			values = url.Values{}
			if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
				values, _ = url.ParseQuery(string(body))
			}
		}
		return queryArguments(values), nil
	}
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(strings.NewReader(string(body)))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(io.LimitReader(z, 64<<20)); err != nil {
			return nil, err
		}
	}
	v, err := parseJSON(body)
	if err != nil {
		return nil, fmt.Errorf("ERROR : received invalid JSON : %w", err)
	}
	given, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("argument after ** must be a mapping, not %s", typeName(v))
	}
	return given, nil
}
