package bot

import "strings"

// Reread understands once more what a request was understood as, as its record
// has it and Echo wrote it: which of commands it is, with its words and
// options. A line that is none of them gives a *Problem.
func Reread(commands []Command, echo string) (*Request, error) {
	if r, ok := rereadPasted(commands, echo); ok {
		return r, nil
	}
	line, err := Tokenize(echo)
	if err != nil {
		return nil, err
	}
	var best Command
	for _, c := range commands {
		if name := strings.Fields(c.Name); len(name) > len(strings.Fields(best.Name)) && begins(line.Tokens, name) {
			best = c
		}
	}
	if best.Name == "" {
		return nil, Problemf("usage", "%q is none of these commands.", cut(echo))
	}
	r := &Request{Command: best.Name, Raw: echo}
	r.Words, r.Options, err = arguments(best, line.Tokens[len(strings.Fields(best.Name)):])
	if err != nil {
		return nil, err
	}
	return r, nil
}

// unquoted takes back what inQuotes writes.
var unquoted = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\”`, `”`)

// rereadPasted reads the one word of a command whose arguments are text from
// elsewhere. That text may be longer than what is typed, and has marks that mean
// nothing there.
func rereadPasted(commands []Command, echo string) (*Request, bool) {
	for _, c := range commands {
		word, ok := strings.CutPrefix(echo, c.Name+" ")
		if !c.Pasted || !ok || len(word) < 2 || word[0] != '"' {
			continue
		}
		text := unquoted.Replace(word[1 : len(word)-1])
		if inQuotes(text) == word {
			return &Request{Command: c.Name, Raw: echo, Words: []Token{{Text: text, Quoted: true}}, Options: map[string]string{}}, true
		}
	}
	return nil, false
}

// begins reports whether the first words are a command's name.
func begins(tokens []Token, name []string) bool {
	if len(tokens) < len(name) {
		return false
	}
	for i, word := range name {
		if tokens[i].Quoted || !strings.EqualFold(tokens[i].Text, word) {
			return false
		}
	}
	return true
}
