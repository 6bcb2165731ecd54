package bot

import (
	"errors"
	"strings"
	"testing"
)

func TestATextFromAFile(t *testing.T) {
	t.Parallel()
	e := &Engine{commands: []Command{
		{Name: "job", Pasted: true, Excerpt: func(text string) string {
			if _, id, ok := strings.Cut(text, "PandaID="); ok {
				return "PandaID=" + id[:4]
			}
			return ""
		}},
		{Name: "ban"},
	}}
	log := strings.Repeat("a line of a log\n", 300_000) + "PandaID=1234"
	if len(log) < 4_800_000 || len(log) > MaxPasted {
		t.Fatalf("%d bytes", len(log))
	}
	line, err := e.Paste(" JOB ", "pilot[1]\nlog.txt", []byte(log))
	if err != nil || line != "job [from pilot 1  log.txt, 4800012 bytes]\nPandaID=1234" {
		t.Fatalf("%q, %v", line, err)
	}
	words, ok := e.pasted(line)
	if !ok || len(words) != 2 {
		t.Fatalf("the engine reads %+v", words)
	}
	if file, rest := FromFile(words[1].Text); file != "pilot 1  log.txt, 4800012 bytes" || rest != "PandaID=1234" {
		t.Errorf("%q, %q", file, rest)
	}
	if file, rest := FromFile("[from x, bytes]\nPandaID=1"); file != "" || rest != "[from x, bytes]\nPandaID=1" {
		t.Errorf("what was typed is of the file %q: %q", file, rest)
	}
	for name, test := range map[string]struct{ line, text, want string }{
		"too long":          {"job", log + strings.Repeat(" ", MaxPasted+1-len(log)), "has more than 5242880 bytes (5 MB)"},
		"empty":             {"job", " \n", "is empty"},
		"compressed":        {"job", "\x1f\x8b\x08PandaID=1234", "is compressed"},
		"an archive":        {"job", "PK\x03\x04PandaID=1234", "is compressed"},
		"nothing in it":     {"job", "nothing", "Nothing in the 7 bytes of f names a job"},
		"another command":   {"ban", "PandaID=1234", `"ban" does not`},
		"no command":        {"frob", "PandaID=1234", `"frob" does not`},
		"words beside it":   {"job 123", "PandaID=1234", `"job 123" does not`},
		"no command at all": {"", "PandaID=1234", `"" does not`},
	} {
		var p *Problem
		if line, err := e.Paste(test.line, "f", []byte(test.text)); !errors.As(err, &p) || p.Code != "usage" || !strings.Contains(p.Sentence, test.want) {
			t.Errorf("%s: %.80q, %v", name, line, err)
		}
	}
}
