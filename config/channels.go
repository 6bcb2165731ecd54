package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/discord"
)

// command is the name of a command: one word or two.
var command = regexp.MustCompile(`^[a-z]{1,32}( [a-z]{1,32})?$`)

func (c *Config) checkChannels(d *decoder) {
	for i, channel := range c.Channels {
		at := fmt.Sprintf("channels[%d]", i)
		c.checkPlatform(d, at+".platform", channel.Platform)
		if channel.Platform == console.Name && channel.Workspace != "" {
			d.add(at+".workspace", "is given, but the console has no workspaces: take the line out")
		}
		if problem := c.workspaceProblem(channel.Platform, channel.Workspace); problem != "" {
			d.add(at+".workspace", "%s", problem)
		}
		switch {
		case channel.Name == "":
			d.add(at+".name", "is missing: the channel's name on its platform")
		case channel.Platform == discord.Name && !discord.IsID(channel.Name):
			d.add(at+".name", "%s must be the id of the channel, a number: with Developer Mode on, the channel's menu copies it", shown(channel.Name))
		}
		if len(channel.Commands) == 0 {
			d.add(at+".commands", "is missing: write [all], or the names of the commands that may be used there")
		}
		for k, name := range channel.Commands {
			if !command.MatchString(name) {
				d.add(fmt.Sprintf("%s.commands[%d]", at, k), "%s is no command: write [all], or names as `help` shows them", shown(name))
			}
		}
		if channel.Cards && !channel.PersonalData {
			d.add(at+".cards", "show whom an action is about: set personal_data to true as well")
		}
		same := func(other Channel) bool { return other.thread() == channel.thread() }
		if first := slices.IndexFunc(c.Channels, same); first < i {
			d.add(at, "is the same channel as channels[%d]: make one of them", first)
		}
	}
}

func (c *Config) checkPlatform(d *decoder, path, platform string) {
	known := channelPlatforms
	if platform == "" {
		d.add(path, "is missing: write one of %s", strings.Join(known, ", "))
	} else if !slices.Contains(known, platform) {
		d.add(path, "%s is no platform of this program: write one of %s", shown(platform), strings.Join(known, ", "))
	}
}

// thread is the channel's address, comparable.
func (c Channel) thread() bot.Thread {
	return bot.Thread{Platform: c.Platform, Workspace: c.Workspace, Channel: c.Name}
}

// String is the channel as people write it: platform/workspace/name.
func (c Channel) String() string {
	if c.Workspace == "" {
		return c.Platform + "/" + c.Name
	}
	return c.Platform + "/" + c.Workspace + "/" + c.Name
}

// checkSecurityChannel finds the channel where changes of people and policies
// are told. It must be a listed one: elsewhere the bot may not speak.
func (c *Config) checkSecurityChannel(d *decoder) {
	if c.SecurityChannel == "" {
		return
	}
	var found []Channel
	for _, channel := range c.Channels {
		if c.SecurityChannel == channel.Name || c.SecurityChannel == channel.String() {
			found = append(found, channel)
		}
	}
	switch len(found) {
	case 0:
		d.add("security_channel", "%s is not among the channels: list it there, or name one that is", shown(c.SecurityChannel))
	case 1:
		c.security = found[0].thread()
	default:
		d.add("security_channel", "%s could be %s or %s: write it like that", shown(c.SecurityChannel), found[0], found[1])
	}
}
