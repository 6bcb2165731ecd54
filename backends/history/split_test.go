package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// given is a piece that may be kept.
type given struct {
	At      place
	Data    string
	Problem string
	Whole   place // after it
}

// pieces reads a stream to its end.
func pieces(r io.Reader, from place) ([]given, error) {
	s := newSplitter(r, from)
	for out := []given{}; ; {
		p, err := s.read()
		if err != nil {
			return out, err
		}
		out = append(out, given{p.at, string(p.data), p.problem, s.whole})
	}
}

// checkPieces holds what any text is split into against the text: objects stand
// where they are said to stand, in order and apart; how the text arrives makes no
// difference; and reading goes on from every whole place as if never interrupted.
func checkPieces(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, text string,
) []given {
	t.Helper()
	all, err := pieces(strings.NewReader(text), place{})
	if !errors.Is(err, io.EOF) {
		t.Fatalf("it ends with %v", err)
	}
	end := int64(0)
	for i, p := range all {
		if p.At.Offset < end || p.At.Offset > int64(len(text)) || p.At.Line != int64(strings.Count(text[:p.At.Offset], "\n")) {
			t.Fatalf("piece %d at %+v, after %d of %d", i, p.At, end, len(text))
		}
		end = p.At.Offset
		if (p.Data == "") == (p.Problem == "") {
			t.Fatalf("piece %d is %+v", i, p)
		}
		if !strings.HasPrefix(text[end:], p.Data) {
			t.Fatalf("piece %d, %s, does not stand at %d", i, p.Data, end)
		}
		end += int64(len(p.Data))
		if p.Whole.Offset > p.At.Offset && i%(1+len(all)/8) == 0 {
			rest, _ := pieces(strings.NewReader(text[p.Whole.Offset:]), p.Whole)
			if diff := cmp.Diff(all[i+1:], rest); diff != "" {
				t.Fatalf("going on at %+v: %s", p.Whole, diff)
			}
		}
	}
	slow, err := pieces(iotest.OneByteReader(strings.NewReader(text)), place{})
	if diff := cmp.Diff(all, slow, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Whole" }, cmp.Ignore())); diff != "" || !errors.Is(err, io.EOF) {
		t.Fatalf("byte by byte: %v %s", err, diff)
	}
	return all
}

func FuzzSplit(f *testing.F) {
	for _, text := range []string{
		"", "[\n]\n", ad(1), "[" + ad(1) + "," + ad(2) + "]", `{"a":"\\\"{[","b":[{},[1]]}`, "{\n\"a\":1}\n{", "x\n{\"a\":{}}\n", `{"a":` + strings.Repeat("[", 70) + "\n{}",
		`{"took":1,"_shards":{"total":1},"hits":{"total":1,"hits":[{"_source":{}},{}]},"x":{"hits":[]}}{"a":1}`, `{"hits":{"hits":[{}]}}`, "{\"a\n\":1}\n[{}", "\xEF\xBB\xBF{}\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		all := checkPieces(t, text)
		// Of a stream of valid objects it gives just those.
		var want []string
		d := json.NewDecoder(strings.NewReader(text))
		for {
			var raw json.RawMessage
			err := d.Decode(&raw)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || raw[0] != '{' || bytes.Contains(raw, []byte(`"_shards"`)) || !json.Valid(raw) {
				return
			}
			want = append(want, string(raw))
		}
		if strings.Contains(text, strings.Repeat("[", maxDepth)) || strings.Count(text, "{") > maxDepth {
			return
		}
		got := []string{}
		for _, p := range all {
			got = append(got, p.Data)
		}
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Errorf("of valid objects: %s", diff)
		}
	})
}

// TestSplitStreams: whatever stands between and around valid objects, each of
// them is given once.
func TestSplitStreams(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		var want []string
		object := func() string {
			raw, err := json.Marshal(map[string]any{"v": drawValue(t, 3)})
			if err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "indented") {
				var b bytes.Buffer
				if err := json.Indent(&b, raw, "", rapid.SampledFrom([]string{" ", "\t"}).Draw(t, "indent")); err != nil {
					t.Fatal(err)
				}
				raw = b.Bytes()
			}
			want = append(want, string(raw))
			return string(raw)
		}
		objects := func(from, between, to string) {
			n := rapid.IntRange(0, 4).Draw(t, "objects")
			text.WriteString(from)
			for i := range n {
				if i > 0 {
					text.WriteString(between)
				}
				text.WriteString(object())
			}
			text.WriteString(to)
		}
		problems := 0
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			switch rapid.SampledFrom([]string{"lines", "array", "line", "answer", "words", "cut"}).Draw(t, "part") {
			case "lines":
				objects("", "\n", "\n")
			case "line":
				objects("", " ", "\n")
			case "array":
				objects("[\n", "\n,\n", "\n]\n")
			case "answer":
				objects(`{"took":1,"_shards":{"failed":0},"hits":{"max_score":1,"hits":[`, ",", `],"x":"}"},"suggest":{"hits":{"hits":[{}]}}}`+"\n")
			case "words":
				text.WriteString("Failed to fetch ads\n")
				problems++
			case "cut":
				text.WriteString(`{"a":"b` + "\n")
				problems++
			}
		}
		got, bad := []string{}, 0
		for _, p := range checkPieces(t, text.String()) {
			if p.Problem != "" {
				bad++
				continue
			}
			got = append(got, p.Data)
		}
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" || bad > problems || problems > 0 && bad == 0 {
			t.Fatalf("%d problems of %d, %s", bad, problems, diff)
		}
	})
}

// drawValue draws any JSON value.
func drawValue(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
	case 2:
		return rapid.StringOf(rapid.SampledFrom([]rune(`ab"\{}[],:`+"\n\t\u00e9\U0001F600"))).Draw(t, "text")
	case 3:
		return rapid.SampledFrom([]string{"hits", "_shards", "\n{", `{"a":1}`}).Draw(t, "word")
	case 4:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "size") {
		object[rapid.SampledFrom([]string{"hits", "a", "b\n", ""}).Draw(t, "key")] = drawValue(t, depth-1)
	}
	return object
}

// TestSplitBrokenReader: what a reader fails with is the end, after what it gave.
func TestSplitBrokenReader(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	got, err := pieces(io.MultiReader(strings.NewReader(ad(1)+"\n"+ad(2)), iotest.ErrReader(broken)), place{})
	if !errors.Is(err, broken) || len(got) != 2 {
		t.Errorf("%d pieces, %v", len(got), err)
	}
}

// TestPlacesBehindLargeRecords: places stay right across what is dropped.
func TestPlacesBehindLargeRecords(t *testing.T) {
	t.Parallel()
	for _, filler := range []string{"x", "\n", "[", "{\n", "\"", `\`, ",\n"} {
		many := (maxRecord + readSize) / len(filler)
		if filler == "{\n" {
			many = 1000 // each a problem of its own
		}
		text := ad(1) + "\n" + `{"a":[` + strings.Repeat(filler, many) + "\n" + ad(2) + "\n"
		all, err := pieces(strings.NewReader(text), place{})
		last := all[len(all)-1]
		if !errors.Is(err, io.EOF) || last.Data != ad(2) || last.At.Offset != int64(len(text)-len(ad(2))-1) || last.At.Line != int64(strings.Count(text, "\n")-1) {
			t.Errorf("%q: %+v, %v", filler, last, err)
		}
		if all[1].Problem == "" || all[1].At.Line != 1 {
			t.Errorf("%q: %+v", filler, all[1])
		}
	}
}
