//go:build crash

package survival

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/discord"
)

const discordChannel = "300000000000000001"

// onDiscord is a server of Discord. It implements chat.
type onDiscord struct{ server *fakediscord.Server }

func (d *onDiscord) mode() string { return "Discord" }

func (d *onDiscord) surfaces() []string { return []string{byButton, byReaction, byWord} }

func (d *onDiscord) open(t testing.TB, p *place) access {
	d.server = fakediscord.New()
	a := access{
		platform: "discord: [{name: grid, guild: \"" + fakediscord.Guild + "\", token_file: discord.token}]", accounts: map[string]string{},
		channel: "{platform: discord, workspace: grid, name: \"" + discordChannel + "\", commands: [all], personal_data: true}",
	}
	for _, who := range everybody {
		d.server.AddUser(fakediscord.User{ID: d.user(who), Name: who})
		a.accounts[who] = "discord/grid/" + d.user(who)
	}
	d.server.AddChannel(fakediscord.Channel{ID: discordChannel, Name: "security", Private: true})
	a.env = "GRIDWARDEN_DISCORD_API=http://" + serveChat(t, p, d.server.Serve) + "/"
	p.write(t, "discord.token", fakediscord.Token)
	return a
}

func (d *onDiscord) user(who string) string {
	return fmt.Sprintf("2000000000000000%02d", slices.Index(everybody, who)+1)
}

func (d *onDiscord) connect(context.Context) error { return nil }

func (d *onDiscord) thread(root string) bot.Thread {
	return bot.Thread{Platform: discord.Name, Workspace: "grid", Channel: discordChannel, Root: root}
}

func (d *onDiscord) types(who, line string) string {
	id, _ := d.server.Type(d.user(who), discordChannel, "<@"+fakediscord.BotUser+"> "+line)
	return id
}

func (d *onDiscord) react(who, message string) { d.server.React(d.user(who), message, "👍") }

func (d *onDiscord) unreact(who, message string) { d.server.Unreact(d.user(who), message, "👍") }

// press presses the button, and says yes to the second look.
func (d *onDiscord) press(who, message, action string) error {
	const within = 3 * time.Second // as people are told by Discord
	value := "approve:" + action
	button := d.server.Button(message, "", ":"+value)
	if button == "" {
		return errNoButton
	}
	i, err := d.server.Click(d.user(who), message, button)
	if err != nil {
		return err
	}
	if !i.Answered(within) {
		return errUnanswered
	}
	again := i.Answer()
	if again == nil {
		return errUnanswered
	}
	sure := d.server.Button(again.ID, "sure:", value)
	if sure == "" { // the answer says why not
		return errNoButton
	}
	if i, err = d.server.Click(d.user(who), again.ID, sure); err != nil {
		return err
	}
	if !i.Answered(within) {
		return errUnanswered
	}
	return nil
}

func (d *onDiscord) said(root string) []shown {
	channel := root
	if root == "" {
		channel = discordChannel
	}
	var out []shown
	for _, m := range d.server.Messages(channel) {
		if m.Author != fakediscord.BotUser {
			continue
		}
		text, _ := fakediscord.Show(m.Content)
		out = append(out, shown{id: m.ID, text: plainly(text), buttons: len(m.Components) > 2, alone: m.To != ""})
	}
	return out
}

func (d *onDiscord) until(most time.Duration, ok func() bool) bool { return d.server.Until(most, ok) }

func (d *onDiscord) forget(root string) { d.server.Forget(root) }
