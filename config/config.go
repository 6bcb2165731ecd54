package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/cric"
	"github.com/gridwarden/gridwarden/backends/elastic"
	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/history"
	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/pilotlog"
	"github.com/gridwarden/gridwarden/backends/sandbox"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/mail"
)

// Config is a configuration that was checked. docs/configuration.md describes
// every setting.
type Config struct {
	Journal         journal.Config          `yaml:"journal"`
	Channels        []Channel               `yaml:"channels"`
	People          []bot.Person            `yaml:"people"`
	Roles           map[bot.Role]RoleSource `yaml:"roles"`
	Policies        map[string]Policy       `yaml:"policies"`
	Console         console.Config          `yaml:"console"`
	Platforms       Platforms               `yaml:"platforms"`
	Backends        Backends                `yaml:"backends"`
	Mail            *mail.Config            `yaml:"mail"` // nil: nothing is sent by mail
	Grid            Grid                    `yaml:"grid"`
	Audit           Audit                   `yaml:"audit"`
	HTTP            *HTTP                   `yaml:"http"` // nil: nothing listens
	Log             Log                     `yaml:"log"`
	Limits          Limits                  `yaml:"limits"`
	SecurityChannel string                  `yaml:"security_channel"`
	Retention       Retention               `yaml:"retention"`

	file     string
	security bot.Thread
	sites    *grid.SiteMap
	warnings []string
}

// Channel is one place where the bot listens. In a channel that is not listed
// nothing runs.
type Channel struct {
	Platform     string   `yaml:"platform"`
	Workspace    string   `yaml:"workspace"`
	Name         string   `yaml:"name"`
	Commands     []string `yaml:"commands"`
	PersonalData bool     `yaml:"personal_data"`
	Cards        bool     `yaml:"cards"`
}

// RoleSource names a platform's group that gives a role to known people.
type RoleSource struct {
	From string `yaml:"from"` // platform/group
}

// Policy says who must approve a command and by when.
type Policy struct {
	Approvals          []Need        `yaml:"approvals"`
	Deny               []string      `yaml:"deny"` // roles that may deny; empty: those of Approvals
	DistinctInstitutes bool          `yaml:"distinct_institutes"`
	Expires            time.Duration `yaml:"expires"`
	StartBy            time.Duration `yaml:"start_by"`
	SoloMode           bool          `yaml:"solo_mode"`
	OwnApproval        bool          `yaml:"own_approval"` // whoever asks may be one of those who approve
}

// Need is a number of distinct people who hold a role.
type Need struct {
	Role  string `yaml:"role"`
	Count int    `yaml:"count"`
}

// Backends are the systems that the bot asks and acts on. Nil: not configured.
type Backends struct {
	CMS     CMS             `yaml:"cms"`
	PanDA   *panda.Config   `yaml:"panda"`
	Sandbox *sandbox.Config `yaml:"sandbox"`
}

// CMS is where job records of CMS come from, and what is known of its people.
type CMS struct {
	History   *history.Config   `yaml:"history"`
	CRIC      *cric.Config      `yaml:"cric"`
	PilotLogs []pilotlog.Config `yaml:"pilotlogs"`
	Elastic   *elastic.Config   `yaml:"elastic"` // es-cms: finished jobs
	MONIT     *elastic.Config   `yaml:"monit"`   // snapshots of the queues
}

// searchServer is a configured search server and the kind of its records.
type searchServer struct {
	kind elastic.Kind
	*elastic.Config
}

// searchServers are the configured ones.
func (c CMS) searchServers() []searchServer {
	all := []searchServer{{elastic.Finished, c.Elastic}, {elastic.Snapshots, c.MONIT}}
	return slices.DeleteFunc(all, func(s searchServer) bool { return s.Config == nil })
}

// Grid is the site map: in a file of its own, or in place.
type Grid struct {
	Map          string `yaml:"map"`
	grid.SiteMap `yaml:",inline"`
}

// Audit is what of the audit log is kept outside of the database.
type Audit struct {
	KeyFile        string `yaml:"key_file"`
	CheckpointFile string `yaml:"checkpoint_file"`
}

// Limits are commands a minute. Decisions are never limited.
type Limits struct {
	PerPerson  int `yaml:"per_person_per_minute"`
	PerChannel int `yaml:"per_channel_per_minute"`
}

// Retention is how long things are kept.
type Retention struct {
	Requests     time.Duration `yaml:"requests"`
	PersonalData time.Duration `yaml:"personal_data"`
}

// The defaults of settings that are not in the file.
const (
	defaultExpires      = 4 * time.Hour
	defaultStartBy      = 30 * time.Minute
	defaultPerPerson    = 30
	defaultPerChannel   = 120
	defaultRequests     = 400 * day
	defaultPersonalData = 90 * day
)

// Load reads and checks the file at path. An error that is about what the
// configuration says is of type Problems.
func Load(path string) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, Problems{{File: path, Text: err.Error()}}
	}
	return Parse(path, data, filepath.Dir(path))
}

// Parse checks the configuration in data. name stands for it in problems;
// relative paths in it start at dir.
func Parse(name string, data []byte, dir string) (*Config, error) {
	c := &Config{
		file: name, Limits: Limits{PerPerson: defaultPerPerson, PerChannel: defaultPerChannel},
		Retention: Retention{Requests: defaultRequests, PersonalData: defaultPersonalData},
		Log:       Log{Format: TextLog},
	}
	d := decode(name, data, c)
	if len(d.lines) == 1 && len(d.problems) > 0 { // nothing could be read: that all settings are missing is no news
		return nil, d.problems
	}
	c.setDefaults(d)
	c.resolve(dir)
	c.check(d)
	problems := d.problems
	if c.sites != nil {
		problems = append(problems, c.checkSites(d)...)
	} else if c.Grid.Map != "" {
		problems = append(problems, c.loadSites()...)
	}
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	c.warn()
	return c, nil
}

