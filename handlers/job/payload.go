package job

import (
	"fmt"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// sayPayload tells where the code is.
func sayPayload(m *bot.Message, j grid.PandaJob, p grid.PandaPayload) {
	if p.URL == "" {
		m.Line("*Payload*: no URL. %s", p.Why)
		return
	}
	m.Line("*Payload URL*: `%s` (by %s)%s", p.URL, p.From, after(p.Why))
	m.Line("• Foreign code: fetch it only where nothing can come of it. It is removed some time after its task has ended.")
	for _, u := range j.Uploads[:min(len(j.Uploads), 3)] {
		m.Line("• uploaded to `%s` at %s%s", show(u.Host), utc(u.At), sizeOf(u))
	}
}

// sizeOf is what PanDA noted of an uploaded file, for who holds a copy of it.
func sizeOf(u grid.PandaUpload) string {
	var out string
	if u.Size > 0 {
		out = fmt.Sprintf(", %d bytes", u.Size)
	}
	if u.Checksum != "" {
		out += ", checksum " + show(u.Checksum)
	}
	return out
}

func after(sentence string) string {
	if sentence == "" {
		return ""
	}
	return ". " + sentence
}

// sayCommand tells what the job runs: decoded, as it is stored, and what in it
// is met in attacks.
func sayCommand(m *bot.Message, j grid.PandaJob) {
	p := grid.ParsePandaParams(j.Transformation, j.Parameters)
	task, _ := grid.ParsePandaTask(j.Task.Parameters)
	m.Line("*Runs*: `%s`", show(j.Transformation))
	if j.Container != "" || p.Image != "" {
		m.Line("• in the image `%s`", show(first(p.Image, j.Container)))
	}
	decoded, raw := grid.Visible(p.Command.Text), grid.Visible(p.Command.Raw)
	switch {
	case decoded != "":
		m.Line("*Command*, decoded from %s:", strings.Join(p.Command.Flags, " and "))
		m.Line("`%s`", cut(decoded, maxCommand))
		m.Line("As it is stored: `%s`", cut(raw, maxValue))
	case p.Kind == grid.PandaProduction && j.Parameters != "":
		m.Line("*Parameters*: `%s`", cut(grid.Visible(j.Parameters), maxCommand))
	case j.Parameters == "":
		m.Line("*Command*: not known. The parameters are not here: PanDA's job tables keep them for about 30 days.")
	default:
		m.Line("*Command*: the parameters name none. They are: `%s`", cut(grid.Visible(j.Parameters), maxCommand))
	}
	if p.Fragment != "" {
		m.Line("*Job options* from -f, which is not encoded: `%s`", cut(grid.Visible(p.Fragment), maxCommand))
	}
	if task.CLI != "" {
		m.Line("*Typed by the submitter*, by the task: `%s`", cut(grid.Visible(task.CLI), maxCommand))
	}
	for _, note := range p.Notes {
		m.Line("• %s", note)
	}
	sayHints(m, hints(p, task))
	if len(decoded) > maxCommand || len(p.Fragment) > maxCommand || len(task.CLI) > maxCommand {
		m.Files = append(m.Files, bot.File{Name: fmt.Sprintf("job-%d-command.txt", j.ID), Media: "text/plain; charset=utf-8", Data: file(j, p, task)})
		m.Line("The file has it whole, up to %d characters of each.", maxFile)
	}
}

func hints(p grid.PandaParams, task grid.PandaSubmission) []grid.Hint {
	out := p.Hints()
	for _, h := range grid.HintsIn(grid.PandaUnquote(task.CLI)) {
		same := false
		for _, known := range out {
			same = same || known.What == h.What
		}
		if !same {
			out = append(out, h)
		}
	}
	return out
}

// sayHints lists the hints and calls them that.
func sayHints(m *bot.Message, hints []grid.Hint) {
	if len(hints) == 0 {
		m.Line("No hint of an attack was found in it, which proves nothing: what the command starts is not looked at.")
		return
	}
	m.Line("*Hints* (patterns of attacks fit these pieces; they prove nothing, look yourself):")
	const most = 12
	for _, h := range hints[:min(len(hints), most)] {
		m.Line("• %s: `%s`", h.What, h.Piece)
	}
	if n := len(hints) - most; n > 0 {
		m.Line("• and %d more", n)
	}
}

// maxFile bounds each text in the file, in characters.
const maxFile = 500_000

func file(j grid.PandaJob, p grid.PandaParams, task grid.PandaSubmission) []byte {
	var b strings.Builder
	add := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "== %s\n%s\n\n", title, cut(grid.Visible(text), maxFile))
		}
	}
	fmt.Fprintf(&b, "PanDA job %d. Never run any of this. Control characters are shown as pictures.\n\n", j.ID)
	add("command, decoded", p.Command.Text)
	add("command, as stored", p.Command.Raw)
	add("job options (-f)", p.Fragment)
	add("typed by the submitter, by the task", task.CLI)
	add("all parameters, as stored", j.Parameters)
	return []byte(b.String())
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
