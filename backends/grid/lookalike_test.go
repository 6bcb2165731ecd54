package grid

import (
	"strings"
	"testing"
)

func TestLookAlike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Naughty User", "naughty user", true},
		{"Naughty User", "Naughty  User", true},
		{"Naughty User", "Nаughty User", true}, // Cyrillic а
		{"Naughty User", "Νaughty User", true}, // Greek Ν
		{"Naughty User", "Naughty\u200b User", true},
		{"Naughty User", "Naughty\u00a0User", true},
		{"Naughty User", "Naughty Usre", true},
		{"Naughty User", "Naugty Usr", true},
		{"Mary McDonald", "Mary Mcdonald", true},
		{"Jose Nunez", "José Núñez", true},
		{"paypa1", "paypal", true},
		{"modern", "modem", true},
		{"Naughty User", "Naughty User", false}, // the same is no look-alike
		{"Naughty User", "Honest User", false},
		{"jdoe", "jdoo", false}, // too short for typing slips
		{"jdoe", "JDOE", true},
		{"", "", false},
		{strings.Repeat("a", 5000), strings.Repeat("a", 4999), false},
	} {
		if LookAlike(c.a, c.b) != c.want || LookAlike(c.b, c.a) != c.want {
			t.Errorf("LookAlike(%q, %q) is not %v both ways", c.a, c.b, c.want)
		}
	}
}

func TestMatchAccounts(t *testing.T) {
	t.Parallel()
	mary := "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=mmcdonal/CN=7/CN=Mary McDonald"
	all := []Account{
		{ID: "1", Name: "Mary McDonald", DN: mary + "/CN=proxy"},
		{ID: "2", Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:mmcdonal"},
		{ID: "3", Name: "Mary Macdonald", DN: "/C=UK/CN=Mary Macdonald"},
		{ID: "4", Name: "John Doe", DN: cernPerson},
		{ID: "5", Name: "", DN: ""},
	}
	ids := func(accounts []Account) string {
		var out []string
		for _, a := range accounts {
			out = append(out, a.ID)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ query, exact, alike, same string }{
		{"Mary McDonald", "1", "3", "2"},
		{"mary mcdonald", "", "1 2 3", ""},
		{mary, "1", "3", "2"},
		{"CN=Mary McDonald,CN=7,CN=mmcdonal,OU=Users,OU=Organic Units,DC=cern,DC=ch", "1", "3", "2"},
		{"Mary Mcdonald/CN=nickname:mmcdonal", "2", "3", "1"},
		{"Nobody Else", "", "", ""},
		{"", "", "", ""},
	} {
		got := MatchAccounts(c.query, all)
		if ids(got.Exact) != c.exact || ids(got.LookAlike) != c.alike || ids(got.SamePerson) != c.same {
			t.Errorf("MatchAccounts(%q): exact %q, look-alike %q, same person %q", c.query, ids(got.Exact), ids(got.LookAlike), ids(got.SamePerson))
		}
	}
}

func TestDescribeName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Naughty User, Jr": "16 characters, ASCII",
		"a":                "1 character, ASCII",
		"Nаughty":          "7 characters, mixed scripts: Latin + Cyrillic",
		"José":             "4 characters, Latin, not all ASCII",
		"a\u200bb":         "3 characters, Latin, not all ASCII, 1 invisible",
		" a  b":            "5 characters, ASCII, blank at the start or end, two blanks in a row",
		"1–2":              "3 characters, not all ASCII",
		"李":                "1 character, Han, not all ASCII",
	} {
		if got := DescribeName(in); got != want {
			t.Errorf("DescribeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLookAlike(f *testing.F) {
	f.Add("Naughty User", "Nаughty User")
	f.Add("modern", "modem")
	f.Add("a\u0301", "á")
	f.Fuzz(func(t *testing.T, a, b string) {
		if LookAlike(a, b) != LookAlike(b, a) || LookAlike(a, a) {
			t.Fatalf("LookAlike(%q, %q) depends on the order", a, b)
		}
		if a != b && strings.EqualFold(a, b) && !LookAlike(a, b) {
			t.Fatalf("%q and %q differ only in case and are no look-alikes", a, b)
		}
		if DescribeName(a) == "" {
			t.Fatalf("%q has no description", a)
		}
	})
}
