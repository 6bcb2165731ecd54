package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/gridwarden/gridwarden/bot/action"
)

// asked is what an event means, whatever surface it came from: a click and a
// reaction are the typed command that they stand for, so that one path checks all.
type asked struct {
	tokens  []Token
	notes   []string
	surface string
}

// errNotForUs ends an event that is no request, such as a reaction on a
// message that is no card. Nothing is answered.
var errNotForUs = errors.New("not a request")

// The decision reactions, normalised by the platforms: no skin tones, no colons.
var (
	approveReactions = []string{"+1", "thumbsup", "white_check_mark"}
	denyReactions    = []string{"-1", "thumbsdown", "x", "no_entry"}
)

// read turns an event into words (design: hop 4).
func (e *Engine) read(ctx context.Context, ev Event) (asked, error) {
	switch ev.Kind {
	case Typed:
		typed := strip(ev.Value)
		if words, ok := e.pasted(typed); ok {
			return asked{tokens: words, surface: "typed"}, nil
		}
		parsed, err := Tokenize(typed)
		if err != nil {
			return asked{surface: "typed"}, err
		}
		if len(parsed.Tokens) == 0 {
			if a, ok := e.forFile(ev); ok {
				return a, nil
			}
			return asked{surface: "typed"}, Problemf("usage", "Type a command, such as `help`.")
		}
		return asked{tokens: parsed.Tokens, notes: parsed.Notes, surface: "typed"}, nil
	case Clicked:
		a := asked{surface: "button"}
		verdict, rest, ok := strings.Cut(ev.Value, ":")
		id, reason, _ := strings.Cut(rest, ":")
		if !ok || !slices.Contains([]string{"approve", "deny", "withdraw"}, verdict) || id == "" || len(ev.Value) > 4<<10 {
			return a, Problemf("refused", "That button was not issued by gridwarden; nothing was done.")
		}
		// What a message shows is what its buttons decide on, whatever a button says.
		card, err := e.journal.CardAt(ctx, ev.Thread.String(), ev.Target)
		if err == nil && !strings.EqualFold(string(card), id) {
			return a, Problemf("refused", "That button was not issued by gridwarden for this message; nothing was done.")
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return a, err
		}
		a.tokens = []Token{{Text: verdict, Quoted: false}, {Text: id, Quoted: true}}
		if reason != "" {
			a.tokens = append(a.tokens, Token{Text: reason, Quoted: true})
		}
		return a, nil
	case Reacted, Unreacted:
		a := asked{surface: "reaction"}
		if IsPin(ev.Value) {
			return pinned(ev), nil
		}
		id, err := e.journal.CardAt(ctx, ev.Thread.String(), ev.Target)
		if errors.Is(err, ErrNotFound) || isCase(id) {
			return a, errNotForUs
		}
		if err != nil {
			return a, err
		}
		switch {
		case slices.Contains(approveReactions, ev.Value) && ev.Kind == Reacted:
			a.tokens = []Token{{Text: "approve"}, {Text: string(id), Quoted: true}}
		case slices.Contains(approveReactions, ev.Value):
			a.tokens = []Token{{Text: "withdraw"}, {Text: string(id), Quoted: true}}
			a.surface = "reaction taken back"
		case slices.Contains(denyReactions, ev.Value) && ev.Kind == Reacted:
			a.tokens = []Token{{Text: "deny"}, {Text: string(id), Quoted: true}}
		default:
			return a, errNotForUs
		}
		return a, nil
	}
	return asked{}, errNotForUs
}

// strip removes the ways to address the bot from typed text, and what chats
// wrap around it.
func strip(s string) string {
	blank := func(r rune) bool { return unicode.IsSpace(r) || invisible(r) }
	s = unwrap(strings.TrimFunc(s, blank))
	for _, prefix := range []string{"@gridwarden", "/gridwarden", "!gridwarden"} {
		if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
			continue
		}
		rest := s[len(prefix):]
		text := strings.TrimLeftFunc(rest, func(r rune) bool { return r == ':' || r == ',' || blank(r) })
		if text != rest || text == "" {
			return strings.TrimLeft(unwrap(text), "/!")
		}
	}
	return strings.TrimLeft(s, "/!")
}

