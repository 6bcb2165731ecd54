package job

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// The longest foreign texts in an answer, in characters.
const (
	maxValue   = 300
	maxCommand = 1500
)

// tell words what is known of a job: the list of the procedure, in its order,
// and then all else. Without personal who it is and what could tell is withheld.
func (x command) tell(r *bot.Request, found one, named string) bot.Message {
	j := found.job
	m := bot.Message{Partial: !found.complete()}
	m.Title = bot.Textf("PanDA job *%d*: %s%s", j.ID, cmp.Or(show(j.Status), "of no known status"), labelled(j))
	if named != "" {
		m.Line("%s", named)
	}
	payload := j.Payload()
	x.saySubmitter(&m, j, r.Personal)
	if host, why := j.SubmitHost(); host == "" {
		m.Line("*Submit host*: not known. %s.%s", why, uploaded(j))
	} else if r.Personal {
		m.Line("*Submit host*: `%s`", show(host))
	}
	m.Line("*Submitted*: %s", utc(j.Created))
	sayPayload(&m, j, payload)
	x.sayPlace(&m, j)
	sayStatus(&m, j, r.Personal)
	if r.Personal {
		sayCommand(&m, j)
	} else {
		m.Line("Withheld here, for this channel may not show personal data: who submitted it, from where, and what it runs. Ask in a channel that may.")
	}
	saySources(&m, found.sources)
	for _, next := range x.next(j, r.Personal) {
		m.Below("Next: `%s`", next)
	}
	m.Answer = map[string]any{"job": x.answer(found, payload, r.Personal)}
	return m
}

// labelled says what a label means.
func labelled(j grid.PandaJob) string {
	switch kind := grid.KindOfPanda(j.Transformation, j.Parameters); {
	case kind == grid.PandaBuildGen || strings.Contains(","+j.Special+",", ",bj,"):
		return ", a build job"
	case j.Label == "managed":
		return ", of production"
	case kind == grid.PandaUnknown || kind == grid.PandaProduction:
		if j.Label != "" {
			return ", label " + show(j.Label)
		}
		return ""
	default:
		return ", " + string(kind)
	}
}

// saySubmitter is the first of the procedure's list.
func (x command) saySubmitter(m *bot.Message, j grid.PandaJob, personal bool) {
	if !personal {
		return
	}
	m.Line("*Payload submitter*: `%s` (prodUserID), PanDA name `%s`", cmp.Or(show(j.UserID), "not known"), cmp.Or(show(j.UserName), "not known"))
	for _, a := range j.Owner.Accounts {
		m.Line("• user `%s`: DN `%s`, e-mail `%s`%s", show(a.Name), cmp.Or(show(a.DN), "not known"), cmp.Or(show(a.Email), "not known"), banned(a))
	}
	if n := len(j.Owner.Accounts); n > 1 {
		m.Line("• %d users have that very name in PanDA: the job's name does not say which of them it was.", n)
	}
	for _, a := range j.Owner.Others {
		m.Line("• the same person is also `%s` (`%s`)%s", show(a.Name), cmp.Or(show(a.DN), "no DN"), banned(a))
	}
	if j.Label == "managed" {
		m.Line("• For production jobs this name is no proof: who has the production role may submit in another's name.")
	}
	switch kind, _ := grid.KindOfDN(submitterOf(j), x.sites); kind {
	case grid.PilotFactory, grid.RobotAccount, grid.ServiceAccount:
		m.Line("• That is a %s, not a person: it works for others.", kind)
	}
}

func banned(a grid.Account) string {
	if a.Banned {
		return ", *banned*"
	}
	return ""
}

// submitterOf is the best that is known of who submitted: a DN before a name.
func submitterOf(j grid.PandaJob) string {
	if strings.HasPrefix(j.UserID, "/") {
		return j.UserID
	}
	if len(j.Owner.Accounts) == 1 && j.Owner.Accounts[0].DN != "" {
		return j.Owner.Accounts[0].DN
	}
	return cmp.Or(j.UserName, j.UserID)
}

// uploaded says from the upload of the code what is known instead of a submit host.
func uploaded(j grid.PandaJob) string {
	if len(j.Uploads) == 0 {
		return ""
	}
	u := j.Uploads[0]
	return fmt.Sprintf(" Known instead: the code was uploaded to the server %s at %s.", cmp.Or(show(u.Host), "(not named)"), utc(u.At))
}

