package elastic

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Kind is what records a source has.
type Kind string

// The kinds. Their values are the settings below backends.cms.
const (
	Finished  Kind = "elastic" // es-cms: one document a finished job, in an index by the day of submission
	Snapshots Kind = "monit"   // MONIT: one document a job and look at the queue, in an index by the day of the look
)

// Config is one server and the indices on it.
type Config struct {
	// URL is the server's address with its base path, such as
	// https://os-cms.example.org:443/os.
	URL string `yaml:"url"`
	// Index is the pattern of the indices, such as cms-*.
	Index string `yaml:"index"`
	// Username and PasswordFile are credentials of one kind, TokenFile of another,
	// ClientCert and ClientKeyFile of a third. All are read again when they are
	// used, so that new ones need no restart.
	Username      string      `yaml:"username"`
	PasswordFile  secret.File `yaml:"password_file"`
	TokenFile     secret.File `yaml:"token_file"`
	ClientCert    string      `yaml:"client_cert"`
	ClientKeyFile secret.File `yaml:"client_key_file"`
	// CA is a file with the certificates that may vouch for the server, in PEM.
	// Without it they are those of the system.
	CA string `yaml:"ca"`
	// Deadline is how long one trace may ask the server.
	Deadline time.Duration `yaml:"deadline"`
	// LookBack is how long before the window a job that ran in it may have been
	// submitted, for indices by the day of submission.
	LookBack time.Duration `yaml:"look_back"`
	// Page is how many documents the server gives at once.
	Page int `yaml:"page"`
}

// The defaults of settings that are not in the file. CRAB removes jobs that wait
// for 7 days and tasks after 30; production can wait for weeks.
const (
	DefaultDeadline = 15 * time.Second
	DefaultLookBack = 45 * 24 * time.Hour
	DefaultPage     = 5000
)

// DefaultIndex is the pattern by which CERN names the indices.
func (k Kind) DefaultIndex() string {
	if k == Snapshots {
		return "monit_prod_condor_raw_metric-*"
	}
	return "cms-*"
}

// Setting is where the configuration has the source.
func (k Kind) Setting() string { return "backends.cms." + string(k) }

const (
	maxDeadline = 19 * time.Second // a trace gives every source 20 s
	maxLookBack = 400 * 24 * time.Hour
	maxPage     = 10_000 // of the server: index.max_result_window
)

// Problem is what is wrong with one setting.
type Problem struct{ Setting, Text string }

// indexPattern is a name of indices, or several, that can stand in an address.
var indexPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._*-]*(,[a-z0-9][a-z0-9._*-]*)*$`)

// Problems checks what can be checked without asking the server.
func (c Config) Problems() []Problem {
	var all []Problem
	add := func(setting, text string) { all = append(all, Problem{setting, text}) }
	c.checkURL(add)
	if !indexPattern.MatchString(c.Index) || len(c.Index) > 1000 {
		add("index", "must be the pattern of the indices' names, such as cms-*: small letters, digits, dots, -, _ and *; commas between several")
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		add("password_file", "and username go together: give both or neither")
	}
	if strings.ContainsAny(c.Username, ":\r\n") {
		add("username", "must not have a colon or line end in it")
	}
	if c.Username != "" && c.TokenFile != "" {
		add("token_file", "stands beside username: give credentials of one kind")
	}
	if (c.ClientCert == "") != (c.ClientKeyFile == "") {
		add("client_cert", "and client_key_file go together: give both or neither")
	}
	if c.Deadline < time.Second || c.Deadline > maxDeadline {
		add("deadline", "must be from 1s to 19s: a trace waits 20s for each source")
	}
	if c.LookBack < 24*time.Hour || c.LookBack > maxLookBack {
		add("look_back", "must be from 1d to 400d")
	}
	if c.Page < 1 || c.Page > maxPage {
		add("page", "must be from 1 to 10000, which is as many as servers give at once")
	}
	return all
}

func (c Config) checkURL(add func(setting, text string)) {
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		add("url", "is missing: the server's address with its base path, such as https://os-cms.example.org:443/os")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		add("url", "must be the server's address with its base path, such as https://os-cms.example.org:443/os")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		add("url", "must be the bare address of the server, without a user, a query or a fragment: credentials stand in files")
	case u.Scheme == "http" && !endpoint.Loopback(u.Hostname()):
		add("url", "must begin with https:// : personal data and credentials would cross the network in the clear")
	case u.Scheme == "http" && (c.CA != "" || c.ClientCert != ""):
		add("url", "must begin with https:// for ca and client_cert to be of use")
	}
}

// Credentials says in words how the source shows who it is.
func (c Config) Credentials() string {
	var how []string
	if c.Username != "" {
		how = append(how, "as "+c.Username+" with a password")
	}
	if c.TokenFile != "" {
		how = append(how, "with a token")
	}
	if c.ClientCert != "" {
		how = append(how, "with a client certificate")
	}
	if len(how) == 0 {
		return "without credentials"
	}
	return strings.Join(how, " and ")
}
