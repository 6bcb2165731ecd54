package mattermost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Installation is what a server needs before the bot can work there. Every part
// of it can be done again: what is there already stays as it is.
type Installation struct {
	Config   Config
	Public   string    // where the server calls; "" where it does not
	Bot      string    // name of the bot's account
	Channels []string  // that the bot is to be in, names within the team
	Commands []Trigger // that are to exist, the one without alias first
	Options  Options
	// Say is told what is done, a line each.
	Say func(line string)
}

// Trigger is one slash command.
type Trigger struct{ Name, Hint, Summary string }

// Limits of what is shown of a command (model/command.go, IsValid).
const (
	maxDescription = 128
	maxDisplay     = 64
)

// describedAs begins the description of the commands that are ours.
const describedAs = "gridwarden: "

// Install makes the bot's account, its token, its memberships and, where the
// server calls, the commands, with the token of a system admin. The token is
// kept nowhere. What an admin has to do beside it comes back as one error, when
// everything else is done.
func (i Installation) Install(ctx context.Context, admin secret.Value) error {
	s := tokenless(i.Config, i.Options)
	defer s.client.CloseIdleConnections()
	s.token = strings.TrimSpace(admin.Reveal())
	me, err := ask(ctx, s, "who the admin is", func(ctx context.Context, c *model.Client4) (*model.User, *model.Response, error) {
		return c.GetMe(ctx, "")
	})
	if statusOf(err) == http.StatusUnauthorized {
		return bot.Problemf("configuration", "The Mattermost server %s does not take the admin's token. Nothing was changed.", i.Config.URL)
	}
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(me.Roles), model.SystemAdminRoleId) {
		return bot.Problemf("configuration", "The token is that of %s, who is no system admin. Nothing was changed.", me.Username)
	}
	team, err := s.team(ctx)
	if statusOf(err) == http.StatusNotFound {
		return bot.Problemf("configuration", "There is no team %s on %s: correct platforms.mattermost[].team. Nothing was changed.", i.Config.Team, i.Config.URL)
	}
	if err != nil {
		return err
	}
	user, err := i.account(ctx, s)
	if err != nil {
		return err
	}
	if err := i.access(ctx, s, user); err != nil {
		return err
	}
	if err := i.join(ctx, s, team, user); err != nil {
		return err
	}
	trouble := i.joinChannels(ctx, s, user)
	if i.Config.Full() {
		if err := i.register(ctx, s, team); err != nil {
			return err
		}
	}
	if len(trouble) > 0 {
		return bot.Problemf("configuration", "%s Do that and run the same again.", strings.Join(trouble, " "))
	}
	return nil
}

func (i Installation) say(format string, args ...any) { i.Say(fmt.Sprintf(format, args...)) }

// account finds or makes the bot's account.
func (i Installation) account(ctx context.Context, s *server) (*model.User, error) {
	u, err := ask(ctx, s, "the bot's account", func(ctx context.Context, c *model.Client4) (*model.User, *model.Response, error) {
		return c.GetUserByUsername(ctx, i.Bot, "")
	})
	switch {
	case err == nil && !u.IsBot:
		return nil, bot.Problemf("configuration", "The account %s exists and is no bot: give another name with --bot.", i.Bot)
	case err == nil && u.DeleteAt != 0:
		_, err = ask(ctx, s, "the bot's account to be enabled", func(ctx context.Context, c *model.Client4) (*model.Bot, *model.Response, error) {
			return c.EnableBot(ctx, u.Id)
		})
		i.say("enabled the bot account %s again", i.Bot)
		return u, err
	case err == nil:
		i.say("the bot account %s is there", i.Bot)
		return u, nil
	case statusOf(err) != http.StatusNotFound:
		return nil, err
	}
	made, err := ask(ctx, s, "a bot account", func(ctx context.Context, c *model.Client4) (*model.Bot, *model.Response, error) {
		return c.CreateBot(ctx, &model.Bot{Username: i.Bot, DisplayName: "gridwarden", Description: "Traces who ran on a worker node; bans and kills only after people agreed."})
	})
	if statusOf(err) == http.StatusForbidden {
		return nil, bot.Problemf("configuration", "The server does not let bot accounts be made: switch them on under System Console > Integrations > Bot Accounts, and run the same again.")
	}
	if err != nil {
		return nil, err
	}
	i.say("made the bot account %s", i.Bot)
	return &model.User{Id: made.UserId, Username: made.Username, IsBot: true}, nil
}

