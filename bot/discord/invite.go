package discord

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/bwmarrin/discordgo"
)

// Intents are the kinds of events that are asked for: servers, messages and
// reactions in them, and what is written in messages. Only the last one must be
// switched on in the application's settings.
const Intents = discordgo.IntentGuilds | discordgo.IntentGuildMessages | discordgo.IntentGuildMessageReactions | discordgo.IntentMessageContent

// permission is one right that the bot needs in its channels.
type permission struct {
	bit  int64
	name string // as Discord's settings call it
}

// permissions are what the bot needs, and no more is asked for.
var permissions = []permission{
	{discordgo.PermissionViewChannel, "View Channels"},
	{discordgo.PermissionSendMessages, "Send Messages"},
	{discordgo.PermissionReadMessageHistory, "Read Message History"},
	{discordgo.PermissionAddReactions, "Add Reactions"},
	{discordgo.PermissionAttachFiles, "Attach Files"},
	{discordgo.PermissionCreatePublicThreads, "Create Public Threads"},
	{discordgo.PermissionSendMessagesInThreads, "Send Messages in Threads"},
	{discordgo.PermissionManageThreads, "Manage Threads"},
}

// Permissions is the sum that an invitation names.
func Permissions() int64 {
	var sum int64
	for _, p := range permissions {
		sum |= p.bit
	}
	return sum
}

// Scopes are what an invitation asks for.
var Scopes = []string{"bot", "applications.commands"}

// Invitation is what somebody needs to set the bot up.
type Invitation struct {
	// URL adds the bot to a server when somebody who manages one opens it.
	URL         string   `json:"invite_url" yaml:"invite_url"`
	Scopes      []string `json:"scopes" yaml:"scopes"`
	Permissions int64    `json:"permissions" yaml:"permissions"`
	// PermissionNames are the same as Discord's settings call them.
	PermissionNames []string `json:"permission_names" yaml:"permission_names"`
	Intents         int      `json:"intents" yaml:"intents"`
	// Switches are what must be switched on under Bot in the application's settings.
	Switches []string `json:"switch_on" yaml:"switch_on"`
}

// Invite says how an application is added to a server. The application's id
// stands on its page General Information.
func Invite(application string) (Invitation, error) {
	if !IsID(application) {
		return Invitation{}, fmt.Errorf("discord: %.40q is no application id: it is the number under General Information", application)
	}
	inv := Invitation{Scopes: Scopes, Permissions: Permissions(), Intents: int(Intents), Switches: []string{"Message Content Intent"}}
	for _, p := range permissions {
		inv.PermissionNames = append(inv.PermissionNames, p.name)
	}
	q := url.Values{"client_id": {application}, "scope": {strings.Join(Scopes, " ")}, "permissions": {strconv.FormatInt(inv.Permissions, 10)}}
	inv.URL = "https://discord.com/oauth2/authorize?" + q.Encode()
	return inv, nil
}

// missing names the rights that are not in a sum.
func missing(have int64) []string {
	if have&discordgo.PermissionAdministrator != 0 {
		return nil
	}
	var out []string
	for _, p := range permissions {
		if have&p.bit == 0 {
			out = append(out, p.name)
		}
	}
	return out
}
