package slack

import (
	"cmp"
	"slices"
	"strings"

	slackapi "github.com/slack-go/slack"
)

// scopesOf are the scopes of the bot's token that each method needs which this
// package calls (docs.slack.dev, the pages of the methods); what is not here
// needs none.
var scopesOf = map[string][]string{
	"chat.postMessage": {"chat:write"}, "chat.update": {"chat:write"}, "chat.postEphemeral": {"chat:write"},
	"conversations.info": {"channels:read", "groups:read"}, "conversations.members": {"channels:read", "groups:read"},
	"conversations.history": {"channels:history", "groups:history"}, "conversations.replies": {"channels:history", "groups:history"},
	"files.getUploadURLExternal": {"files:write"}, "files.completeUploadExternal": {"files:write"}, "files.info": {"files:read"},
	"reactions.add": {"reactions:write"}, "reactions.get": {"reactions:read"},
	"usergroups.users.list": {userGroups}, "users.info": {"users:read"},
}

// userGroups is needed only where a user group gives a role.
const userGroups = "usergroups:read"

// subscriptions are the events that this package takes, with the scopes that
// Slack wants for them. Direct messages are not among them: the app has no tab
// for them, and every command belongs into a channel.
var subscriptions = map[string][]string{
	"message.channels": {"channels:history"}, "message.groups": {"groups:history"},
	"reaction_added": {"reactions:read"}, "reaction_removed": {"reactions:read"},
	"member_joined_channel": {"channels:read", "groups:read"}, "member_left_channel": {"channels:read", "groups:read"},
	"channel_shared": {"channels:read", "groups:read"}, "channel_unshared": {"channels:read", "groups:read"},
	userChange: {"users:read"},
}

// userChange is the event that an account became something else.
const userChange = "user_change"

// botScopes are all scopes of the bot's token; no more is asked for.
func botScopes() []string {
	all := []string{"commands"}
	for _, table := range []map[string][]string{scopesOf, subscriptions} {
		for _, scopes := range table {
			all = append(all, scopes...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// builtIn are Slack's own commands, which an app cannot have; /gridwarden takes
// theirs too (slack.com/help, "Use built-in slash commands").
var builtIn = []string{
	"apps", "archive", "away", "call", "canvas", "collapse", "dm", "expand", "feed", "help", "huddle", "invite", "join", "leave", "me", "msg", "mute", "open",
	"prefs", "remind", "remove", "rename", "search", "shortcuts", "shrug", "star", "status", "topic", "unarchive", "who",
}

// Limits of a manifest (docs.slack.dev, app manifest reference).
const (
	maxSlashCommands = 50
	maxSlashName     = 32 // with the stroke
	maxDescription   = 2000
	maxUsageHint     = 1000
)

// SlashCommand is a command as Slack offers it to people.
type SlashCommand struct{ Name, Args, Summary string }

// Manifest is the app of a workspace, as Slack takes it under *Create New App*,
// *From a manifest*: all that the program uses, and nothing else. public is
// where Slack reaches the program in HTTP mode.
func Manifest(c Config, public string, commands []SlashCommand) slackapi.Manifest {
	at := func(path string) string {
		if !c.HTTP() {
			return ""
		}
		return strings.TrimSuffix(public, "/") + inboundPath(c.Name, path)
	}
	m := slackapi.Manifest{
		Display: slackapi.Display{Name: "gridwarden", Description: "Traces whose code ran on the grid; bans and kills what two people agreed on"},
		Features: slackapi.Features{
			BotUser:       slackapi.BotUser{DisplayName: "gridwarden", AlwaysOnline: true},
			SlashCommands: slashCommands(commands, at("commands")),
		},
		OAuthConfig: slackapi.OAuthConfig{Scopes: slackapi.OAuthScopes{Bot: botScopes()}},
		Settings: slackapi.Settings{
			EventSubscriptions: &slackapi.EventSubscriptions{RequestUrl: at("events")},
			Interactivity:      &slackapi.Interactivity{IsEnabled: true, RequestUrl: at("actions")},
			SocketModeEnabled:  !c.HTTP(),
		},
	}
	for event := range subscriptions {
		m.Settings.EventSubscriptions.BotEvents = append(m.Settings.EventSubscriptions.BotEvents, event)
	}
	slices.Sort(m.Settings.EventSubscriptions.BotEvents)
	return m
}

// slashCommands are /gridwarden, and a short form of every command by its first
// word where Slack has none of that name.
func slashCommands(commands []SlashCommand, url string) []slackapi.ManifestSlashCommand {
	out := []slackapi.ManifestSlashCommand{{Command: "/gridwarden", Description: "Any command of gridwarden, such as /gridwarden help", UsageHint: "help | COMMAND …", Url: url}}
	seen := map[string]bool{}
	for _, c := range commands {
		first, _, two := strings.Cut(c.Name, " ")
		if seen[first] || slices.Contains(builtIn, first) || len(first) >= maxSlashName || len(out) == maxSlashCommands {
			continue
		}
		seen[first] = true
		one := slackapi.ManifestSlashCommand{Command: "/" + first, Description: c.Summary, UsageHint: c.Args, Url: url}
		if two {
			one.UsageHint, one.Description = variants(commands, first)
		}
		one.Description, one.UsageHint = cutTo(one.Description, maxDescription), cutTo(one.UsageHint, maxUsageHint)
		out = append(out, one)
	}
	slices.SortStableFunc(out[1:], func(a, b slackapi.ManifestSlashCommand) int { return cmp.Compare(a.Command, b.Command) })
	return out
}

// variants tells of a word that needs another one behind it.
func variants(commands []SlashCommand, first string) (hint, description string) {
	var hints, summaries []string
	for _, c := range commands {
		word, second, _ := strings.Cut(c.Name, " ")
		if word == first {
			hints = append(hints, strings.TrimSpace(second+" "+c.Args))
			summaries = append(summaries, c.Summary)
		}
	}
	return strings.Join(hints, " | "), strings.Join(summaries, "; ")
}

func cutTo(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
