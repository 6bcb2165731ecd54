package action

import (
	"fmt"
	"slices"
	"strings"
)

// Standing is how far the votes have come.
type Standing struct {
	Counted []Vote
	Total   int    // approvals that the policy asks for
	Missing []Need // what is still needed, by role
	Solo    bool   // the proposer approved alone, which the policy allows
	Enough  bool
	Spread  bool // different institutes are asked for
}

// String is "1 of 2 · needs: 1 of atlas-security".
func (s Standing) String() string {
	if s.Solo {
		return "solo approval by the proposer"
	}
	out := fmt.Sprintf("%d of %d", s.Total-missing(s.Missing), s.Total)
	if s.Enough {
		return out
	}
	var parts []string
	for _, n := range s.Missing {
		parts = append(parts, n.String())
	}
	out += " · needs: " + strings.Join(parts, " and ")
	if s.Spread {
		out += ", from another institute"
	}
	return out
}

func missing(needs []Need) int {
	n := 0
	for _, need := range needs {
		n += need.Count
	}
	return n
}

// Standing counts the votes that stand.
func (a Action) Standing() Standing {
	p := a.Frozen.Policy
	s := Standing{Spread: p.DistinctInstitutes && len(p.Approvals) > 0, Total: missing(p.Approvals)}
	for _, v := range a.Votes {
		if v.Lost == "" {
			s.Counted = append(s.Counted, v)
			s.Solo = s.Solo || p.Solo && v.Person == a.Frozen.Proposer
		}
	}
	var voters []Elector
	for _, v := range s.Counted {
		if e, ok := a.elector(v.Person); ok {
			voters = append(voters, e)
		}
	}
	s.Missing = unfilled(p, voters)
	s.Enough = s.Total > 0 && len(s.Missing) == 0 || s.Solo
	return s
}

// Electable is who may still approve: eligible when it was proposed, neither
// the proposer, but where the policy says so, nor the target, and not counted yet.
func (a Action) Electable() []Elector {
	var out []Elector
	for _, e := range a.Frozen.Electorate {
		voted := slices.ContainsFunc(a.Votes, func(v Vote) bool { return v.Person == e.Person && v.Lost == "" })
		if !voted && (a.Frozen.Policy.Own || e.Person != a.Frozen.Proposer) && e.Person != a.Frozen.Plan.Target.Person && holdsAny(e, approvalRoles(a.Frozen.Policy)) {
			out = append(out, e)
		}
	}
	return out
}

func (a Action) elector(id PersonID) (Elector, bool) {
	i := slices.IndexFunc(a.Frozen.Electorate, func(e Elector) bool { return e.Person == id })
	if i < 0 {
		return Elector{}, false
	}
	return a.Frozen.Electorate[i], true
}

// Missing is what the policy would still need if all of these approved.
func (p Policy) Missing(voters []Elector) []Need { return unfilled(p, voters) }

// unfilled returns what the policy still needs after the best assignment of
// voters to it: each person fills one place, and where institutes must differ
// no two have the same or none.
func unfilled(p Policy, voters []Elector) []Need {
	var places []string
	for _, n := range p.Approvals {
		for range n.Count {
			places = append(places, n.Role)
		}
	}
	best := make([]bool, len(places))
	search(p, places, voters, make([]bool, len(places)), nil, &best)
	var needs []Need
	for i, role := range places {
		if best[i] {
			continue
		}
		if k := slices.IndexFunc(needs, func(n Need) bool { return n.Role == role }); k >= 0 {
			needs[k].Count++
		} else {
			needs = append(needs, Need{Role: role, Count: 1})
		}
	}
	return needs
}

// search tries every assignment; policies and votes are few.
func search(p Policy, places []string, voters []Elector, filled []bool, institutes []string, best *[]bool) {
	if count(filled) > count(*best) {
		*best = slices.Clone(filled)
	}
	// Each voter fills one place at most.
	if len(voters) == 0 || count(*best) == len(places) || count(filled)+len(voters) <= count(*best) {
		return
	}
	v, rest := voters[0], voters[1:]
	if !p.DistinctInstitutes || v.Institute != "" && !slices.Contains(institutes, v.Institute) {
		for i, role := range places {
			if filled[i] || !slices.Contains(v.Roles, role) || i > 0 && places[i-1] == role && !filled[i-1] {
				continue // equal places are filled from the left: the others are the same assignment
			}
			filled[i] = true
			search(p, places, rest, filled, append(slices.Clip(institutes), v.Institute), best)
			filled[i] = false
		}
	}
	search(p, places, rest, filled, institutes, best)
}

func count(filled []bool) int {
	n := 0
	for _, f := range filled {
		if f {
			n++
		}
	}
	return n
}

func approvalRoles(p Policy) []string {
	var roles []string
	for _, n := range p.Approvals {
		roles = append(roles, n.Role)
	}
	return roles
}

// denialRoles are the roles that may deny.
func denialRoles(p Policy) []string {
	if len(p.Deny) > 0 {
		return p.Deny
	}
	return approvalRoles(p)
}

// dropped lists those of roles that a person held then and does not hold now.
func dropped(then, now Elector, roles []string) []string {
	var gone []string
	for _, r := range roles {
		if slices.Contains(then.Roles, r) && !slices.Contains(now.Roles, r) {
			gone = append(gone, r)
		}
	}
	return gone
}

func holdsAny(e Elector, roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(e.Roles, r) })
}
