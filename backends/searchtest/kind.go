package searchtest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Kind is one of the servers that jobs are recorded in today.
type Kind string

// The kinds. OS3 needs a newer JDK than the others, and is left out where there is none.
const (
	ES7 Kind = "es7" // Elasticsearch 7.17
	OS2 Kind = "os2" // OpenSearch 2.19
	OS3 Kind = "os3" // OpenSearch 3.8
)

// Kinds are all kinds, in the order in which they are tested.
func Kinds() []Kind { return []Kind{ES7, OS2, OS3} }

// main is the class that starts a server of this kind.
func (k Kind) main() string {
	switch k {
	case ES7:
		return "Es7Node"
	case OS2:
		return "Os2Node"
	case OS3:
		return "Os3Node"
	}
	panic("searchtest: no kind of server is called " + string(k))
}

// jdk is the oldest JDK that runs it.
func (k Kind) jdk() int {
	if k == OS3 {
		return 21
	}
	return 17
}

// Variable names servers that already run, such as
// "es7=http://127.0.0.1:9200 os2=http://127.0.0.1:9201".
const Variable = "GRIDWARDEN_TEST_SEARCH"

// named is the URL of a running server, "" without one.
func named(text string, kind Kind) (string, error) {
	url := ""
	for part := range strings.FieldsSeq(text) {
		k, u, ok := strings.Cut(part, "=")
		if !ok || !strings.HasPrefix(u, "http://") {
			return "", fmt.Errorf("%s has %q, which is not KIND=http://HOST:PORT", Variable, part)
		}
		switch Kind(k) {
		case kind:
			url = strings.TrimSuffix(u, "/")
		case ES7, OS2, OS3:
		default:
			return "", fmt.Errorf("%s names %q; there are %v", Variable, k, Kinds())
		}
	}
	return url, nil
}

// Each runs a test on a server of each kind.
func Each(t *testing.T, test func(t *testing.T, s Server)) {
	t.Helper()
	for _, kind := range Kinds() {
		t.Run(string(kind), func(t *testing.T) { test(t, One(t, kind)) })
	}
}

// One gives this process's server of a kind, started by the first who asks.
// Without what starts one the test is skipped and says what to install; under CI
// it fails, but for a JDK that is too old for OS3.
func One(t testing.TB, kind Kind) Server {
	t.Helper()
	r, err := shared[kind]()
	var missing *MissingError
	switch {
	case err == nil:
		return r.Server
	case !errors.As(err, &missing):
		t.Fatalf("searchtest: %s: %v", kind, err)
	case os.Getenv("CI") != "" && !missing.Optional:
		t.Fatalf("CI tests on real search servers: %v", err)
	}
	t.Skipf("%s could not be started: %v", kind, err)
	return Server{}
}
