package bot

import "strings"

// Reread understands once more what a request was understood as, as its record
// has it and Echo wrote it: which of commands it is, with its words and
// options. A line that is none of them gives a *Problem.
func Reread(commands []Command, echo string) (*Request, error) {
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
