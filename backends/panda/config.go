package panda

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Config says how PanDA is reached. Nil: not configured.
type Config struct {
	Database *DatabaseConfig `yaml:"database"`
	Monitor  *MonitorConfig  `yaml:"monitor"`
	Server   *ServerConfig   `yaml:"server"`
	Ban      *BanConfig      `yaml:"ban"`
	Evidence *EvidenceConfig `yaml:"evidence"`
	// JobPage is the address of a job's page in the monitor, for people, in which {id}
	// stands for the PandaID. Empty: none is linked.
	JobPage string `yaml:"job_page"`
}

// DatabaseConfig is PanDA's database on PostgreSQL, which is only read.
type DatabaseConfig struct {
	// DSNFile holds the connection string of a role that may read. It is read again
	// at each new connection.
	DSNFile secret.File `yaml:"dsn_file"`
	Schemas Schemas     `yaml:"schemas"`
	// Deadline is how long one statement may take.
	Deadline time.Duration `yaml:"deadline"`
	// Tail is how long after a window's end jobs that ran in it are looked for among
	// those that were archived: as long as jobs last, with the transfers after them.
	Tail time.Duration `yaml:"tail"`
}

// Schemas are the names of PanDA's schemas in the database.
type Schemas struct {
	Panda string `yaml:"panda"` // the job and task tables
	Meta  string `yaml:"meta"`  // the users
	Arch  string `yaml:"arch"`  // old jobs
	Deft  string `yaml:"deft"`  // tasks as they were submitted
}

// ServerConfig is the server's API, which kills.
type ServerConfig struct {
	URL string `yaml:"url"`
	// ProxyFile is a VOMS proxy: certificate, key and chain in PEM. TokenFile with
	// Origin is an OIDC token and the group that it is meant for, such as
	// atlas.production. Both are read again when they are used.
	ProxyFile secret.File `yaml:"proxy_file"`
	TokenFile secret.File `yaml:"token_file"`
	Origin    string      `yaml:"origin"`
	// CA is a file with the certificates that may vouch for the server, in PEM.
	// Without it they are those of the system.
	CA string `yaml:"ca"`
}

// BanConfig says how the row of a user is written.
type BanConfig struct {
	Via string `yaml:"via"` // ViaPostgres or ViaCommand
	// DSNFile holds the connection string of a role that may write the status of
	// users, and nothing else.
	DSNFile secret.File `yaml:"dsn_file"`
	// Command bans and UnbanCommand lifts a ban: a program and its arguments, in
	// which {name} is the user's name, and {name:sh} the same with quotes for the
	// shell of another machine. Without UnbanCommand, it is Command with --unban.
	Command      []string `yaml:"command"`
	UnbanCommand []string `yaml:"unban_command"`
}

// The ways to write a ban.
const (
	ViaPostgres = "postgres"
	ViaCommand  = "command"
)

// DefaultDeadline is how long one statement may take when nothing is configured.
const DefaultDeadline = 15 * time.Second

const maxDeadline = 19 * time.Second // a trace gives every source 20 s

// DefaultTail is how long after a window jobs are looked for when nothing is configured.
const DefaultTail = 7 * 24 * time.Hour

const maxTail = 60 * 24 * time.Hour

// DefaultSchemas are the names that PanDA's own scripts give its schemas.
var DefaultSchemas = Schemas{Panda: "doma_panda", Meta: "doma_pandameta", Arch: "doma_pandaarch", Deft: "doma_deft"}

// Setting is where the configuration has it all.
const Setting = "backends.panda"

// Problem is what is wrong with one setting below Setting.
type Problem struct{ Setting, Text string }

// Problems checks what can be checked without asking anybody.
func (c Config) Problems() []Problem {
	var all []Problem
	add := func(setting, text string) { all = append(all, Problem{setting, text}) }
	if c.Database == nil && c.Monitor == nil && c.Server == nil && c.Ban == nil && c.Evidence == nil {
		add("", "is empty: give database at least, the connection to PanDA's database, or monitor, the address of BigPanDA")
	}
	if c.Database != nil {
		c.Database.check(add)
	}
	if c.Monitor != nil {
		c.Monitor.check(add)
	}
	if c.Server != nil {
		c.Server.check(add)
	}
	if c.Ban != nil {
		c.Ban.check(add)
		c.checkBan(add)
	}
	if c.JobPage != "" {
		checkJobPage(add, c.JobPage)
	}
	if c.Evidence != nil {
		c.Evidence.check(add)
		if c.Database == nil && (c.Monitor == nil || c.Server == nil) {
			add("evidence", "needs database beside it, or monitor with server: which payload a job has is read there")
		}
	}
	if c.Server != nil && c.Database == nil && c.Monitor == nil {
		add("server", "needs database or monitor beside it: what a kill would end is read there")
	}
	return all
}

// checkBan checks what a ban needs beside it.
func (c Config) checkBan(add func(setting, text string)) {
	switch {
	case c.Database == nil && (c.Monitor == nil || c.Server == nil):
		add("ban", "needs database beside it, or monitor with server: whom a ban means, and whether it holds, is read there")
	case c.Database == nil && c.Ban.Via == ViaPostgres:
		add("ban.via", "is postgres, which needs database beside it: without PanDA's database a ban goes through a program, via: command")
	case c.Database != nil && c.Ban.DSNFile != "" && c.Ban.DSNFile == c.Database.DSNFile:
		add("ban.dsn_file", "is the same file as database.dsn_file: the role that reads must not be able to write; give a role of its own")
	}
}

