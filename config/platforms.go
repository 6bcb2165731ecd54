package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/slack"
)

// Platforms are the chat systems that the bot is on, beside the console.
type Platforms struct {
	Slack []slack.Config `yaml:"slack"`
}

// channelPlatforms are those that this configuration can listen on.
func (c *Config) channelPlatforms() []string {
	known := []string{console.Name}
	if len(c.Platforms.Slack) > 0 {
		known = append(known, slack.Name)
	}
	return known
}

// workspaces are the names of a platform's workspaces; nil for one without any.
func (c *Config) workspaces(platform string) []string {
	var names []string
	if platform == slack.Name {
		for _, w := range c.Platforms.Slack {
			if w.Name != "" { // which is told already
				names = append(names, w.Name)
			}
		}
	}
	return names
}

// checkWorkspace wants a workspace that is configured.
func (c *Config) checkWorkspace(d *decoder, path, platform, workspace string) {
	names := c.workspaces(platform)
	switch {
	case names == nil || slices.Contains(names, workspace):
	case workspace == "":
		d.add(path, "is missing: write one of %s", strings.Join(names, ", "))
	default:
		d.add(path, "%s is not among platforms.%s: write one of %s", shown(workspace), platform, strings.Join(names, ", "))
	}
}

func (c *Config) checkSlack(d *decoder) {
	var names []string
	for i, w := range c.Platforms.Slack {
		at := fmt.Sprintf("platforms.slack[%d]", i)
		switch {
		case w.Name == "":
			d.add(at+".name", "is missing: a short name for the workspace that stays the same for ever; channels and accounts carry it")
		case !simple.MatchString(w.Name):
			d.add(at+".name", "%s: %s", shown(w.Name), simpleForm)
		case slices.Contains(names, w.Name):
			d.add(at+".name", "%s is the name of another workspace: give each its own", shown(w.Name))
		}
		names = append(names, w.Name)
		if w.AppTokenFile == "" {
			d.add(at+".app_token_file", "is missing: name a file that holds the app-level token (xapp-…) with the scope connections:write")
		}
		if w.BotTokenFile == "" {
			d.add(at+".bot_token_file", "is missing: name a file that holds the token of the bot user (xoxb-…)")
		}
		if given := d.lines[at+".sockets"] > 0; given && (w.Sockets < 1 || w.Sockets > slack.MaxSockets) {
			d.add(at+".sockets", "is %d: give a number from 1 to %d", w.Sockets, slack.MaxSockets)
		}
	}
}

// tokenFiles are the files of secrets of the platforms, to be found from the
// configuration's folder.
func (p *Platforms) tokenFiles() []*string {
	var out []*string
	for i := range p.Slack {
		out = append(out, (*string)(&p.Slack[i].AppTokenFile), (*string)(&p.Slack[i].BotTokenFile))
	}
	return out
}

func (c *Config) describePlatforms() []string {
	var lines []string
	for _, w := range c.Platforms.Slack {
		lines = append(lines, fmt.Sprintf("slack/%s: Socket Mode, %d at once; nothing has to reach this machine from outside", w.Name, max(w.Sockets, 1)))
	}
	return lines
}
