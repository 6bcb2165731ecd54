package document

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// hostile are objects as an attacker, or a tool that knows no better, writes them.
var hostile = []string{
	`{}`, ` { } `, `{"GlobalJobId":"a#1.0#2","Site":"T2_XX","RecordTime":1772323200,"LastRemoteHost":"slot1@wn1.example.org"}`,
	`{"GlobalJobId":"a","ClusterId":"12","ProcId":"0","JobStatus":"4","QDate":"1772323200","RecordTime":"1772323200000"}`,
	`{"GlobalJobId":"a","QDate":1.7723232e9,"JobStartDate":17723232E+2,"RecordTime":1772323200000,"CompletionDate":1e400,"JobCurrentStartDate":-0}`,
	`{"GlobalJobId":"a","QDate":99999999999999999999999999,"NumJobStarts":9223372036854775808,"ProcId":1.0000000000000000000001,"ClusterId":9007199254740993}`,
	`{"GlobalJobId":"a","Site":"T2_A","Site":"T2_B","Site":null,"SITE":"T2_C","Owner":"a","OWNER":"b","owner":"","Own\u0065r":"x"}`,
	`{"GlobalJobId":["a","b"],"LastRemoteHost":["slot1@wn1.example.org"],"x509UserProxyFQAN":["/CN=a",1,null,["b"],{"c":1},"Unknown",""],"Owner":[]}`,
	`{"GlobalJobId":"a","LastRemoteHost":{"a":"slot1@wn1"},"Site":true,"Owner":false,"QDate":[1772323200],"JobStatus":{"a":[{}]}}`,
	`{"GlobalJobId":"Unknown","ClusterId":1,"ProcId":0,"ScheddName":"s@h","Owner":"/Expr(x)/","CRAB_UserHN":" unknown ","User":"a@b"}`,
	"{\"GlobalJobId\":\"a\",\"Owner\":\"\xff\xfe\",\"Si\xfete\":\"x\",\"CRAB_UserHN\":\"\xc3\xa9\x7f\u202e\",\"Site\":\"\\ud800\\u0041\\ud83d\\ude00\\/\\\"\"}",
	"{\"GlobalJobId\":\"a\",\"Owner\":\"a\nb\"}", `{"GlobalJobId":"a","Owner":"\x"}`, `{"GlobalJobId":"a","x":"\u12g4"}`, `{"GlobalJobId":"a","x":'y'}`, `{"GlobalJobId":"a","x":01}`,
	`{"GlobalJobId":"a","x":NaN}`, `{"GlobalJobId":"a","x":[1,]}`, `{"GlobalJobId":"a","x":{"y":[}]}`, `{"GlobalJobId":"a",}`, `{"GlobalJobId":"a" "x":1}`, `{"GlobalJobId":"a"`, `{"GlobalJobId":"a`, `{"GlobalJobId":"a\`, `{"GlobalJobId":"a\u00`,
	`{"GlobalJobId":tru}`, `{"x":-}`, `{"x":1.}`, `{"x":1e}`, `{"x":+1}`, `{"x":.5}`, `{"":1,"a":{"":[]}}`, `[]`, `null`, `"x"`, `1 2`, ``, `{}{}`, "\ufeff{}",
	`{"data":{"GlobalJobId":"a","Site":true,"metadata":{"timestamp":1772323200000}},"metadata":{"spider_source":"condor_history"}}`, `{"data":[],"data":{"GlobalJobId":"a"},"metadata":null}`,
	`{"data.GlobalJobId":"a","data.Site":"T2_A","data.data.Owner":"x"}`, `{"_source":{"GlobalJobId":"b"},"GlobalJobId":"a"}`, `{"_source":{"GlobalJobId":"b","Iwd":"/x"}}`,
	`{"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `,"GlobalJobId":"a"}`, `{"GlobalJobId":"` + strings.Repeat("é", 3000) + `","Owner":"` + strings.Repeat("x", 5000) + `"}`,
}

// FuzzScan: of a text that encoding/json takes for an object the same job is read as
// by maps, and another text is refused.
func FuzzScan(f *testing.F) {
	for _, text := range hostile {
		f.Add([]byte(text))
	}
	var documents Reader
	var records grid.Reader
	f.Fuzz(func(t *testing.T, text []byte) {
		whole := NewText(string(text))
		_, err := whole.Value()
		if err == nil {
			err = whole.End()
		}
		if (err == nil) != json.Valid(text) {
			t.Fatalf("%q: %v, and encoding/json says %t", text, err, json.Valid(text))
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var members map[string]any
		valid := json.Valid(text) && d.Decode(&members) == nil && members != nil
		documents.Begin()
		scanned := NewText(string(text))
		o, err := documents.Scan(scanned)
		if err == nil {
			err = scanned.End()
		}
		if (err == nil) != valid {
			t.Fatalf("%q: %v, and encoding/json says %t", text, err, valid)
		}
		if !valid {
			return
		}
		got, gotErr := records.Job(o, "test")
		want, wantErr := grid.JobFromRecord(members, "test")
		if documents.Failed() != nil || gotErr != wantErr { //nolint:errorlint // the very error
			t.Fatalf("%q: %v and %v, not %v", text, gotErr, documents.Failed(), wantErr)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
	})
}

// TestDepth: as many objects and lists stand in each other as encoding/json takes.
func TestDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{maxDepth, maxDepth + 1} {
		for _, text := range []string{
			strings.Repeat("[", depth) + strings.Repeat("]", depth),
			strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1),
			strings.Repeat("[", 10*depth),
		} {
			_, err := NewText(text).Value()
			if want := json.Valid([]byte(text)); (err == nil) != want {
				t.Errorf("%d levels of %.5s: %v, and encoding/json says %t", depth, text, err, want)
			}
		}
	}
}

// TestTextMember: names come as they mean, and a value that nobody passed is no end.
func TestTextMember(t *testing.T) {
	t.Parallel()
	var names []string
	text := NewText(` {"a\u0062" : [ 1 , {"c":2} ], "d":"e"} `)
	err := text.Object(func(name string) error {
		names = append(names, name)
		if text.IsList() {
			return text.List(func() error { _, err := text.Value(); return err })
		}
		value, err := text.Value()
		names = append(names, value)
		return err
	})
	if diff := cmp.Diff([]string{"ab", "d", `"e"`}, names); err != nil || text.End() != nil || diff != "" {
		t.Errorf("%v, %v, %s", err, text.End(), diff)
	}
	text = NewText(`{"a":1}`)
	if err := text.Object(func(string) error { return nil }); err == nil {
		t.Error("a value that nobody passed was passed")
	}
}
