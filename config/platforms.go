package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/bot/slack"
)

// Platforms are the chat systems that serve runs on, besides the console.
type Platforms struct {
	Mattermost []mattermost.Config `yaml:"mattermost"`
	Slack      []slack.Config      `yaml:"slack"`
	Discord    []discord.Config    `yaml:"discord"`
}

// channelPlatforms are those that this program can listen on.
var channelPlatforms = []string{console.Name, mattermost.Name, slack.Name, discord.Name}

func (c *Config) checkPlatforms(d *decoder) {
	c.checkMattermost(d)
	c.checkSlack(d)
	c.checkDiscord(d)
}

func (c *Config) checkMattermost(d *decoder) {
	names := map[string]int{}
	for i, m := range c.Platforms.Mattermost {
		at := fmt.Sprintf("platforms.mattermost[%d]", i)
		for _, p := range m.Problems() {
			d.add(at+"."+p.Setting, "%s", p.Text)
		}
		if m.Full() && (c.HTTP == nil || c.HTTP.PublicURL == "") {
			d.add(at+".command_tokens_file", "needs http.public_url: with slash commands and buttons the server calls gridwarden there. Set it, or take command_tokens_file out")
		}
		if first, twice := names[m.Name]; twice {
			d.add(at+".name", "is the name of platforms.mattermost[%d] too: give each server its own", first)
			continue
		}
		names[m.Name] = i
	}
}

func (c *Config) checkSlack(d *decoder) {
	var names []string
	for i, w := range c.Platforms.Slack {
		at := fmt.Sprintf("platforms.slack[%d]", i)
		names = checkPlaceName(d, at+".name", "workspace", w.Name, names)
		c.checkSlackMode(d, at, w)
		if w.BotTokenFile == "" {
			d.add(at+".bot_token_file", "is missing: name a file that holds the token of the bot user (xoxb-…)")
		}
		if given := d.lines[at+".sockets"] > 0; given && (w.Sockets < 1 || w.Sockets > slack.MaxSockets) {
			d.add(at+".sockets", "is %d: give a number from 1 to %d", w.Sockets, slack.MaxSockets)
		}
	}
}

// checkPlaceName wants a name that no other workspace or server of the platform
// has, and returns the names with it.
func checkPlaceName(d *decoder, at, what, name string, names []string) []string {
	switch {
	case name == "":
		d.add(at, "is missing: a short name for the %s that stays the same for ever; channels and accounts carry it", what)
	case !simple.MatchString(name):
		d.add(at, "%s: %s", shown(name), simpleForm)
	case slices.Contains(names, name):
		d.add(at, "%s is the name of another %s: give each its own", shown(name), what)
	}
	return append(names, name)
}

// checkSlackMode wants one of two ways to talk with Slack.
func (c *Config) checkSlackMode(d *decoder, at string, w slack.Config) {
	switch {
	case !w.HTTP() && w.AppTokenFile == "":
		d.add(at+".app_token_file", "is missing: name a file that holds the app-level token (xapp-…) with the scope connections:write for Socket Mode, or signing_secret_files for HTTP mode")
	case !w.HTTP():
	case w.AppTokenFile != "":
		d.add(at+".app_token_file", "chooses Socket Mode, and signing_secret_files HTTP mode: give one of them")
	case c.HTTP == nil || c.HTTP.PublicURL == "":
		d.add(at+".signing_secret_files", "choose HTTP mode, in which Slack calls gridwarden: set http.listen and http.public_url")
	case w.Sockets != 0:
		d.add(at+".sockets", "are of Socket Mode; signing_secret_files choose HTTP mode, which has none")
	}
	for i, file := range w.SigningSecretFiles {
		if file == "" {
			d.add(fmt.Sprintf("%s.signing_secret_files[%d]", at, i), "is empty: name a file that holds the app's signing secret")
		}
	}
}

func (c *Config) checkDiscord(d *decoder) {
	var names []string
	for i, g := range c.Platforms.Discord {
		at := fmt.Sprintf("platforms.discord[%d]", i)
		names = checkPlaceName(d, at+".name", "server", g.Name, names)
		if !discord.IsID(g.Guild) {
			d.add(at+".guild", "must be the id of the server, a number: with Developer Mode on, the server's menu copies it")
		}
		if g.TokenFile == "" {
			d.add(at+".token_file", "is missing: name a file that holds the token of the bot")
		}
	}
}

