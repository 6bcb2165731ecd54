package config_test

import (
	"strings"
	"testing"
)

// staff is who may be named in a policy of these tests.
const staff = `
journal: {sqlite: a.db}
channels: [{platform: console, name: security, commands: [all]}]
security_channel: security
people:
  - {id: alice, institute: CERN, roles: [shifter], accounts: [console/1]}
  - {id: bob, institute: KIT, roles: [atlas-security], accounts: [console/2]}
  - {id: carol, institute: CERN, roles: [cms-security, wlcg-security], accounts: [console/3]}
  - {id: dave, institute: CERN, roles: [wlcg-security], accounts: [console/4]}
  - {id: erin, roles: [wlcg-security], accounts: [console/5]}
`

func TestPoliciesThatNobodyCanFulfilAreWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		want   string // "" for no warning at all that speaks of a ban
	}{
		"enough people":              {"{approvals: [{role: wlcg-security, count: 3}]}", ""},
		"one of two roles each":      {"{approvals: [{role: atlas-security}, {role: cms-security}]}", ""},
		"other institutes":           {"{approvals: [{role: atlas-security}, {role: cms-security}], distinct_institutes: true}", ""},
		"nobody":                     {"{approvals: [{role: alice-security}]}", "a ban needs 1 of alice-security, but nobody holds it: add the role to people[].roles. Until then every one is refused."},
		"one instead of two":         {"{approvals: [{role: atlas-security, count: 2}]}", "a ban needs 2 of atlas-security, but only 1 person (bob) holds it:"},
		"three instead of four":      {"{approvals: [{role: wlcg-security, count: 4}]}", "a ban needs 4 of wlcg-security, but only 3 people (carol, dave, erin) hold it:"},
		"one person in two roles":    {"{approvals: [{role: wlcg-security, count: 3}, {role: cms-security}]}", "a ban needs 4 of wlcg-security and cms-security, but only 3 people (carol, dave, erin) hold it:"},
		"one institute":              {"{approvals: [{role: wlcg-security, count: 2}], distinct_institutes: true}", "a ban needs 2 of wlcg-security from different institutes, but its holders (carol, dave, erin) are of CERN only:"},
		"one institute in two roles": {"{approvals: [{role: wlcg-security}, {role: cms-security}], distinct_institutes: true}", "a ban needs 2 of wlcg-security and cms-security from different institutes, but its holders (carol, dave, erin) are of CERN only:"},
		"solo mode":                  {"{approvals: [{role: atlas-security, count: 2}], solo_mode: true}", "policies.ban.solo_mode is on: whoever asks for a ban may approve it alone"},
	} {
		t.Run(name, func(t *testing.T) {
			told := warningsOf(t, staff+"policies: {ban: "+c.policy+"}", "ban")
			if c.want == "" && told != "" || !strings.Contains(told, c.want) {
				t.Errorf("warnings %q, want %q", told, c.want)
			}
		})
	}
}

// warningsOf gives the warnings that hold a word.
func warningsOf(t *testing.T, yaml, word string) string {
	t.Helper()
	var out []string
	for _, w := range parse(t, yaml).Warnings() {
		if strings.Contains(w, word) {
			out = append(out, w)
		}
	}
	return strings.Join(out, "\n")
}

func TestAlonenessIsWarnedOf(t *testing.T) {
	alone := "journal: {sqlite: a.db}\npolicies: {ban: {approvals: [{role: security}]}}\npeople:\n- {id: alice, roles: [security], accounts: [console/1]}\n"
	for _, people := range []string{"", "- {id: gus, accounts: [console/3]}\n"} { // gus has no role and cannot ask
		if told := warningsOf(t, alone+people, "ban"); !strings.Contains(told, "a ban is always refused") {
			t.Errorf("nobody approves what alice asks for: %q", told)
		}
	}
	if told := warningsOf(t, alone+"- {id: bob, roles: [shifter], accounts: [console/2]}\n", "ban"); told != "" {
		t.Errorf("bob can ask and alice approve: %q", told)
	}
}

func TestGroupsAreNotCounted(t *testing.T) {
	yaml := staff + `
roles: {on-call: {from: console/phone}}
console: {groups: {phone: [alice]}}
policies: {ban: {approvals: [{role: on-call, count: 5}]}}`
	if told := warningsOf(t, yaml, "ban"); told != "" {
		t.Errorf("who is in a group is not known now, but it is said: %q", told)
	}
}

func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"trusted":        {"console: {trusted: true}", "console.trusted is on"},
		"no people":      {"", "people is empty"},
		"no channel":     {"console: {channel: lounge}", "channels does not list console/lounge"},
		"no security":    {"", "security_channel is not set"},
		"nameless":       {"security_channel: sec\nchannels: [{platform: console, name: sec, commands: [all]}]", "the channel of security_channel may not show personal data"},
		"no policy":      {"backends: {sandbox: {}}", "there is no policy for ban: every ban is refused. Set policies.ban.approvals."},
		"no policy 2":    {"backends: {sandbox: {}}", "there is no policy for kill"},
		"unused role":    {"people: [{id: bob, roles: [atlas-securty]}]", "bob has the role atlas-securty, which no policy names"},
		"empty group":    {"roles: {ops: {from: console/sec}}", "roles.ops.from names the console's group sec, which is empty"},
		"no account":     {"people: [{id: bob}]", "bob has no accounts"},
		"nobody denies":  {"policies: {ban: {approvals: [{role: a}], deny: [b]}}", "policies.ban.deny names b, which nobody holds"},
		"nobody protect": {"policies: {protected: {approvals: [{role: a}]}}", "an action on a protected target needs 1 of a, but nobody holds it"},
	} {
		t.Run(name, func(t *testing.T) {
			if told := warningsOf(t, "journal: {sqlite: a.db}\n"+c.yaml, ""); !strings.Contains(told, c.want) {
				t.Errorf("warnings %q, want %q", told, c.want)
			}
		})
	}
}

