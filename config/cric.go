package config

import (
	"fmt"
	"net/url"

	"github.com/gridwarden/gridwarden/backends/cric"
	"github.com/gridwarden/gridwarden/config/endpoint"
)

const (
	maxLifetime = 30 * day
	maxStale    = 365 * day
)

// checkCRIC wants a file or an address, and with an address what proves who asks.
func (c *Config) checkCRIC(d *decoder) {
	r := c.Backends.CMS.CRIC
	if r == nil {
		return
	}
	const at = "backends.cms.cric"
	checkSpan(d, at+".stale_after", r.StaleAfter, maxStale)
	switch {
	case r.File == "" && r.URL == "":
		d.add(at, "needs file, a snapshot of CRIC's users, or url, the address of CRIC")
		return
	case r.File != "" && r.URL != "":
		d.add(at+".file", "stands beside url: the users are read from one of the two, take the other out")
		return
	case r.File != "":
		for _, s := range [][2]string{{"cert", r.Cert}, {"key_file", string(r.KeyFile)}, {"token_file", string(r.TokenFile)}, {"ca", r.CA}} {
			if s[1] != "" {
				d.add(at+"."+s[0], "is for url: a file is read without it, take it out")
			}
		}
		if d.lines[at+".lifetime"] > 0 {
			d.add(at+".lifetime", "is for url: a file is read again when it changes, take it out")
		}
		return
	}
	checkSpan(d, at+".lifetime", r.Lifetime, maxLifetime)
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		d.add(at+".url", "%s is no address of the form https://HOST[:PORT][/PATH?QUERY]", shown(r.URL))
	case u.Scheme != "https" && !(u.Scheme == "http" && endpoint.Loopback(u.Hostname())):
		d.add(at+".url", "%s must begin with https://: what comes from there decides who is named", shown(r.URL))
	}
	switch {
	case r.Cert != "" && r.KeyFile == "":
		d.add(at+".key_file", "is missing: name the PEM file of the certificate's key; a grid proxy is both, name it twice")
	case r.Cert == "" && r.KeyFile != "":
		d.add(at+".cert", "is missing: name the PEM file of the certificate that key_file belongs to")
	case r.Cert == "" && r.TokenFile == "" && u != nil && u.Scheme == "https":
		d.add(at, "needs cert with key_file, or token_file: CRIC tells nothing to who does not say who asks")
	}
}

func describeCRIC(r cric.Config) string {
	if r.File != "" {
		return fmt.Sprintf("cms: people and their DNs from the file %s; answers warn when it is older than %s", r.File, inWords(r.StaleAfter))
	}
	return fmt.Sprintf("cms: people and their DNs from %s, asked again after %s; answers warn when what it said is older than %s", r.URL, inWords(r.Lifetime), inWords(r.StaleAfter))
}
