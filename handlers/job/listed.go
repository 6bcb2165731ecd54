package job

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// maxRows is how many jobs the table shows; the machine form has all.
const maxRows = 40

// listed shows several jobs, none of which is picked. m is the text that named
// them, nil where it was a batch job; file is whose excerpt that is, "" for none.
func (x command) listed(r *bot.Request, l list, m *grid.PandaMentions, file string) bot.Message {
	out := bot.Message{Partial: !l.complete()}
	switch {
	case m != nil:
		out.Title = bot.Textf("%d of the %d jobs that the text names are in PanDA", len(l.jobs), len(m.Jobs))
		if file != "" {
			out.Line("Read from %s: each job's first line there.", show(file))
		}
		sayUnread(&out, *m)
	default:
		out.Title = bot.Textf("%d jobs ran in the batch job *%s*", len(l.jobs), show(l.batch))
	}
	if len(l.jobs) > 0 {
		out.Table = table(l.jobs, m, r.Personal, file == "")
	}
	if n := len(l.jobs) - maxRows; n > 0 {
		out.Below("%d more are not shown.", n)
	}
	if l.cut {
		out.Below("There may be more than the sources gave.")
	}
	if m != nil {
		sayUnknown(&out, l, *m)
	}
	if !r.Personal {
		out.Below("Submitters are withheld, for this channel may not show personal data.")
	}
	saySources(&out, l.sources)
	if len(l.jobs) > 0 {
		out.Below("Next: `%s`, or another of these", "job "+number(l.jobs[0].ID))
	}
	out.Answer = map[string]any{"job": listAnswer(l, m, r.Personal, file)}
	return out
}

// sayUnread tells what of the text was not used.
func sayUnread(out *bot.Message, m grid.PandaMentions) {
	if m.More > 0 {
		out.Line("The text names more jobs than the first %d, which were looked up. Paste the rest apart.", len(m.Jobs))
	}
	if m.Cut {
		out.Line("The text is longer than %d bytes: the rest was not read.", grid.MaxPandaText)
	}
	if len(m.NoIDs) > 0 {
		out.Line("No PandaIDs, though they stand where one should: %s.", strings.Join(m.NoIDs, ", "))
	}
}

// sayUnknown lists the numbers that are no jobs.
func sayUnknown(out *bot.Message, l list, m grid.PandaMentions) {
	known := map[int64]bool{}
	for _, j := range l.jobs {
		known[j.ID] = true
	}
	var missing []string
	for _, j := range m.Jobs {
		if !known[j.ID] {
			missing = append(missing, number(j.ID))
		}
	}
	if len(missing) == 0 {
		return
	}
	const most = 10
	more := ""
	if n := len(missing) - most; n > 0 {
		missing, more = missing[:most], " and "+strconv.Itoa(n)+" more"
	}
	out.Below("Not found as jobs: %s%s.", strings.Join(missing, ", "), more)
}

// table shows the jobs; counted tells how often the text names each.
func table(jobs []grid.PandaJob, m *grid.PandaMentions, personal, counted bool) *bot.Table {
	t := &bot.Table{Columns: []string{"PandaID", "status", "submitter", "site", "worker node", "batch id", "submitted (UTC)", "ended"}}
	named := map[int64]grid.PandaMention{}
	if m != nil {
		t.Columns = append(t.Columns, "named by")
		for _, j := range m.Jobs {
			named[j.ID] = j
		}
	}
	for _, j := range jobs[:min(len(jobs), maxRows)] {
		who := "withheld"
		if personal {
			who = show(cmp.Or(j.UserName, j.UserID))
		}
		row := []string{number(j.ID), show(j.Status), who, show(j.Site), show(j.Host), show(j.BatchID), short(j.Created), short(j.Ended)}
		if m != nil {
			n := named[j.ID]
			by := strings.Join(n.Forms, "; ")
			if counted {
				by = strconv.Itoa(n.Count) + "× " + by
			}
			row = append(row, by)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func number(id int64) string { return strconv.FormatInt(id, 10) }
