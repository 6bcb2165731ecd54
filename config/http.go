package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// HTTP is the one listener of the program: for whoever watches it, and for chat
// platforms that call back.
type HTTP struct {
	Listen string `yaml:"listen"` // host:port
	// PublicURL is where the listener is reached from outside.
	PublicURL string `yaml:"public_url"`
	TLS       *TLS   `yaml:"tls"` // nil: plain HTTP, on a loopback address only
}

// TLS is the listener's certificate. Both files are read at the start and at SIGHUP.
type TLS struct {
	Cert    string      `yaml:"cert"` // PEM, with the chain
	KeyFile secret.File `yaml:"key_file"`
}

func (c *Config) checkHTTP(d *decoder) {
	h := c.HTTP
	if h == nil {
		return
	}
	switch host, port, err := net.SplitHostPort(h.Listen); {
	case h.Listen == "":
		d.add("http.listen", "is missing: give an address and a port, such as 127.0.0.1:8443")
	case err != nil || !isPort(port):
		d.add("http.listen", "%s is no address with a port: write it like 127.0.0.1:8443, [::1]:8443 or :8443", shown(h.Listen))
	case h.TLS == nil && !endpoint.Loopback(host):
		d.add("http.listen", "%s can be reached from other machines, where its traffic could be read and changed: set http.tls, or listen on 127.0.0.1 and let a proxy on this machine speak TLS", shown(h.Listen))
	}
	if t := h.TLS; t != nil {
		if t.Cert == "" {
			d.add("http.tls.cert", "is missing: name the PEM file of the certificate with its chain")
		}
		if t.KeyFile == "" {
			d.add("http.tls.key_file", "is missing: name the PEM file of the certificate's key")
		}
	}
	if h.PublicURL != "" {
		checkPublicURL(d, h.PublicURL)
	}
}

// checkPublicURL wants what others can be sent to: callbacks carry secrets.
func checkPublicURL(d *decoder, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		d.add("http.public_url", "%s is no address of the form https://HOST[:PORT][/PATH]", shown(text))
	case u.Scheme != "https" && !(u.Scheme == "http" && endpoint.Loopback(u.Hostname())):
		d.add("http.public_url", "%s must begin with https://", shown(text))
	}
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// describeHTTP is "on 127.0.0.1:8443, plain: /healthz and /metrics".
func (c *Config) describeHTTP() string {
	h := c.HTTP
	if h == nil {
		return "nothing listens: no /healthz, no /metrics"
	}
	how := "plain, for this machine only"
	if h.TLS != nil {
		how = "with TLS, certificate " + h.TLS.Cert
	}
	out := fmt.Sprintf("on %s, %s: /healthz and /metrics", h.Listen, how)
	if h.PublicURL != "" {
		out += "; reached from outside at " + h.PublicURL
	}
	return out
}
