package auditlog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// View is how records are shown to people.
type View struct {
	// About is the subject that was asked for: records about another one name it.
	About string
	// Leaves are the records' places in the log, by id; nil: they are not shown.
	Leaves map[string]int64
	// Personal allows what the records say; without it only their kinds,
	// times and persons are shown.
	Personal bool
}

// Table shows a row for each record that tells people something, in the order
// given. Looks that saw the same as the one before share a row.
func (v View) Table(records []audit.Record) *bot.Table {
	t := &bot.Table{Columns: v.columns()}
	for i := 0; i < len(records); {
		r := records[i]
		same := 1
		for r.Kind == audit.Verified && i+same < len(records) && v.again(r, records[i+same]) {
			same++
		}
		if r.Kind != audit.Changed {
			t.Rows = append(t.Rows, v.row(r, records[i+same-1], same))
		}
		i += same
	}
	return t
}

// bookkeeping counts the records that Table leaves out.
func bookkeeping(records []audit.Record) int {
	n := 0
	for _, r := range records {
		if r.Kind == audit.Changed {
			n++
		}
	}
	return n
}

func (v View) again(a, b audit.Record) bool {
	return a.Kind == b.Kind && a.Subject == b.Subject && Summary(a) == Summary(b)
}

func (v View) columns() []string {
	out := []string{"time (UTC)", "what", "who"}
	if v.Leaves != nil {
		out = append([]string{"leaf"}, out...)
	}
	if v.Personal {
		out = append(out, "said")
	}
	return out
}

// row is one record, or a run of equal ones from r to last.
func (v View) row(r, last audit.Record, same int) []string {
	out := []string{r.At.UTC().Format("2006-01-02 15:04:05"), string(r.Kind), who(r)}
	if v.Leaves != nil {
		place := v.place(r)
		if same > 1 {
			place += " to " + v.place(last)
		}
		out = append([]string{place}, out...)
	}
	if !v.Personal {
		return out
	}
	said := Summary(r)
	if same > 1 {
		said += fmt.Sprintf(" (the same %d times, until %s)", same, last.At.UTC().Format("15:04:05"))
	}
	if _, id, ok := strings.Cut(r.Subject, "/"); ok && r.Subject != v.About {
		said = strings.TrimSuffix(id+": "+said, ": ")
	}
	return append(out, said)
}

func (v View) place(r audit.Record) string {
	if n, ok := v.Leaves[r.ID]; ok {
		return strconv.FormatInt(n, 10)
	}
	return "waiting"
}

// who answers for a record: the person, else the account, else gridwarden itself.
func who(r audit.Record) string {
	switch {
	case r.Body == nil:
		return erased
	case r.Person != "":
		return r.Person
	case r.Account != "":
		return r.Account
	}
	return "gridwarden"
}