// workspaces are the names of a platform's workspaces.
func (c *Config) workspaces(platform string) []string {
	var names []string
	keep := func(name string) {
		if name != "" && !slices.Contains(names, name) { // which is told already
			names = append(names, name)
		}
	}
	switch platform {
	case mattermost.Name:
		for _, m := range c.Platforms.Mattermost {
			keep(m.Name)
		}
	case slack.Name:
		for _, w := range c.Platforms.Slack {
			keep(w.Name)
		}
	case discord.Name:
		for _, g := range c.Platforms.Discord {
			keep(g.Name)
		}
	}
	return names
}

// workspaceProblem says what is wrong with a workspace of a platform that has
// some, "" when nothing is.
func (c *Config) workspaceProblem(platform, workspace string) string {
	if platform != mattermost.Name && platform != slack.Name && platform != discord.Name {
		return ""
	}
	names := c.workspaces(platform)
	switch {
	case slices.Contains(names, workspace):
		return ""
	case len(names) == 0:
		return "needs a server: add one under platforms." + platform
	case workspace == "":
		return "is missing: write the name of a server under platforms." + platform + ", one of " + strings.Join(names, ", ")
	}
	return shown(workspace) + " is no server under platforms." + platform + ": write one of " + strings.Join(names, ", ")
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

// checkDiscordGroup wants WORKSPACE/ID.
func (c *Config) checkDiscordGroup(d *decoder, path, group string) {
	workspace, role, _ := strings.Cut(group, "/")
	if !discord.IsID(role) {
		d.add(path, "must be discord/WORKSPACE/ID, with the id of a role of the server: those who have it hold the role")
		return
	}
	if problem := c.workspaceProblem(discord.Name, workspace); problem != "" {
		d.add(path, "%s", problem)
	}
}

// chats tells whether people can ask elsewhere than at the console.
func (c *Config) chats() bool {
	return len(c.Platforms.Mattermost)+len(c.Platforms.Slack)+len(c.Platforms.Discord) > 0
}

// tokenFiles are the files of secrets of the platforms, to be found from the
// configuration's folder.
func (p *Platforms) tokenFiles() []*string {
	var out []*string
	for i := range p.Mattermost {
		out = append(out, (*string)(&p.Mattermost[i].TokenFile), (*string)(&p.Mattermost[i].CommandTokensFile))
	}
	for i := range p.Slack {
		out = append(out, (*string)(&p.Slack[i].AppTokenFile), (*string)(&p.Slack[i].BotTokenFile))
		for j := range p.Slack[i].SigningSecretFiles {
			out = append(out, (*string)(&p.Slack[i].SigningSecretFiles[j]))
		}
	}
	for i := range p.Discord {
		out = append(out, (*string)(&p.Discord[i].TokenFile))
	}
	return out
}

func (c *Config) describePlatforms() []string {
	var lines []string
	for _, m := range c.Platforms.Mattermost {
		how := "by websocket only: people type and react, nothing is called from outside"
		if m.Full() {
			how = fmt.Sprintf("in full: the server calls %s for slash commands, buttons and forms; the tokens of the commands are in %s", c.HTTP.PublicURL, m.CommandTokensFile)
		}
		lines = append(lines, fmt.Sprintf("mattermost/%s: team %s on %s, %s; the bot's token is in %s", m.Name, m.Team, m.URL, how, m.TokenFile))
	}
	for _, w := range c.Platforms.Slack {
		if w.HTTP() {
			lines = append(lines, fmt.Sprintf("slack/%s: HTTP mode, called below %s/slack/%s/; signed with one of %d secrets", w.Name, strings.TrimSuffix(c.HTTP.PublicURL, "/"), w.Name, len(w.SigningSecretFiles)))
			continue
		}
		lines = append(lines, fmt.Sprintf("slack/%s: Socket Mode, %d at once; nothing has to reach this machine from outside", w.Name, max(w.Sockets, 1)))
	}
	for _, g := range c.Platforms.Discord {
		lines = append(lines, fmt.Sprintf("discord/%s: server %s by the gateway; nothing has to reach this machine from outside; the bot's token is in %s", g.Name, g.Guild, g.TokenFile))
	}
	return lines
}

// MattermostChannels are the names of the channels that the bot has to be in on
// a server: those listed, and those that give roles.
func (c *Config) MattermostChannels(workspace string) []string {
	var names []string
	for _, ch := range c.Channels {
		if ch.Platform == mattermost.Name && ch.Workspace == workspace {
			names = append(names, ch.Name)
		}
	}
	for _, r := range c.Roles {
		g := r.group()
		if name, ok := strings.CutPrefix(g.Name, workspace+"/channel/"); ok && g.Platform == mattermost.Name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
