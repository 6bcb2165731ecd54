package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	es "github.com/olivere/elastic/v7"
)

// trouble is an error that people can do something about.
type trouble struct {
	sentence string
	cause    error
}

func (t *trouble) Error() string {
	if t.cause == nil {
		return t.sentence
	}
	return t.sentence + ": " + t.cause.Error()
}

// ForPeople returns the sentence.
func (t *trouble) ForPeople() string { return t.sentence }

// Unwrap returns the cause.
func (t *trouble) Unwrap() error { return t.cause }

func troublef(cause error, format string, args ...any) error {
	return &trouble{sentence: fmt.Sprintf(format, args...), cause: cause}
}

// errBody says that an answer is none that the server would give.
var errBody = errors.New("the answer is no JSON of a search server")

// explain adds the sentence for people to what went wrong with a call. The text
// of a server stays in the cause, which only logs show.
func (s *Source) explain(err error) error {
	var told interface{ ForPeople() string }
	if err == nil || errors.As(err, &told) {
		return err
	}
	at := s.kind.Setting()
	var answer *es.Error
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		return troublef(err, "%s failed several times in a row and is left alone for %s. Ask again then; if it goes on, look at its server.", s.Name(), restAfterFailures)
	case errors.Is(err, context.DeadlineExceeded):
		return troublef(err, "%s did not answer within %s. Ask again, name the site, or ask for a shorter window.", s.Name(), s.config.Deadline)
	case errors.Is(err, errSlow):
		return troublef(err, "%s takes too long to answer. Ask again, name the site, or ask for a shorter window.", s.Name())
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errBody), errors.Is(err, errTooLarge):
		return troublef(err, "%s answered with something that is no answer of a search server. Look at %s.url and at what stands in front of the server.", s.Name(), at)
	case !errors.As(err, &answer):
		return troublef(err, "%s cannot be reached. Look at %s.url, its certificate, and the network.", s.Name(), at)
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return troublef(err, "%s refuses the credentials. Look at the credentials in %s, and at what they may read.", s.Name(), at)
	case http.StatusNotFound:
		return troublef(err, "%s has nothing at that address. Look at %s.url and %s.index.", s.Name(), at, at)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return troublef(err, "%s is overloaded. Ask again in some minutes.", s.Name())
	}
	return troublef(err, "%s could not answer (status %d). status and the log tell more.", s.Name(), answer.Status)
}
