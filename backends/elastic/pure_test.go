package elastic

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gridwarden/gridwarden/backends/grid"
)

func TestDayOfIndex(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"cms-2026-03-01": "2026-03-01", "monit_prod_condor_raw_metric_v002-2026.03.01": "2026-03-01", "x-20260301": "2026-03-01",
		"cms-2026-13-01": "", "cms": "", "cms-2026-03": "",
	} {
		d, ok := dayOf(name)
		if got := d.Format(time.DateOnly); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %t", name, got, ok)
		}
	}
}

// TestCover: es-cms is searched from long before the window on, without an end;
// MONIT on the days of the window; what is not there is known.
func TestCover(t *testing.T) {
	t.Parallel()
	var names []string
	for d := t0.AddDate(0, 0, -20); d.Before(t0.AddDate(0, 0, 20)); d = d.AddDate(0, 0, 1) {
		if d.Day() != 3 {
			names = append(names, "cms-"+d.Format(time.DateOnly))
		}
	}
	w := grid.Window{From: t0.Add(time.Hour), To: t0.Add(49 * time.Hour)}
	now := t0.AddDate(0, 0, 30)
	for _, x := range []struct {
		kind     Kind
		lookBack int
		days     int
		missing  string
		gone     bool
	}{
		{Finished, 10, 29, "2026-03-03", false},
		{Finished, 45, 39, "2026-03-03", true},
		{Snapshots, 45, 19, "2026-03-03", false},
	} {
		s := &Source{kind: x.kind, config: Config{LookBack: time.Duration(x.lookBack) * 24 * time.Hour}}
		c := s.cover(names, w, now)
		if len(c.indices) != x.days || listed(c.missing) != x.missing || c.gone != x.gone {
			t.Errorf("%s, %d days: %d indices, without %s, gone %t", x.kind, x.lookBack, len(c.indices), listed(c.missing), c.gone)
		}
	}
	c := (&Source{kind: Finished}).cover([]string{"cms-all"}, w, now)
	if len(c.indices) != 1 || !c.first.IsZero() {
		t.Errorf("without days: %+v", c)
	}
	if got := address(names[:2], "cms-*"); got != "/cms-2026-02-09,cms-2026-02-10" {
		t.Error(got)
	}
	var many []string
	for n := range 400 {
		many = append(many, "cms-"+t0.AddDate(0, 0, -n).Format(time.DateOnly))
	}
	if got := address(many, "cms-*"); len(got) > 400 || !strings.Contains(got, "cms-2026-03-*") {
		t.Error(got)
	}
}

