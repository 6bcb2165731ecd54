package fakemattermost

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// live are the forms that Mattermost's clients make something of, outside code.
var live = map[string]*regexp.Regexp{
	"a mention":         regexp.MustCompile(`(?i)@[a-z0-9._-]`),
	"a link":            regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://|www\d{0,3}\.|mailto:\S|\]\(|\]:|!\[`),
	"a channel":         regexp.MustCompile(`(?i)~[a-z0-9]`),
	"struck out":        regexp.MustCompile(`~~`),
	"a hashtag":         regexp.MustCompile(`(?i)#[^\s#\x{200b}]`),
	"an emoji":          regexp.MustCompile(`:[A-Za-z0-9_+-]+:|:-?[)(|/\\DpPoO]`),
	"HTML":              regexp.MustCompile(`(?i)<[a-z/!?]|<\d|&[a-z#0-9]+;`),
	"a formula":         regexp.MustCompile(`\$`),
	"an unclosed fence": regexp.MustCompile(`OPENFENCE`),
	"an underscore":     regexp.MustCompile(`_`),
	"a bracket":         regexp.MustCompile(`[\[\]()!]`),
	"a block":           regexp.MustCompile(`(?m)^ {0,3}(>|[-+*] |\d+[.)]|={2,}|-{2,}|~{3}|\t)|^ {4}`),
	"a command":         regexp.MustCompile(`^/`),
	"invisible":         regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f\x{ad}\x{200c}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}]`),
}

// Live tells what Mattermost's clients would make more than text of in a post, but
// for bold text, code, tables and a heading at its beginning. It is stricter than
// they are.
func Live(text string) []string {
	var kept []string
	for l := range strings.SplitSeq(text, "\n") {
		l = strings.TrimPrefix(l, "##### ")
		if strings.Trim(l, "|- ") == "" { // the rule of a table
			continue
		}
		kept = append(kept, l)
	}
	plain := outsideCode(strings.Join(kept, "\n"))
	var out []string
	for _, what := range slices.Sorted(maps.Keys(live)) {
		if found := live[what].FindString(plain); found != "" {
			out = append(out, what+": "+found)
		}
	}
	return out
}

// outsideCode is Markdown without its code, in which nothing is live, and with
// a letter for each escaped sign.
func outsideCode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\\`*{}[]()#+-.!_>~|", s[i+1]) >= 0:
			b.WriteByte('e')
			i += 2
		case s[i] == '`':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
			end := i + n
			for end < len(s) {
				k := strings.IndexByte(s[end:], '`')
				if k < 0 {
					end = len(s)
					break
				}
				end += k
				run := len(s[end:]) - len(strings.TrimLeft(s[end:], "`"))
				if run == n {
					break
				}
				end += run
			}
			if end >= len(s) {
				b.WriteString("OPENFENCE")
				i += n
				continue
			}
			b.WriteByte('c')
			i = end + n
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}
