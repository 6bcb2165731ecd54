package bot

import (
	"slices"
	"sync"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Rules is everything the configuration says about who may do what. It is
// replaced as a whole on reload.
type Rules struct {
	People   []Person
	Policies map[string]action.Policy // by name: ban, unban, kill, protected
	Channels []Channel
	Groups   map[Role]Group // a group gives a role to known people only
	Security Thread         // where changes of people, roles and policies are told; zero: nowhere
	Limits   Limits
	// SecurityList says that incidents, proposals and decisions are told by mail.
	SecurityList bool
}

// Channel is one place where the bot listens. Empty configuration denies: in a
// channel that is not listed nothing runs.
type Channel struct {
	Platform     string
	Workspace    string
	Name         string
	Commands     []string // command names, or "all"
	PersonalData bool     // names, DNs and addresses may be shown here
	Cards        bool     `json:",omitempty"` // the cards of all actions are shown here too, wherever they were asked for
}

// rooms are the threads that show the card of what is asked for in one: itself,
// the security channel and every channel that shows cards.
func (r Rules) rooms(home Thread) []string {
	rooms := []string{home.String()}
	add := func(t Thread) {
		if t != (Thread{}) && !inChannel(home, t) && !slices.Contains(rooms, t.String()) {
			rooms = append(rooms, t.String())
		}
	}
	add(r.Security)
	for _, c := range r.Channels {
		if c.Cards {
			add(Thread{Platform: c.Platform, Workspace: c.Workspace, Channel: c.Name})
		}
	}
	return rooms
}

// Group is a platform's group that is the source of a role.
type Group struct {
	Platform string
	Name     string
}

// Limits are commands a minute; zero means the default.
type Limits struct {
	PerPerson  int
	PerChannel int
}

// People answers who somebody is at this moment: configured accounts, accounts
// linked in chat, and roles by group. It is safe for concurrent use.
type People struct {
	mu     sync.RWMutex
	rules  Rules
	links  map[string]action.PersonID
	groups map[Role][]string // account keys
}

// NewPeople starts with rules and the accounts linked in chat.
func NewPeople(rules Rules, links map[string]action.PersonID) *People {
	return &People{rules: rules, links: links, groups: map[Role][]string{}}
}

// Rules returns the rules in force.
func (p *People) Rules() Rules {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.rules
}

// Reload puts other rules in force.
func (p *People) Reload(rules Rules) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = rules
}

// apart is the same people by themselves, with nobody in any group yet.
func (p *People) apart() *People {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return NewPeople(p.rules, p.links) // which are replaced as a whole
}

// setLinks replaces the accounts linked in chat.
func (p *People) setLinks(links map[string]action.PersonID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links = links
}

// setGroup replaces the accounts that a group gives a role to and returns the old ones.
func (p *People) setGroup(role Role, accounts []string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.groups[role]
	p.groups[role] = slices.Sorted(slices.Values(accounts))
	return old
}

// PersonOf returns whose account it is. An account in two places that disagree
// belongs to nobody.
func (p *People) PersonOf(account string) (action.PersonID, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.personOf(account)
}

func (p *People) personOf(account string) (action.PersonID, bool) {
	var owner action.PersonID
	for _, person := range p.rules.People {
		if slices.Contains(person.Accounts, account) {
			if owner != "" && owner != person.ID {
				return "", false
			}
			owner = person.ID
		}
	}
	linked, ok := p.links[account]
	switch {
	case !ok:
	case owner != "" && owner != linked:
		return "", false
	default:
		owner = linked
	}
	if owner == "" || !slices.ContainsFunc(p.rules.People, func(q Person) bool { return q.ID == owner }) {
		return "", false
	}
	return owner, true
}

// Person returns a person with every role and account held now.
func (p *People) Person(id action.PersonID) (Person, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.person(id)
}

func (p *People) person(id action.PersonID) (Person, bool) {
	i := slices.IndexFunc(p.rules.People, func(q Person) bool { return q.ID == id })
	if i < 0 {
		return Person{}, false
	}
	person := p.rules.People[i]
	person.Roles = slices.Clone(person.Roles)
	person.Accounts = slices.Clone(person.Accounts)
	for account, owner := range p.links {
		if owner == id && !slices.Contains(person.Accounts, account) {
			person.Accounts = append(person.Accounts, account)
		}
	}
	for role := range p.rules.Groups {
		held := slices.ContainsFunc(p.groups[role], func(account string) bool {
			owner, ok := p.personOf(account)
			return ok && owner == id
		})
		if held && !slices.Contains(person.Roles, role) {
			person.Roles = append(person.Roles, role)
		}
	}
	slices.Sort(person.Roles)
	slices.Sort(person.Accounts)
	return person, true
}

// Elector implements action.Directory.
func (p *People) Elector(id action.PersonID) (action.Elector, bool) {
	person, ok := p.Person(id)
	if !ok {
		return action.Elector{}, false
	}
	return electorOf(person), true
}

func electorOf(p Person) action.Elector {
	e := action.Elector{Person: p.ID, Institute: p.Institute, Accounts: p.Accounts}
	for _, r := range p.Roles {
		e.Roles = append(e.Roles, string(r))
	}
	return e
}

// Electorate returns everybody who holds a role that the policy names, now.
func (p *People) Electorate(policy action.Policy) []action.Elector {
	named := slices.Clone(policy.Deny)
	for _, n := range policy.Approvals {
		named = append(named, n.Role)
	}
	var out []action.Elector
	for _, configured := range p.Rules().People {
		e, ok := p.Elector(configured.ID)
		if ok && slices.ContainsFunc(e.Roles, func(r string) bool { return slices.Contains(named, r) }) {
			out = append(out, e)
		}
	}
	return out
}

// Target returns the person of the configuration who is meant by a grid name
// or account, if any: nobody decides about themselves.
func (p *People) Target(names ...string) (action.PersonID, bool) {
	for _, person := range p.Rules().People {
		if slices.Contains(names, person.Name) {
			return person.ID, true
		}
	}
	return "", false
}

// channel returns the configured channel of a thread.
func (p *People) channel(t Thread) (Channel, bool) {
	for _, c := range p.Rules().Channels {
		if c.Platform == t.Platform && c.Workspace == t.Workspace && c.Name == t.Channel {
			return c, true
		}
	}
	return Channel{}, false
}

// allows reports whether a command may be used in the channel.
func (c Channel) allows(command string) bool {
	return slices.Contains(c.Commands, "all") || slices.Contains(c.Commands, command)
}
