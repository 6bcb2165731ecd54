package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config"
)

// Bounds of what is asked over HTTP.
const (
	maxHeader   = 16 << 10 // bytes
	maxBody     = 1 << 20  // bytes; the largest callback of a chat platform is a fraction of it
	readWithin  = 10 * time.Second
	writeWithin = 30 * time.Second
	idleWithin  = time.Minute
	drainWithin = time.Second
)

// listener is the program's one HTTP listener.
type listener struct {
	net.Listener
	certificate *certificate // nil: plain HTTP
}

// listen takes the port before anything else is started, so that a second
// serve ends without having touched anything.
func listen(ctx context.Context, c *config.HTTP) (*listener, error) {
	l := &listener{}
	if c.TLS != nil {
		l.certificate = &certificate{config: *c.TLS}
		if err := l.certificate.load(); err != nil {
			return nil, misconfigured(err)
		}
	}
	var err error
	if l.Listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, exit{status: exitFailed, text: cannotListen(c.Listen, err)}
	}
	return l, nil
}

func cannotListen(address string, err error) string {
	why := fmt.Sprintf("%v. Correct http.listen in the configuration", errors.Unwrap(err))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "another program has the port, perhaps another gridwarden. Stop it, or give another port in http.listen"
	case errors.Is(err, syscall.EACCES):
		why = "ports below 1024 are for root. Give a higher one in http.listen"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		why = "this machine does not have the address. Correct http.listen in the configuration"
	}
	return fmt.Sprintf("gridwarden cannot listen on %s: %s. Nothing was started.", address, why)
}

// serve answers until ctx ends.
func (l *listener) serve(ctx context.Context, routes http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           http.MaxBytesHandler(routes, maxBody),
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: readWithin, ReadTimeout: readWithin, WriteTimeout: writeWithin, IdleTimeout: idleWithin,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // whatever strangers send
	}
	if l.certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: l.certificate.get}
	}
	done := make(chan error, 1)
	go func() {
		if l.certificate != nil {
			done <- server.ServeTLS(l.Listener, "", "")
			return
		}
		done <- server.Serve(l.Listener)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("listening on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close() // whoever still asks can ask again
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listening on %s: %w", l.Addr(), err)
	}
	return nil
}

// mount adds the addresses at which chat platforms are called. A proxy may pass
// the path of the public address on or take it off: both are served.
func mount(mux *http.ServeMux, platforms []bot.Platform, public string) {
	prefix := ""
	if u, err := url.Parse(public); err == nil { // the configuration was checked
		prefix = strings.TrimSuffix(u.Path, "/")
	}
	for _, p := range platforms {
		called, ok := p.(bot.Called)
		if !ok {
			continue
		}
		for pattern, h := range called.Routes() {
			mux.Handle(pattern, h)
			if method, path, ok := strings.Cut(pattern, " "); ok && prefix != "" {
				mux.Handle(method+" "+prefix+path, http.StripPrefix(prefix, h))
			}
		}
	}
}

// certificate is that of the listener; it can be read again while it is used.
type certificate struct {
	config  config.TLS
	current atomic.Pointer[tls.Certificate]
}

// load reads both files; when they cannot be used the old ones stay.
func (c *certificate) load() error {
	chain, err := os.ReadFile(c.config.Cert)
	if err != nil {
		return bot.Problemf("configuration", "The certificate of http.tls.cert cannot be read: %v. Nothing was changed.", err)
	}
	key, err := c.config.KeyFile.Read()
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(chain, []byte(key.Reveal()))
	if err != nil {
		return bot.Problemf("configuration", "The certificate %s with the key %s cannot be used: %v. Nothing was changed.", c.config.Cert, c.config.KeyFile, err)
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
