package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write testdata/format1.* anew: only for a new format")

func verify(t fatal, src Source, k Key, kept ...string) Report {
	t.Helper()
	r, err := Verify(context.Background(), src, k.Verifier(), kept)
	must(t, err)
	return r
}

// TestWhatWasWrittenIsSound lets records, checkpoints and erasures come in any
// order; the log verifies, and so does its export, with the same counts.
func TestWhatWasWrittenIsSound(t *testing.T) {
	k := newKey(t)
	rapid.Check(t, func(r *rapid.T) {
		m := &memory{key: k}
		erased := map[int]bool{}
		for range rapid.IntRange(0, 40).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0:
				for range rapid.IntRange(1, 40).Draw(r, "records") {
					m.add(r, Record{Kind: Answered, Person: "alice"})
				}
			case 1:
				m.add(r, Record{Kind: Approved, Subject: rapid.SampledFrom([]string{"action/a", "action/b", "link/x"}).Draw(r, "subject")})
			case 2:
				if n := len(m.checkpoints); m.edge.Size() > 0 && (n == 0 || m.checkpoints[n-1].Size < m.edge.Size()) {
					m.sign(r)
				}
			default:
				if len(m.leaves) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(m.leaves)-1).Draw(r, "erased")
				if m.leaves[i].Entry.Kind != Erased && !erased[i] {
					m.erase(r, i)
					erased[i] = true
				}
			}
		}
		if n := len(m.checkpoints); m.edge.Size() > 0 && (n == 0 || m.checkpoints[n-1].Size < m.edge.Size()) {
			m.sign(r)
		}
		var kept []string
		for _, c := range m.checkpoints {
			kept = append(kept, c.Note)
		}
		want := Report{
			Records: m.edge.Size(), Erased: int64(len(erased)), Checkpoints: int64(len(m.checkpoints)), Subjects: int64(len(m.rows)), Root: m.edge.Root(),
		}
		if got := verify(r, m, k, kept...); !reflect.DeepEqual(got, want) {
			r.Fatalf("%+v\nwant\n%+v", got, want)
		}
		if got := verify(r, Import(bytes.NewReader(m.export(r))), k, kept...); !reflect.DeepEqual(got, want) {
			r.Fatalf("its export: %+v\nwant\n%+v", got, want)
		}
	})
}

// TestWhatIsNotSound says of each damage what is wrong and where.
func TestWhatIsNotSound(t *testing.T) {
	k, other := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		change func(t *testing.T, m *memory) (kept []string)
		says   string
	}{
		"a record without its subject's row": {func(_ *testing.T, m *memory) []string { delete(m.rows, "action/a1"); return nil }, "action/a1 is missing; its latest record is Leaf 4 "},
		"a row at an older version": {func(_ *testing.T, m *memory) []string {
			m.rows["action/a1"] = Row{Subject: "action/a1", Version: 1, JSON: []byte(`{}`)}
			return nil
		}, "action/a1 is stored at version 1, but Leaf 4 "},
		"a row that nobody recorded": {func(_ *testing.T, m *memory) []string {
			m.rows["link/eve"] = Row{Subject: "link/eve", Version: 1}
			return nil
		}, "link/eve is stored, but no record accounts for it"},
		"records after the last checkpoint": {func(t *testing.T, m *memory) []string { m.add(t, Record{Kind: Answered}); return nil }, "No checkpoint covers leaves 7 to 7"},
		"a body that is gone":               {func(_ *testing.T, m *memory) []string { m.leaves[1].Body = nil; return nil }, "Leaf 1 (record record-1, received) has lost its body"},
		"an erased body that is there": {
			func(_ *testing.T, m *memory) []string { m.leaves[0].Body = &Body{}; return nil },
			"Leaf 0 (record record-0, received) has another body",
		},
		"an erasure of what is there": {func(t *testing.T, m *memory) []string {
			body, err := json.Marshal(Erasure{Records: []string{"record-1"}})
			must(t, err)
			m.add(t, Record{Kind: Erased, Body: body})
			m.sign(t)
			return nil
		}, "says that the body of record record-1 was erased, but it is there"},
		"an erasure of nothing that can be read": {func(t *testing.T, m *memory) []string {
			m.add(t, Record{Kind: Erased, Body: json.RawMessage(`[]`)})
			m.sign(t)
			return nil
		}, "tells of an erasure, but not which"},
		"versions that go back": {func(t *testing.T, m *memory) []string {
			m.rows["action/a1"] = Row{Version: 0}
			m.add(t, Record{Kind: Approved, Subject: "action/a1"})
			m.sign(t)
			return nil
		}, "is version 1 and follows version 2 of action/a1"},
		"a version that is left out": {func(t *testing.T, m *memory) []string {
			m.rows["action/a1"] = Row{Version: 3}
			m.add(t, Record{Kind: Approved, Subject: "action/a1"})
			m.sign(t)
			return nil
		}, "is version 4 and follows version 2 of action/a1"},
		"a kept checkpoint of another log": {func(t *testing.T, _ *memory) []string {
			fork := small(t, k)
			return []string{fork.checkpoints[0].Note}
		}, "another one than that of the kept checkpoint of 3 records"},
		"a kept checkpoint of another key": {func(t *testing.T, _ *memory) []string { return []string{small(t, other).checkpoints[0].Note} }, "Kept checkpoint 1 cannot be used"},
		"a kept checkpoint that was removed": {func(t *testing.T, m *memory) []string {
			text, err := k.Sign(Checkpoint{Size: 5, Root: m.edge.Root(), Follows: 3})
			must(t, err)
			return []string{text}
		}, "The kept checkpoint of 5 records is not among the stored ones"},
		"rolled back whole": {func(t *testing.T, m *memory) []string {
			newest := m.checkpoints[2].Note
			*m = memory{key: k}
			m.add(t, Record{Kind: Answered})
			m.sign(t)
			return []string{newest}
		}, "A checkpoint of 7 records was signed, but the log holds 1: it was rolled back"},
		"a checkpoint under another size": {func(_ *testing.T, m *memory) []string { m.checkpoints[1].Size = 5; return nil }, "stored for 5 records is one of 6 records"},
		"a tile of the wrong hashes": {func(_ *testing.T, m *memory) []string {
			m.edge.partial[0][3] ^= 1
			return nil
		}, "Tile 0 of level 0 does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			m := small(t, k)
			if r := verify(t, m, k); !r.Sound() {
				t.Fatalf("what nobody changed: %q", r.Problems)
			}
			kept := c.change(t, m)
			if r := verify(t, m, k, kept...); r.Sound() || !strings.Contains(strings.Join(r.Problems, "\n"), c.says) {
				t.Errorf("%q\nwant\n%s", r.Problems, c.says)
			}
		})
	}
	if r := verify(t, small(t, other), k); r.Sound() || r.Checkpoints != 0 {
		t.Errorf("another key's log: %+v", r)
	}
}

