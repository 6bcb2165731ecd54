package panda

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

var (
	// errReply says that an answer is none of the API's.
	errReply = errors.New("the answer is no JSON of PanDA's API, or larger than any of it")
	// errCut says that an answer began and did not end: what was asked may be done.
	errCut  = errors.New("the answer was cut off")
	errSlow = fmt.Errorf("no answer within %s", perQuestion)
)

// statusError is an answer with another status than 200.
type statusError struct {
	status int
	text   string // its first line, safe to show
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP status %d: %s", e.status, e.text) }

// declined is an answer that says success: false.
type declined struct {
	message string
	data    json.RawMessage
}

func (e *declined) Error() string { return "declined: " + firstLine(e.message) }

// firstLine makes one short line of what a server writes. It can be a traceback
// with the server's paths.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s, _, _ = strings.Cut(s, " Traceback (most recent call last)")
	return bare(strings.TrimSpace(s))
}

// isFailure tells whether an error says that the server does not work. A caller who
// no longer waits, and a refusal of what was asked, say nothing of that.
func isFailure(err error) bool {
	var status *statusError
	var no *declined
	_, told := trouble.Told(err)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &no), told:
		return false
	case errors.As(err, &status):
		return status.status >= http.StatusInternalServerError
	}
	return true
}

// mayPass tells whether the same question may go well a moment later.
func mayPass(err error) bool {
	var status *statusError
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen), errors.Is(err, errReply), isUntrusted(err), isRefusedTLS(err):
		return false
	case errors.As(err, &status):
		return isBusy(status.status)
	}
	return isFailure(err)
}

// surelyUndone tells whether the server cannot have begun with what was asked: no
// connection was made, or what stands in front of it had nobody to hand it on to.
func surelyUndone(err error) bool {
	var status *statusError
	var network *net.OpError
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		return false
	case errors.As(err, &status):
		return status.status == http.StatusServiceUnavailable || status.status == http.StatusTooManyRequests
	case errors.As(err, &network):
		return network.Op == "dial"
	}
	return false
}

func isBusy(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isUntrusted tells whether who answered could not prove to be the server.
func isUntrusted(err error) bool {
	var unverified *tls.CertificateVerificationError
	var stranger x509.UnknownAuthorityError
	var name x509.HostnameError
	return errors.As(err, &unverified) || errors.As(err, &stranger) || errors.As(err, &name)
}

// isRefusedTLS tells whether the server broke off because of our certificate.
func isRefusedTLS(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "remote error"
}

// explain adds the sentence for people to what went wrong. The server's own text is
// shown as one short line.
func (s *Server) explain(err error) error {
	_, told := trouble.Told(err)
	var status *statusError
	var no *declined
	at := Setting + ".server"
	switch {
	case err == nil, told, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &no):
		return s.explainNo(no)
	case errors.As(err, &status):
		return s.explainStatus(status)
	case errors.Is(err, circuitbreaker.ErrOpen):
		return trouble.Errorf(err, "The PanDA server failed several times in a row and is left alone for %s. Try again then; if it goes on, look at the server.", restAfterFailures)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errSlow):
		return trouble.Errorf(err, "The PanDA server did not answer in time. What was asked may be done: it is looked up in the database before it is asked again.")
	case errors.Is(err, errReply):
		return trouble.Errorf(err, "The PanDA server answered with something that is no answer of its API. Look at %s.url and at what stands in front of the server.", at)
	case isUntrusted(err):
		return trouble.Errorf(err, "Who answered does not prove to be the PanDA server: nobody whom %s.ca names vouches for its certificate, or it is for another host. Look at %s.url and %s.ca.", at, at, at)
	}
	if s.config.ProxyFile != "" {
		if _, ends, proxyErr := s.proxy(); proxyErr == nil && !time.Now().Before(ends) { // it ended meanwhile
			return s.expired(err, ends)
		}
	}
	switch {
	case isRefusedTLS(err):
		return trouble.Errorf(err, "The PanDA server does not accept the certificate that we show (%s). Look at %s.proxy_file: whether it is a proxy of an authority that the server trusts.", bare(rootOf(err)), at)
	case errors.Is(err, errCut):
		return trouble.Errorf(err, "The PanDA server broke off in the middle of its answer. What was asked may be done: it is looked up in the database before it is asked again.")
	}
	return trouble.Errorf(err, "The PanDA server cannot be reached, or ended the connection. Look at %s.url, the network, and %s.", at, s.credentials())
}

func (s *Server) credentials() string {
	if s.config.ProxyFile != "" {
		return "the proxy"
	}
	return "the server's log"
}

// rootOf is the innermost error's text.
func rootOf(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

// explainStatus words what stands at the server's door, or in front of it.
func (s *Server) explainStatus(e *statusError) error {
	text := strings.TrimPrefix(e.text, "ERROR : ")
	at := Setting + ".server"
	switch {
	case strings.HasPrefix(text, "Token authentication failed."):
		return trouble.Errorf(e, "The PanDA server does not take the token of %s.token_file: %s. Renew it, and look at %s.origin.", at, strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(text, "Token authentication failed.")), "."), at)
	case e.status == http.StatusForbidden && strings.HasSuffix(text, " is banned"):
		return trouble.Errorf(e, "PanDA has banned the user as whom we ask: %s. Somebody must lift that ban in PanDA's database; the server then needs up to 10 minutes.", text)
	case e.status == http.StatusForbidden && strings.HasPrefix(text, "method "):
		return trouble.Errorf(e, "The PanDA server does not know what was asked (%s). It must be of version 1.0 or later, and %s.url its bare address.", text, at)
	case e.status == http.StatusUnauthorized, e.status == http.StatusForbidden:
		return trouble.Errorf(e, "The PanDA server refuses us. Look at the credentials in %s.", at)
	case isBusy(e.status):
		return trouble.Errorf(e, "The PanDA server is overloaded or being restarted (status %d). Try again in some minutes.", e.status)
	}
	return trouble.Errorf(e, "The PanDA server could not answer (status %d). Its log tells more; look at %s.url, too.", e.status, at)
}

// explainNo words an answer that says that nothing was done.
func (s *Server) explainNo(e *declined) error {
	at := Setting + ".server"
	switch e.message {
	case "SSL secure connection is required":
		return trouble.Errorf(e, "The PanDA server does not see who asks, or sees a limited proxy, which it does not take. Look at the credentials in %s.", at)
	case "production or pilot role required", "not the task owner or no production role":
		return trouble.Errorf(e, "The PanDA server does not see the production role in our credentials, which is needed for what is another's. Look at the role of the proxy or token in %s.", at)
	}
	return trouble.Errorf(e, "The PanDA server declined: %s", firstLine(e.message))
}
