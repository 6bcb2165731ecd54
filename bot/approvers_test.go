package bot_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// knowing is a platform that knows what its accounts are: members, but for those listed.
type knowing struct {
	*bottest.Memory
	are map[string]bot.Standing
}

func (k knowing) Account(_ context.Context, _, id string) (bot.Account, error) {
	if k.are[id] == "broken" {
		return bot.Account{}, errors.New("down")
	}
	standing, listed := k.are[id]
	if !listed {
		standing = bot.Member
	}
	return bot.Account{Platform: "memory", ID: id, Standing: standing}, nil
}

// told puts findings into lines.
func told(findings []bot.Finding) string {
	var lines []string
	for _, f := range findings {
		line := f.Name + ": ok: " + f.Well
		if f.Err != nil {
			line = f.Name + ": FAILED: " + f.Err.Error()
		}
		lines = append(append(lines, line), f.Remarks...)
	}
	return strings.Join(lines, "\n")
}

// TestApproversAreCounted: what is told of groups and policies, and that it is
// what happens to those who ask.
func TestApproversAreCounted(t *testing.T) {
	// bySec gives the role security by a group, to nobody else.
	bySec := func(r *bot.Rules) {
		for i := range r.People {
			r.People[i].Roles = []bot.Role{bot.Shifter}
		}
		r.Groups = map[bot.Role]bot.Group{"security": {Platform: "memory", Name: "sec"}}
	}
	both := func(first, second func(*bot.Rules)) func(*bot.Rules) {
		return func(r *bot.Rules) { first(r); second(r) }
	}
	needs := func(change func(*action.Policy)) func(*bot.Rules) {
		return func(r *bot.Rules) {
			p := r.Policies["zap"]
			change(&p)
			r.Policies = map[string]action.Policy{"zap": p}
		}
	}
	for name, x := range map[string]struct {
		rules   func(*bot.Rules)
		group   []string // accounts of the group sec
		are     map[string]bot.Standing
		want    []string // all that is told, in lines that begin so
		refused []string // who asks in vain
	}{
		"people only": {
			rules:   func(*bot.Rules) {},
			want:    []string{"policy zap: ok: 2 people could approve, and 2 must", "When bob or carol asks, too few others could approve, and it is refused. Give more people the role by people[].roles, or lower policies.zap.approvals."},
			refused: []string{"bob", "carol"},
		},
		"a group that is big enough": {
			rules: bySec, group: []string{"memory/alice", "memory/bob", "memory/carol"},
			want: []string{"role security: ok: the group memory/sec gives it to 3 people: alice, bob, carol", "policy zap: ok: 3 people could approve, and 2 must"},
		},
		"two accounts of one person": {
			rules: both(bySec, func(r *bot.Rules) { r.People[1].Accounts = append(r.People[1].Accounts, "memory/robert") }), group: []string{"memory/bob", "memory/robert"},
			want: []string{
				"role security: ok: the group memory/sec gives it to 1 person: bob",
				"policy zap: FAILED: 2 of security must approve, and 1 person could: bob (the group memory/sec gives it to 1). Missing: 1 of security. Add people of the configuration to the group,",
			},
			refused: []string{"alice", "bob", "carol"},
		},
		"an empty group": {
			rules: bySec, group: []string{},
			want: []string{
				"role security: FAILED: The group memory/sec has nobody who counts, so nobody holds the role by it: add people who stand under people.",
				"policy zap: FAILED: 2 of security must approve, and nobody could (the group memory/sec gives it to 0). Missing: 2 of security.",
			},
			refused: []string{"alice"},
		},
		"a group that cannot be read": {
			rules: bySec,
			want: []string{
				"role security: FAILED: the group memory/sec cannot be read, so nobody holds the role by it: bottest: group \"sec\"",
				"policy zap: FAILED: 2 of security must approve, and nobody could",
			},
			refused: []string{"alice"},
		},
		"a group of strangers": {
			rules: bySec, group: []string{"memory/mallory", "memory/eve"},
			want: []string{
				"role security: FAILED: The group memory/sec has 2 accounts, none of anybody under people, so nobody holds the role by it: list them under people[].accounts, or let their owners link them (`link code`). They are: memory/mallory, memory/eve.",
				"policy zap: FAILED: ",
			},
			refused: []string{"alice"},
		},
		"a stranger among them": {
			rules: bySec, group: []string{"memory/bob", "memory/carol", "memory/eve"},
			want: []string{
				"role security: ok: the group memory/sec gives it to 2 people: bob, carol",
				"Of the group memory/sec, what is nobody's account under people gets no role: memory/eve.",
				"policy zap: ok: 2 people could approve, and 2 must", "When bob or carol asks, ",
			},
			refused: []string{"bob", "carol"},
		},
		"a group of a platform that is not there": {
			rules: both(bySec, func(r *bot.Rules) { r.Groups = map[bot.Role]bot.Group{"security": {Platform: "telex", Name: "sec"}} }),
			want:  []string{"role security: FAILED: The group telex/sec is of a platform that is not configured, so nobody holds the role by it: correct roles.security.from.", "policy zap: FAILED: "},
		},
		"whoever asks, too few are left": {
			rules:   func(r *bot.Rules) { r.People = r.People[1:] },
			want:    []string{"policy zap: FAILED: Whoever of bob, carol asks, too few others could approve: nobody approves what he or she asks for."},
			refused: []string{"bob", "carol"},
		},
		"whoever asks counts": {
			rules: both(func(r *bot.Rules) { r.People = r.People[1:] }, needs(func(p *action.Policy) { p.Own = true })),
			want:  []string{"policy zap: ok: 2 people could approve, and 2 must"},
		},
		"solo": {
			rules: needs(func(p *action.Policy) { p.Solo = true }),
			want:  []string{"policy zap: ok: solo mode: whoever asks may approve alone"},
		},
		"one institute": {
			rules: both(func(r *bot.Rules) { r.People[2].Institute = "KIT" }, needs(func(p *action.Policy) { p.DistinctInstitutes = true })),
			want: []string{
				"policy zap: FAILED: 2 of security must approve, and 2 people could: bob, carol. They must be of different institutes. Missing: 1 of security.",
			},
			refused: []string{"alice"},
		},
		"two roles of one person": {
			rules: both(func(r *bot.Rules) { r.People[1].Roles, r.People[2].Roles = []bot.Role{"security", "cms"}, nil },
				needs(func(p *action.Policy) {
					p.Approvals = []action.Need{{Role: "security", Count: 1}, {Role: "cms", Count: 1}}
				})),
			want: []string{
				"policy zap: FAILED: 1 of security must approve, and 1 person could: bob. 1 of cms must approve, and 1 person could: bob. Missing: 1 of cms.",
			},
			refused: []string{"alice"},
		},
		"accounts from which nothing is taken": {
			rules: func(r *bot.Rules) { r.People[2].Accounts = []string{"memory/carol", "telex/carol"} }, are: map[string]bot.Standing{"carol": bot.Deactivated},
			want: []string{
				"policy zap: FAILED: 2 of security must approve, and 1 person could: bob. Missing: 1 of security. Not counted: carol (memory/carol is deactivated, telex/carol is on a platform that is not configured).",
			},
		},
		"each kind of them": {
			rules: func(r *bot.Rules) {
				for _, id := range []string{"guest", "robot", "remote", "nobody", "down", "mute"} {
					p := bot.Person{ID: action.PersonID(id), Institute: "CERN", Roles: []bot.Role{"security"}, Accounts: []string{"memory/" + id}}
					if id == "mute" {
						p.Accounts = nil
					}
					r.People = append(r.People, p)
				}
			},
			are: map[string]bot.Standing{"guest": bot.Guest, "robot": bot.Bot, "remote": bot.Outsider, "nobody": "", "down": "broken"},
			want: []string{
				"policy zap: ok: 2 people could approve, and 2 must", "When bob or carol asks, ",
				"Not counted, for nothing is taken from them: guest (memory/guest is a guest), robot (memory/robot is a bot), remote (memory/remote is not of the workspace), nobody (memory/nobody is unknown there), " +
					"down (memory/down did not say who it is: down), mute (no account).",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inHall(t, func(t *testing.T, h *hall) {
				rules := hallRules()
				x.rules(&rules)
				h.people.Reload(rules)
				if x.group != nil {
					h.memory.SetGroup("sec", x.group...)
				}
				h.engine, _ = h.start(h.journal, "test", knowing{h.memory, x.are}, nil)
				said := strings.Split(told(h.engine.Approvers(t.Context())), "\n")
				for i := range max(len(said), len(x.want)) {
					if i >= len(said) || i >= len(x.want) || !strings.HasPrefix(said[i], x.want[i]) {
						t.Fatalf("told\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(x.want, "\n"))
					}
				}
				for _, who := range x.refused {
					reply, err := h.engine.Do(t.Context(), h.typed(who, "zap "+who))
					if err != nil || reply.State != "refused" || reply.Code != action.NoElectorate {
						t.Errorf("%s asked: %s %s, %v", who, reply.State, reply.Code, err)
					}
				}
			})
		})
	}
}

// TestApproversAreOnlyLookedAt: a look puts nothing into the audit log.
func TestApproversAreOnlyLookedAt(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		rules := hallRules()
		rules.Groups = map[bot.Role]bot.Group{"security": {Platform: "memory", Name: "sec"}}
		h.people.Reload(rules)
		h.memory.SetGroup("sec")
		h.open()
		h.since(0) // the start looks at people, too
		before, err := h.journal.Records(t.Context(), bot.RecordFilter{})
		if err != nil {
			t.Fatal(err)
		}
		h.memory.SetGroup("sec", "memory/alice")
		h.engine.Approvers(t.Context())
		after, err := h.journal.Records(t.Context(), bot.RecordFilter{})
		if err != nil || len(after) != len(before) {
			t.Errorf("%d records, before %d, %v", len(after), len(before), err)
		}
		if p, _ := h.people.Person("alice"); len(p.Roles) != 1 {
			t.Errorf("the engine's own people are others since: %v", p.Roles)
		}
	})
}
