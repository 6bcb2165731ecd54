package person

import (
	"context"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Linker ties accounts to people.
type Linker interface {
	Link(ctx context.Context, req *bot.Request, account string, person action.PersonID) error
	// LinkCode gives a code that ties one more account to the asker, until a time.
	LinkCode(ctx context.Context, req *bot.Request) (code string, until time.Time, err error)
	// UseLinkCode ties the asking account to whoever got the code.
	UseLinkCode(ctx context.Context, req *bot.Request, code string) (action.PersonID, error)
}

// Policies tells what is in force.
type Policies interface {
	Rules() bot.Rules
}

// New returns whoami and the commands that tie accounts to people.
func New(linker Linker, policies Policies) []bot.Command {
	return []bot.Command{
		{
			Name: "whoami", Summary: "who you are to the bot and what you may do", Example: "whoami",
			Run: func(_ context.Context, req *bot.Request) (bot.Message, error) {
				return whoami(req, policies.Rules()), nil
			},
		},
		{
			Name: "link", Args: "ACCOUNT PERSON", Summary: "tie a chat account to a person", Example: "link console/1002 bob", Role: bot.Admin,
			Run: func(ctx context.Context, req *bot.Request) (bot.Message, error) {
				args := req.Args()
				if len(args) != 2 || strings.Count(args[0], "/") < 1 || len(args[0]) > 300 {
					return bot.Message{}, bot.Problemf("usage", "An account is platform/workspace/id, as `whoami` shows it to its owner.")
				}
				if err := linker.Link(ctx, req, args[0], action.PersonID(args[1])); err != nil {
					return bot.Message{}, err
				}
				return linked(args[0], action.PersonID(args[1])), nil
			},
		},
		{
			Name: "link code", Summary: "get a code that makes another account yours", Example: "link code",
			Run: func(ctx context.Context, req *bot.Request) (bot.Message, error) {
				if len(req.Args()) > 0 {
					return bot.Message{}, bot.Problemf("usage", "It takes nothing behind it.")
				}
				code, until, err := linker.LinkCode(ctx, req)
				if err != nil {
					return bot.Message{}, err
				}
				m := bot.Say("Type `link use %s` from your other account, in a channel where gridwarden listens. It is good once, until %s. Show it to nobody: who types it is you from then on.", code, until.UTC().Format("15:04 UTC"))
				m.Private, m.Secret = true, true
				return m, nil
			},
		},
		{
			Name: "link use", Args: "CODE", Summary: "make this account that of whoever got the code", Example: "link use bob-k7m2p9xq4wtz",
			Run: func(ctx context.Context, req *bot.Request) (bot.Message, error) {
				args := req.Args()
				if len(args) != 1 {
					return bot.Message{}, bot.Problemf("usage", "It takes the code that `link code` gave.")
				}
				person, err := linker.UseLinkCode(ctx, req, args[0])
				if err != nil {
					return bot.Message{}, err
				}
				return linked(req.Account.Key(), person), nil
			},
		},
	}
}

func linked(account string, person action.PersonID) bot.Message {
	return bot.Say("The account `%s` is %s's from now on. It counts for no vote on what was proposed before.", account, person)
}

func whoami(req *bot.Request, rules bot.Rules) bot.Message {
	p := req.Person
	m := bot.Say("You are *%s* (`%s`), speaking as the account `%s`.", p.Display(), p.ID, req.Account.Key())
	if len(p.Roles) == 0 {
		m.Line("You hold no role, so you may ask only `help`, `status`, `whoami` and `link code`.")
		return m
	}
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	m.Line("Roles: %s. Institute: %s.", strings.Join(roles, ", "), orNone(p.Institute))
	m.Line("Your accounts: %s. One person is one vote, whichever account it comes from.", orNone(strings.Join(p.Accounts, ", ")))
	for _, name := range []string{"ban", "unban", "kill", "mail", "protected"} {
		for _, need := range rules.Policies[name].Approvals {
			if p.May(bot.Role(need.Role)) {
				m.Line("You may approve `%s` when others propose it.", name)
				break
			}
		}
	}
	return m
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