// Sites is the site map, nil when there is none.
func (c *Config) Sites() *grid.SiteMap { return c.sites }

// Rules is what the engine needs to know of who may do what.
func (c *Config) Rules() bot.Rules {
	r := bot.Rules{
		People: c.People, Policies: map[string]action.Policy{}, Groups: map[bot.Role]bot.Group{}, Security: c.security,
		Limits:       bot.Limits{PerPerson: c.Limits.PerPerson, PerChannel: c.Limits.PerChannel},
		SecurityList: c.Mail != nil && c.Mail.SecurityList != "",
	}
	for name, p := range c.Policies {
		r.Policies[name] = p.rule(name)
	}
	for _, channel := range c.Channels {
		r.Channels = append(r.Channels, bot.Channel(channel))
	}
	for role, source := range c.Roles {
		r.Groups[role] = source.group()
	}
	return r
}

func (p Policy) rule(name string) action.Policy {
	out := action.Policy{Name: name, Deny: p.Deny, DistinctInstitutes: p.DistinctInstitutes, Expires: p.Expires, StartBy: p.StartBy, Solo: p.SoloMode, Own: p.OwnApproval}
	for _, n := range p.Approvals {
		out.Approvals = append(out.Approvals, action.Need(n))
	}
	return out
}

// setDefaults fills what is left out and depends on what is there. What was
// given as zero stays so and is reported by check.
func (c *Config) setDefaults(d *decoder) {
	given := func(path string) bool { return d.lines[path] > 0 }
	// The journal would choose the same; named here, so that `check` can tell.
	if c.Audit.KeyFile == "" && c.Journal.SQLite != "" {
		c.Audit.KeyFile = c.Journal.SQLite + ".key"
	}
	if c.Audit.CheckpointFile == "" && c.Journal.SQLite != "" {
		c.Audit.CheckpointFile = c.Journal.SQLite + ".checkpoint"
	}
	for _, s := range c.Backends.CMS.searchServers() {
		at := s.kind.Setting()
		if !given(at + ".index") {
			s.Index = s.kind.DefaultIndex()
		}
		if !given(at + ".deadline") {
			s.Deadline = elastic.DefaultDeadline
		}
		if !given(at + ".look_back") {
			s.LookBack = elastic.DefaultLookBack
		}
		if !given(at + ".page") {
			s.Page = elastic.DefaultPage
		}
	}
	for name, p := range c.Policies {
		at := below("policies", name)
		if !given(at + ".expires") {
			p.Expires = defaultExpires
		}
		if !given(at + ".start_by") {
			p.StartBy = defaultStartBy
		}
		for i := range p.Approvals {
			if !given(fmt.Sprintf("%s.approvals[%d].count", at, i)) {
				p.Approvals[i].Count = 1
			}
		}
		c.Policies[name] = p
	}
	if r := c.Backends.CMS.CRIC; r != nil {
		if !given("backends.cms.cric.lifetime") {
			r.Lifetime = cric.DefaultLifetime
		}
		if !given("backends.cms.cric.stale_after") {
			r.StaleAfter = cric.DefaultStaleAfter
		}
	}
	if p := c.Backends.PanDA; p != nil {
		setPanDADefaults(p, given)
	}
	if !c.Grid.empty() {
		c.sites = &c.Grid.SiteMap
	}
}

// resolve makes relative paths start at dir, the folder of the file.
func (c *Config) resolve(dir string) {
	paths := []*string{&c.Journal.SQLite, &c.Audit.KeyFile, &c.Audit.CheckpointFile, &c.Grid.Map, &c.Console.Files}
	if c.Backends.CMS.History != nil {
		paths = append(paths, &c.Backends.CMS.History.SQLite)
	}
	if r := c.Backends.CMS.CRIC; r != nil {
		paths = append(paths, &r.File, &r.Cert, (*string)(&r.KeyFile), (*string)(&r.TokenFile), &r.CA)
	}
	for i := range c.Backends.CMS.PilotLogs {
		p := &c.Backends.CMS.PilotLogs[i]
		paths = append(paths, &p.Tree, &p.Server, &p.Archives, &p.Audit, (*string)(&p.TokenFile), &p.CAFile)
	}
	for _, s := range c.Backends.CMS.searchServers() {
		paths = append(paths, (*string)(&s.PasswordFile), (*string)(&s.TokenFile), &s.ClientCert, (*string)(&s.ClientKeyFile), &s.CA)
	}
	if p := c.Backends.PanDA; p != nil {
		paths = append(paths, pandaPaths(p)...)
	}
	if c.Backends.Sandbox != nil {
		paths = append(paths, &c.Backends.Sandbox.File)
	}
	if c.Mail != nil {
		paths = append(paths, (*string)(&c.Mail.PasswordFile), &c.Mail.CA)
	}
	if c.HTTP != nil && c.HTTP.TLS != nil {
		paths = append(paths, &c.HTTP.TLS.Cert, (*string)(&c.HTTP.TLS.KeyFile))
	}
	if pg := c.Journal.Postgres; pg != nil {
		paths = append(paths, (*string)(&pg.DSNFile), (*string)(&pg.OwnerDSNFile))
	}
	paths = append(paths, c.Platforms.tokenFiles()...)
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}
