package cric

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
)

const (
	johnDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe"
	annDN  = "/DC=org/DC=terena/DC=tcs/C=IT/O=Example Institute/CN=Ann Smith asmith@example.it"
	ann2DN = "/DC=org/DC=cilogon/C=US/O=Example Laboratory/OU=People/CN=Ann Smith/CN=UID:ann"
)

// users is an answer of ?json: by address, with profiles.
const users = `{
 "john.doe@example.org": {"dn": "` + johnDN + `", "email": "john.doe@example.org", "name": "John Doe", "id": 7, "institute": "CERN", "institute_country": "CH",
  "profiles": [{"login": "jdoe", "vo": "cms"}]},
 "ann@example.org": {"dn": "` + annDN + `", "email": "ann@example.org", "institute": "Example", "institute_country": "IT",
  "profiles": [{"vo": "none"}, {"login": "asmith"}, {"login": "asmith2", "dn": "` + ann2DN + `"}, {"login": null, "dn": null}]},
 "nobody@example.org": {"dn": null, "email": "nobody@example.org", "profiles": []}
}`

func TestParseEveryForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text    string
		want    []grid.Registered
		spoiled int
	}{
		"users with profiles": {users, []grid.Registered{
			{ID: "john.doe@example.org", Logins: []string{"jdoe"}, DNs: []string{johnDN}, Name: "John Doe", Email: "john.doe@example.org"},
			{ID: "ann@example.org", Logins: []string{"asmith", "asmith2"}, DNs: []string{annDN, ann2DN}, Email: "ann@example.org"},
		}, 0},
		"users by DN": {
			`[{"DN":"` + annDN + `","ID":11,"LOGIN":"asmith","NAME":"Ann Smith","ROLES":{"user":["group:users"]}},
			  {"DN":"` + ann2DN + `","DNs":["` + annDN + `"],"ID":11,"LOGIN":"asmith","NAME":"Ann Smith","ROLES":{}},{"DN":"` + johnDN + `","ID":0,"LOGIN":"jdoe"}]`,
			[]grid.Registered{
				{ID: "11", Logins: []string{"asmith"}, DNs: []string{annDN}, Name: "Ann Smith"},
				{ID: "11", Logins: []string{"asmith"}, DNs: []string{ann2DN, annDN}, Name: "Ann Smith"},
				{Logins: []string{"jdoe"}, DNs: []string{johnDN}},
			},
			0,
		},
		"columns and rows": {
			`{"desc":{"columns":["username","email","forename","surname","dn","phone1"]},"result":[["jdoe","j@example.org","John","Doe","` + johnDN + `",null],["asmith",null,"Ann"],5]}`,
			[]grid.Registered{
				{Logins: []string{"jdoe"}, DNs: []string{johnDN}, Name: "John Doe", Email: "j@example.org"},
				{Logins: []string{"asmith"}, Name: "Ann"},
			},
			1,
		},
		"the monitoring's copy": {
			`{"jdoe":{"institute":"CERN","country":"CH","dn":"` + johnDN + `"},"asmith":{"institute":"","country":null,"dn":null}}`,
			[]grid.Registered{{ID: "jdoe", Logins: []string{"jdoe"}, DNs: []string{johnDN}}, {ID: "asmith", Logins: []string{"asmith"}}},
			0,
		},
		"a key twice is two users": {
			`{"a":{"dn":"` + johnDN + `","profiles":[{"login":"jdoe"}]},"a":{"dn":"` + annDN + `","profiles":[{"login":"jdoe"}]}}`,
			[]grid.Registered{{ID: "a", Logins: []string{"jdoe"}, DNs: []string{johnDN}}, {ID: "a (2)", Logins: []string{"jdoe"}, DNs: []string{annDN}}},
			0,
		},
		"what is hostile or broken": {
			`{"a":{"dn":"` + johnDN + `/CN=proxy","name":"` + strings.Repeat("ä", 10_000) + `","email":"x\u0000\u202e\u001b[2Jy\nz","profiles":[{"login":"../jdoe"},{"login":"jdoe"},{"login":"` + strings.Repeat("x", 65) + `"}]},
			  "b":{"dn":"no dn","profiles":[{"login":"b","dn":5}]},"c":5,"d":{"profiles":"x"},"e":{"dn":{"x":1},"profiles":[{"login":["b"]}]},
			  "f":{"dn":"/CN=` + strings.Repeat("x", 5000) + `","profiles":[{"login":"f"}]}}`,
			[]grid.Registered{
				{ID: "a", Logins: []string{"jdoe"}, DNs: []string{johnDN}, Name: strings.Repeat("ä", 128) + "…", Email: "x[2Jy z"},
				{ID: "b", Logins: []string{"b"}},
				{ID: "f", Logins: []string{"f"}},
			},
			5,
		},
	} {
		got, err := parse([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got.entries); diff != "" || got.spoiled != c.spoiled {
			t.Errorf("%s: %d spoiled, want %d (-want +got):\n%s", name, got.spoiled, c.spoiled, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf(`{"login":"u%d"}`, i)
	}
	crowd, err := parse([]byte(`{"a":{"dn":"` + johnDN + `","profiles":[` + strings.Join(many, ",") + `]}}`))
	if err != nil || len(crowd.entries[0].Logins) != maxEach || crowd.spoiled != 1 {
		t.Errorf("%v, %d logins of one, %d spoiled", err, len(crowd.entries[0].Logins), crowd.spoiled)
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":            {"", "not JSON"},
		"a login page":       {"<!DOCTYPE html><html>", "not JSON"},
		"half an answer":     {users[:len(users)/2], "ends in the middle"},
		"no end":             {strings.TrimSuffix(users, "}"), "ends in the middle"},
		"half a list":        {`[{"LOGIN":"a","DN":"/CN=a"},`, "ends in the middle"},
		"half of the rows":   {`{"desc":{"columns":["username"]},"result":[["a"]`, "ends in the middle"},
		"an error":           {`{"error":"no access"}`, "nobody is in it"},
		"nobody":             {`{}`, "nobody is in it"},
		"nobody in a list":   {`[]`, "nobody is in it"},
		"a number":           {`5`, "none of the forms"},
		"rows that are none": {`{"desc":{"columns":["username"]},"result":5}`, "none of the forms"},
		"columns and users":  {`{"desc":{"columns":["username"]},"a":{"profiles":[{"login":"a"}]}}`, "none of the forms"},
		"two answers":        {users + users, "something follows"},
		"too deep":           {`{"a":` + strings.Repeat("[", 20_000), "depth"},
	} {
		if got, err := parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v with %d users, want an error that says %q", name, err, len(got.entries), c.says)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(users))
	f.Add([]byte(`[{"DN":"/CN=a","LOGIN":"a","ID":1}]`))
	f.Add([]byte(`{"desc":{"columns":["username","dn"]},"result":[["a","/CN=a"]]}`))
	f.Add([]byte(`{"a":{"country":"CH","dn":"/CN=a"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parse(data)
		if err == nil && len(a.entries) == 0 {
			t.Error("an answer without anybody was taken")
		}
		for _, x := range a.entries {
			if len(x.Logins)+len(x.DNs) == 0 || len(x.Logins) > maxEach+2 || len(x.DNs) > 2*maxEach+1 {
				t.Errorf("%d logins and %d DNs of one", len(x.Logins), len(x.DNs))
			}
			for _, s := range append([]string{x.ID, x.Name, x.Email}, x.Logins...) {
				if len(s) > maxField+len("…") || !utf8.ValidString(s) || clean(s) != s && !strings.HasSuffix(s, "…") {
					t.Errorf("taken: %q", s)
				}
			}
		}
		var wrapped *Trouble
		if errors.As(err, &wrapped) {
			t.Error("the text of an answer got into a sentence for people")
		}
	})
}
