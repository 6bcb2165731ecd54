package panda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/ratelimiter"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

var (
	errLate  = errors.New("no answer of the monitor in its time")
	errLarge = errors.New("an answer of the monitor larger than 64 MB")
	errForm  = errors.New("an answer of the monitor of another form than BigPanDA's")
)

// pageError is a page for people in place of JSON.
type pageError struct{ text string }

func (e *pageError) Error() string { return "a page in place of JSON" }

// decodeProblem tells what is wrong with an answer that could not be read.
func decodeProblem(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil, errors.Is(err, errLarge), errors.Is(err, errForm), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", errCut, err)
	case errors.As(err, &syntax), errors.As(err, &kind):
		return fmt.Errorf("%w: %w", errForm, err)
	}
	return err
}

// isMonitorFailure tells whether an error says that the monitor does not work.
func isMonitorFailure(err error) bool {
	var page *pageError
	switch {
	case errors.Is(err, ratelimiter.ErrExceeded), errors.Is(err, errLarge), errors.As(err, &page):
		return false
	case errors.Is(err, errLate):
		return true
	}
	return isFailure(err)
}

// isMonitorPassing tells whether the same question may go well a moment later. A
// refusal for too many questions lasts for up to an hour, and each more is counted.
func isMonitorPassing(err error) bool {
	var status *statusError
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen), errors.Is(err, errForm), errors.Is(err, errLate), isUntrusted(err), isRefusedTLS(err):
		return false
	case errors.As(err, &status):
		return status.status != http.StatusTooManyRequests && isBusy(status.status)
	}
	return isMonitorFailure(err)
}

// explain adds the sentence for people to what went wrong.
func (m *Monitor) explain(err error) error {
	at := Setting + ".monitor"
	var status *statusError
	var page *pageError
	_, told := trouble.Told(err)
	switch {
	case err == nil, told, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &status):
		return m.explainStatus(status)
	case errors.As(err, &page):
		return trouble.Errorf(err, "The PanDA monitor gave a page in place of data: it may want a login. Look at %s.url and %s.token_file.", at, at)
	case errors.Is(err, circuitbreaker.ErrOpen):
		return trouble.Errorf(err, "The PanDA monitor failed several times in a row and is left alone for %s. Try again then; if it goes on, look at the monitor.", restAfterFailures)
	case errors.Is(err, ratelimiter.ErrExceeded):
		return trouble.Errorf(err, "The PanDA monitor was asked %d times within an hour, and refuses those who ask much more. Try again in some minutes.", askedInAnHour)
	case errors.Is(err, errLate), errors.Is(err, context.DeadlineExceeded):
		return trouble.Errorf(err, "The PanDA monitor did not answer within %s. Ask for a shorter window or name the site; or raise %s.deadline.", m.config.Deadline, at)
	case errors.Is(err, errLarge):
		return trouble.Errorf(err, "The PanDA monitor's answer is larger than %d MB and was not read. Ask for a shorter window or name the site.", maxMonitorReply>>20)
	case errors.Is(err, errCut):
		return trouble.Errorf(err, "The PanDA monitor broke off in the middle of its answer. Ask again.")
	case errors.Is(err, errForm):
		return trouble.Errorf(err, "The PanDA monitor answered in a form that is not BigPanDA's, of which nothing was taken. Look at %s.url; or the monitor is of a version that this program does not know.", at)
	case isUntrusted(err):
		return trouble.Errorf(err, "Who answered does not prove to be the PanDA monitor: nobody whom %s.ca names vouches for its certificate, or it is for another host. Look at %s.url and %s.ca.", at, at, at)
	}
	return trouble.Errorf(err, "The PanDA monitor cannot be reached, or ended the connection. Look at %s.url and the network.", at)
}

func (m *Monitor) explainStatus(e *statusError) error {
	at := Setting + ".monitor"
	said := ""
	if e.text != "" {
		said = ": " + e.text
	}
	switch {
	case e.status == http.StatusUnauthorized:
		return trouble.Errorf(e, "The PanDA monitor does not take the token of %s.token_file%s.", at, said)
	case e.status == http.StatusForbidden:
		return trouble.Errorf(e, "The PanDA monitor refuses us%s. Look at the token of %s.token_file, and ask those who run the monitor.", said, at)
	case e.status >= 300 && e.status < 400:
		return trouble.Errorf(e, "The PanDA monitor sends us to another page, such as that for logging in (status %d). Look at %s.url and %s.token_file.", e.status, at, at)
	case e.status == http.StatusTooManyRequests:
		return trouble.Errorf(e, "The PanDA monitor has had too many questions from here%s. Try again in an hour, or ask those who run it to expect this machine.", said)
	case e.status == http.StatusBadRequest:
		return trouble.Errorf(e, "The PanDA monitor does not take the question%s.", said)
	case isBusy(e.status):
		return trouble.Errorf(e, "The PanDA monitor is overloaded or being restarted (status %d). Try again in some minutes.", e.status)
	}
	return trouble.Errorf(e, "The PanDA monitor could not answer (status %d%s). Look at %s.url.", e.status, said, at)
}
