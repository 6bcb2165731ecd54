package trace

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/handlers/deadline"
)

// Register knows which logins and DNs belong to one person, as CRIC does.
type Register interface {
	Name() string
	Experiment() grid.Experiment
	// Register gives what it knows: an old answer, with a note, rather than none.
	Register(ctx context.Context) (*grid.Register, error)
}

// registerDeadline is what a register has for its answer. It keeps one at hand.
const registerDeadline = 10 * time.Second

// knowledge is what is known of people while a question is answered, and how the
// registers did.
type knowledge struct {
	*grid.Knowledge
	reports []grid.Report
}

// learn asks every register at once.
func (t tracer) learn(ctx context.Context) knowledge {
	k := knowledge{&grid.Knowledge{Sites: t.sites, Registers: make([]*grid.Register, len(t.registers))}, make([]grid.Report, len(t.registers))}
	var wg sync.WaitGroup
	for i, r := range t.registers {
		wg.Go(func() {
			register, err := consult(ctx, r)
			k.reports[i] = grid.Report{Name: r.Name(), Experiment: r.Experiment(), State: grid.Complete, Searched: "who has which login and DN"}
			if err != nil {
				t.log.WarnContext(ctx, "a register of people failed", "register", r.Name(), "error", err)
				k.reports[i].State = grid.Failed
				k.reports[i].Notes = []string{sentence(err, registerDeadline), "whose the DNs are that have no login in them is not known"}
				return
			}
			k.Registers[i] = register
			k.reports[i].Newest, k.reports[i].Records, k.reports[i].Notes = register.AsOf, register.People(), slices.Clone(register.Notes)
		})
	}
	wg.Wait()
	return k
}

// consult asks one register.
func consult(ctx context.Context, r Register) (*grid.Register, error) {
	register, err := deadline.Ask(ctx, registerDeadline, r.Register)
	if register == nil && err == nil {
		err = deadline.ErrBroken
	}
	return register, err
}

// report adds how the registers did to an answer. One that failed makes it
// partial: two people in it may be one, and a person's other names were not
// searched for.
func (k knowledge) report(trace *grid.Trace) {
	for i, r := range k.reports {
		for _, p := range trace.People {
			if k.knows(i, p) {
				r.Matched++
			}
		}
		trace.Reports = append(trace.Reports, r)
		if r.State == grid.Failed {
			trace.Complete = false
			trace.WouldChange = append(trace.WouldChange, r.Name+" did not answer: who has which login and DN may be told better later.")
		}
	}
}

// knows tells whether one register has a person of the answer.
func (k knowledge) knows(i int, p grid.Person) bool {
	own := &grid.Knowledge{Registers: k.Registers[i : i+1]}
	_, byDN := own.Holder("", p.DN)
	_, byLogin := own.Holder(p.Experiment, p.Username)
	return byDN || byLogin
}

// sayNames tells by which other names of a person the experiments are searched.
// The names themselves are personal.
func (k knowledge) sayNames(q *question, experiments []grid.Experiment, personal bool) {
	_, holder := k.Names("", q.User)
	for _, e := range experiments {
		names, _ := k.Names(e, q.User)
		for _, name := range names {
			if !slices.Contains(q.also, name) {
				q.also = append(q.also, name)
			}
		}
	}
	n := count(len(q.also), "other name of the same person", "other names of the same person")
	switch {
	case len(holder.Several) > 0 && personal:
		q.say(fmt.Sprintf("%s belongs to several people by %s (%s): none of them was taken, and only this very name was searched", q.User, holder.By, some(holder.Several)))
	case len(holder.Several) > 0:
		q.say(fmt.Sprintf("the name belongs to several people by %s: none of them was taken, and only this very name was searched", holder.By))
	case len(q.also) == 0:
	case personal:
		q.say(fmt.Sprintf("also searched by %s by %s: %s", n, holder.By, some(q.also)))
	default:
		q.say(fmt.Sprintf("also searched by %s, by %s", n, holder.By))
	}
}

// experiments are those of whom is asked.
func (t tracer) experiments() []grid.Experiment {
	var out []grid.Experiment
	for _, s := range t.sources {
		if e := s.Experiment(); !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}