// TestManyProblemsAreCounted bounds what a report lists, not what it counts.
func TestManyProblemsAreCounted(t *testing.T) {
	m := &memory{key: newKey(t)}
	for range maxProblems + 7 {
		m.add(t, Record{Kind: Answered})
	}
	m.sign(t)
	for i := range m.leaves {
		m.leaves[i].Body = &Body{}
	}
	if r := verify(t, m, m.key); len(r.Problems) != maxProblems || r.More != 7 || r.Sound() {
		t.Errorf("%d problems and %d more", len(r.Problems), r.More)
	}
}

// TestForgedTextIsFitToPrint puts control characters where a problem names things.
func TestForgedTextIsFitToPrint(t *testing.T) {
	m := small(t, newKey(t))
	m.leaves[1].Entry.ID = "\x1b[2J\u202e" + strings.Repeat("x", 500)
	m.rows["\x1b]0;"] = Row{Subject: "\x1b]0;", Version: 1}
	r := verify(t, m, m.key)
	for _, p := range r.Problems {
		if strings.ContainsAny(p, "\x1b\u202e") || len(p) > 400 {
			t.Errorf("%q", p)
		}
	}
	if len(r.Problems) < 2 {
		t.Errorf("%q", r.Problems)
	}
}

// broken is a source whose reading fails.
type broken struct{ lines []Line }

func (b broken) Lines(context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for _, l := range b.lines {
			if !yield(l, nil) {
				return
			}
		}
		yield(Line{}, errors.New("the disk fails"))
	}
}

