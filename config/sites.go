package config

import (
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
)

func (g Grid) empty() bool {
	return len(g.Sites) == 0 && len(g.Factories) == 0 && len(g.SiteMap.People) == 0 && len(g.Hosts) == 0
}

// loadSites reads the site map's own file, as strictly.
func (c *Config) loadSites() Problems {
	data, err := read(c.Grid.Map)
	if err != nil {
		return Problems{{File: c.Grid.Map, Text: err.Error()}}
	}
	m := &grid.SiteMap{}
	d := decode(c.Grid.Map, data, m)
	if len(d.problems) == 0 {
		addSiteProblems(d, "", m)
	}
	c.sites = m
	return d.problems
}

// checkSites checks a site map that stands in the configuration itself.
func (c *Config) checkSites(d *decoder) Problems {
	own := &decoder{file: d.file, lines: d.lines}
	if c.Grid.Map != "" {
		own.add("grid.map", "and a map in place are both given: move one into the other")
	}
	addSiteProblems(own, "grid", c.sites)
	return own.problems
}

// addSiteProblems reports what the map itself finds wrong, "sites[3]: …", at its line.
func addSiteProblems(d *decoder, under string, m *grid.SiteMap) {
	for _, err := range m.Validate() {
		path, text, found := strings.Cut(err.Error(), ": ")
		if !found {
			path, text = "", err.Error()
		}
		if under != "" {
			path = under + "." + path
		}
		d.add(path, "%s", text)
	}
}