func TestWarningsAreAFreshCopy(t *testing.T) {
	c := parse(t, "journal: {sqlite: a.db}")
	c.Warnings()[0] = "changed"
	if c.Warnings()[0] == "changed" {
		t.Error("a caller can change what is told next")
	}
}

func TestDescribeSaysThePolicyInWords(t *testing.T) {
	said := parse(t, `
journal: {sqlite: /srv/gridwarden.db}
channels:
  - {platform: console, name: security, commands: [all], personal_data: true}
  - {platform: console, name: lounge, commands: [trace, kill user]}
security_channel: security
people:
  - {id: alice, institute: CERN, roles: [shifter], accounts: [console/1]}
  - {id: bob, institute: KIT, roles: [atlas-security], accounts: [console/2]}
  - {id: carol, institute: "CERN\e[2J", roles: [atlas-security, admin], accounts: [console/3]}
  - {id: dave, accounts: [console/4]}
roles: {cms-security: {from: console/on-call}}
console: {groups: {on-call: [dave]}}
policies:
  ban: {approvals: [{role: atlas-security, count: 2}], distinct_institutes: true, expires: 4h, start_by: 30m}
  kill: {approvals: [{role: atlas-security}, {role: cms-security}], deny: [admin], expires: 1d, start_by: 90m}
  protected: {approvals: [{role: admin}], solo_mode: true}
backends: {cms: {history: {sqlite: /srv/history.db}}, sandbox: {}}
grid: {sites: [{cms: [T2_US_UCSD]}]}
retention: {personal_data: 30d}
`).Describe()
	want := `Configuration test.yaml
Policies
  a ban needs 2 of: bob (KIT), carol (CERN?[2J) [atlas-security], from different institutes; deny: bob (KIT), carol (CERN?[2J) [atlas-security]; expires after 4 h; must start within 30 min of its approval
  an unban is always refused: policies.unban is not set
  a kill needs 1 of: bob (KIT), carol (CERN?[2J) [atlas-security] and 1 of: known people in the group console/on-call [cms-security]; deny: carol (CERN?[2J) [admin]; expires after 1 day; must start within 1 h 30 min of its approval
  an action on a protected target needs 1 of: carol (CERN?[2J) [admin]; SOLO MODE: whoever asks may approve it alone; deny: carol (CERN?[2J) [admin]; expires after 4 h; must start within 30 min of its approval
  whoever asks for an action, and whoever it is about, never approves it (except the former in solo mode)
Roles
  carol (CERN?[2J) [admin]
  bob (KIT), carol (CERN?[2J) [atlas-security]
  known people in the group console/on-call [cms-security]
  alice (CERN) [shifter]
  dave [no role of their own]
Channels
  console/security: all; personal data may be shown; changes of people, roles and policies are told here
  console/lounge: trace, kill user; personal data is withheld
Backends
  cms: records imported into the embedded store; its answers are partial, for nobody knows what was not imported
  sandbox: a simulated grid; its bans and kills touch nothing real
  site map: sites: 1, pilot factories: 0, people and hosts with other names: 0 and 0
HTTP
  nothing listens: no /healthz, no /metrics
Limits and retention
  30 commands a minute per person, 120 per channel; decisions are never limited
  requests are kept 400 days, personal data 30 days
Files
  journal: /srv/gridwarden.db
  key of the audit log: /srv/gridwarden.db.key
  latest checkpoint of the audit log: /srv/gridwarden.db.checkpoint
  imported job records: /srv/history.db
`
	if said != want {
		t.Errorf("got:\n%s\nwant:\n%s", said, want)
	}
}

// TestDescribeSaysWhatIsAskedOfSearchServers tells whose records, and how the bot
// shows who it is.
func TestDescribeSaysWhatIsAskedOfSearchServers(t *testing.T) {
	said := parse(t, `journal: {sqlite: a.db}
backends:
  cms:
    elastic: {url: "https://os-cms.example.org/os", token_file: token}
    monit: {url: "https://monit.example.org/os", username: warden, password_file: password, client_cert: c.pem, client_key_file: c.key}
`).Describe()
	for _, want := range []string{
		"cms: finished jobs, submitted up to 45 days before the window from the indices cms-* of https://os-cms.example.org/os, asked with a token for at most 15 s",
		"cms: snapshots of the queues from the indices monit_prod_condor_raw_metric-* of https://monit.example.org/os, asked as warden with a password and with a client certificate for at most 15 s",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("got:\n%s\nwant: %s", said, want)
		}
	}
}

// TestDescribeSaysHowFarImportedRecordsCanBeTrusted holds that a store is
// called complete only where the configuration says so.
func TestDescribeSaysHowFarImportedRecordsCanBeTrusted(t *testing.T) {
	for setting, want := range map[string]string{
		"":                  "its answers are partial",
		", complete: false": "its answers are partial",
		", complete: true":  "said to be complete where its records reach",
	} {
		said := parse(t, "journal: {sqlite: a.db}\nbackends: {cms: {history: {sqlite: h.db"+setting+"}}}\n").Describe()
		if !strings.Contains(said, want) {
			t.Errorf("with %q:\n%s\nwant %q", setting, said, want)
		}
	}
}
