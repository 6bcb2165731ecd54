package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/elastic"
	"github.com/gridwarden/gridwarden/config/secret"
)

// simple are names that need no quotes anywhere: in YAML, in chat, in a shell.
var simple = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)

const simpleForm = "use small letters, digits, dots, - and _ (at most 64)"

const (
	maxLimit     = 1_000_000 // commands a minute: as good as none, for load tests
	maxRetention = 3650 * day
)

// check reports everything that is wrong with what was decoded.
func (c *Config) check(d *decoder) {
	c.checkJournal(d)
	if h := c.Backends.CMS.History; h != nil && h.SQLite == "" {
		d.add("backends.cms.history.sqlite", "is missing: name the file that imported records are kept in, such as history.db")
	}
	c.checkCRIC(d)
	for i, p := range c.Backends.CMS.PilotLogs {
		for _, problem := range p.Problems() {
			d.add(fmt.Sprintf("backends.cms.pilotlogs[%d].%s", i, problem.Setting), "%s", problem.Text)
		}
	}
	for _, s := range c.Backends.CMS.searchServers() {
		for _, p := range s.Problems() {
			d.add(s.kind.Setting()+"."+p.Setting, "%s", p.Text)
		}
		if at := s.kind.Setting() + ".look_back"; s.kind == elastic.Snapshots && d.lines[at] > 0 {
			d.add(at, "is for indices by the day of submission, which those of MONIT are not: take it out")
		}
	}
	c.checkPanDA(d)
	if c.Mail != nil {
		for _, p := range c.Mail.Problems() {
			d.add("mail."+p.Setting, "%s", p.Text)
		}
	}
	c.checkFiles(d)
	c.checkPlatforms(d)
	c.checkChannels(d)
	c.checkSecurityChannel(d)
	c.checkPeople(d)
	c.checkRoles(d)
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		checkPolicy(d, name, c.Policies[name])
	}
	c.checkTrusted(d)
	c.checkHTTP(d)
	c.Log.check(d)
	checkNumber(d, "limits.per_person_per_minute", c.Limits.PerPerson, 1, maxLimit)
	checkNumber(d, "limits.per_channel_per_minute", c.Limits.PerChannel, 1, maxLimit)
	checkSpan(d, "retention.requests", c.Retention.Requests, maxRetention)
	checkSpan(d, "retention.personal_data", c.Retention.PersonalData, maxRetention)
}

// checkJournal wants one database, and beside a server's the files that SQLite's
// own would have given a place.
func (c *Config) checkJournal(d *decoder) {
	pg := c.Journal.Postgres
	switch {
	case pg == nil && c.Journal.SQLite == "":
		d.add("journal.sqlite", "is missing: name the file of the bot's own database, such as journal: {sqlite: gridwarden.db}")
	case pg == nil:
	case c.Journal.SQLite != "":
		d.add("journal.postgres", "stands beside journal.sqlite: the journal is in one of the two, take the other out")
	default:
		if pg.DSNFile == "" {
			d.add("journal.postgres.dsn_file", "is missing: name a file that holds the connection string of the role that serves, such as postgres://gridwarden:PASSWORD@HOST/gridwarden")
		}
		if pg.OwnerDSNFile == pg.DSNFile && pg.DSNFile != "" {
			d.add("journal.postgres.owner_dsn_file", "is the same file as journal.postgres.dsn_file: the role that serves must not be the owner, who could rewrite the audit log")
		}
		if c.Audit.KeyFile == "" {
			d.add("audit.key_file", "is missing: beside journal.postgres, name the file of the key that signs the audit log; processes that share the journal share the key")
		}
		if c.Audit.CheckpointFile == "" {
			d.add("audit.checkpoint_file", "is missing: beside journal.postgres, name the file that keeps the latest checkpoint of the audit log on this machine")
		}
	}
}

// writtenFile is a file that the program writes, with the setting that names it.
type writtenFile struct{ setting, path, what string }

func (c *Config) files() []writtenFile {
	all := []writtenFile{
		{"journal.sqlite", c.Journal.SQLite, "journal"},
		{"audit.key_file", c.Audit.KeyFile, "key of the audit log"},
		{"audit.checkpoint_file", c.Audit.CheckpointFile, "latest checkpoint of the audit log"},
	}
	if h := c.Backends.CMS.History; h != nil {
		all = append(all, writtenFile{"backends.cms.history.sqlite", h.SQLite, "imported job records"})
	}
	if s := c.Backends.Sandbox; s != nil {
		all = append(all, writtenFile{"backends.sandbox.file", s.File, "state of the sandbox"})
	}
	return slices.DeleteFunc(all, func(f writtenFile) bool { return f.path == "" })
}

// checkFiles refuses one file for two purposes: each would destroy the other.
func (c *Config) checkFiles(d *decoder) {
	used := map[string]string{}
	for _, f := range c.files() {
		if first, twice := used[f.path]; twice {
			d.add(f.setting, "is the same file as %s: name another", first)
			continue
		}
		used[f.path] = f.setting
	}
}

// Secrets are the files that hold a secret each.
func (c *Config) Secrets() []secret.File {
	var all []secret.File
	if pg := c.Journal.Postgres; pg != nil {
		all = append(all, pg.DSNFile, pg.OwnerDSNFile)
	}
	if c.HTTP != nil && c.HTTP.TLS != nil {
		all = append(all, c.HTTP.TLS.KeyFile)
	}
	if r := c.Backends.CMS.CRIC; r != nil {
		all = append(all, r.KeyFile, r.TokenFile)
	}
	for _, p := range c.Backends.CMS.PilotLogs {
		all = append(all, p.TokenFile)
	}
	for _, s := range c.Backends.CMS.searchServers() {
		all = append(all, s.PasswordFile, s.TokenFile, s.ClientKeyFile)
	}
	if p := c.Backends.PanDA; p != nil {
		all = append(all, pandaSecrets(p)...)
	}
	if c.Mail != nil {
		all = append(all, c.Mail.PasswordFile)
	}
	return slices.DeleteFunc(all, func(f secret.File) bool { return f == "" })
}

func checkNumber(d *decoder, path string, n, least, most int) {
	if n < least || n > most {
		d.add(path, "is %d: give a number from %d to %d", n, least, most)
	}
}

func checkSpan(d *decoder, path string, span, most time.Duration) {
	if span <= 0 || span > most {
		d.add(path, "is %s: give more than nothing and at most %s", inWords(span), inWords(most))
	}
}
