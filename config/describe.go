package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/elastic"
	"github.com/gridwarden/gridwarden/backends/history"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/mail"
)

// Describe says in words what is in force: who may approve what, who holds
// which role, where the bot listens, what it asks and which files it keeps.
func (c *Config) Describe() string {
	var b strings.Builder
	section := func(title string, lines ...string) {
		fmt.Fprintf(&b, "%s\n", oneLine(title))
		for _, l := range lines {
			fmt.Fprintf(&b, "  %s\n", oneLine(l))
		}
	}
	section("Configuration " + c.file)
	section("Policies", c.describePolicies()...)
	section("Roles", c.describeRoles()...)
	section("Channels", c.describeChannels()...)
	if c.chats() {
		section("Platforms", c.describePlatforms()...)
	}
	section("Backends", c.describeBackends()...)
	if c.Mail != nil {
		section("Mail", c.describeMail())
	}
	section("HTTP", c.describeHTTP())
	section("Limits and retention",
		fmt.Sprintf("%d commands a minute per person, %d per channel; decisions are never limited", c.Limits.PerPerson, c.Limits.PerChannel),
		fmt.Sprintf("requests are kept %s, personal data %s", inWords(c.Retention.Requests), inWords(c.Retention.PersonalData)))
	var files []string
	if pg := c.Journal.Postgres; pg != nil {
		files = append(files, fmt.Sprintf("journal: on PostgreSQL, connection string in %s", pg.DSNFile))
		if pg.OwnerDSNFile != "" {
			files = append(files, fmt.Sprintf("owner of the journal's tables: connection string in %s; a process that only serves is safer without it", pg.OwnerDSNFile))
		}
	}
	for _, f := range c.files() {
		files = append(files, fmt.Sprintf("%s: %s", f.what, f.path))
	}
	section("Files", files...)
	return b.String()
}

func (c *Config) describePolicies() []string {
	var lines []string
	for _, name := range policyNames {
		p, ok := c.Policies[name]
		if !ok && name == letters && c.Mail == nil {
			continue
		}
		if !ok {
			lines = append(lines, fmt.Sprintf("%s is always refused: policies.%s is not set", what(name), name))
			continue
		}
		lines = append(lines, c.describePolicy(name, p))
	}
	return append(lines, "whoever asks for an action, and whoever it is about, never approves it (except the former in solo mode)")
}

// describePolicy is "a ban needs 2 of: bob (KIT), carol (CERN) [atlas-security],
// from different institutes; deny: …; expires after 4 h; must start within 30 min".
func (c *Config) describePolicy(name string, p Policy) string {
	var needs []string
	deny := p.Deny
	for _, n := range p.Approvals {
		needs = append(needs, fmt.Sprintf("%d of: %s", n.Count, c.describeHolders(n.Role)))
		if len(p.Deny) == 0 {
			deny = append(deny, n.Role)
		}
	}
	out := what(name) + " needs " + strings.Join(needs, " and ")
	if p.DistinctInstitutes {
		out += ", from different institutes"
	}
	if p.SoloMode {
		out += "; SOLO MODE: whoever asks may approve it alone"
	}
	if p.OwnApproval {
		out += "; whoever asks may be one of them, if he or she holds the role"
	}
	var denials []string
	for _, role := range deny {
		denials = append(denials, c.describeHolders(role))
	}
	return fmt.Sprintf("%s; deny: %s; expires after %s; must start within %s of its approval", out, strings.Join(denials, ", "), inWords(p.Expires), inWords(p.StartBy))
}

// describeHolders is "bob (KIT), carol (CERN) [atlas-security]".
func (c *Config) describeHolders(role string) string {
	var names []string
	for _, p := range holders(c.People, role) {
		name := string(p.ID)
		if p.Institute != "" {
			name += " (" + p.Institute + ")"
		}
		names = append(names, name)
	}
	if source, ok := c.Roles[bot.Role(role)]; ok {
		names = append(names, "known people in the group "+source.From)
	}
	if len(names) == 0 {
		names = []string{"nobody"}
	}
	return strings.Join(names, ", ") + " [" + role + "]"
}