// find returns the command with the longest name that fits, and its arguments
// (hop 5). Command names are matched in any case; arguments never are.
func (e *Engine) find(a asked) (Command, []Token, error) {
	for n := min(2, len(a.tokens)); n > 0; n-- {
		words := make([]string, n)
		quoted := false
		for i, t := range a.tokens[:n] {
			words[i] = strings.ToLower(t.Text)
			quoted = quoted || t.Quoted
		}
		if c, ok := e.command(strings.Join(words, " ")); ok && !quoted {
			return c, a.tokens[n:], nil
		}
	}
	first := strings.ToLower(a.tokens[0].Text)
	if family := e.family(first); len(family) > 0 {
		return Command{}, nil, Problemf("usage", "`%s` needs one more word: %s.", first, strings.Join(family, ", "))
	}
	typed := first
	if len(a.tokens) > 1 {
		typed += " " + strings.ToLower(a.tokens[1].Text)
	}
	if near, ok := e.nearest(first, typed); ok {
		return Command{}, nil, Problemf("unknown-command", "There is no command %q. Did you mean `%s`? Nothing was run. `help` lists what you may use.", cut(first), near)
	}
	return Command{}, nil, Problemf("unknown-command", "There is no command %q. `help` lists what you may use.", cut(first))
}

// family lists the commands whose two-word names begin with first.
func (e *Engine) family(first string) []string {
	var out []string
	for _, c := range e.commands {
		if strings.HasPrefix(c.Name, first+" ") {
			out = append(out, "`"+c.Name+"`")
		}
	}
	return out
}

// nearest finds a command name within a small typing distance.
func (e *Engine) nearest(first, two string) (string, bool) {
	best, at := 3, ""
	for _, c := range e.commands {
		typed := first
		if strings.Contains(c.Name, " ") {
			typed = two
		}
		if d := distance(typed, c.Name); d < best && d < len(c.Name) {
			best, at = d, c.Name
		}
	}
	return at, at != ""
}

// distance is the optimal string alignment distance of two short words.
func distance(a, b string) int {
	ra, rb := []rune(cut(a)), []rune(cut(b))
	d := make([][]int, len(ra)+1)
	for i := range d {
		d[i] = make([]int, len(rb)+1)
		d[i][0] = i
	}
	for j := range rb {
		d[0][j+1] = j + 1
	}
	for i := 1; i <= len(ra); i++ {
		for j := 1; j <= len(rb); j++ {
			cost := 1
			if ra[i-1] == rb[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(ra)][len(rb)]
}

// cut bounds a foreign string for a sentence about it; never used on a target.
func cut(s string) string {
	return cutTo(s, 40)
}

// arguments splits a command's tokens into words and options.
func arguments(c Command, tokens []Token) (words []Token, options map[string]string, err error) {
	options = map[string]string{}
	for _, t := range tokens {
		name, value, found := strings.Cut(t.Text, "=")
		switch {
		case !t.Quoted && isOption(t.Text):
			return nil, nil, usage(c, fmt.Sprintf("%q is not an option of this command.", cut(t.Text)))
		case found && !t.Quoted && slices.Contains(c.Options, name):
			if _, twice := options[name]; twice {
				return nil, nil, usage(c, fmt.Sprintf("The option %s= stands twice.", name))
			}
			if value == "" {
				return nil, nil, usage(c, fmt.Sprintf("The option %s= has no value.", name))
			}
			options[name] = value
		default:
			words = append(words, t)
		}
	}
	return words, options, nil
}

// usage is the answer to wrong arguments: what is wrong, how it is written, an example.
func usage(c Command, wrong string) error {
	return Problemf("usage", "%s Usage: `%s`. Example: `%s`.", wrong, strings.TrimSpace(c.Name+" "+c.Args), c.Example)
}

// Echo writes a request as it was understood, in a form that can be typed again.
func Echo(command string, words []Token, options map[string]string) string {
	parts := []string{command}
	for _, w := range words {
		if w.Quoted {
			parts = append(parts, inQuotes(w.Text))
		} else {
			parts = append(parts, asWord(w.Text))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		parts = append(parts, name+"="+asWord(options[name]))
	}
	return strings.Join(parts, " ")
}

// asWord puts a text into quotes where it would not be read as one word.
func asWord(s string) string {
	if s == "" || strings.ContainsAny(s, ` =`) || strings.ContainsFunc(s, func(r rune) bool { _, quote := quotes[r]; return quote }) {
		return inQuotes(s)
	}
	return s
}

func inQuotes(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `”`, `\”`).Replace(s) + `"`
}

// verdictOf maps the decision commands' names.
func verdictOf(command string) (action.Verdict, bool) {
	switch command {
	case "approve":
		return action.Approve, true
	case "deny":
		return action.Deny, true
	case "withdraw":
		return action.TakeBack, true
	}
	return "", false
}
