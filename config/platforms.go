package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot/mattermost"
)

// Platforms are the chat systems that serve runs on, besides the console.
type Platforms struct {
	Mattermost []mattermost.Config `yaml:"mattermost"`
}

func (c *Config) checkPlatforms(d *decoder) {
	names := map[string]int{}
	for i, m := range c.Platforms.Mattermost {
		at := fmt.Sprintf("platforms.mattermost[%d]", i)
		for _, p := range m.Problems() {
			d.add(at+"."+p.Setting, "%s", p.Text)
		}
		if first, twice := names[m.Name]; twice {
			d.add(at+".name", "is the name of platforms.mattermost[%d] too: give each server its own", first)
			continue
		}
		names[m.Name] = i
	}
}

// workspaceProblem says what is wrong with a workspace of a platform that has
// some, "" when nothing is.
func (c *Config) workspaceProblem(platform, workspace string) string {
	if platform != mattermost.Name {
		return ""
	}
	var names []string
	for _, m := range c.Platforms.Mattermost {
		if m.Name != "" && !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	switch {
	case slices.Contains(names, workspace):
		return ""
	case len(names) == 0:
		return "needs a server: add one under platforms.mattermost"
	case workspace == "":
		return "is missing: write the name of a server under platforms.mattermost, one of " + strings.Join(names, ", ")
	}
	return shown(workspace) + " is no server under platforms.mattermost: write one of " + strings.Join(names, ", ")
}

// checkMattermostGroup wants WORKSPACE/channel/NAME.
func (c *Config) checkMattermostGroup(d *decoder, path, group string) {
	parts := strings.Split(group, "/")
	if len(parts) != 3 || parts[1] != "channel" || parts[2] == "" {
		d.add(path, "must be mattermost/WORKSPACE/channel/NAME: the members of a private channel hold the role")
		return
	}
	if problem := c.workspaceProblem(mattermost.Name, parts[0]); problem != "" {
		d.add(path, "%s", problem)
	}
}

// chats tells whether people can ask elsewhere than at the console.
func (c *Config) chats() bool { return len(c.Platforms.Mattermost) > 0 }

func (c *Config) describePlatforms() []string {
	var lines []string
	for _, m := range c.Platforms.Mattermost {
		lines = append(lines, fmt.Sprintf("mattermost/%s: team %s on %s, by websocket only: people type and react, nothing is called from outside; the bot's token is in %s", m.Name, m.Team, m.URL, m.TokenFile))
	}
	return lines
}
