package config_test

import (
	"slices"
	"strings"
	"testing"
)

// TestChangesNamesWhatDiffers changes one thing at a time.
func TestChangesNamesWhatDiffers(t *testing.T) {
	const before = `journal: {sqlite: a.db}
people:
  - {id: alice, name: Alice Adams, roles: [shifter], accounts: [console/1001]}
  - {id: bob, roles: [atlas-security], accounts: [console/1002]}
roles: {atlas-security: {from: console/sec}}
policies:
  ban: {approvals: [{role: atlas-security}]}
channels:
  - {platform: console, name: security, commands: [all]}
security_channel: security
console: {groups: {sec: [bob]}}
backends: {sandbox: {speed: 60}}
`
	for name, c := range map[string]struct{ old, new, now, atStart string }{
		"nothing":                {"", "", "", ""},
		"a comment":              {"policies:\n", "policies: # who\n", "", ""},
		"a role":                 {"roles: [shifter]", "roles: [shifter, admin]", "people.alice", ""},
		"a name":                 {"Alice Adams", "Alice Baker", "people.alice", ""},
		"somebody else":          {"id: bob", "id: carol", "people.bob people.carol", ""},
		"a policy":               {"[{role: atlas-security}]", "[{role: atlas-security, count: 2}]", "policies.ban", ""},
		"a new policy":           {"channels:", "  kill: {approvals: [{role: admin}]}\nchannels:", "policies.kill", ""},
		"a source of a role":     {"from: console/sec", "from: console/all", "roles.atlas-security", ""},
		"a channel":              {"commands: [all]", "commands: [trace]", "channels.console/security", ""},
		"no security channel":    {"security_channel: security\n", "", "security_channel", ""},
		"limits":                 {"backends:", "limits: {per_person_per_minute: 3}\nbackends:", "limits", ""},
		"a backend":              {"speed: 60", "speed: 61", "", "backends"},
		"a group of the console": {"sec: [bob]", "sec: []", "", "console"},
		"a listener":             {"backends:", "http: {listen: 127.0.0.1:1}\nbackends:", "", "http"},
		"both":                   {"backends: {sandbox: {speed: 60}}", "limits: {per_person_per_minute: 3}\nlog: {level: warn}", "limits", "backends log"},
	} {
		t.Run(name, func(t *testing.T) {
			after := strings.Replace(before, c.old, c.new, 1)
			now, atStart := parse(t, after).Changes(parse(t, before))
			if !slices.Equal(now, strings.Fields(c.now)) || !slices.Equal(atStart, strings.Fields(c.atStart)) {
				t.Errorf("%q and %q, want %q and %q", now, atStart, c.now, c.atStart)
			}
		})
	}
}
