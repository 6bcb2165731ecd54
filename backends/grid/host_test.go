package grid

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestHostOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, host, addr string }{
		{"slot1_7@glidein_134357_27950384@sdsc-70.t2.ucsd.edu", "sdsc-70.t2.ucsd.edu", ""},
		{"slot1_9@4b658c4b23eb", "4b658c4b23eb", ""},
		{"glidein_15193@red-d9n20.red.hcc.unl.edu", "red-d9n20.red.hcc.unl.edu", ""},
		{"slot1_1@WN042.Example.ORG.", "wn042.example.org", ""},
		{"wn042.example.org:9618", "wn042.example.org", ""},
		{"<192.0.2.1:9618?CCBID=a@b&noUDP>", "192.0.2.1", "192.0.2.1"},
		{"slot1@<192.0.2.1:9618>", "192.0.2.1", "192.0.2.1"},
		{"<[2001:db8::1]:9618?noUDP>", "2001:db8::1", "2001:db8::1"},
		{"[2001:DB8::1]", "2001:db8::1", "2001:db8::1"},
		{"slot1@::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"},
		{"192.0.2.1.", "192.0.2.1", "192.0.2.1"},
		{"nid001234", "nid001234", ""},
		{"Unknown", "", ""},
		{"slot1@UNKNOWN", "", ""},
		{"", "", ""},
		{"<>", "", ""},
		{"wn1 wn2", "", ""},
		{"wn\u212a.example.org", "", ""}, // the Kelvin sign must not become a k
		{"slot1@" + strings.Repeat("a", 254), "", ""},
	} {
		host, addr := HostOf(c.in)
		if host != c.host || addr.IsValid() != (c.addr != "") || addr.IsValid() && addr.String() != c.addr {
			t.Errorf("HostOf(%q) = %q, %v, want %q, %q", c.in, host, addr, c.host, c.addr)
		}
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"wn1.example.org", "wn1.example.org", true},
		{"wn1", "wn1.example.org", true},
		{"wn1", "wn1", true},
		{"wn1", "wn10.example.org", false},
		{"wn1.example.org", "wn10.example.org", false},
		{"wn1.example.org", "wn1.example.net", false},
		{"10", "10.0.0.1", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.10", false},
		{"example.org", "wn1.example.org", false},
		{"", "", false},
		{"", "wn1", false},
	} {
		if SameHost(c.a, c.b) != c.want || SameHost(c.b, c.a) != c.want {
			t.Errorf("SameHost(%q, %q) is not %v both ways", c.a, c.b, c.want)
		}
	}
}

func TestParseHost(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"wn042.example.org":            "wn042.example.org",
		" WN042.Example.org. ":         "wn042.example.org",
		"slot1_7@glidein_1_2@wn042":    "wn042",
		"wn042.example.org:9618":       "wn042.example.org",
		"4b658c4b23eb":                 "4b658c4b23eb",
		"123456789012":                 "123456789012",
		"b9p42p0007.cern.ch":           "b9p42p0007.cern.ch",
		"wn_042.example.org":           "wn_042.example.org",
		"a." + strings.Repeat("b", 63): "a." + strings.Repeat("b", 63),
	} {
		if got, err := ParseHost(in); got != want || err != nil {
			t.Errorf("ParseHost(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]struct{ code, says string }{
		"":                               {CodeEmpty, "worker node's full name"},
		"https://wn042.example.org/x":    {CodeInvalid, "URL"},
		"192.0.2.1":                      {CodeIsAddress, "trace ip 192.0.2.1"},
		"192.0.2.1:9618":                 {CodeIsAddress, "trace ip 192.0.2.1"},
		"[2001:db8::1]:9618":             {CodeIsAddress, "trace ip 2001:db8::1"},
		"192.0.2.0/24":                   {CodeIsAddress, "trace ip"},
		"<192.0.2.1:9618?noUDP>":         {CodeIsAddress, "trace ip 192.0.2.1"},
		"wn04*":                          {CodeInvalid, "Wildcards"},
		"wn[01-20]":                      {CodeInvalid, "Wildcards"},
		"wn042;reboot":                   {CodeInvalid, "not a host name"},
		"$(reboot)":                      {CodeInvalid, "not a host name"},
		"wn042 wn043":                    {CodeInvalid, "not a host name"},
		"wn042\nwn043":                   {CodeInvalid, "not a host name"},
		"wn042/24":                       {CodeInvalid, "not a host name"},
		strings.Repeat("a.", 130) + "a":  {CodeInvalid, "253"},
		strings.Repeat("a", 64) + ".org": {CodeInvalid, "63"},
		"-wn042.example.org":             {CodeInvalid, "hyphens"},
		"wn042..example.org":             {CodeInvalid, "dots"},
		"wn042.ex\u0430mple.org":         {CodeInvalid, "outside ASCII"},
		"10176593.0":                     {CodeInvalid, "trace pilot"},
		"1924637":                        {CodeInvalid, "trace batch"},
		"999.1.1.1":                      {CodeInvalid, "not a host name"},
		"unknown":                        {CodeInvalid, "not a host name"},
		"wn042:":                         {CodeInvalid, "not a host name"},
	} {
		_, err := ParseHost(in)
		var refused *InputError
		if !errors.As(err, &refused) || refused.Code != want.code || !strings.Contains(refused.ForPeople(), want.says) {
			t.Errorf("ParseHost(%q) = %v, want code %s and %q", in, err, want.code, want.says)
		}
	}
}

func FuzzHostOf(f *testing.F) {
	for _, s := range []string{"slot1_7@glidein_1@wn042.example.org", "<192.0.2.1:9618?x>", "[::1]:9", "A.B.", "fe80::1%eth0", "::ffff:1.2.3.4", "a:1:2", "1.2.3.4.:5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, addr := HostOf(s)
		if again, addrAgain := HostOf(host); again != host || addrAgain != addr {
			t.Fatalf("HostOf(%q) = %q, %v, and of that %q, %v", s, host, addr, again, addrAgain)
		}
		if strings.ContainsAny(host, " @<>\n\"'`") || len(host) > maxHost {
			t.Fatalf("HostOf(%q) = %q", s, host)
		}
		if _, err := netip.ParseAddr(host); (err == nil) != addr.IsValid() {
			t.Fatalf("HostOf(%q) = %q, %v", s, host, addr)
		}
	})
}

func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"wn042.example.org", "*", "a b", "http://x", "1.2.3.4", "unknown", "x@y:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, err := ParseHost(s)
		var refused *InputError
		switch {
		case err != nil && (!errors.As(err, &refused) || refused.ForPeople() == ""):
			t.Fatalf("ParseHost(%q): %v is not for people", s, err)
		case err == nil:
			if again, err := ParseHost(host); again != host || err != nil {
				t.Fatalf("ParseHost(%q) = %q, and of that %q, %v", s, host, again, err)
			}
		}
	})
}