// schemaName is a name that PostgreSQL keeps whole. It is quoted wherever it is used.
var schemaName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_$-]{0,62}$`)

func (c DatabaseConfig) check(add func(setting, text string)) {
	if c.DSNFile == "" {
		add("database.dsn_file", "is missing: name a file that holds the connection string of a role that may read, such as postgres://gridwarden_reader:PASSWORD@HOST/panda_db")
	}
	for _, s := range []struct{ setting, name string }{{"panda", c.Schemas.Panda}, {"meta", c.Schemas.Meta}, {"arch", c.Schemas.Arch}, {"deft", c.Schemas.Deft}} {
		if !schemaName.MatchString(s.name) {
			add("database.schemas."+s.setting, "must be the name of a schema, such as doma_panda: a letter or _, then letters, digits, _, $ and -, 63 at most")
		}
	}
	if c.Deadline < time.Second || c.Deadline > maxDeadline {
		add("database.deadline", "must be from 1s to 19s: a trace waits 20s for each source")
	}
	if c.Tail < 24*time.Hour || c.Tail > maxTail {
		add("database.tail", "must be from 24h to 1440h: as long as jobs last, with the transfers after them")
	}
}

// origin is a VO and a role, as the server splits them.
var origin = regexp.MustCompile(`^[A-Za-z0-9_-]+([.:][A-Za-z0-9_-]+)?$`)

func (c ServerConfig) check(add func(setting, text string)) {
	checkURL(add, "server.url", c.URL, "https://pandaserver.cern.ch:25443")
	switch {
	case c.ProxyFile == "" && c.TokenFile == "":
		add("server", "needs proxy_file, or token_file with origin: the server tells and kills nothing for who does not say who asks")
	case c.ProxyFile != "" && c.TokenFile != "":
		add("server.token_file", "stands beside proxy_file: give credentials of one kind")
	case c.ProxyFile != "" && c.Origin != "":
		add("server.origin", "is for token_file: take it out")
	case c.TokenFile != "" && !origin.MatchString(c.Origin):
		add("server.origin", "must be the VO and role that the token is for, such as atlas.production: without it the server refuses every token")
	}
}

// checkURL wants the bare address of a server, https unless it is on this machine.
func checkURL(add func(setting, text string), setting, address, example string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		add(setting, "is missing: the server's address, such as "+example)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		add(setting, "must be the server's address, such as "+example)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		add(setting, "must be the bare address of the server, without a user, a query or a fragment: credentials stand in files")
	case u.Scheme == "http" && !endpoint.Loopback(u.Hostname()):
		add(setting, "must begin with https:// : personal data and credentials would cross the network in the clear")
	}
}

// The words that stand for a user's name in a command.
const (
	bareName   = "{name}"
	quotedName = "{name:sh}"
)

func (c BanConfig) check(add func(setting, text string)) {
	switch c.Via {
	case ViaPostgres:
		if c.DSNFile == "" {
			add("ban.dsn_file", "is missing: name a file that holds the connection string of a role that may write the status of users and nothing else; docs/panda.md has its grants")
		}
		if len(c.Command) > 0 || len(c.UnbanCommand) > 0 {
			add("ban.command", "is for via: command, take it out")
		}
	case ViaCommand:
		if c.DSNFile != "" {
			add("ban.dsn_file", "is for via: postgres, take it out")
		}
		checkCommand(add, "ban.command", c.Command)
		if len(c.UnbanCommand) > 0 {
			checkCommand(add, "ban.unban_command", c.UnbanCommand)
		}
	default:
		add("ban.via", fmt.Sprintf("must be %s or %s", ViaPostgres, ViaCommand))
	}
}

// checkCommand refuses a template in which a name could become more than a name.
func checkCommand(add func(setting, text string), setting string, argv []string) {
	named, bare := false, false
	for i, word := range argv {
		plain := strings.NewReplacer(bareName, "", quotedName, "").Replace(word)
		named = named || plain != word
		bare = bare || strings.Contains(word, bareName)
		switch {
		case i == 0 && plain != word:
			add(setting, "begins with the user's name: begin with the program")
		case strings.ContainsAny(plain, "{}"):
			add(setting, "has braces that stand for nothing: only {name} and {name:sh} are filled in")
		case strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }):
			add(setting, "has control characters")
		}
	}
	switch shells := []string{"sh", "bash", "dash", "zsh", "ksh", "csh", "tcsh", "fish"}; {
	case len(argv) == 0 || argv[0] == "":
		add(setting, "is missing: a program and its arguments with {name} among them, such as [ssh, panda-server, banUser.py, \"--user={name:sh}\"]")
	case !named:
		add(setting, "has no {name}: it would do the same for everybody")
	case slices.Contains(shells, path.Base(argv[0])):
		add(setting, "is a shell: name the program itself, so that no name can be read as a command")
	case bare && path.Base(argv[0]) == "ssh":
		add(setting, "gives {name} to a shell of the other machine, for ssh does: write {name:sh}, which puts the name in quotes for it")
	}
}
