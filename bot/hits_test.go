package bot

import (
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot/action"
)

// TestWhatBelongsToAPersonIsGuardedAsThePersonIs has jobs of people of the configuration.
func TestWhatBelongsToAPersonIsGuardedAsThePersonIs(t *testing.T) {
	t.Parallel()
	d := &Decider{people: NewPeople(Rules{People: []Person{{ID: "bob", Name: "Bob Baker"}, {ID: "carol", Name: "Carol Chen"}}}, nil)}
	for _, c := range []struct {
		name   string
		owners []string
		person action.PersonID
		says   string // why it is protected, or the error
	}{
		{"17", []string{"Mallory"}, "", ""},
		{"17", nil, "", ""},
		{"17", []string{"Mallory", "Bob Baker"}, "bob", `it is of "Bob Baker", a person in gridwarden's own configuration`},
		{"Bob Baker", []string{"Bob Baker"}, "bob", "it is the name of a person in gridwarden's own configuration"},
		{"17", []string{"Bob Baker", "Carol Chen"}, "bob", "would hit several people of gridwarden's own configuration, bob and carol"},
	} {
		for _, target := range []action.Target{{Name: c.name, Owners: c.owners}, {Name: c.name, Aliases: c.owners}} { // jobs of users, and users of several names
			err := d.hits(&target)
			says := target.Protected
			if err != nil {
				says = err.Error()
			}
			if target.Person != c.person || !strings.Contains(says, c.says) || (c.says == "") != (says == "") {
				t.Errorf("%q of %q: person %q, %q", c.name, c.owners, target.Person, says)
			}
		}
	}
}
