package grid

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxName bounds the names that are compared letter by letter.
const maxName = 256

// LookAlike tells whether two different names could be taken for each other by
// a person: they differ in case, blanks, invisible characters or letters of
// another script that look the same, or by at most two typing slips in names of
// five letters or more.
func LookAlike(a, b string) bool {
	return a != b && alike([]rune(skeleton(a)), []rune(skeleton(b)))
}

// alike compares skeletons.
func alike(x, y []rune) bool {
	if slices.Equal(x, y) {
		return true
	}
	return min(len(x), len(y)) >= 5 && max(len(x), len(y)) <= maxName && closeEnough(x, y, 2)
}

// MatchAccounts finds the accounts that a person meant by a name or a DN. A DN
// also matches the account whose name PanDA would make of it. Only an exact
// match may be acted upon, and several may be exact: PanDA's names are not unique.
// ReadAt is left to the caller, who knows when all was read.
func MatchAccounts(query string, all []Account) AccountMatches {
	var m AccountMatcher
	return m.Match(query, all)
}

// DescribeName says of what a name is made, so that a person can see the
// difference between two that look the same: its length, its scripts and
// anything invisible in it.
func DescribeName(s string) string {
	n := utf8.RuneCountInString(s)
	parts := []string{fmt.Sprintf("%d characters", n)}
	if n == 1 {
		parts[0] = "1 character"
	}
	var scripts []string
	ascii, hidden := true, 0
	for _, r := range s {
		ascii = ascii && r < utf8.RuneSelf
		if isInvisible(r) {
			hidden++
		}
		if name := scriptOf(r); name != "" && !slices.Contains(scripts, name) {
			scripts = append(scripts, name)
		}
	}
	switch {
	case ascii:
		parts = append(parts, "ASCII")
	case len(scripts) > 1:
		parts = append(parts, "mixed scripts: "+strings.Join(scripts, " + "))
	case len(scripts) == 1:
		parts = append(parts, scripts[0]+", not all ASCII")
	default:
		parts = append(parts, "not all ASCII")
	}
	if hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d invisible", hidden))
	}
	if s != strings.TrimSpace(s) {
		parts = append(parts, "blank at the start or end")
	}
	if strings.Contains(s, "  ") {
		parts = append(parts, "two blanks in a row")
	}
	return strings.Join(parts, ", ")
}

// scriptOf names the script of a letter; other characters belong to none.
func scriptOf(r rune) string {
	if !unicode.IsLetter(r) {
		return ""
	}
	for _, name := range []string{"Latin", "Cyrillic", "Greek", "Armenian", "Hebrew", "Arabic", "Han", "Hiragana", "Katakana", "Hangul", "Devanagari", "Thai", "Georgian", "Cherokee"} {
		if unicode.Is(unicode.Scripts[name], r) {
			return name
		}
	}
	return "another script"
}

func isInvisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || r == '\u00a0' || r == '\u3164' || r == '\u115f' || r == '\u034f'
}

// confusables maps letters to the Latin letter or digit they are mistaken for,
// after lower-casing. It holds what is seen in names, not all of Unicode's list.
var confusables = map[rune]rune{
	// Cyrillic
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm',
	'н': 'h', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'т': 't', 'у': 'y', 'ԝ': 'w', 'х': 'x', 'з': '3', 'г': 'r', 'ё': 'e', 'ї': 'i',
	// Greek
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'μ': 'u', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'γ': 'y', 'ζ': 'z', 'σ': 'o', 'ω': 'w',
	// Latin and digits
	'ı': 'i', 'ł': 'l', 'ø': 'o', 'đ': 'd', 'ħ': 'h', 'ɑ': 'a', 'ɡ': 'g', 'ſ': 's', '0': 'o', '1': 'l', 'i': 'l', '|': 'l', '5': 's',
}

// skeleton is equal for names that look the same.
func skeleton(s string) string {
	s = norm.NFKD.String(cases.Fold().String(norm.NFKD.String(s)))
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case isInvisible(r), unicode.Is(unicode.Mn, r):
			return -1
		}
		for c, ok := confusables[r]; ok; c, ok = confusables[r] {
			r = c
		}
		return r
	}, s)
	return strings.Join(strings.Fields(pairs.Replace(s)), " ")
}

// pairs are letters that look like one.
var pairs = strings.NewReplacer("rn", "m", "vv", "w")

// closeEnough reports a Damerau-Levenshtein distance (adjacent letters may be
// swapped) of at most limit.
func closeEnough(a, b []rune, limit int) bool {
	if d := len(a) - len(b); d > limit || -d > limit {
		return false
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		best := row[0]
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			best = min(best, row[j])
		}
		if best > limit {
			return false
		}
		before, last = last, row
	}
	return last[len(b)] <= limit
}