// sayPlace tells where it runs or ran.
func (x command) sayPlace(m *bot.Message, j grid.PandaJob) {
	m.Line("*Site*: `%s`%s", cmp.Or(show(j.Site), "not known"), in("computing element", j.CE))
	if j.Host == "" {
		m.Line("*Worker node*: not known: no pilot has reported from one.")
	} else {
		m.Line("*Worker node*: `%s`%s", show(j.Host), in("as recorded", different(j.Node, j.Host)))
	}
	m.Line("*Batch id*: `%s`", cmp.Or(show(j.BatchID), "not known"))
	m.Line("*Pilot*: `%s`%s", cmp.Or(show(j.PilotID), "not known"), in("submitted by", j.Scheduler))
	for _, w := range j.Workers[:min(len(j.Workers), 5)] {
		m.Line("• worker %d of `%s`: %s, batch id `%s`, node `%s`, submitted %s from `%s`", w.ID, show(w.Harvester), cmp.Or(show(w.Status), "no status"),
			cmp.Or(show(w.BatchID), "not known"), cmp.Or(show(w.Node), "not known"), utc(w.Submitted), cmp.Or(show(w.Submitter), "not known"))
	}
}

func in(what, value string) string {
	if value == "" {
		return ""
	}
	return " (" + what + " " + show(value) + ")"
}

func different(value, other string) string {
	if value == other {
		return ""
	}
	return value
}

// sayStatus tells task, status and history.
func sayStatus(m *bot.Message, j grid.PandaJob, personal bool) {
	switch task := cmp.Or(j.Task.ID, j.TaskID); {
	case task == 0:
		m.Line("*Task*: none is recorded.")
	case personal && j.Task.Name != "":
		m.Line("*Task*: %d `%s`, %s", task, show(j.Task.Name), cmp.Or(show(j.Task.Status), "status not known"))
	default:
		m.Line("*Task*: %d%s", task, in("status", j.Task.Status))
	}
	m.Line("*Status*: %s%s since %s; started %s, ended %s, last contact or change %s", cmp.Or(show(j.Status), "not known"), in("also", j.Substatus),
		utc(j.Changed), utc(j.Started), ended(j), utc(j.Modified))
	if j.Command != "" {
		m.Line("• order to its pilot (commandToPilot): `%s`", show(j.Command))
	}
	for _, e := range j.Errors {
		if e.Code == 0 && e.Text == "" {
			continue
		}
		text := show(e.Text)
		if !personal {
			text = "" // it may hold the DN of who killed the job
		}
		m.Line("• %s error %d%s", show(e.From), e.Code, in("which says", text))
	}
	if len(j.History) > 0 {
		const most = 12
		var steps []string
		for _, c := range j.History[max(0, len(j.History)-most):] {
			steps = append(steps, show(c.Status)+" "+utc(c.At))
		}
		m.Line("• history: %s", strings.Join(steps, " → "))
	}
	for _, t := range j.Retries[:min(len(j.Retries), 5)] {
		if t.Old == j.ID {
			m.Line("• job %d came after it (%s)", t.New, show(t.Relation))
		} else {
			m.Line("• it came after job %d (%s)", t.Old, show(t.Relation))
		}
	}
}

func ended(j grid.PandaJob) string {
	if j.Ended.IsZero() && j.Live() {
		return "not yet"
	}
	return utc(j.Ended)
}

// saySources names where it is from, and what was not to be had.
func saySources(m *bot.Message, sources []source) {
	for _, s := range sources {
		switch s.State {
		case complete:
			m.Below("Source: *%s*.", s.Name)
		case absent:
			m.Below("*%s* has no such job.", s.Name)
		default:
			m.Below("*%s* could not be asked: what it has is missing here. Try again, or look at `status`.", s.Name)
		}
		for _, n := range s.Notes {
			m.Below("*%s*: %s", s.Name, n)
		}
	}
}

// next is what to ask now: who that is, and what else ran there.
func (x command) next(j grid.PandaJob, personal bool) []string {
	var out []string
	if who := submitterOf(j); personal && who != "" {
		out = append(out, bot.Echo("whois", []bot.Token{{Text: grid.Visible(who), Quoted: true}}, nil))
	}
	if from := j.Started; j.Host != "" && !from.IsZero() {
		out = append(out, bot.Echo("trace", []bot.Token{{Text: show(j.Host)}, {Text: from.UTC().Format(time.RFC3339)}}, nil))
	}
	return out
}

// show is foreign text in one line, with nothing hidden, cut.
func show(s string) string { return cut(grid.Visible(s), maxValue) }

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func utc(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