// TestFilterLeavesOutWhatCannotBeAsked: a condition on a field that the server
// cannot search is taken for true, and for false inside of a Not.
func TestFilterLeavesOutWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	attribute := func(name string) grid.Attribute { a, _ := grid.AttributeNamed(name); return a }
	owner, record := attribute("Owner"), attribute("RecordTime")
	is := grid.Condition{Op: grid.Reads, Attribute: owner, Form: grid.Is, Text: "x"}
	dated := grid.Condition{Op: grid.OnDate, Attribute: record, From: t0, To: t0}
	not := func(c grid.Condition) grid.Condition { return grid.Condition{Op: grid.Not, Of: []grid.Condition{c}} }
	both := grid.Condition{Op: grid.All, Of: []grid.Condition{is, dated}}
	fields := func(owner, date string, searchable bool) *plan {
		return &plan{fields: map[grid.Attribute][]field{
			attribute("Owner"):      {{name: "Owner", kind: owner, searchable: searchable}},
			attribute("RecordTime"): {{name: "RecordTime", kind: date, searchable: true}},
		}}
	}
	text := func(q query) string { b, _ := json.Marshal(q); return string(b) }
	for name, x := range map[string]struct {
		plan *plan
		c    grid.Condition
		want string
	}{
		"all can be asked":  {fields("keyword", "date", true), both, `{"bool":{"filter":[{"bool":{"minimum_should_match":1,"should":[{"regexp":`},
		"a text of words":   {fields("text", "date", true), is, `{"match_all":{}}`},
		"not searchable":    {fields("keyword", "date", false), not(is), `{"match_all":{}}`},
		"one of both":       {fields("text", "date", true), both, `{"bool":{"minimum_should_match":1,"should":[{"range":`},
		"unknown dates":     {fields("keyword", "", true), not(dated), `{"match_all":{}}`},
		"never a float":     {fields("keyword", "float", true), dated, `{"match_all":{}}`},
		"no such field":     {&plan{}, is, `{"match_none":{}}`},
		"not without field": {&plan{}, not(is), `{"match_all":{}}`},
	} {
		if got := text(x.plan.filter(x.c)); !strings.HasPrefix(got, x.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	two := &plan{fields: map[grid.Attribute][]field{owner: {{name: "OWNER", kind: "keyword", searchable: true}, {name: "Owner", kind: "keyword", searchable: true}}}}
	if got := text(two.filter(not(is))); strings.Count(got, `"exists"`) != 2 {
		t.Errorf("with two spellings %s: neither alone proves anything", got)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	if got, _ := patternsOf(grid.Is, "a.b", false); !slices.Equal(got, []string{`a\.b`}) {
		t.Error(got)
	}
	if got := anyCase("kI-é"); got != "[k\u212aK][Iiİ]\\-[éÉ]" {
		t.Errorf("%q", got)
	}
	if _, ok := patternsOf(grid.Contains, "x", false); ok {
		t.Error("what only may be contained proves nothing")
	}
	if _, ok := patternsOf(grid.Equals, strings.Repeat("x", 400), true); ok {
		t.Error("an expression is longer than servers take")
	}
	if got := numberPatterns([]int64{3, 4}, false); !slices.Equal(got, []string{"(3|4)"}) {
		t.Error(got)
	}
	many := make([]int64, 100)
	for i := range many {
		many[i] = math.MaxInt64 - int64(i)
	}
	if all := numberPatterns(many, true); len(all) != 6 || slices.ContainsFunc(all, func(p string) bool { return len(p) > maxPattern }) {
		t.Errorf("a hundred numbers are %d expressions, of %d letters", len(all), len(all[0]))
	}
}

func TestNumbersOfAField(t *testing.T) {
	t.Parallel()
	text := func(x test, ok bool) string {
		b, err := json.Marshal(x.ask)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(x.always, ok, " ", string(b))
	}
	for _, x := range []struct{ got, want string }{
		{text(oneOf(field{name: "n", kind: "short"}, []int64{7, 1 << 40}, true)), `false true {"terms":{"n":[7]}}`},
		{text(oneOf(field{name: "n", kind: "byte"}, []int64{1 << 40}, true)), `false true null`},
		{text(oneOf(field{name: "n", kind: "keyword"}, []int64{-1}, true)), `false false null`},
		{text(oneOf(field{name: "n", kind: "date"}, []int64{1}, true)), `false false null`},
		{text(counts(field{name: "n", kind: "keyword"}, 2, 1<<53, true)), `false false null`},
		{text(counts(field{name: "n", kind: "keyword"}, 3, 4, false)), `false true {"regexp":{"n":{"max_determinized_states":20000,"value":"(3|4)"}}}`},
	} {
		if x.got != x.want {
			t.Errorf("%s instead of %s", x.got, x.want)
		}
	}
}

// TestPatternsFit holds the expressions against what grid reads in values: a wide one
// fits all of a form, another one nothing else. Those used here mean the same to Go as
// to Lucene, which the tests on servers show.
func TestPatternsFit(t *testing.T) {
	t.Parallel()
	blanks := strings.Split(" |\t|\v|\u0085|\u00a0|\u1680|\u2003|\u3000|\u2028 ", "|")
	type form struct {
		form      grid.Form
		text      string
		fits, not []string // besides what blanks around it make of the first
	}
	for _, x := range []form{
		{grid.Is, "Completed", []string{"Completed"}, []string{"completed", "Complete", "Completed.", "Completed x"}},
		{grid.Equals, "T2_US_Kansas", []string{"T2_US_Kansas", "t2_us_\u212aan\u017fas"}, []string{"T2_US_Kansas1", "T2_US_Kansas_Disk", "T2_US_Kans"}},
		{grid.Clusters, "12.ce", []string{"12.ce", "12.CE.0", "12.ce."}, []string{"12.ce0", "12xce", "12.ce-1"}},
		{grid.Contains, "wn1", []string{"wn1", "slot1@WN1.example.org", `a\2fb`, "wn10"}, []string{"wn2"}},
		{grid.NoValue, "", []string{"", "Unknown", "undefined", "NULL", "None", "N/A", "error"}, []string{"T2_A", "slot1@u"}},
		{grid.NamesHost, "", []string{"slot1@wn1.example.org", "wn1.example.org"}, []string{"wn1", "slot1@wn1", "<192.0.2.7:9618?x>", "slot1@wn1.example.org x"}},
		{grid.Container, "", []string{"slot1@0123456789ab", "0123456789AB", "0123456789ab:80.", "a@b@0123456789ab"}, []string{"slot1@0123456789a", "0123456789abc"}},
	} {
		values := slices.Clone(x.fits)
		if trims(x.form) {
			for _, a := range blanks {
				values = append(values, a+x.fits[0], x.fits[0]+a, a+a+x.fits[0]+a+a)
			}
		}
		matches := func(wide bool, value string) bool {
			patterns, ok := patternsOf(x.form, x.text, wide)
			if !ok {
				return false
			}
			if wide && trims(x.form) && (value < "!" || value >= "\u0080") {
				return true
			}
			return slices.ContainsFunc(patterns, func(p string) bool { return regexp.MustCompile(`(?s)^(` + p + `)$`).MatchString(value) })
		}
		for _, v := range values {
			if !matches(true, v) {
				t.Errorf("form %d of %q: %q is lost", x.form, x.text, v)
			}
		}
		for _, v := range x.not {
			if matches(false, v) {
				t.Errorf("form %d of %q: %q is taken for it", x.form, x.text, v)
			}
		}
	}
}

// TestNumberPatternsFit: whatever text grid reads as a number is asked for with it.
func TestNumberPatternsFit(t *testing.T) {
	t.Parallel()
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 50 { // many are no numbers
			text := aNumber(t)
			j, err := grid.JobFromRecord(map[string]any{"GlobalJobId": "s#1.0#1", "RecordTime": "1772323200", "GLIDEIN_ClusterId": text, "GLIDEIN_ProcId": "3"}, "test")
			if err != nil {
				t.Fatal(err)
			}
			if j.Pilot.ID == (grid.PilotID{}) {
				continue
			}
			read++
			patterns := numberPatterns([]int64{77, j.Pilot.ID.Cluster, 1200}, true)
			if !slices.ContainsFunc(patterns, func(p string) bool { return regexp.MustCompile(`(?s)^(` + p + `)$`).MatchString(text) }) {
				t.Fatalf("%q is %d, and lost", text, j.Pilot.ID.Cluster)
			}
		}
	})
	if read < 100 {
		t.Errorf("only %d texts were read as numbers", read)
	}
}

