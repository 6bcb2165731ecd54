package cric

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// tries is how often CRIC is asked before that counts as a failure.
const tries = 3

// backoff is what is waited before the second try; it doubles.
const backoff = 500 * time.Millisecond

// server is CRIC over HTTPS.
type server struct{ config Config }

// fresh implements origin.
func (s server) fresh(last reading, now time.Time) bool {
	return now.Sub(last.read) < s.config.Lifetime
}

// read implements origin. The certificate, key and token are read each time, for
// they are renewed under a running program.
func (s server) read(ctx context.Context) ([]byte, time.Time, any, error) {
	client, token, err := s.client()
	if err != nil {
		return nil, time.Time{}, nil, err
	}
	defer client.CloseIdleConnections()
	for n := 1; ; n++ {
		data, err := s.ask(ctx, client, token)
		if err == nil {
			return data, time.Now(), nil, nil
		}
		var t *Trouble
		if !errors.As(err, &t) || !t.again || n == tries {
			return nil, time.Time{}, nil, err
		}
		select {
		case <-time.After(backoff << (n - 1)):
		case <-ctx.Done():
			return nil, time.Time{}, nil, err
		}
	}
}

// client is one that shows who we are and follows nobody elsewhere.
func (s server) client() (*http.Client, secret.Value, error) {
	c := s.config
	authorities, err := endpoint.Authorities(c.CA)
	if err != nil {
		return nil, secret.Value{}, err
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	if c.Cert != "" {
		certificate, err := endpoint.Certificate(c.Cert, c.KeyFile)
		if err != nil {
			return nil, secret.Value{}, err
		}
		settings.Certificates = []tls.Certificate{certificate}
	}
	var token secret.Value
	if c.TokenFile != "" {
		var err error
		if token, err = c.TokenFile.Read(); err != nil {
			return nil, secret.Value{}, err
		}
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 20 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, token, nil
}

// ask asks once.
func (s server) ask(ctx context.Context, client *http.Client, token secret.Value) ([]byte, error) {
	address, err := s.config.address()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &Trouble{Sentence: "backends.cms.cric.url is no address.", Cause: err}
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "gridwarden")
	if value := token.Reveal(); value != "" {
		request.Header.Set("Authorization", "Bearer "+value)
	}
	reply, err := client.Do(request)
	if err != nil {
		return nil, unreached(err)
	}
	defer reply.Body.Close()
	if err := refused(reply.StatusCode); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &Trouble{Sentence: "CRIC broke off in the middle of its answer.", Cause: err, again: true}
	case len(data) > maxAnswer:
		return nil, &Trouble{Sentence: fmt.Sprintf("CRIC's answer is larger than %d MB: look at backends.cms.cric.url.", maxAnswer>>20)}
	}
	return data, nil
}

// address is what is asked.
func (c Config) address() (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", &Trouble{Sentence: "backends.cms.cric.url is no address.", Cause: err}
	}
	if u.Path == "" || u.Path == "/" {
		return u.Scheme + "://" + u.Host + usersPath, nil
	}
	return u.String(), nil
}

// unreached words why there was no answer at all. One that is not whom we asked
// for will not be another one at the next try.
func unreached(err error) error {
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrongName), errors.As(err, &invalid):
		return &Trouble{Sentence: "Who answered does not prove to be CRIC: its certificate is not one of those that backends.cms.cric.ca vouches for.", Cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Trouble{Sentence: "CRIC did not answer in time.", Cause: err}
	}
	return &Trouble{Sentence: "CRIC could not be reached, or ended the connection.", Cause: err, again: true}
}

// refused words what is not an answer; nil for one.
func refused(status int) error {
	cause := fmt.Errorf("HTTP status %d", status)
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &Trouble{Sentence: "CRIC does not let us ask: have the certificate or token of backends.cms.cric registered there.", Cause: cause}
	case status >= 300 && status < 400:
		return &Trouble{Sentence: "CRIC sends us elsewhere, as it does to who shows no certificate or token that it takes; nobody is followed with them.", Cause: cause}
	case status == http.StatusTooManyRequests || status >= 500:
		return &Trouble{Sentence: "CRIC has trouble of its own.", Cause: cause, again: true}
	}
	return &Trouble{Sentence: fmt.Sprintf("CRIC answered with HTTP status %d: look at backends.cms.cric.url.", status), Cause: cause}
}
