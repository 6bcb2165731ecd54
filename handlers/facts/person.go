package facts

import "github.com/gridwarden/gridwarden/backends/grid"

// maxShown bounds a name in a sentence, in characters.
const maxShown = 120

// Display is a person's title, bounded.
func Display(p grid.Person) string { return Clip(p.Title("somebody without a name")) }

// Called reports whether a person is called that: exactly, or by the same DN.
func Called(p grid.Person, name string) bool {
	if name != "" && (name == p.Username || name == p.Name || name == p.DN) {
		return true
	}
	typed, ok := grid.NormalizeDN(name)
	own, _ := grid.NormalizeDN(p.DN)
	return ok && typed.Equal(own)
}

// Clip bounds foreign text in a sentence about it.
func Clip(s string) string {
	if r := []rune(s); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return s
}
