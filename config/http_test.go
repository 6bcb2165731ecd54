package config_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/config"
)

// TestPlainHTTPStaysOnThisMachine has addresses that other machines reach, by
// every way to write one, refused without a certificate.
func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	const tls = ", tls: {cert: a.pem, key_file: a.key}"
	for listen, plain := range map[string]bool{
		"127.0.0.1:8443": true, "127.9.9.9:8443": true, "[::1]:8443": true, "localhost:0": true, "[::ffff:127.0.0.1]:8443": true,
		":8443": false, "0.0.0.0:8443": false, "[::]:8443": false, "192.0.2.1:8443": false, "10.0.0.5:8443": false, "169.254.1.1:8443": false, "bot.example.org:8443": false, "localhost.example.org:8443": false,
	} {
		for more, want := range map[string]bool{"": plain, tls: true} {
			yaml := fmt.Sprintf("journal: {sqlite: a.db}\nhttp: {listen: %q%s}\n", listen, more)
			_, err := config.Parse("test.yaml", []byte(yaml), "/etc/gridwarden")
			if (err == nil) != want {
				t.Errorf("%s%s: %v", listen, more, err)
			}
			if err != nil && !strings.Contains(err.Error(), "http.listen") {
				t.Errorf("%s: %v", listen, err)
			}
		}
	}
	for _, listen := range []string{"8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", "::1:8443"} {
		if _, err := config.Parse("test.yaml", fmt.Appendf(nil, "journal: {sqlite: a.db}\nhttp: {listen: %q}\n", listen), "/"); err == nil {
			t.Errorf("%s is taken for an address", listen)
		}
	}
}

func TestHTTPAndLogAsWritten(t *testing.T) {
	data, err := os.ReadFile("../testdata/config/good/forms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(data))
	if h := c.HTTP; h == nil || h.Listen != "[::]:8443" || h.PublicURL != "https://bot.example.org:8443/chat" ||
		h.TLS.Cert != "/etc/gridwarden/tls/server.pem" || h.TLS.KeyFile != "/etc/pki/server.key" {
		t.Errorf("%+v", h)
	}
	if c.Log.Format != config.JSONLog || c.Log.Least(true) != slog.LevelDebug {
		t.Errorf("%+v", c.Log)
	}
	for _, want := range []string{"on [::]:8443, with TLS, certificate /etc/gridwarden/tls/server.pem", "reached from outside at https://bot.example.org:8443/chat"} {
		if !strings.Contains(c.Describe(), want) {
			t.Errorf("%q is not told", want)
		}
	}

	nothing := parse(t, "journal: {sqlite: a.db}")
	if nothing.HTTP != nil || nothing.Log.Format != config.TextLog || nothing.Log.Least(false) != slog.LevelInfo || nothing.Log.Least(true) != slog.LevelWarn {
		t.Errorf("left out: %+v %+v", nothing.HTTP, nothing.Log)
	}
	if !strings.Contains(nothing.Describe(), "nothing listens") {
		t.Error("that nothing listens is not told")
	}
}