// access makes the bot's token, unless the one in its file works.
func (i Installation) access(ctx context.Context, s *server, user *model.User) error {
	file := i.Config.TokenFile
	if old, err := file.Read(); err == nil {
		as := tokenless(i.Config, i.Options)
		defer as.client.CloseIdleConnections()
		as.token = strings.TrimSpace(old.Reveal())
		owner, err := ask(ctx, as, "whose the token is", func(ctx context.Context, c *model.Client4) (*model.User, *model.Response, error) {
			return c.GetMe(ctx, "")
		})
		switch {
		case err == nil && owner.Id == user.Id:
			i.say("the token in %s works", file)
			return nil
		case err == nil:
			return bot.Problemf("configuration", "The file %s holds the token of %s, not of %s. Move it away, or name another with --bot.", file, owner.Username, i.Bot)
		case statusOf(err) != http.StatusUnauthorized:
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := newPrivate(string(file)) // before there is a token that could be lost
	if err != nil {
		return err
	}
	defer out.drop()
	t, err := ask(ctx, s, "a token for the bot", func(ctx context.Context, c *model.Client4) (*model.UserAccessToken, *model.Response, error) {
		return c.CreateUserAccessToken(ctx, user.Id, "gridwarden")
	})
	if err != nil {
		return err
	}
	if err := out.keep(t.Token + "\n"); err != nil {
		return err
	}
	i.say("made a token for %s and wrote it to %s", i.Bot, file)
	return nil
}

func (i Installation) join(ctx context.Context, s *server, team string, user *model.User) error {
	_, err := ask(ctx, s, "the bot's membership in the team", func(ctx context.Context, c *model.Client4) (*model.TeamMember, *model.Response, error) {
		return c.AddTeamMember(ctx, team, user.Id)
	})
	if err == nil {
		i.say("%s is in the team %s", i.Bot, i.Config.Team)
	}
	return err
}

// joinChannels adds the bot to every channel, and tells of those where that did
// not work.
func (i Installation) joinChannels(ctx context.Context, s *server, user *model.User) (trouble []string) {
	for _, name := range i.Channels {
		id, err := s.channelID(ctx, name)
		if err == nil {
			_, err = ask(ctx, s, "the bot's membership in "+name, func(ctx context.Context, c *model.Client4) (*model.ChannelMember, *model.Response, error) {
				return c.AddChannelMember(ctx, id, user.Id)
			})
		}
		switch {
		case statusOf(err) == http.StatusNotFound:
			trouble = append(trouble, fmt.Sprintf("The channel %s does not exist in the team %s: make it, or correct its name.", name, i.Config.Team))
		case err != nil:
			trouble = append(trouble, fmt.Sprintf("The bot could not be added to the channel %s (%d): invite it there.", name, statusOf(err)))
		default:
			i.say("%s is in the channel %s", i.Bot, name)
		}
	}
	return trouble
}

// register makes the team's commands and writes their tokens down. The file
// holds these tokens only: one of a command that is ours no more holds no more.
func (i Installation) register(ctx context.Context, s *server, team string) error {
	all, err := ask(ctx, s, "the team's commands", func(ctx context.Context, c *model.Client4) ([]*model.Command, *model.Response, error) {
		return c.ListCommands(ctx, team, true)
	})
	if statusOf(err) == http.StatusNotImplemented {
		return bot.Problemf("configuration", "Slash commands are switched off on the server: switch them on under System Console > Integrations > Integration Management, and run the same again.")
	}
	if err != nil {
		return err
	}
	out, err := newPrivate(string(i.Config.CommandTokensFile))
	if err != nil {
		return err
	}
	defer out.drop()
	var tokens, made, kept, taken []string
	for n, t := range i.Commands {
		command, fresh, err := i.command(ctx, s, team, t, all)
		switch {
		case errors.Is(err, errTaken) && n > 0:
			taken = append(taken, "/"+t.Name)
			continue
		case errors.Is(err, errTaken):
			return bot.Problemf("configuration", "The command /%s of the team belongs to something else: delete it there, and run the same again.", t.Name)
		case err != nil:
			return err
		}
		tokens = append(tokens, command.Token)
		if fresh {
			made = append(made, "/"+t.Name)
		} else {
			kept = append(kept, "/"+t.Name)
		}
	}
	if err := out.keep(strings.Join(tokens, "\n") + "\n"); err != nil {
		return err
	}
	for _, l := range []struct {
		what string
		all  []string
	}{{"made the commands", made}, {"these commands are there:", kept}, {"these names are taken by something else; write /" + rootCommand + " before them:", taken}} {
		if len(l.all) > 0 {
			i.say("%s %s", l.what, strings.Join(l.all, " "))
		}
	}
	i.say("wrote the tokens of the commands to %s", i.Config.CommandTokensFile)
	return nil
}

var errTaken = errors.New("mattermost: the name of a command is taken")

// command finds, corrects or makes one command.
func (i Installation) command(ctx context.Context, s *server, team string, t Trigger, all []*model.Command) (c *model.Command, fresh bool, err error) {
	want := model.Command{
		TeamId: team, Trigger: t.Name, Method: model.CommandMethodPost, URL: s.callbackURL(pathCommand),
		AutoComplete: true, AutoCompleteHint: t.Hint, AutoCompleteDesc: inBytes(t.Summary, maxDescription),
		DisplayName: clipped(t.Name, maxDisplay), Description: inBytes(describedAs+t.Summary, maxDescription),
	}
	for _, there := range all {
		if there.Trigger != t.Name {
			continue
		}
		if !strings.HasPrefix(there.Description, describedAs) && there.URL != want.URL {
			return nil, false, errTaken
		}
		now := *there
		now.URL, now.Method, now.AutoComplete, now.AutoCompleteHint = want.URL, want.Method, true, want.AutoCompleteHint
		now.AutoCompleteDesc, now.DisplayName, now.Description = want.AutoCompleteDesc, want.DisplayName, want.Description
		if now == *there {
			return there, false, nil
		}
		c, err = ask(ctx, s, "a change of a command", func(ctx context.Context, c *model.Client4) (*model.Command, *model.Response, error) {
			return c.UpdateCommand(ctx, &now)
		})
		return c, false, err
	}
	c, err = ask(ctx, s, "a command", func(ctx context.Context, c *model.Client4) (*model.Command, *model.Response, error) {
		return c.CreateCommand(ctx, &want)
	})
	if r := (*refusal)(nil); errors.As(err, &r) && r.id == "api.command.duplicate_trigger.app_error" {
		return nil, false, errTaken // the server's own, or another user's
	}
	return c, true, err
}

// Steps are the same by hand.
func (i Installation) Steps() []string {
	steps := []string{
		"System Console > Integrations > Bot Accounts: enable bot accounts.",
		fmt.Sprintf("Integrations > Bot Accounts > Add Bot Account: username %s, role Member. Put its token into %s, a file closed to others (mode 0600).", i.Bot, i.Config.TokenFile),
		fmt.Sprintf("Add %s to the team %s.", i.Bot, i.Config.Team),
	}
	if len(i.Channels) > 0 {
		steps = append(steps, fmt.Sprintf("Add %s to the channels %s.", i.Bot, strings.Join(i.Channels, ", ")))
	}
	if !i.Config.Full() {
		return steps
	}
	address := tokenless(i.Config, i.Options).callbackURL(pathCommand)
	var names []string
	for _, t := range i.Commands {
		names = append(names, t.Name)
	}
	return append(steps,
		fmt.Sprintf("Integrations > Slash Commands > Add Slash Command, in the team %s: trigger word %s, request URL %s, method POST. Put its token into %s, one token a line (mode 0600). Do the same for as many of these as you like: %s.",
			i.Config.Team, names[0], address, i.Config.CommandTokensFile, strings.Join(names[1:], ", ")),
		i.Allow())
}

// Allow is what a server has to be told when the bot's address is a private one.
func (i Installation) Allow() string {
	host := strings.TrimPrefix(strings.TrimPrefix(i.Public, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	return fmt.Sprintf("If %s is an address inside your network: System Console > Environment > Developer > Allow untrusted internal connections: add %s.", host, host)
}

// private is a file that only its owner reads, and that is there whole or not at all.
type private struct {
	path string
	temp *os.File
}

// newPrivate makes sure that there can be such a file.
func newPrivate(path string) (*private, error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".gridwarden-*") // mode 0600
	if err != nil {
		return nil, bot.Problemf("configuration", "The file %s cannot be written: %v. Nothing was made that belongs into it.", path, err)
	}
	return &private{path: path, temp: temp}, nil
}

// keep writes the file.
func (p *private) keep(text string) error {
	_, err := p.temp.WriteString(text)
	err = errors.Join(err, p.temp.Sync(), p.temp.Close())
	if err == nil {
		err = os.Rename(p.temp.Name(), p.path)
	}
	if err != nil {
		return fmt.Errorf("mattermost: writing %s: %w", p.path, err)
	}
	return nil
}

// drop gives up what was not kept.
func (p *private) drop() {
	_ = p.temp.Close()           // it may be closed
	_ = os.Remove(p.temp.Name()) // it may have its real name by now
}

// inBytes bounds a text as the server counts it: in bytes.
func inBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := n - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
