package panda

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/gridwarden/gridwarden/config/endpoint"
)

// What a server that has trouble gets.
const (
	serverRetries     = 3
	firstPause        = 300 * time.Millisecond
	longestPause      = 3 * time.Second
	failuresInARow    = 8
	restAfterFailures = 30 * time.Second
	perQuestion       = 10 * time.Second // what is asked and changes nothing
)

// maxReply bounds one answer of the server.
const maxReply = 32 << 20

// Server is the JSON API of a PanDA server, /api/v1. It is safe for concurrent use.
type Server struct {
	config ServerConfig
	client *http.Client
	again  failsafe.Executor[reply] // for what may be asked twice
	once   failsafe.Executor[reply] // only what the server surely has not done is asked again

	mu    sync.Mutex
	shown []byte // the certificate that the open connections were made with
}

// reply is an answer of the API.
type reply struct {
	Success bool            `json:"success"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// OpenServer prepares asking for a checked configuration. No connection is made yet.
func OpenServer(c ServerConfig) (*Server, error) {
	authorities, err := endpoint.Authorities(c.CA)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c}
	own := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	if c.ProxyFile != "" {
		own.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, _, err := s.proxy()
			return &pair, err
		}
	}
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library has it so
	t.TLSClientConfig, t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout = own, atOnce, 0
	t.TLSHandshakeTimeout, t.MaxResponseHeaderBytes = perQuestion, 64<<10
	// Redirects are not followed: they would carry the credentials elsewhere.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client = &http.Client{Transport: t, CheckRedirect: stay}
	breaker := circuitbreaker.NewBuilder[reply]().HandleIf(func(_ reply, err error) bool { return isFailure(err) }).
		WithFailureThreshold(failuresInARow).WithDelay(restAfterFailures).Build()
	retry := func(when func(error) bool) retrypolicy.RetryPolicy[reply] {
		return retrypolicy.NewBuilder[reply]().HandleIf(func(_ reply, err error) bool { return when(err) }).
			WithMaxRetries(serverRetries).WithBackoff(firstPause, longestPause).WithJitterFactor(.25).ReturnLastFailure().Build()
	}
	s.again, s.once = failsafe.With(retry(mayPass), breaker), failsafe.With(retry(surelyUndone), breaker)
	return s, nil
}

// Name is the word for the server in answers.
func (s *Server) Name() string { return "panda-server" }

// Close ends the connections.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// Check tells whether the server answers and knows who we are. It does not ask
// which role it sees in us, for that can take the server many seconds.
func (s *Server) Check(ctx context.Context) error {
	if err := s.get(ctx, "system/is_alive", nil, nil); err != nil {
		return fmt.Errorf("panda: asking whether the server is alive: %w", err)
	}
	_, err := s.BannedNames(ctx)
	return err
}

// BannedNames are the names that the server reads as banned in its database. They
// say nothing of its gate, which goes by what it has read up to ten minutes before.
func (s *Server) BannedNames(ctx context.Context) (map[string]bool, error) {
	var names map[string]bool // the values are all false and mean nothing
	if err := s.get(ctx, "metaconfig/get_banned_users", nil, &names); err != nil {
		return nil, fmt.Errorf("panda: asking for the banned names: %w", err)
	}
	for name := range names {
		names[name] = true
	}
	return names, nil
}

// Production tells whether the server takes us for production, which may kill what
// others have. It can take many seconds.
func (s *Server) Production(ctx context.Context) (production bool, dn string, err error) {
	var who struct {
		DN         string `json:"user_dn_raw"`
		Production bool   `json:"is_production_user"`
	}
	if err := s.get(ctx, "system/get_user_attributes", nil, &who); err != nil {
		return false, "", fmt.Errorf("panda: asking who we are: %w", err)
	}
	return who.Production, who.DN, nil
}

// get asks, and decodes the data that comes into out, which may be nil.
func (s *Server) get(ctx context.Context, path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := s.again.WithContext(ctx).Get(func() (reply, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, perQuestion, errSlow)
		defer cancel()
		r, err := s.ask(ctx, http.MethodGet, path, nil)
		if errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errSlow) {
			return r, errSlow // this question's deadline, not the caller's
		}
		return r, err
	})
	return s.settle(r, err, out)
}

// post has the server do something. It is asked once, except where the server
// surely has not begun.
func (s *Server) post(ctx context.Context, path string, body, out any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := s.once.WithContext(ctx).Get(func() (reply, error) { return s.ask(ctx, http.MethodPost, path, data) })
	return s.settle(r, err, out)
}

// settle decodes what came, or explains what went wrong.
func (s *Server) settle(r reply, err error, out any) error {
	if err == nil && !r.Success {
		err = &declined{message: r.Message, data: r.Data}
	}
	if err == nil && out != nil {
		if json.Unmarshal(r.Data, out) != nil {
			err = errReply
		}
	}
	return s.explain(err)
}

// ask asks once. The headers are those that the server wants to the letter: with
// any other content type it does not read JSON, and without Accept it answers in
// Python.
func (s *Server) ask(ctx context.Context, verb, path string, body []byte) (reply, error) {
	if err := s.renewed(); err != nil {
		return reply{}, err
	}
	r, err := http.NewRequestWithContext(ctx, verb, strings.TrimSuffix(s.config.URL, "/")+"/api/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "gridwarden")
	if verb == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.config.TokenFile != "" {
		token, err := s.config.TokenFile.Read()
		if err != nil {
			return reply{}, err
		}
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
		r.Header.Set("Origin", s.config.Origin)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxReply+1))
	switch {
	case err != nil:
		return reply{}, fmt.Errorf("%w: %w", errCut, err)
	case len(data) > maxReply:
		return reply{}, errReply
	case answer.StatusCode != http.StatusOK:
		return reply{}, &statusError{status: answer.StatusCode, text: firstLine(string(data))}
	}
	var out struct {
		Success *bool           `json:"success"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if json.Unmarshal(data, &out) != nil || out.Success == nil {
		return reply{}, errReply
	}
	return reply{*out.Success, out.Message, out.Data}, nil
}
