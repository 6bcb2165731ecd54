package elastic

import (
	"context"
	"errors"
	"net/http"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	es "github.com/olivere/elastic/v7"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// errBody says that an answer is none that the server would give.
var errBody = errors.New("the answer is no JSON of a search server")

// explain adds the sentence for people to what went wrong with a call. The text
// of a server stays in the cause, which only logs show.
func (s *Source) explain(err error) error {
	if _, told := trouble.Told(err); err == nil || told {
		return err
	}
	at := s.kind.Setting()
	var answer *es.Error
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		return trouble.Errorf(err, "%s failed several times in a row and is left alone for %s. Ask again then; if it goes on, look at its server.", s.Name(), restAfterFailures)
	case errors.Is(err, context.DeadlineExceeded):
		return trouble.Errorf(err, "%s did not answer within %s. Ask again, name the site, or ask for a shorter window.", s.Name(), s.config.Deadline)
	case errors.Is(err, errSlow):
		return trouble.Errorf(err, "%s takes too long to answer. Ask again, name the site, or ask for a shorter window.", s.Name())
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errBody), errors.Is(err, errTooLarge):
		return trouble.Errorf(err, "%s answered with something that is no answer of a search server. Look at %s.url and at what stands in front of the server.", s.Name(), at)
	case errors.Is(err, errPart):
		return trouble.Errorf(err, "%s could not search all of its indices. Ask again in some minutes; if it goes on, look at its server.", s.Name())
	case !errors.As(err, &answer):
		return trouble.Errorf(err, "%s cannot be reached. Look at %s.url, its certificate, and the network.", s.Name(), at)
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return trouble.Errorf(err, "%s refuses the credentials. Look at the credentials in %s, and at what they may read.", s.Name(), at)
	case http.StatusNotFound:
		return trouble.Errorf(err, "%s has nothing at that address. Look at %s.url and %s.index.", s.Name(), at, at)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return trouble.Errorf(err, "%s is overloaded. Ask again in some minutes.", s.Name())
	}
	return trouble.Errorf(err, "%s could not answer (status %d). status and the log tell more.", s.Name(), answer.Status)
}