// aNumber draws a text that looks like a number in one of its forms.
func aNumber(t *rapid.T) string {
	draw := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	n := rapid.OneOf(rapid.Int64Range(0, 200), rapid.SampledFrom([]int64{40, 2_400_000, 2_401_737, 1e15})).Draw(t, "number")
	text := draw("sign", "", "", "+", "-") + draw("zeros", "", "", "0", "00", "0.", "0_") + strconv.FormatInt(n, 10) + draw("more", "", "", "0", "00")
	if at := rapid.IntRange(0, 2*len(text)).Draw(t, "point"); at <= len(text) {
		text = text[:at] + draw("or", ".", "_", "") + text[at:]
	}
	return text + draw("exponent", "", "", "e0", "E+1", "e-2", "e-5", "e6", "p0") + draw("behind", "", "", " ", "\t", ".", ".0")
}

func TestServerOf(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"version":{"number":"7.17.29"}}`:                            "Elasticsearch 7.17.29 true",
		`{"version":{"number":"7.10.2"}}`:                             "Elasticsearch 7.10.2 false",
		`{"version":{"number":"2.19.6","distribution":"opensearch"}}`: "OpenSearch 2.19.6 false",
		`{"version":{"number":"3.8.0","distribution":"opensearch"}}`:  "OpenSearch 3.8.0 false",
		`{"version":{"number":"<b>"}}`:                                "", `[]`: "", `{}`: "",
	} {
		s, err := serverOf(json.RawMessage(body))
		if got := fmt.Sprintf("%s %t", s, s.shardDoc()); err == nil && got != want || err != nil && want != "" {
			t.Errorf("%s: %s, %v", body, got, err)
		}
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	at := func(h int) time.Time { return t0.Add(time.Duration(h) * time.Hour) }
	got := gaps(map[int64]bool{at(1).UnixMilli(): true, at(4).UnixMilli(): true}, at(0), at(6), time.Hour)
	want := []grid.Window{{From: at(0), To: at(1)}, {From: at(2), To: at(4)}, {From: at(5), To: at(6)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsOfConfig(t *testing.T) {
	t.Parallel()
	good := patient("https://os.example.org/os", "cms-*")
	good.Deadline = DefaultDeadline
	if p := good.Problems(); len(p) > 0 {
		t.Errorf("a good one: %v", p)
	}
	for setting, change := range map[string]func(*Config){
		"url":           func(c *Config) { c.URL = "ftp://x" },
		"index":         func(c *Config) { c.Index = "cms-*/_search?x" },
		"username":      func(c *Config) { c.Username, c.PasswordFile = "a:b", "f" },
		"password_file": func(c *Config) { c.Username = "a" },
		"token_file":    func(c *Config) { c.Username, c.PasswordFile, c.TokenFile = "a", "f", "f" },
		"client_cert":   func(c *Config) { c.ClientKeyFile = "f" },
		"deadline":      func(c *Config) { c.Deadline = time.Minute },
		"look_back":     func(c *Config) { c.LookBack = 0 },
		"page":          func(c *Config) { c.Page = 10_001 },
	} {
		c := good
		change(&c)
		if p := c.Problems(); len(p) != 1 || p[0].Setting != setting {
			t.Errorf("%s: %v", setting, p)
		}
	}
	plain := good
	plain.URL, plain.CA = "http://127.0.0.1:9200", "ca.pem"
	if p := plain.Problems(); len(p) != 1 || p[0].Setting != "url" {
		t.Errorf("an authority without TLS: %v", p)
	}
}
