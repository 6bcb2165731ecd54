package pilotlog

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Config names one archive of pilot logs: a folder, tar archives or a web address;
// or what a site's CEs noted of the jobs in pilots.
type Config struct {
	// Tree is a folder in the layout of a factory, user_…/glidein_…/entry_….
	Tree string `yaml:"tree"`
	// Server is the factory's folder of completed_jobs logs, beside Tree.
	Server string `yaml:"server"`
	// Zone is the factory's time zone, such as Europe/Zurich: its condor_activity
	// logs do not say it. Without it their times are not used.
	Zone string `yaml:"zone"`

	// Archives is a tar archive, or a folder of them.
	Archives string `yaml:"archives"`

	// URL is the address of a log, with words in braces for what differs.
	URL string `yaml:"url"`
	// Users are what the word {user} of URL stands for, one after the other.
	Users []string `yaml:"users"`
	// TokenFile has the bearer token for URL; "" for none.
	TokenFile secret.File `yaml:"token_file"`
	// CAFile has the certificates of the authority of URL; "" for the system's.
	CAFile string `yaml:"ca_file"`

	// Audit is an AuditPayloadLog of an HTCondor-CE, or a folder of them, that a
	// site handed over. Zone is its CEs' then.
	Audit string `yaml:"audit"`
	// Site is whose Audit is, by its name in the job records; "" for any.
	Site string `yaml:"site"`

	// Factories are the hosts of the factories whose logs are here; empty: any.
	Factories []string `yaml:"factories"`
}

// Problem is a setting that cannot be so.
type Problem struct{ Setting, Text string }

var braces = regexp.MustCompile(`\{([^{}]*)\}`)

// Problems checks what can be checked without looking at the archive.
func (c Config) Problems() []Problem {
	var all []Problem
	add := func(setting, text string) { all = append(all, Problem{setting, text}) }
	given := 0
	for _, s := range []string{c.Tree, c.Archives, c.URL, c.Audit} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		add("tree", "must be given, or archives, or url, or audit: exactly one of them")
	}
	if c.Tree == "" && c.Server != "" {
		add("server", "stands beside tree only")
	}
	if c.Tree == "" && c.Audit == "" && c.Zone != "" {
		add("zone", "stands beside tree and audit only")
	}
	if c.Audit != "" && c.Zone == "" {
		add("zone", "is missing: the audit log has the local time of its CE; write the name of its zone, such as Europe/Zurich or UTC")
	}
	if c.Audit == "" && c.Site != "" {
		add("site", "stands beside audit only")
	}
	if c.Audit != "" && len(c.Factories) > 0 {
		add("factories", "stands beside tree, archives and url only: a CE has pilots of all factories")
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || strings.EqualFold(c.Zone, "local") {
		add("zone", "is no time zone: write a name such as Europe/Zurich or UTC")
	}
	for _, f := range c.Factories {
		if !component.MatchString(f) {
			add("factories", "must be host names, such as gfactory.example.org")
		}
	}
	if c.URL == "" {
		if len(c.Users) > 0 || c.TokenFile != "" || c.CAFile != "" {
			add("url", "is missing: users, token_file and ca_file are for it")
		}
		return all
	}
	for _, text := range c.urlProblems() {
		add("url", text)
	}
	if strings.Contains(c.URL, "{user}") != (len(c.Users) > 0) {
		add("users", "and the word {user} in url belong together: give both or none")
	}
	for _, u := range c.Users {
		if safeName(u) == "" {
			add("users", "must be names of frontend users, such as frontend")
		}
	}
	return all
}

func (c Config) urlProblems() []string {
	var out []string
	for _, m := range braces.FindAllStringSubmatch(c.URL, -1) {
		if !slices.Contains(templateWords, m[1]) {
			out = append(out, "has a word in braces that is none of: "+strings.Join(templateWords, ", "))
			break
		}
	}
	for _, word := range []string{"{cluster}", "{proc}"} {
		if !strings.Contains(c.URL, word) {
			out = append(out, "must have the word "+word+": it tells the pilots apart")
		}
	}
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(c.URL))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return append(out, "must be an address, such as https://logs.example.org/{entry}/job.{cluster}.{proc}.{file}")
	case u.User != nil || u.Fragment != "":
		out = append(out, "must be without a user and a fragment")
	case u.Scheme == "http" && !endpoint.Loopback(u.Hostname()):
		out = append(out, "must begin with https:// : anybody on the way could change the logs")
	}
	if host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c.URL, "https://"), "http://"), "/"); strings.Contains(host, "{") {
		out = append(out, "must not make the host of words: records would choose where gridwarden connects to")
	}
	return out
}

// Describe says in words what is asked.
func (c Config) Describe() string {
	if c.Audit != "" {
		site := "a site's CEs"
		if c.Site != "" {
			site = "the CEs of " + c.Site
		}
		return fmt.Sprintf("cms: what %s noted of the jobs in pilots, from %s", site, c.Audit)
	}
	of := "every factory"
	if len(c.Factories) > 0 {
		of = strings.Join(c.Factories, ", ")
	}
	how := "which is also searched by worker node"
	if c.URL != "" {
		how = "for pilots that records name; it cannot be searched by worker node"
	}
	return fmt.Sprintf("cms: pilot logs of %s, from %s, %s", of, c.where(), how)
}

// where is the archive for people.
func (c Config) where() string {
	switch {
	case c.Tree != "":
		return c.Tree
	case c.Archives != "":
		return c.Archives
	case c.Audit != "":
		return c.Audit
	}
	if u, err := url.Parse(c.URL); err == nil {
		return u.Host
	}
	return "the web"
}

// open makes the archive that is configured.
func (c Config) open() (archive, error) {
	switch {
	case c.Tree != "":
		t := tree{dir: c.Tree, server: c.Server}
		if c.Zone != "" {
			zone, err := time.LoadLocation(c.Zone)
			if err != nil {
				return nil, trouble.Errorf(err, "There is no time zone %s.", c.Zone)
			}
			t.zone = zone
		}
		return t, nil
	case c.Archives != "":
		return newTars(c.Archives), nil
	}
	return newWeb(c)
}
