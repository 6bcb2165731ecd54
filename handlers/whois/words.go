package whois

import (
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// maxRows is how many accounts the table shows; the machine form has all.
const maxRows = 40

// message words a finding. Without personal the names and DNs of others are
// withheld and only counted.
func (f finding) message(personal bool) bot.Message {
	m := bot.Message{Title: bot.Textf("This is %s: *%s*", noun(f.Kind), f.Query), Partial: !f.complete()}
	if !personal {
		m.Title = bot.Textf("This is %s", noun(f.Kind))
	}
	f.sayKind(&m)
	f.sayNames(&m, personal)
	f.sayMatches(&m, personal)
	for _, s := range f.Sources {
		if s.State != "complete" {
			m.Below("*%s* could not be read: accounts there are missing here. Try again, or look at `status`.", s.Name)
		}
		if s.AsOf != nil {
			m.Below("*%s* as of %s UTC.", s.Name, s.AsOf.Format("2006-01-02 15:04"))
		}
		for _, n := range s.Notes {
			m.Below("*%s*: %s.", s.Name, n)
		}
	}
	if len(f.Sources) == 0 {
		m.Below("No directory of accounts is configured: this was told from the text alone.")
	}
	if next := f.next(personal); next != "" {
		m.Below("Next: `%s`", next)
	}
	return m
}

func noun(k grid.AccountKind) string {
	switch k {
	case grid.PersonAccount:
		return "a person"
	case grid.PilotFactory:
		return "a pilot factory"
	case grid.RobotAccount:
		return "a robot"
	case grid.ServiceAccount:
		return "a service"
	}
	return "of unknown kind"
}

func (f finding) sayKind(m *bot.Message) {
	switch f.Kind {
	case grid.PilotFactory:
		m.Line("*The DN you were given is the pilot factory's, not the payload owner's.* Pilots of one factory run the jobs of many people.")
		if f.Owner != "" {
			m.Line("The factory is run by %s.", f.Owner)
		} else {
			m.Line("The site map does not say who runs it.")
		}
	case grid.RobotAccount:
		m.Line("A robot's credential works for many people. The one who is responsible is not in it; the job records may name the requester.")
	case grid.ServiceAccount:
		m.Line("A service's credential names a machine or client and no user.")
	}
	m.Line("Told by: %s.", f.Why)
}

func (f finding) sayNames(m *bot.Message, personal bool) {
	if !personal {
		m.Line("Names, DNs and accounts are withheld, for this channel may not show personal data. Ask in a channel that may.")
		return
	}
	if f.DN != "" {
		m.Line("DN without proxy parts: `%s`", f.DN)
		m.Line("PanDA name of this DN: `%s` (%s)", f.PandaName, grid.DescribeName(f.PandaName))
	} else {
		m.Line("The name has %s.", grid.DescribeName(f.Query))
	}
	f.sayHolder(m)
}

// sayHolder tells whose a login or DN is, and what else that person is called.
func (f finding) sayHolder(m *bot.Message) {
	h := f.Holder
	switch {
	case len(h.Several) > 0:
		m.Line("*It belongs to several people by %s: %s.* None of them was taken.", h.By, strings.Join(h.Several, ", "))
	case h.Login != "" && h.Login != f.Query:
		m.Line("It is `%s` by %s.", h.Login, h.By)
	}
	if h.Name != "" {
		m.Line("The person's name there is %s.", h.Name)
	}
	if len(f.Names) > 0 {
		m.Line("Other logins and DNs of the same person: %s.", some(f.Names))
	}
}

// maxListed is how many names a line shows; the machine form has all.
const maxListed = 8

func some(names []string) string {
	if n := len(names); n > maxListed {
		return strings.Join(names[:maxListed], "; ") + fmt.Sprintf("; and %d more", n-maxListed)
	}
	return strings.Join(names, "; ")
}

func (f finding) sayMatches(m *bot.Message, personal bool) {
	n := map[how]int{}
	dns := map[string]bool{}
	for _, a := range f.Matches {
		n[a.How]++
		if dn, ok := grid.NormalizeDN(a.DN); ok && a.How == exact {
			dns[dn.Key()] = true
		}
	}
	if len(f.Sources) > 0 {
		m.Line("Accounts: %d exact, %d more of the same person, %d look-alikes.", n[exact], n[samePerson], n[lookAlike])
	}
	if n[exact] == 0 && n[lookAlike] > 0 {
		m.Line("*No account has that very name.* Look-alikes are other accounts until somebody has checked; none was picked.")
	}
	if len(dns) > 1 {
		m.Line("*The name belongs to %d different DNs.* Say which one you mean by its DN.", len(dns))
	}
	if !personal || len(f.Matches) == 0 {
		return
	}
	m.Table = &bot.Table{Columns: []string{"match", "experiment", "name", "DN", "kind", "banned", "last seen (UTC)", "source"}}
	for i, a := range f.Matches {
		if i == maxRows {
			m.Below("%d more accounts are not shown. Ask for the whole DN instead.", len(f.Matches)-maxRows)
			break
		}
		m.Table.Rows = append(m.Table.Rows, a.row())
	}
}

func (m match) row() []string {
	name := m.Name
	if m.How == lookAlike {
		name += " (" + grid.DescribeName(m.Name) + ")"
	}
	banned := "no"
	if m.Banned {
		banned = "yes"
		if !m.BannedAt.IsZero() {
			banned += ", since " + m.BannedAt.UTC().Format("2006-01-02 15:04")
		}
	}
	seen := ""
	if !m.LastSeen.IsZero() {
		seen = m.LastSeen.UTC().Format("2006-01-02 15:04")
	}
	return []string{string(m.How), string(m.Experiment), name, m.DN, string(m.Kind), banned, seen, m.Source}
}

// next is the one command that goes on from here.
func (f finding) next(personal bool) string {
	switch {
	case f.Kind == grid.PilotFactory:
		return "trace HOST TIME"
	case !personal || f.Kind == grid.ServiceAccount || f.Kind == grid.UnknownAccount && len(f.Matches) == 0:
		return ""
	}
	name := f.Query
	if f.DN != "" {
		name = f.DN
	}
	return fmt.Sprintf("trace user %s 7d ago", quote(name))
}

// quote writes one argument so that it can be typed again.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// answer is the machine form.
type answer struct {
	Query     string         `json:"query,omitempty"`
	Kind      string         `json:"kind"`
	Why       string         `json:"why"`
	DN        string         `json:"dn,omitempty"`
	PandaName string         `json:"panda_name,omitempty"`
	Owner     string         `json:"owner,omitempty"`
	Login     string         `json:"login,omitempty"`
	By        string         `json:"by,omitempty"`
	Several   []string       `json:"several,omitempty"`
	Name      string         `json:"name,omitempty"`
	Email     string         `json:"email,omitempty"`
	Names     []string       `json:"names,omitempty"`
	Complete  bool           `json:"complete"`
	Withheld  bool           `json:"withheld,omitempty"` // personal data was left out; matches are only counted
	Count     int            `json:"count"`
	Matches   []machineMatch `json:"matches"`
	Sources   []source       `json:"sources"`
}

type machineMatch struct {
	Match      string     `json:"match"`
	Experiment string     `json:"experiment"`
	ID         string     `json:"id,omitempty"`
	Name       string     `json:"name,omitempty"`
	DN         string     `json:"dn,omitempty"`
	Email      string     `json:"email,omitempty"`
	Kind       string     `json:"kind,omitempty"`
	Banned     bool       `json:"banned"`
	BannedAt   *time.Time `json:"banned_at,omitempty"`
	LastSeen   *time.Time `json:"last_seen,omitempty"`
	Source     string     `json:"source"`
}

func (f finding) answer(personal bool) answer {
	a := answer{
		Kind: string(f.Kind), Why: f.Why, Owner: f.Owner, Complete: f.complete(),
		Withheld: !personal, Count: len(f.Matches), Matches: []machineMatch{}, Sources: f.Sources,
	}
	if !personal {
		return a
	}
	a.Query, a.DN, a.PandaName, a.Names = f.Query, f.DN, f.PandaName, f.Names
	a.Login, a.By, a.Several, a.Name, a.Email = f.Holder.Login, f.Holder.By, f.Holder.Several, f.Holder.Name, f.Holder.Email
	for _, m := range f.Matches {
		a.Matches = append(a.Matches, machineMatch{
			Match: string(m.How), Experiment: string(m.Experiment), ID: m.ID, Name: m.Name, DN: m.DN, Email: m.Email,
			Kind: string(m.Kind), Banned: m.Banned, BannedAt: instant(m.BannedAt), LastSeen: instant(m.LastSeen), Source: m.Source,
		})
	}
	return a
}

// instant is t in UTC, or nil for no time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
