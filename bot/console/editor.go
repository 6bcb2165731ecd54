package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/reeflective/readline"
	"golang.org/x/term"
)

// editor is the line editor of a real terminal: history of this process and
// completion of command names. It writes to standard output by itself, which
// is why messages that come while a line is typed go through print.
type editor struct {
	shell  *readline.Shell
	out    io.Writer // standard output: New gives an editor to nothing else
	mu     sync.Mutex
	typing bool
	prompt string
}

// own are the console's own words, offered beside the commands.
var own = []string{"as", "click", "delete", "edit", "exit", "help", "react", "say", "thread", "threads", "unreact"}

func newEditor(commands []string, out io.Writer) *editor {
	e := &editor{shell: readline.NewShell(), out: out}
	e.shell.Prompt.Primary(func() string { return e.prompt })
	words := slices.Sorted(slices.Values(append(slices.Clone(commands), own...)))
	e.shell.Completer = func(line []rune, cursor int) readline.Completions {
		return readline.CompleteValues(complete(words, string(line[:cursor]))...)
	}
	return e
}

// complete returns the words that may stand next: of the command names that
// begin with what is typed, the word under the cursor. Whoever the line speaks
// for is no part of it.
func complete(names []string, typed string) []string {
	if m := speech.FindStringSubmatch(strings.TrimLeft(typed, " ")); m != nil {
		typed = m[2]
	}
	typed = strings.TrimLeft(typed, " /!")
	at := strings.LastIndexByte(typed, ' ') + 1
	var out []string
	for _, name := range names {
		if !strings.HasPrefix(name, typed) || name == typed {
			continue
		}
		word, _, _ := strings.Cut(name[at:], " ")
		if !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// lines reads with the editor, and with plain once the editor fails. restore
// gives the terminal back as it was, also when a line was being typed.
func (e *editor) lines(plain func(string) (string, error)) (next func(string) (string, error), restore func()) {
	restore = func() {}
	if state, err := term.GetState(int(os.Stdin.Fd())); err == nil {
		restore = func() { _ = term.Restore(int(os.Stdin.Fd()), state) }
	}
	failed := false
	next = func(prompt string) (string, error) {
		if failed {
			return plain(prompt)
		}
		e.mu.Lock()
		e.prompt, e.typing = prompt, true
		e.mu.Unlock()
		line, err := e.shell.Readline()
		e.mu.Lock()
		e.typing = false
		e.mu.Unlock()
		switch {
		case errors.Is(err, readline.ErrInterrupt):
			fmt.Fprint(e.out, "-- Type exit or press Ctrl-D to leave.\n")
			return "", nil
		case err != nil && !errors.Is(err, io.EOF):
			failed = true
			return plain(prompt)
		}
		return line, err
	}
	return next, restore
}

// print shows a block above the line that is being typed, if one is.
func (e *editor) print(block string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.typing {
		_, _ = e.shell.PrintTransientf("%s", strings.TrimSuffix(block, "\n"))
		return
	}
	fmt.Fprint(e.out, block)
}
