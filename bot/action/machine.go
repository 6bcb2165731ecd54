package action

import (
	"fmt"
	"time"
)

// Machine is the machine form of an action (docs/machine-answers.md).
type Machine struct {
	ID       ID             `json:"id"`
	Command  string         `json:"command"`
	State    State          `json:"state"`
	Result   string         `json:"result,omitempty"`
	Digest   string         `json:"digest"`
	Target   MachineTarget  `json:"target"`
	Needs    string         `json:"needs"`
	Votes    []MachineVote  `json:"votes"`
	Expires  time.Time      `json:"expires"`
	StartBy  time.Time      `json:"start_by,omitzero"`
	Progress map[string]int `json:"progress,omitempty"`
	Remains  []string       `json:"remains,omitempty"`
}

// MachineTarget is the target as Machine shows it.
type MachineTarget struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Key  string `json:"key"`
}

// MachineVote is one counted vote as Machine shows it.
type MachineVote struct {
	Person  PersonID  `json:"person"`
	Verdict Verdict   `json:"verdict"`
	Surface string    `json:"surface"`
	At      time.Time `json:"at"`
	Lost    string    `json:"lost,omitempty"`
}

// Machine returns the machine form of a.
func (a Action) Machine() Machine {
	t := a.Frozen.Plan.Target
	m := Machine{
		ID: a.ID, Command: a.Command, State: a.State, Digest: "sha256:" + a.Digest,
		Target: MachineTarget{Kind: t.Kind, Name: t.Name, Key: t.Key},
		Needs:  a.Standing().String(), Votes: []MachineVote{},
		Expires: a.ExpiresAt, StartBy: a.StartBy,
		Progress: a.Progress.Counts, Remains: a.Progress.Remains,
	}
	for _, v := range a.Votes {
		m.Votes = append(m.Votes, MachineVote{Person: v.Person, Verdict: Approve, Surface: v.Surface, At: v.At, Lost: v.Lost})
	}
	if a.State == Denied {
		m.Votes = append(m.Votes, MachineVote{Person: a.EndedBy, Verdict: Deny, At: a.EndedAt})
	}
	if a.State == Settled {
		m.Result = "incomplete"
		if a.Progress.Complete {
			m.Result = "complete"
		}
	}
	return m
}

// String is "2 of atlas-security".
func (n Need) String() string { return fmt.Sprintf("%d of %s", n.Count, n.Role) }
