package grid

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are values as an intruder may write them into a job.
var hostile = []string{
	"jdoe", "o'brien", "'", "''", `"`, `a"b`, `x" || true || "`, `' || true || '`, "$(echo pwned)", "`echo pwned`", "a;echo pwned", "a&b", "a|b", "a>b",
	"a\\b", `\`, `\"`, `a\`, "*", "?", "~", "~root", "#x", "!x", "-rf", "--name", "=x", "a=b", "{a,b}", "a b", " ", "\u00e9\u00fc", "ÅåОо",
	"a\nb", "a\rb", "a\x00b", "\x1b[2J", "a\u202eb", "a\u200bb", "a\u00a0b", "a\u2028b", "\xff\xfe", "\ufffd", "", strings.Repeat("x", 1025), strings.Repeat("'", 1024),
	`/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe`, `/O=Ex/CN=John "the" O'Neil`,
}

// refused are those of which no line is made.
func refused(s string) bool {
	for _, r := range []string{"\n", "\r", "\x00", "\x1b", "\u202e", "\u200b", "\u00a0", "\u2028"} {
		if strings.Contains(s, r) {
			return true
		}
	}
	return s == "" || len(s) > maxQuoted || !utf8.ValidString(s) || strings.Contains(s, "\ufffd")
}

// shellWords splits a line as a POSIX shell does that expands nothing: what it
// would expand, or take for an end of the command, is an error. It shares no
// line with what it checks.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("a single quote is not closed")
			}
			word.WriteString(line[i+1 : i+1+end])
			i += end + 1
			begun = true
		case c == '\\':
			if i++; i == len(line) {
				return nil, errors.New("a backslash at the end")
			}
			word.WriteByte(line[i])
			begun = true
		case c == ' ':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		case strings.IndexByte("\"$`;&|<>()*?[]#~!{}^\n\t\r", c) >= 0:
			return nil, errors.New("not quoted: " + string(c))
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// classAdStrings reads a string as the lexers of HTCondor do: in the old syntax,
// which its tools use, a backslash is one except before a quote; in the new one
// it begins an escape.
func classAdStrings(s string, old bool) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", errors.New("no string")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		case s[i] == '\\' && !old:
			return "", "", errors.New("an escape")
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errors.New("the string is not closed")
}

// quotesExactly holds that a value comes back from a shell as it went in, alone
// and inside of a ClassAd constraint, or that it is refused.
func quotesExactly(t *testing.T, value string) {
	t.Helper()
	word, err := ShellWord(value)
	if refused(value) && err == nil {
		t.Fatalf("%q became %q", value, word)
	}
	if err == nil {
		words, perr := shellWords("condor_rm -name " + word + " end")
		if perr != nil || len(words) != 4 || words[2] != value || words[3] != "end" {
			t.Fatalf("%q was written %s and reads as %q, %v", value, word, words, perr)
		}
	}
	str, err := ClassAdString(value)
	if err != nil {
		if !refused(value) && !strings.Contains(value, `\`) && word != "" {
			t.Fatalf("%q is refused: %v", value, err)
		}
		return
	}
	expression := "CRAB_UserHN =?= " + str + " && JobUniverse =?= 7"
	line, err := ShellWord(expression)
	if err != nil {
		if len(expression) > maxQuoted {
			return
		}
		t.Fatal(err)
	}
	words, err := shellWords(line)
	if err != nil || len(words) != 1 || words[0] != expression {
		t.Fatalf("%q reads as %q, %v", line, words, err)
	}
	for _, old := range []bool{true, false} {
		got, rest, err := classAdStrings(strings.TrimPrefix(words[0], "CRAB_UserHN =?= "), old)
		if err != nil || got != value || rest != " && JobUniverse =?= 7" {
			t.Fatalf("%q is in the constraint %s, which HTCondor (old syntax: %v) reads as %q and %q, %v", value, words[0], old, got, rest, err)
		}
	}
}

func TestQuotingGivesBackTheVeryValue(t *testing.T) {
	t.Parallel()
	for _, value := range hostile {
		quotesExactly(t, value)
	}
}

// TestARealShellReadsWhatIsWritten is the same by the shell of this machine.
func TestARealShellReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	for _, value := range hostile {
		word, err := ShellWord(value)
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(t.Context(), sh, "-c", `printf '%s\0' begin `+word+" end").Output()
		if want := "begin\x00" + value + "\x00end\x00"; err != nil || string(out) != want {
			t.Errorf("%s is read as %q, %v; want %q", word, out, err, want)
		}
	}
}

func TestWhatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]error{"": errNothing, "a\nb": errUnseen, "a\u200bb": errUnseen, "\xff": errNotText, strings.Repeat("x", 2000): errLong, `a\b`: errBackslash} {
		if _, err := ClassAdString(value); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", value, err, want)
		}
	}
	for _, value := range []string{`a"b`, `a\b`} {
		if _, err := fileString(value); !errors.Is(err, errQuote) {
			t.Errorf("%q in a file: %v", value, err)
		}
	}
}

func FuzzQuoting(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) { quotesExactly(t, value) })
}
