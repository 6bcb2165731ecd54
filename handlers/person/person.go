package person

import (
	"context"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Linker ties accounts to people.
type Linker interface {
	Link(ctx context.Context, req *bot.Request, account string, person action.PersonID) error
}

// Policies tells what is in force.
type Policies interface {
	Rules() bot.Rules
}

// New returns whoami and link.
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
				return bot.Say("The account `%s` is %s's from now on. It counts for no vote on what was proposed before.", args[0], args[1]), nil
			},
		},
	}
}

func whoami(req *bot.Request, rules bot.Rules) bot.Message {
	p := req.Person
	m := bot.Say("You are *%s* (`%s`), speaking as the account `%s`.", p.Display(), p.ID, req.Account.Key())
	if len(p.Roles) == 0 {
		m.Line("You hold no role, so you may ask only `help`, `status` and `whoami`.")
		return m
	}
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	m.Line("Roles: %s. Institute: %s.", strings.Join(roles, ", "), orNone(p.Institute))
	m.Line("Your accounts: %s. One person is one vote, whichever account it comes from.", orNone(strings.Join(p.Accounts, ", ")))
	for _, name := range []string{"ban", "unban", "kill", "protected"} {
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
