package elastic

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	es "github.com/olivere/elastic/v7"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/endpoint"
)

// What a server that has trouble gets.
const (
	retries           = 3
	firstPause        = 200 * time.Millisecond
	longestPause      = 2 * time.Second
	failuresInARow    = 8
	restAfterFailures = 30 * time.Second
	perCall           = 10 * time.Second // one answer; a page is there in one
)

// maxBody bounds one answer: a page of the largest documents is far smaller.
const maxBody = 256 << 20

// errTooLarge says that an answer is larger than any that is asked for.
var errTooLarge = errors.New("the answer is larger than 256 MB")

// client calls the server. It is safe for concurrent use.
type client struct {
	es    *es.Client
	again failsafe.Executor[any] // for what may be asked twice
	once  failsafe.Executor[any]
	idle  func()
}

func newClient(c Config) (*client, error) {
	t, err := newTransport(c)
	if err != nil {
		return nil, err
	}
	// Redirects are not followed: they would carry the credentials elsewhere.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	// Other nodes of the cluster are not asked for: behind a base path nobody else can reach them.
	own, err := es.NewSimpleClient(es.SetURL(c.URL), es.SetHttpClient(&http.Client{Transport: t, CheckRedirect: stay}), es.SetSniff(false), es.SetHealthcheck(false))
	if err != nil {
		return nil, fmt.Errorf("elastic: %w", err)
	}
	breaker := circuitbreaker.NewBuilder[any]().HandleIf(func(_ any, err error) bool { return isFailure(err) }).
		WithFailureThreshold(failuresInARow).WithDelay(restAfterFailures).Build()
	retry := retrypolicy.NewBuilder[any]().HandleIf(func(_ any, err error) bool { return mayPass(err) }).
		WithMaxRetries(retries).WithBackoff(firstPause, longestPause).WithJitterFactor(.25).ReturnLastFailure().Build()
	return &client{es: own, again: failsafe.With(retry, breaker), once: failsafe.With[any](breaker), idle: t.base.CloseIdleConnections}, nil
}

// isFailure tells whether an error says that the server does not work. A caller
// who no longer waits, and a refusal of what was asked, say nothing of that.
func isFailure(err error) bool {
	var answer *es.Error
	_, told := trouble.Told(err)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case told && !errors.As(err, &answer): // of this machine, such as a file that cannot be read
		return false
	case errors.As(err, &answer):
		return answer.Status >= http.StatusInternalServerError
	}
	return true
}

// mayPass tells whether the same call may go well a moment later.
func mayPass(err error) bool {
	var answer *es.Error
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen), errors.Is(err, errTooLarge), isUntrusted(err):
		return false
	case errors.As(err, &answer) && answer.Status == http.StatusTooManyRequests:
		return true
	}
	return isFailure(err)
}

// isUntrusted tells whether who answered could not prove to be the server.
func isUntrusted(err error) bool {
	var e *tls.CertificateVerificationError
	return errors.As(err, &e)
}

// call makes one call and gives the answer. Only calls that change nothing on the
// server may be made again when the answer is lost.
func (c *client) call(ctx context.Context, repeatable bool, method, path string, params url.Values, body any) (json.RawMessage, error) {
	var answer json.RawMessage
	o := es.PerformRequestOptions{Method: method, Path: path, Params: params, Body: body}
	err := c.run(ctx, repeatable, o, nil, func(text io.Reader) (err error) {
		if answer, err = io.ReadAll(text); err == nil && !json.Valid(answer) {
			return errBody
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// read asks for a page, which take reads while it arrives; its error is as one of the call.
func (c *client) read(ctx context.Context, repeatable bool, q question, take func(answer io.Reader) error) error {
	return c.run(ctx, repeatable, es.PerformRequestOptions{Method: http.MethodPost, Path: q.path, Params: q.params, Body: q.body}, q.turn, take)
}

// run makes a call and has the answer read, once it is its turn. The server has
// perCall to begin, and again from then on; both are done again, if they may be.
func (c *client) run(ctx context.Context, repeatable bool, o es.PerformRequestOptions, turn <-chan struct{}, take func(answer io.Reader) error) error {
	executor := c.once
	if repeatable {
		executor = c.again
	}
	o.Stream = true
	return executor.WithContext(ctx).Run(func() error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		late := time.AfterFunc(perCall, func() { cancel(errSlow) })
		defer late.Stop()
		err := c.perform(ctx, o, func(answer io.Reader) error {
			if turn != nil {
				late.Stop()
				select {
				case <-turn:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			late.Reset(perCall)
			return take(answer)
		})
		if err != nil && errors.Is(context.Cause(ctx), errSlow) {
			return errSlow // this call's time, not the caller's: the server is to blame
		}
		return err
	})
}

// errSlow says that one answer took too long.
var errSlow = fmt.Errorf("no answer within %s", perCall)

// perform makes a call once. The library calls its only server dead after a
// failure, without asking it, and alive at the next call.
func (c *client) perform(ctx context.Context, o es.PerformRequestOptions, take func(answer io.Reader) error) error {
	r, err := c.es.PerformRequest(ctx, o)
	if errors.Is(err, es.ErrNoClient) {
		r, err = c.es.PerformRequest(ctx, o)
	}
	if r != nil && r.BodyReader != nil {
		defer r.BodyReader.Close()
	}
	if err != nil {
		return err
	}
	return take(r.BodyReader)
}

// transport shows the credentials and bounds answers.
type transport struct {
	config Config
	base   *http.Transport
}

func newTransport(c Config) (*transport, error) {
	authorities, err := endpoint.Authorities(c.CA)
	if err != nil {
		return nil, err
	}
	own := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	if c.ClientCert != "" {
		own.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := endpoint.Certificate(c.ClientCert, c.ClientKeyFile)
			return &pair, err
		}
	}
	base := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library has it so
	base.TLSClientConfig = own
	base.MaxIdleConnsPerHost = 4
	// The server would spend more time on it than on finding the documents.
	base.DisableCompression = true
	return &transport{config: c, base: base}, nil
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	switch {
	case t.config.Username != "":
		password, err := t.config.PasswordFile.Read()
		if err != nil {
			return nil, err
		}
		r.SetBasicAuth(t.config.Username, password.Reveal())
	case t.config.TokenFile != "":
		token, err := t.config.TokenFile.Read()
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	answer, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{trouble.Bounded(answer.Body, maxBody, errTooLarge), answer.Body}
	return answer, nil
}
