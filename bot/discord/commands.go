package discord

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot/display"
)

// The slash command, under which all others stand: Discord's own clients have a
// /ban and a /kick already.
const (
	root = "gridwarden"
	// plainCommand is a command whose name is also the first word of others:
	// Discord has no command that is a group too.
	plainCommand = "it"
	// anyCommand takes a whole line, for commands that found no place.
	anyCommand = "type"
)

// Discord's limits of slash commands.
const (
	maxOptions     = 25
	maxDescription = 100
	maxCommandText = 7900 // characters of names, descriptions and values together
	maxArgument    = 1500 // characters; Discord takes 6,000, which no command needs
)

var commandName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// slash makes of the program's commands one of Discord's.
func slash(commands []Command) *discordgo.ApplicationCommand {
	var order []string
	words := map[string][]Command{}
	for _, c := range commands {
		first, rest, _ := strings.Cut(c.Name, " ")
		if !commandName.MatchString(first) || rest != "" && !commandName.MatchString(rest) {
			continue
		}
		if words[first] == nil {
			order = append(order, first)
		}
		words[first] = append(words[first], c)
	}
	out := &discordgo.ApplicationCommand{Name: root, Type: discordgo.ChatApplicationCommand, Description: "Traces and bans on the grid"}
	var options []*discordgo.ApplicationCommandOption
	for _, first := range order {
		if len(options) == maxOptions-1 {
			break
		}
		options = append(options, option(first, words[first]))
	}
	out.Options = append(options, leaf(anyCommand, Command{Args: "COMMAND", Summary: "any command, as it would be typed behind a mention"}))
	if sizeOf(out.Options) > maxCommandText {
		shortened(out.Options)
	}
	return out
}

// sizeOf counts what Discord bounds: names and descriptions.
func sizeOf(options []*discordgo.ApplicationCommandOption) int {
	n := 0
	for _, o := range options {
		n += length(o.Name) + length(o.Description) + sizeOf(o.Options)
	}
	return n
}

// shortened leaves the arguments without descriptions; help tells them in full.
func shortened(options []*discordgo.ApplicationCommandOption) {
	for _, o := range options {
		if o.Type == discordgo.ApplicationCommandOptionString {
			o.Description = o.Name
		}
		shortened(o.Options)
	}
}

// option is one command, or the group of those that begin with a word.
func option(first string, commands []Command) *discordgo.ApplicationCommandOption {
	if len(commands) == 1 && !strings.Contains(commands[0].Name, " ") {
		return leaf(first, commands[0])
	}
	group := &discordgo.ApplicationCommandOption{Type: discordgo.ApplicationCommandOptionSubCommandGroup, Name: first, Description: cut(first+" …", maxDescription)}
	for _, c := range commands[:min(len(commands), maxOptions)] {
		_, rest, _ := strings.Cut(c.Name, " ")
		if rest == "" {
			rest = plainCommand
		}
		group.Options = append(group.Options, leaf(rest, c))
	}
	return group
}

func leaf(name string, c Command) *discordgo.ApplicationCommandOption {
	o := &discordgo.ApplicationCommandOption{Type: discordgo.ApplicationCommandOptionSubCommand, Name: name, Description: described(c.Summary, name)}
	if c.Args == "" {
		return o
	}
	o.Options = []*discordgo.ApplicationCommandOption{{
		Type: discordgo.ApplicationCommandOptionString, Name: "arguments", Description: described(c.Args, name), MaxLength: maxArgument,
		Required: !strings.HasPrefix(c.Args, "["),
	}}
	return o
}

func described(text, name string) string {
	if text = strings.TrimSpace(display.Visible(text)); text == "" {
		text = name
	}
	return cut(text, maxDescription)
}

// register makes the slash command of the server what the program's commands are.
// It is written only where it differs: Discord takes 200 new ones a day.
func (g *guild) register(ctx context.Context) {
	if err := g.tryRegister(ctx); err != nil && ctx.Err() == nil {
		g.log.ErrorContext(ctx, "the slash command is not registered; typed commands work", "error", err)
	}
}

func (g *guild) tryRegister(ctx context.Context) error {
	commands := g.commands()
	if len(commands) == 0 {
		return nil
	}
	me, err := g.me(ctx)
	if err != nil {
		return err
	}
	want := slash(commands)
	q := question{what: "the slash commands", method: http.MethodGet, path: "applications/" + me.App + "/guilds/" + g.id + "/commands", route: "applications/commands"}
	var have []*discordgo.ApplicationCommand
	if err := g.persist(ctx, q, &have); err != nil {
		return err
	}
	if len(have) == 1 && same(have[0], want) {
		return nil
	}
	q.method, q.body = http.MethodPut, []*discordgo.ApplicationCommand{want}
	return g.persist(ctx, q, nil)
}

// same compares what makes a command; Discord adds ids and leaves out what is empty.
func same(a, b *discordgo.ApplicationCommand) bool {
	plain := func(c *discordgo.ApplicationCommand) string {
		data, err := json.Marshal([]any{c.Name, c.Description, normal(c.Options)})
		if err != nil { // strings and numbers always marshal
			panic(err)
		}
		return string(data)
	}
	return plain(a) == plain(b)
}

func normal(options []*discordgo.ApplicationCommandOption) []any {
	out := []any{}
	for _, o := range options {
		out = append(out, []any{o.Type, o.Name, o.Description, o.Required, o.MaxLength, normal(o.Options)})
	}
	return out
}
