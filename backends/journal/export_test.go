package journal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// imported verifies an export with the public key alone. Reading errors count:
// what cannot be read is not sound.
func imported(t *testing.T, public string, lines []string, kept ...string) (audit.Report, error) {
	t.Helper()
	v, err := audit.ParsePublic(public)
	must(t, err)
	return audit.Verify(t.Context(), audit.Import(strings.NewReader(strings.Join(lines, "\n")+"\n")), v, kept)
}

// TestTamperedExport changes every field of one line of each kind, and cuts,
// adds and swaps lines.
func TestTamperedExport(t *testing.T) {
	j, _ := filled(t)
	var b bytes.Buffer
	must(t, j.Export(t.Context(), &b))
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if r, err := imported(t, j.PublicKey(), lines); err != nil || !r.Sound() || r.Erased != 2 || r.Subjects != 6 {
		t.Fatalf("what nobody changed: %+v, %v", r, err)
	}
	noticed := func(t *testing.T, changed []string) {
		t.Helper()
		if r, err := imported(t, j.PublicKey(), changed); err == nil && r.Sound() {
			t.Error("nobody would have noticed")
		}
	}
	kinds := map[string][]int{}
	for i, l := range lines {
		kind := l[:strings.Index(l, ":")]
		kinds[kind] = append(kinds[kind], i)
	}
	same := slices.Sorted(maps.Keys(kinds))
	if want := []string{`{"checkpoint"`, `{"end"`, `{"header"`, `{"leaf"`, `{"row"`}; !slices.Equal(same, want) {
		t.Fatalf("an export has lines of %v, not of %v", same, want)
	}
	for kind, at := range kinds {
		for _, i := range []int{at[0], at[len(at)/2], at[len(at)-1]} {
			for path, changed := range variants(t, lines[i]) {
				t.Run(kind+path, func(t *testing.T) {
					noticed(t, slices.Concat(lines[:i], []string{changed}, lines[i+1:]))
				})
			}
			if len(at) == 1 {
				continue
			}
			t.Run(kind+" removed", func(t *testing.T) { noticed(t, counted(slices.Delete(slices.Clone(lines), i, i+1))) })
			t.Run(kind+" doubled", func(t *testing.T) { noticed(t, counted(slices.Insert(slices.Clone(lines), i, lines[i]))) })
			if k := slices.Index(at, i); k > 0 && kind != `{"row"` { // rows stand in no order that means anything
				t.Run(kind+" swapped", func(t *testing.T) {
					s := slices.Clone(lines)
					s[i], s[at[k-1]] = s[at[k-1]], s[i]
					noticed(t, s)
				})
			}
		}
	}
	t.Run("cut off", func(t *testing.T) { noticed(t, lines[:len(lines)-1]) })
	t.Run("nothing", func(t *testing.T) { noticed(t, nil) })
}

// counted makes the end count again what is there, as a careful forger does.
func counted(lines []string) []string {
	lines[len(lines)-1] = fmt.Sprintf(`{"end":{"lines":%d}}`, len(lines)-1)
	return lines
}

// variants are a line with one of its values changed, by where that is.
func variants(t *testing.T, line string) map[string]string {
	t.Helper()
	var whole any
	must(t, json.Unmarshal([]byte(line), &whole))
	out := map[string]string{}
	var walk func(path string, value any, set func(any))
	walk = func(path string, value any, set func(any)) {
		var changed any
		switch x := value.(type) {
		case map[string]any:
			for k, e := range x {
				walk(path+"/"+k, e, func(e any) { x[k] = e })
			}
			return
		case string:
			changed = other(x)
		case float64:
			changed = x + 1
		case bool:
			changed = !x
		default:
			t.Fatalf("%s is a %T", path, x)
		}
		set(changed)
		data, err := json.Marshal(whole)
		must(t, err)
		set(value)
		out[path] = string(data)
	}
	walk("", whole, nil)
	return out
}

// other is a text of the same length, so that base64 stays base64.
func other(s string) string {
	if s == "" {
		return "x"
	}
	c := "A"
	if s[len(s)/2] == 'A' {
		c = "B"
	}
	return s[:len(s)/2] + c + s[len(s)/2+1:]
}

// TestLeavesWithSeparators has records in which the text that a leaf is read as
// does not say where a field ends.
func TestLeavesWithSeparators(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		j := openAt(t, place(t))
		want := []string{"plain", "with \x1f inside", "\x1f", "plain again"}
		for _, request := range want {
			must(t, j.Write(t.Context(), action.Effects{Records: []audit.Record{{ID: audit.NewID(), At: time.Now().UTC(), Kind: audit.Received, Request: request}}}))
			_, err := j.Sequence(t.Context())
			must(t, err)
		}
		report, err := j.Verify(t.Context())
		if err != nil || !report.Sound() || report.Records != int64(len(want)) {
			t.Errorf("%v: %+v", err, report)
		}
		var got []string
		for l, err := range j.Lines(t.Context()) {
			must(t, err)
			if l.Leaf != nil {
				got = append(got, l.Leaf.Entry.Request)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}
