package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// ErrBanned is why a front end refuses a submission.
var ErrBanned = errors.New("sandbox: the following DN is banned")

// MismatchError says that an account is not the one that was meant: its id is
// unknown, or its name has changed.
type MismatchError struct {
	ID, Name, Found string // Found is the name that the id has now; "" for none
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("sandbox: account %s is not %q but %q", e.ID, e.Name, e.Found)
}

// ForPeople says that nothing was changed.
func (e *MismatchError) ForPeople() string {
	if e.Found == "" {
		return fmt.Sprintf("The sandbox has no user with the id %s any more, so %q was not touched. Propose again.", e.ID, e.Name)
	}
	return fmt.Sprintf("The user with the id %s is called %q, not %q, so nothing was changed. Propose again with the exact name.", e.ID, e.Found, e.Name)
}

// Accounts gives the users table with who is banned.
func (g *Grid) Accounts(context.Context) ([]grid.Account, error) {
	h, err := g.history()
	if err != nil {
		return nil, err
	}
	now := g.Now()
	accounts := slices.Clone(g.accounts)
	for i := range accounts {
		a := &accounts[i]
		a.BannedAt, a.Banned = h.bannedAt(a.ID, now)
		for _, t := range g.tasksOf(h, a.ID) {
			for _, j := range g.jobsOf(&t, h, now) {
				if j.submitted.After(a.LastSeen) {
					a.LastSeen = j.submitted
				}
			}
		}
	}
	return accounts, nil
}

// mustMatch fails unless there is a row with exactly this id and name.
func (g *Grid) mustMatch(id, name string) error {
	i := slices.IndexFunc(g.accounts, func(a grid.Account) bool { return a.ID == id })
	switch {
	case i < 0:
		return &MismatchError{ID: id, Name: name}
	case g.accounts[i].Name != name:
		return &MismatchError{ID: id, Name: name, Found: g.accounts[i].Name}
	}
	return nil
}

// Ban bars the account with this id and exactly this name from submitting. It
// changes nothing when the account is banned already. What runs or waits is not
// touched, and the front ends learn of it within GateDelay.
func (g *Grid) Ban(_ context.Context, id, name string) error { return g.setBan(id, name, true) }

// Unban lifts a ban. Tasks that the ban held go on; killed ones do not.
func (g *Grid) Unban(_ context.Context, id, name string) error { return g.setBan(id, name, false) }

func (g *Grid) setBan(id, name string, ban bool) error {
	if err := g.mustMatch(id, name); err != nil {
		return err
	}
	h, err := g.history()
	if err != nil {
		return err
	}
	do := doUnban
	if ban {
		do = doBan
	}
	if _, banned := h.bannedAt(id, g.Now()); banned == ban {
		do = again + do
	}
	return g.do(event{Do: do, IDs: []string{id}})
}

// frontEnds is how many servers take submissions. Each reads the list of banned
// names again every gateDelay, at its own moments.
const frontEnds = 5

// Submit is a user handing in a new task, as drills need it. The front end that
// happens to take it refuses with ErrBanned when the list that it has read
// last names the user.
func (g *Grid) Submit(_ context.Context, id, name string) (taskID string, err error) {
	if err := g.mustMatch(id, name); err != nil {
		return "", err
	}
	h, err := g.history()
	if err != nil {
		return "", err
	}
	now := g.Now()
	server := g.dice(name + now.Format(time.RFC3339Nano)).IntN(frontEnds)
	if _, banned := h.bannedAt(id, lastRead(now, server)); banned {
		return "", fmt.Errorf("%w: %s", ErrBanned, name)
	}
	taskID = strconv.Itoa(41_001_000 + len(h.submitted))
	return taskID, g.do(event{Do: doSubmit, IDs: []string{id, taskID}})
}

// lastRead is when a front end has last read the list of banned names.
func lastRead(now time.Time, server int) time.Time {
	phase := gateDelay / frontEnds * time.Duration(server)
	return now.Add(-phase).Truncate(gateDelay).Add(phase)
}

// allTasks are the planted tasks and those that were submitted since.
func (g *Grid) allTasks(h history) []task {
	tasks := slices.Clone(g.tasks)
	for n, e := range h.submitted {
		if len(e.IDs) == 2 {
			tasks = append(tasks, submitted(e, n))
		}
	}
	return tasks
}

func (g *Grid) tasksOf(h history, account string) []task {
	return slices.DeleteFunc(g.allTasks(h), func(t task) bool { return t.account != account })
}
