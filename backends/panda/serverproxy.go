package panda

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// proxy reads the certificate, key and chain that show who we are, and when they
// end. They are renewed under a running program.
func (s *Server) proxy() (pair tls.Certificate, ends time.Time, err error) {
	const setting = Setting + ".server.proxy_file"
	text, err := s.config.ProxyFile.Read()
	if err != nil {
		return pair, ends, err
	}
	pem := []byte(text.Reveal())
	pair, err = tls.X509KeyPair(pem, pem)
	if err != nil { // the error says nothing of the key
		return pair, ends, trouble.Errorf(err, "The file %s of %s holds no proxy: it must have the certificate, its key and the chain, in PEM, as voms-proxy-init writes them.", s.config.ProxyFile, setting)
	}
	for _, raw := range pair.Certificate {
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return pair, ends, trouble.Errorf(err, "The file %s of %s has a certificate in it that cannot be read.", s.config.ProxyFile, setting)
		}
		if ends.IsZero() || cert.NotAfter.Before(ends) {
			ends = cert.NotAfter
		}
	}
	return pair, ends, nil
}

// renewed refuses to ask with a proxy that has ended, and leaves connections that
// were made with another one.
func (s *Server) renewed() error {
	if s.config.ProxyFile == "" {
		return nil
	}
	pair, ends, err := s.proxy()
	if err != nil {
		return err
	}
	if !time.Now().Before(ends) {
		return s.expired(nil, ends)
	}
	s.mu.Lock()
	other := !bytes.Equal(s.shown, pair.Certificate[0])
	s.shown = pair.Certificate[0]
	s.mu.Unlock()
	if other {
		s.client.CloseIdleConnections()
	}
	return nil
}

func (s *Server) expired(cause error, ends time.Time) error {
	return trouble.Errorf(cause, "The proxy in %s expired on %s UTC. Renew it; it is read again by itself.", s.config.ProxyFile, ends.UTC().Format("2006-01-02 15:04"))
}
