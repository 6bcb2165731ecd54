package config

import (
	"fmt"
	"slices"
	"strings"
)

// protected is the policy for targets that an ordinary one does not reach.
const protected = "protected"

// policyNames are the policies that commands ask for.
var policyNames = []string{"ban", "unban", "kill", letters, protected}

// letters is the policy for mails to sites and users.
const letters = "mail"

// Bounds of what makes sense: a vote that is open for months, or an approval
// that may be used weeks later, is a mistake.
const (
	maxExpires = 30 * day
	maxStartBy = 7 * day
	maxCount   = 9
	maxNeeds   = 8
)

func checkPolicy(d *decoder, name string, p Policy) {
	at := below("policies", name)
	if !slices.Contains(policyNames, name) {
		d.add(at, "is no policy that a command asks for; those are %s", strings.Join(policyNames, ", "))
		return
	}
	if len(p.Approvals) == 0 {
		d.add(at+".approvals", "is missing: say whose approval is needed, such as [{role: atlas-security, count: 2}]")
	}
	if len(p.Approvals) > maxNeeds {
		d.add(at+".approvals", "has more than %d entries: nobody could tell who must approve", maxNeeds)
	}
	var roles []string
	for i, n := range p.Approvals {
		where := fmt.Sprintf("%s.approvals[%d]", at, i)
		if n.Role == "" {
			d.add(where+".role", "is missing: the role whose holders may approve")
			continue
		}
		checkRoleName(d, where+".role", n.Role)
		checkNumber(d, where+".count", n.Count, 1, maxCount)
		if slices.Contains(roles, n.Role) {
			d.add(where+".role", "%s is asked for twice: add the counts up", shown(n.Role))
		}
		roles = append(roles, n.Role)
	}
	for i, role := range p.Deny {
		checkRoleName(d, fmt.Sprintf("%s.deny[%d]", at, i), role)
	}
	switch {
	case name != letters && p.OwnApproval:
		d.add(at+".own_approval", "is for policies.%s only: nobody approves alone what he or she asks for, but letters", letters)
	case name == letters && p.SoloMode:
		d.add(at+".solo_mode", "would let anybody send letters: use own_approval, by which whoever asks needs the role all the same")
	}
	checkSpan(d, at+".expires", p.Expires, maxExpires)
	checkSpan(d, at+".start_by", p.StartBy, maxStartBy)
}
