package grid

import (
	"reflect"
	"testing"
)

// What a matcher remembers must never be that of an account as it was before.
func TestMatcherRemembersNothingThatHasChanged(t *testing.T) {
	const nuser = "/DC=ch/DC=cern/OU=Users/CN=nuser/CN=1/CN=Naughty User"
	accounts := func(second Account) []Account {
		return []Account{{ID: "1", Name: "Naughty User", DN: nuser}, second, {ID: "3", Name: "Naughtу User"}} //nolint:gosmopolitan // a Cyrillic у
	}
	var m AccountMatcher
	for _, second := range []Account{
		{ID: "2", Name: "Other", DN: "Other/CN=nickname:nuser"},
		{ID: "2", Name: "Other", DN: "Other/CN=nickname:other"},
		{ID: "2", Name: "naughty user", DN: "Other/CN=nickname:other"},
		{ID: "2", Name: "naughty user", DN: nuser},
		{ID: "2", Name: "Naughty User"},
	} {
		all := accounts(second)
		for _, query := range []string{"Naughty User", nuser, "Other"} {
			want := MatchAccounts(query, all)
			if got := m.Match(query, all); !reflect.DeepEqual(got, want) {
				t.Errorf("%q beside %+v: %+v, want %+v", query, second, got, want)
			}
			want.LookAlike = nil
			if got := m.Owners(query, all); !reflect.DeepEqual(got, want) {
				t.Errorf("owners of %q beside %+v: %+v, want %+v", query, second, got, want)
			}
		}
	}
}