// TestLinesOfNoExport holds that what cannot be read whole is never called sound.
func TestLinesOfNoExport(t *testing.T) {
	k := newKey(t)
	m := small(t, k)
	good := lines(m.export(t))
	header, end := good[0], good[len(good)-1]
	for name, ls := range map[string][]Line{
		"no header":             good[1:],
		"two headers":           {header, header},
		"two ends":              {header, end, end},
		"something after it":    {header, end, good[1]},
		"an empty line":         {header, {}},
		"two fields in a line":  {header, {Stray: &Stray{}, Row: &Row{}}},
		"leaves before":         {header, good[4], good[1]},
		"a newer format":        {{Header: &Header{Format: "gridwarden audit log 2"}}},
		"a disk that fails":     nil,
		"a disk that fails mid": good[:4],
	} {
		if r, err := Verify(context.Background(), broken{ls}, k.Verifier(), nil); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if err := Export(context.Background(), &bytes.Buffer{}, broken{good[:4]}); err == nil || !strings.Contains(err.Error(), "the disk fails") {
		t.Errorf("an export of what cannot be read: %v", err)
	}
	for name, text := range map[string]string{
		"no JSON":            "hello\n",
		"an unknown field":   `{"header":{"format":"` + Format + `","new":1}}` + "\n",
		"two values":         `{"end":{"lines":0}} {"end":{"lines":0}}` + "\n",
		"a brace too many":   `{"header":{"format":"` + Format + `"}}}` + "\n",
		"a bracket too many": `{"header":{"format":"` + Format + `"}}]` + "\n",
		"a line too long":    `{"header":{"format":"` + strings.Repeat("x", maxLine) + `"}}` + "\n",
	} {
		if r, err := Verify(context.Background(), Import(strings.NewReader(text)), k.Verifier(), nil); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for name, text := range map[string]string{"nothing": "", "only a header": `{"header":{"format":"` + Format + `"}}`} {
		if r := verify(t, Import(strings.NewReader(text)), k); r.Sound() || !strings.Contains(r.Problems[0], "cut off") {
			t.Errorf("%s: %q", name, r.Problems)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Verify(ctx, Import(bytes.NewReader(m.export(t))), k.Verifier(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a verification that was ended: %v", err)
	}
}

// FuzzTamperedExport changes an export at one place to anything: either it says
// the same, or it is not sound.
func FuzzTamperedExport(f *testing.F) {
	k, err := parseKey(testKey)
	if err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile("testdata/format1.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	want := lines(data)
	for i := range 200 {
		f.Add(i*len(data)/200, 1, []byte{byte(i)})
	}
	f.Add(0, len(data), []byte{})
	f.Add(len(data), 0, []byte("{}\n"))
	f.Add(10, 100, []byte("\"kind\":\"approved\""))
	f.Fuzz(func(t *testing.T, at, n int, with []byte) {
		if at < 0 || n < 0 || at > len(data) || n > len(data)-at {
			return
		}
		changed := append(append(bytes.Clone(data[:at]), with...), data[at+n:]...)
		r, err := Verify(context.Background(), Import(bytes.NewReader(changed)), k.Verifier(), nil)
		if err == nil && r.Sound() && !reflect.DeepEqual(lines(changed), want) {
			t.Errorf("%q in the place of %q: nobody would have noticed", with, data[at:at+n])
		}
	})
}

// TestFormat1StillVerifies verifies what the first version wrote, as somebody
// will who kept an export, a proof and a checkpoint for years.
func TestFormat1StillVerifies(t *testing.T) {
	k, err := parseKey(testKey)
	must(t, err)
	if *update {
		m := small(t, k)
		c, err := ParseCheckpoint(m.checkpoints[2].Note, k.Verifier())
		must(t, err)
		in, err := ProveInclusion(c, 4, m)
		must(t, err)
		grown, err := ProveGrowth(c, m.checkpoints[0].Size, m)
		must(t, err)
		proofs, err := json.MarshalIndent(proofs{
			Inclusion{Leaf: 4, Entry: *m.leaves[4].Entry, Body: m.leaves[4].Body, Checkpoint: m.checkpoints[2].Note, Proof: in},
			Growth{Old: m.checkpoints[0].Note, New: m.checkpoints[2].Note, Proof: grown},
		}, "", " ")
		must(t, err)
		for name, data := range map[string][]byte{"jsonl": m.export(t), "proofs": proofs, "checkpoint": []byte(m.checkpoints[1].Note), "public": []byte(k.Public() + "\n")} {
			must(t, os.WriteFile("testdata/format1."+name, data, 0o600))
		}
	}
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile("testdata/format1." + name)
		must(t, err)
		return data
	}
	v, err := ParsePublic(string(read("public")))
	must(t, err)
	r, err := Verify(context.Background(), Import(bytes.NewReader(read("jsonl"))), v, []string{string(read("checkpoint"))})
	must(t, err)
	if !r.Sound() || r.Records != 7 || r.Erased != 2 || r.Checkpoints != 3 || r.Subjects != 2 {
		t.Errorf("%+v", r)
	}
	for _, l := range lines(read("jsonl")) {
		if l.Leaf != nil && !k.Genuine(*l.Leaf.Entry) {
			t.Errorf("leaf %d is not genuine any more: the journal would refuse to go on with it", l.Leaf.Number)
		}
	}
	var p proofs
	must(t, json.Unmarshal(read("proofs"), &p))
	if rec, err := p.Inclusion.Verify(v); err != nil || fmt.Sprint(rec.Kind, rec.Person, rec.Subject) != "approvedbobaction/a1" {
		t.Errorf("%+v, %v", rec, err)
	}
	if older, newer, err := p.Growth.Verify(v); err != nil || older.Size != 3 || newer.Size != 7 {
		t.Errorf("%+v %+v %v", older, newer, err)
	}
}

type proofs struct {
	Inclusion Inclusion `json:"inclusion"`
	Growth    Growth    `json:"growth"`
}
