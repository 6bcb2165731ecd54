package grid

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuoted bounds a foreign value in a line that people copy, in bytes.
const maxQuoted = 1024

// Why a value cannot stand in a line that people copy.
var (
	errNothing   = errors.New("it is empty")
	errLong      = errors.New("it is longer than any real name")
	errNotText   = errors.New("it is not text")
	errUnseen    = errors.New("it has line ends, control characters or characters that nobody sees")
	errBackslash = errors.New("it has a backslash, which HTCondor's two syntaxes read in different ways")
	errQuote     = errors.New("it has a double quote or a backslash, which that file has no way to write")
)

// bareWord is what a POSIX shell takes as it is.
var bareWord = regexp.MustCompile(`^[A-Za-z0-9@%+:,./_][A-Za-z0-9@%+=:,./_-]*$`)

// ShellWord gives s as one word of a POSIX shell's command line. A value that
// the person who copies the line could not check by eye, or that may end the
// line, is refused: the error says why, as a fragment.
func ShellWord(s string) (string, error) {
	if err := copyable(s); err != nil {
		return "", err
	}
	if bareWord.MatchString(s) {
		return s, nil
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}

// ClassAdString gives s as a string of a ClassAd expression, which the tools of
// HTCondor and its libraries read alike. Errors are those of ShellWord; a
// backslash is refused, because only the newer syntax takes it for an escape.
func ClassAdString(s string) (string, error) {
	if err := copyable(s); err != nil {
		return "", err
	}
	if strings.ContainsRune(s, '\\') {
		return "", errBackslash
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`, nil
}

// fileString gives s in double quotes for a file without escapes.
func fileString(s string) (string, error) {
	if err := copyable(s); err != nil {
		return "", err
	}
	if strings.ContainsAny(s, `"\`) {
		return "", errQuote
	}
	return `"` + s + `"`, nil
}

func copyable(s string) error {
	switch {
	case s == "":
		return errNothing
	case len(s) > maxQuoted:
		return errLong
	case !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError):
		return errNotText
	case strings.ContainsFunc(s, isUnseen):
		return errUnseen
	}
	return nil
}

// isUnseen finds what does not show, or shows as another place of the line.
// The only blank that a name may have is the plain one.
func isUnseen(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) ||
		unicode.Is(unicode.Zs, r) && r != ' '
}
