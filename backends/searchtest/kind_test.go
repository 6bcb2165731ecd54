package searchtest

import (
	"errors"
	"runtime"
	"testing"
)

// ending is a test that notes how it ends.
type ending struct {
	testing.TB
	how string
}

func (e *ending) Fatalf(string, ...any) { e.end("failed") }
func (e *ending) Skipf(string, ...any)  { e.end("skipped") }

func (e *ending) end(how string) {
	e.how = how
	runtime.Goexit()
}

// What is not installed is said aloud, and under CI it is a failure: a green run
// must have met real servers. A server that does not start is one everywhere.
func TestMissingServersAreSkippedButUnderCI(t *testing.T) {
	for name, c := range map[string]struct {
		err                error
		elsewhere, underCI string
	}{
		"no JDK":               {&MissingError{What: "no JDK"}, "skipped", "failed"},
		"no JDK new enough":    {&MissingError{What: "no JDK", Optional: true}, "skipped", "skipped"},
		"it dies at its start": {errors.New("exit status 1"), "failed", "failed"},
		"it runs":              {nil, "", ""},
	} {
		for ci, want := range map[string]string{"": c.elsewhere, "true": c.underCI} {
			t.Run(name+" CI="+ci, func(t *testing.T) {
				t.Setenv("CI", ci)
				before := shared[OS3]
				shared[OS3] = func() (*Running, error) { return &Running{}, c.err }
				t.Cleanup(func() { shared[OS3] = before })
				e := &ending{TB: t}
				done := make(chan struct{})
				go func() {
					defer close(done)
					One(e, OS3)
				}()
				<-done
				if e.how != want {
					t.Errorf("the test %q, want %q", e.how, want)
				}
			})
		}
	}
}