func (c *Config) describeRoles() []string {
	var roles []string
	for role := range c.Roles {
		roles = append(roles, string(role))
	}
	for _, p := range c.People {
		for _, r := range p.Roles {
			roles = append(roles, string(r))
		}
	}
	slices.Sort(roles)
	var lines []string
	for _, role := range slices.Compact(roles) {
		lines = append(lines, c.describeHolders(role))
	}
	var none []bot.Person
	for _, p := range c.People {
		if len(p.Roles) == 0 {
			none = append(none, p)
		}
	}
	if len(none) > 0 {
		lines = append(lines, ids(none)+" [no role of their own]")
	}
	return orNone(lines, "nobody holds any")
}

func (c *Config) describeChannels() []string {
	var lines []string
	for _, ch := range c.Channels {
		data := "personal data is withheld"
		if ch.PersonalData {
			data = "personal data may be shown"
		}
		if ch.Cards {
			data += "; the cards of all actions are shown here"
		}
		told := ""
		if c.security == ch.thread() {
			told = "; changes of people, roles and policies are told here"
		}
		lines = append(lines, fmt.Sprintf("%s: %s; %s%s", ch, strings.Join(ch.Commands, ", "), data, told))
	}
	return orNone(lines, "none: nothing typed anywhere is answered")
}

func (c *Config) describeBackends() []string {
	var lines []string
	if c.Backends.CMS.History != nil {
		lines = append(lines, describeHistory(*c.Backends.CMS.History))
	}
	if c.Backends.CMS.CRIC != nil {
		lines = append(lines, describeCRIC(*c.Backends.CMS.CRIC))
	}
	for _, p := range c.Backends.CMS.PilotLogs {
		lines = append(lines, p.Describe())
	}
	for _, s := range c.Backends.CMS.searchServers() {
		lines = append(lines, describeSearch(s))
	}
	if p := c.Backends.PanDA; p != nil {
		lines = append(lines, describePanDA(p)...)
	}
	if c.Backends.Sandbox != nil {
		lines = append(lines, "sandbox: a simulated grid; its bans and kills touch nothing real")
	}
	lines = orNone(lines, "none: traces find nothing, and nobody can be banned")
	if c.sites == nil {
		return append(lines, "no site map: sites, squids and pilot factories are not recognised")
	}
	return append(lines, fmt.Sprintf("site map: sites: %d, pilot factories: %d, people and hosts with other names: %d and %d",
		len(c.sites.Sites), len(c.sites.Factories), len(c.sites.People), len(c.sites.Hosts)))
}

// describeMail is "by mail.example.org:587 (starttls), from …; the security list …".
func (c *Config) describeMail() string {
	m := c.Mail
	how := m.TLS
	if how == "" {
		how = mail.STARTTLS
	}
	out := fmt.Sprintf("by %s (%s), from %s", m.SMTP, how, m.From)
	if m.SecurityList == "" {
		return out + "; no security list is told of anything"
	}
	return fmt.Sprintf("%s; %s is told of incidents, proposals, decisions and outcomes and gets a copy of every letter", out, m.SecurityList)
}

func describeHistory(h history.Config) string {
	if h.Complete {
		return "cms: records imported into the embedded store, which is said to be complete where its records reach"
	}
	return "cms: records imported into the embedded store; its answers are partial, for nobody knows what was not imported"
}

func describeSearch(s searchServer) string {
	what := fmt.Sprintf("finished jobs, submitted up to %s before the window", inWords(s.LookBack))
	if s.kind == elastic.Snapshots {
		what = "snapshots of the queues"
	}
	return fmt.Sprintf("cms: %s from the indices %s of %s, asked %s for at most %s", what, s.Index, s.URL, s.Credentials(), inWords(s.Deadline))
}

func orNone(lines []string, none string) []string {
	if len(lines) == 0 {
		return []string{none}
	}
	return lines
}

// oneLine keeps what comes from the file from drawing on the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
