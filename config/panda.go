package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/config/secret"
)

// setPanDADefaults fills what is left out. given tells whether a setting is in the file.
func setPanDADefaults(p *panda.Config, given func(path string) bool) {
	if e := p.Evidence; e != nil && !given(panda.Setting+".evidence.limit") {
		e.Limit = panda.DefaultEvidenceLimit
	}
	if m := p.Monitor; m != nil {
		if !given(panda.Setting + ".monitor.deadline") {
			m.Deadline = panda.DefaultDeadline
		}
		if !given(panda.Setting + ".monitor.tail") {
			m.Tail = panda.DefaultTail
		}
	}
	db := p.Database
	if db == nil {
		return
	}
	const at = panda.Setting + ".database"
	if !given(at + ".deadline") {
		db.Deadline = panda.DefaultDeadline
	}
	if !given(at + ".tail") {
		db.Tail = panda.DefaultTail
	}
	for _, s := range []struct {
		setting string
		name    *string
		usual   string
	}{
		{"panda", &db.Schemas.Panda, panda.DefaultSchemas.Panda},
		{"meta", &db.Schemas.Meta, panda.DefaultSchemas.Meta},
		{"arch", &db.Schemas.Arch, panda.DefaultSchemas.Arch},
		{"deft", &db.Schemas.Deft, panda.DefaultSchemas.Deft},
	} {
		if !given(at + ".schemas." + s.setting) {
			*s.name = s.usual
		}
	}
}

// checkPanDA reports what is wrong with PanDA's settings, and refuses a real gate
// beside the simulated one: a command would not say which of them it means.
func (c *Config) checkPanDA(d *decoder) {
	p := c.Backends.PanDA
	if p == nil {
		return
	}
	for _, problem := range p.Problems() {
		d.add(strings.TrimSuffix(panda.Setting+"."+problem.Setting, "."), "%s", problem.Text)
	}
	if c.Backends.Sandbox == nil {
		return
	}
	if p.Ban != nil {
		d.add(panda.Setting+".ban", "stands beside backends.sandbox: nobody could tell whether a ban was a drill; take one of the two out")
	}
	if p.Server != nil {
		d.add(panda.Setting+".server", "stands beside backends.sandbox: nobody could tell whether a kill was a drill; take one of the two out")
	}
}

// pandaPaths are the paths that may start at the folder of the file.
func pandaPaths(p *panda.Config) []*string {
	var paths []*string
	if p.Database != nil {
		paths = append(paths, (*string)(&p.Database.DSNFile))
	}
	if p.Monitor != nil {
		paths = append(paths, (*string)(&p.Monitor.TokenFile), &p.Monitor.CA)
	}
	if p.Server != nil {
		paths = append(paths, (*string)(&p.Server.ProxyFile), (*string)(&p.Server.TokenFile), &p.Server.CA)
	}
	if p.Ban != nil {
		paths = append(paths, (*string)(&p.Ban.DSNFile))
	}
	if p.Evidence != nil {
		paths = append(paths, &p.Evidence.Folder, &p.Evidence.CA)
	}
	return paths
}

func pandaSecrets(p *panda.Config) []secret.File {
	var all []secret.File
	if p.Database != nil {
		all = append(all, p.Database.DSNFile)
	}
	if p.Monitor != nil {
		all = append(all, p.Monitor.TokenFile)
	}
	if p.Server != nil {
		all = append(all, p.Server.ProxyFile, p.Server.TokenFile)
	}
	if p.Ban != nil {
		all = append(all, p.Ban.DSNFile)
	}
	return all
}

// destructivePanDA lists what of PanDA is written or killed. Where a ban is written
// stands in a file or is a program's affair, so it may be anywhere.
func (c *Config) destructivePanDA() []destructive {
	p := c.Backends.PanDA
	if p == nil {
		return nil
	}
	var all []destructive
	if p.Ban != nil {
		all = append(all, destructive{setting: panda.Setting + ".ban"})
	}
	if p.Server != nil {
		all = append(all, destructive{setting: panda.Setting + ".server", address: addressOf(p.Server.URL)})
	}
	return all
}

// addressOf is the host:port of an address, "" when it has none.
func addressOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func describePanDA(p *panda.Config) []string {
	var lines []string
	if db := p.Database; db != nil {
		lines = append(lines, "atlas: jobs and users of PanDA from its database, connection string in "+string(db.DSNFile)+", only read, each statement for at most "+inWords(db.Deadline))
	}
	if m := p.Monitor; m != nil {
		how, what := "as anybody", "jobs and users of PanDA"
		if m.TokenFile != "" {
			how = "with the token in " + string(m.TokenFile)
		}
		if p.Database != nil {
			what = "single jobs, as a second witness and for those that the database does not have any more"
		}
		lines = append(lines, "atlas: "+what+" from its monitor "+m.URL+", asked "+how+", each question for at most "+inWords(m.Deadline))
	}
	if s := p.Server; s != nil {
		how := "with a proxy certificate"
		if s.TokenFile != "" {
			how = "with a token for " + s.Origin
		}
		lines = append(lines, "atlas: kills by the PanDA server "+s.URL+", asked "+how)
	}
	if b := p.Ban; b != nil {
		how := "bans are written to PanDA's database, connection string in " + string(b.DSNFile)
		if b.Via == panda.ViaCommand {
			how = "bans are written by the program " + b.Command[0]
		}
		lines = append(lines, "atlas: "+how)
	}
	if e := p.Evidence; e != nil {
		lines = append(lines, fmt.Sprintf("atlas: payloads may be kept as evidence in %s, up to %d bytes each, from %s, for %s", e.Folder, e.Limit, strings.Join(e.Servers, ", "), strings.Join(e.Roles, ", ")))
	}
	if p.JobPage != "" {
		lines = append(lines, "atlas: letters link the page of a job, "+p.JobPage)
	}
	return lines
}
