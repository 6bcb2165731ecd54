package trace_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

const (
	annDN  = "/DC=org/DC=terena/DC=tcs/C=IT/O=Example Institute/CN=Ann Smith asmith@example.it"
	ann2DN = "/DC=org/DC=cilogon/C=US/O=Example Laboratory/OU=People/CN=Ann Smith/CN=UID:ann"
	twinDN = "/C=XX/O=Ex/CN=Shared Person"
)

// register knows people, or answers by ask.
type register struct {
	notes []string
	ask   func(context.Context) (*grid.Register, error)
}

func (r register) Name() string                { return "cric" }
func (r register) Experiment() grid.Experiment { return grid.CMS }

func (r register) Register(ctx context.Context) (*grid.Register, error) {
	if r.ask != nil {
		return r.ask(ctx)
	}
	known := grid.NewRegister("cric", grid.CMS, now.Add(-time.Hour), []grid.Registered{
		{ID: "1", Logins: []string{"asmith", "asmith2"}, DNs: []string{annDN, ann2DN}, Name: "Ann Smith", Email: "ann@example.org"},
		{ID: "2", Logins: []string{"jdoe"}, DNs: []string{twinDN}},
		{ID: "3", Logins: []string{"bob"}, DNs: []string{twinDN}},
	})
	known.Notes = r.notes
	return known, nil
}

func knowing(r trace.Register, sources ...*source) []bot.Command {
	var ss []trace.Source
	for _, s := range sources {
		ss = append(ss, s)
	}
	return trace.New(ss, nil, sites, slog.New(slog.DiscardHandler), r)
}

// withDN is job with a DN that the schedd has seen.
func withDN(j grid.Job, dn string) grid.Job {
	j.Identities = append(j.Identities, grid.Identity{Kind: "dn", Value: dn, AssertedBy: grid.BySchedd, Source: "cms"})
	return j
}

func TestPeopleByARegister(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", jobs: []grid.Job{
			job("1", "asmith", "wn1.example.org", 0, 60),
			withDN(job("2", "asmith2", "wn1.example.org", 0, 60), ann2DN),
			withDN(job("3", "victim", "wn1.example.org", 0, 60), annDN),
		}}
		m := ask(t, knowing(register{notes: []string{"what it says is 24 days old"}}, cms), "trace", "wn1.example.org", "2026-06-24T12:00Z")
		says(t, m, "2 people confirmed", "asmith (Ann Smith)", "victim (Ann Smith), SOURCES DISAGREE",
			"asmith2 is asmith by cric as of 2026-06-24T14:00Z",
			"disagree: the CRAB login says victim (word of the submitter, in cms)",
			"disagree: the DN "+annDN+" says asmith by cric as of 2026-06-24T14:00Z (word of the schedd, in cms)",
			"cric (cms): complete; searched who has which login and DN; 3 records, 2 matched; newest data 2026-06-24 14:00:00 UTC (1 h 0 min old)", "what it says is 24 days old")
		got := machineOf(t, m)
		if !got.Complete || len(got.People) != 2 || got.People[0].Username != "asmith" {
			t.Errorf("%+v", got)
		}
	})
}

func TestTraceUserByEveryName(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", jobs: []grid.Job{
			job("1", "asmith", "wn1.example.org", 0, 60), withDN(job("2", "", "wn2.example.org", 0, 60), annDN), job("3", "ann", "wn3.example.org", 0, 60),
		}}
		atlas := &source{name: "atlas", experiment: grid.ATLAS, jobs: []grid.Job{
			withDN(job("4", "", "wn4.example.org", 0, 60), ann2DN), job("5", "asmith", "wn5.example.org", 0, 60),
		}}
		all := knowing(register{}, cms, atlas)
		m := ask(t, all, "trace user", "asmith2", "2026-06-24T10:00Z")
		says(t, m, "Understood: also searched by 3 other names of the same person by cric as of 2026-06-24T14:00Z: asmith; "+annDN+"; "+ann2DN, "wn1.example.org", "wn2.example.org", "wn4.example.org")
		neverSays(t, m, "wn3.example.org", "wn5.example.org")
		if got := machineOf(t, m); len(got.Sightings) != 3 {
			t.Errorf("%+v", got.Sightings)
		}
		// Where people may not be named, neither may be what they are also called.
		c, r := request(t, all, "trace user", "asmith2", "2026-06-24T10:00Z")
		r.Personal = false
		m = answertest.Run(t, c, r)
		says(t, m, "also searched by 3 other names of the same person, by cric")
		neverSays(t, m, annDN, ann2DN, "Ann Smith")

		m = ask(t, all, "trace user", twinDN, "2026-06-24T10:00Z")
		says(t, m, "belongs to several people by cric as of 2026-06-24T14:00Z (bob; jdoe): none of them was taken")
	})
}

func TestARegisterThatFails(t *testing.T) {
	inJune(t, func(t *testing.T) {
		cms := &source{name: "cms", jobs: []grid.Job{job("1", "asmith", "wn1.example.org", 0, 60)}}
		release := make(chan struct{})
		defer close(release)
		for name, c := range map[string]struct {
			ask  func(context.Context) (*grid.Register, error)
			says string
		}{
			"failed":   {func(context.Context) (*grid.Register, error) { return nil, errors.New("password=hunter2") }, "it failed; status tells more"},
			"hanging":  {func(context.Context) (*grid.Register, error) { <-release; return nil, nil }, "no answer within 10s"},
			"panicked": {func(context.Context) (*grid.Register, error) { panic("hunter2") }, "it broke down"},
			"nothing":  {func(context.Context) (*grid.Register, error) { return nil, nil }, "it broke down"},
		} {
			for _, command := range [][]string{{"trace", "wn1.example.org", "2026-06-24T12:00Z"}, {"trace user", "asmith", "2026-06-24T10:00Z"}} {
				m := ask(t, knowing(register{ask: c.ask}, cms), command[0], command[1:]...)
				says(t, m, "cric (cms): failed", c.says, "whose the DNs are that have no login in them is not known", "cric did not answer")
				neverSays(t, m, "hunter2")
				if got := machineOf(t, m); got.Complete || !m.Partial || got.Counts.Confirmed != 1 {
					t.Errorf("%s, %s: %+v", name, strings.Join(command, " "), got)
				}
			}
		}
	})
}
