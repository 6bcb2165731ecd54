package kill

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// order is the payload of an action: the exact tasks and jobs.
type order struct {
	Accounts []account `json:"accounts"` // whose they are
	Tasks    []string  `json:"tasks"`
	Jobs     []string  `json:"jobs"`
	Reason   string    `json:"reason"`
}

type account struct {
	ID         string          `json:"id"` // "": there is no user of that name
	Name       string          `json:"name"`
	DN         string          `json:"dn"`
	Experiment grid.Experiment `json:"experiment"`
}

func orderFor(accounts []grid.Account, todo target.Live, reason string) order {
	o := order{Reason: reason, Tasks: []string{}, Jobs: jobIDs(todo.Jobs)}
	for _, a := range accounts {
		o.Accounts = append(o.Accounts, account{ID: a.ID, Name: a.Name, DN: a.DN, Experiment: a.Experiment})
	}
	for _, t := range todo.Tasks {
		o.Tasks = append(o.Tasks, t.ID)
	}
	return o
}

func orderOf(a action.Action) (order, error) {
	var o order
	if err := json.Unmarshal(a.Frozen.Plan.Payload, &o); err != nil {
		return o, fmt.Errorf("reading the order of %s: %w", a.ID, err)
	}
	return o, nil
}

func (o order) users() []grid.Account {
	var out []grid.Account
	for _, a := range o.Accounts {
		out = append(out, grid.Account{ID: a.ID, Name: a.Name, DN: a.DN, Experiment: a.Experiment})
	}
	return out
}

// key stands for the list: another list is another action.
func (o order) key() string {
	sum := sha256.Sum256([]byte(strings.Join(o.Tasks, " ") + "/" + strings.Join(o.Jobs, " ")))
	return hex.EncodeToString(sum[:8])
}

// again is the command that asks for what has come since.
func (c command) again(o order) string {
	if c.name == killUser {
		return target.Command(c.name, o.Accounts[0].Name, o.Reason)
	}
	return byID(c.name, o.Tasks, o.Reason)
}

// byID writes a command about ids so that it can be copied.
func byID(name string, ids []string, reason string) string {
	var words []bot.Token
	for _, id := range ids {
		words = append(words, bot.Token{Text: id})
	}
	return bot.Echo(name, append(words, bot.Token{Text: reason, Quoted: true}), nil)
}
