package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// maxBody is how much of a record's body the Markdown shows, in characters;
// the JSON beside it has the whole.
const maxBody = 400

// markdown writes a dossier for people.
func markdown(d dossier) []byte {
	var b bytes.Buffer
	i := d.Incident
	fmt.Fprintf(&b, "# Case %s: %s\n\n", plain(i.ID), plain(i.Title))
	fmt.Fprintf(&b, "Exported by %s at %s. All times are UTC.\n\n", plain(d.ExportedBy), utc(d.ExportedAt))
	if d.Cut != "" {
		fmt.Fprintf(&b, "**This export is not whole:** %s.\n\n", plain(d.Cut))
	}
	fmt.Fprintf(&b, "- Opened: %s by %s\n", utc(i.OpenedAt), plain(string(i.OpenedBy)))
	if isClosed(i) {
		fmt.Fprintf(&b, "- Closed: %s by %s\n- Outcome: %s\n", utc(i.ClosedAt), plain(string(i.ClosedBy)), plain(i.Outcome))
	} else {
		b.WriteString("- Closed: not yet\n")
	}
	fmt.Fprintf(&b, "- Home thread: %s\n", plain(i.Thread))
	if len(i.Notes) > 0 {
		b.WriteString("\n## Notes\n\n")
		for _, n := range i.Notes {
			fmt.Fprintf(&b, "- %s, %s: %s\n", n.At.UTC().Format(clock), plain(string(n.Person)), plain(n.Text))
		}
	}
	evidence(&b, i.Evidence)
	if len(d.Actions) > 0 {
		b.WriteString("\n## Actions\n\n| id | command | target | state | proposed by | votes | result |\n|---|---|---|---|---|---|---|\n")
		for _, a := range d.Actions {
			row(&b, string(a.ID), a.Command, a.Frozen.Plan.Target.Name, string(a.State), string(a.Frozen.Proposer), votes(a), a.Progress.Said)
		}
	}
	b.WriteString("\n## Timeline\n\n| time | what | who | account | about | request | body |\n|---|---|---|---|---|---|---|\n")
	touched := touchedLater(d.Timeline)
	for _, e := range d.Timeline {
		body := "(erased)"
		if e.Body != nil {
			body = clip(string(e.Body), maxBody)
		}
		what := string(e.Kind)
		if mark := touched[e.Request]; mark != "" && e.Kind != audit.MessageEdited && e.Kind != audit.MessageDeleted {
			what += " (" + mark + ")"
		}
		row(&b, e.At.Format(clock), what, e.Person, e.Account, e.Subject, e.Request, body)
	}
	return b.Bytes()
}

// evidence lists the pinned messages, each with what became of it.
func evidence(b *bytes.Buffer, all []bot.Evidence) {
	if len(all) == 0 {
		return
	}
	b.WriteString("\n## Evidence\n\nMessages as they stood when they were pinned.\n\n")
	for n, e := range all {
		fmt.Fprintf(b, "%d. %s, %s (%s): %s", n+1, e.At.UTC().Format(clock), plain(authorOf(e)), plain(e.Author), plain(e.Text))
		if e.Cut {
			b.WriteString(" (it was longer)")
		}
		fmt.Fprintf(b, "\n   - pinned by %s at %s; message %s in %s\n", plain(string(e.PinnedBy)), e.PinnedAt.UTC().Format(clock), plain(e.Message), plain(e.Thread))
		if e.Link != "" {
			fmt.Fprintf(b, "   - %s\n", plain(e.Link))
		}
		if len(e.Files) > 0 {
			fmt.Fprintf(b, "   - files, not kept: %s\n", plain(filesOf(e.Files)))
		}
		for _, c := range e.Changes {
			fmt.Fprintf(b, "   - **%s** at %s%s\n", changeWord(c.Kind), c.At.UTC().Format(clock), changeTail(c))
		}
	}
}

func changeWord(k bot.Kind) string {
	if k == bot.Unreacted {
		return "pin taken away"
	}
	return string(k) + " afterwards"
}

func changeTail(c bot.Change) string {
	tail := ""
	if c.By != "" {
		tail = " by " + plain(c.By)
	}
	if c.Kind == bot.Edited {
		tail += "; it says then: " + plain(c.Text)
	}
	return tail
}

// touchedLater says of requests that the message which made them was changed or
// deleted afterwards.
func touchedLater(timeline []entry) map[string]string {
	out := map[string]string{}
	for _, e := range timeline {
		var body struct {
			Of string `json:"of"`
		}
		if e.Kind != audit.MessageEdited && e.Kind != audit.MessageDeleted || json.Unmarshal(e.Body, &body) != nil || body.Of == "" {
			continue
		}
		out[body.Of] = string(e.Kind) + " at " + e.At.Format(clock)
	}
	return out
}

// clock is the form of a time within the export, which says UTC once.
const clock = "2006-01-02 15:04:05"

func votes(a action.Action) string {
	var out []string
	for _, v := range a.Votes {
		s := string(v.Person) + " at " + v.At.UTC().Format(clock)
		if v.Lost != "" {
			s += " (lost: " + v.Lost + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func row(b *bytes.Buffer, cells ...string) {
	for _, c := range cells {
		b.WriteString("| " + plain(c) + " ")
	}
	b.WriteString("|\n")
}

// plain writes foreign text so that Markdown shows it as it is: no markup, no
// links (also those made of bare addresses), no HTML, no mentions, one line.
func plain(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			fmt.Fprintf(&b, "\\\\u%04x", r)
		case strings.ContainsRune("\\`*_{}[]<>#+!|~@&$", r),
			r == ':' && strings.HasPrefix(s[i:], "://"),
			r == '.' && strings.HasSuffix(strings.ToLower(s[:i]), "www"):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
