package grid

import (
	"strings"
	"testing"
)

func TestPandaName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=nuser/CN=123456/CN=Naughty User/CN=1234567890/CN=proxy/CN=proxy": "Naughty User",
		"/O=somegrid/O=users/O=site/CN=Naughty User/CN=proxy":                                                         "Naughty User",
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=soneill/CN=777/CN=Sean O'Neill (IT)":                             "Sean ONeill IT",
		"/DC=org/DC=terena/DC=tcs/CN=Max Mustermann mmuster@desy.de":                                                  "Max Mustermann",
		"/C=IT/O=INFN/CN=Mario Rossi/emailAddress=mario.rossi@roma1.infn.it":                                          "Mario Rossi",
		"/DC=org/DC=doegrids/OU=People/CN=Bob Jones 987654":                                                           "Bob Jones",
		"/DC=org/DC=cilogon/C=US/O=Example Lab/CN=John Smith A12345":                                                  "John Smith A12345",
		"/DC=ch/DC=cern/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1":                                                 "atlpilo1",
		"/DC=ch/DC=cern/CN=gangarbt/CN=601234/CN=Robot: Ganga Robot":                                                  "gangarbt",
		"/C=CH/ST=Zurich/O=ETH/CN=Hans Meier":                                                                         "/ST=ZurichHans Meier",
		"Naughty User/CN=nickname:nuser":                                                                              "Naughty User",
		"/DC=es/DC=irisgrid/CN=jose_garcia_2":                                                                         "jose_garcia",
		"/CN=123abc":                                                                                                  "abc",
		"/C=TR/CN=İsmail Ak/emailAddress=i@example.org":                                                               "İsmail Ak/",
		"/CN=limited weird proxy":                                                                                     "limited weird proxy",
		"/CN=José Núñez jose.núñez@example.org":                                                                       "José Núñez",

		"a8f1c2d4-0000-sub":                  "a8f1c2d4-0000-sub",
		"":                                   "",
		"/emailAddress=x@example.org/CN=A B": "/emailAddress=x@example.orgA B",
	} {
		if got := PandaName(in); got != want {
			t.Errorf("PandaName(%q) = %q, want %q", in, got, want)
		}
		if !strings.Contains(want, "/") && PandaName(want) != want {
			t.Errorf("the name %q of %q changes to %q", want, in, PandaName(want))
		}
	}
}

func FuzzPandaName(f *testing.F) {
	for _, s := range []string{
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=nuser/CN=123456/CN=Naughty User/CN=1234567890",
		"Naughty User/CN=nickname:nuser", "İ/EMAILx", "limited x proxy", "(a) 'b' x@y.z", "\x1f a b \u00a0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := PandaName(s)
		for _, gone := range []string{"(", ")", "'"} {
			if strings.Contains(name, gone) {
				t.Fatalf("PandaName(%q) = %q keeps %q", s, name, gone)
			}
		}
		if len(name) > len(s) {
			t.Fatalf("PandaName(%q) = %q is longer than the DN", s, name)
		}
	})
}
