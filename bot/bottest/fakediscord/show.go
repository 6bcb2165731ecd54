package fakediscord

import (
	"regexp"
	"strings"
)

// What is live in a text, by how Discord's clients read it (reference, message
// formatting, and the rules of Markdown in its clients).
var (
	entity  = regexp.MustCompile(`^<(?:@[!&]?[0-9]+|#[0-9]+|a?:\w+:[0-9]+|t:-?[0-9]+(?::[a-zA-Z])?|/[^:<>\n]+:[0-9]+|id:\w+|https?://[^>\s]+|mailto:[^>\s]+|tel:[^>\s]+)>`)
	address = regexp.MustCompile(`^(?:https?|steam|discord)://[^\s<]+`)
	all     = regexp.MustCompile(`^@(?:everyone|here)`)
	masked  = regexp.MustCompile(`^\[[^\]\n]*\]\([^)\n]*\)`)
	block   = regexp.MustCompile("^```(?:[a-z0-9_+\\-.#]+\\n)?\\n*([^\\n](?s:.*?))\\n*```")
	coded   = regexp.MustCompile("^(`+)((?s:.*?)[^`])(`+)")
	heading = regexp.MustCompile(`^(?:#{1,3} |>{1,3} |\s*[-*+] |\s*[0-9]+[.)] )`)
	joins   = regexp.MustCompile(`(?i)^discord(?:app)?\.(?:gg|com/invite|com|me|io|li|gift|new)/?[a-z0-9-]*`)
	marks   = regexp.MustCompile(`^(?:\*\*\*|\*\*|\*|__|_|~~|\|\|)`)
)

// Show reads a text as a client does: what people see, without the marks, and what
// of it is live: mentions, links, times, emoji, headings, spoilers.
func Show(text string) (shown string, live []string) {
	var b strings.Builder
	begin := true
	for i := 0; i < len(text); {
		rest := text[i:]
		if begin {
			begin = false
			if sub, ok := strings.CutPrefix(rest, "-# "); ok {
				i = len(text) - len(sub)
				continue
			}
			if h := heading.FindString(rest); h != "" {
				live = append(live, h)
			}
		}
		if m := block.FindStringSubmatch(rest); m != nil {
			b.WriteString(m[1])
			i += len(m[0])
			continue
		}
		if m := coded.FindStringSubmatch(rest); m != nil && m[1] == m[3] {
			b.WriteString(m[2])
			i += len(m[0])
			continue
		}
		if len(rest) > 1 && rest[0] == '\\' && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", rest[1]) >= 0 {
			b.WriteByte(rest[1])
			i += 2
			continue
		}
		if m := marks.FindString(rest); m != "" {
			if m[0] == '_' || m[0] == '~' || m[0] == '|' { // marks that the bot never sets
				live = append(live, m)
			}
			i += len(m)
			continue
		}
		for _, re := range []*regexp.Regexp{entity, all, masked, address} {
			if m := re.FindString(rest); m != "" {
				live = append(live, m)
				break
			}
		}
		if m := joins.FindString(rest); m != "" {
			live = append(live, m)
		}
		begin = rest[0] == '\n'
		b.WriteByte(rest[0])
		i++
	}
	return strings.ReplaceAll(b.String(), "\u200b", ""), live // which nobody sees
}
