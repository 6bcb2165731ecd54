package audit

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func checkpoints() *rapid.Generator[Checkpoint] {
	return rapid.Custom(func(r *rapid.T) Checkpoint {
		c := Checkpoint{Size: rapid.Int64Range(1, 1<<62).Draw(r, "size")}
		c.Follows = rapid.Int64Range(0, c.Size-1).Draw(r, "follows")
		copy(c.Root[:], rapid.SliceOfN(rapid.Byte(), tlog.HashSize, tlog.HashSize).Draw(r, "root"))
		return c
	})
}

func TestCheckpointIsReadBack(t *testing.T) {
	k, other := newKey(t), newKey(t)
	rapid.Check(t, func(r *rapid.T) {
		want := checkpoints().Draw(r, "checkpoint")
		text, err := k.Sign(want)
		must(r, err)
		if got, err := ParseCheckpoint(text, k.Verifier()); err != nil || got != want {
			r.Fatalf("%+v, %v, want %+v", got, err, want)
		}
		if _, err := ParseCheckpoint(text, other.Verifier()); err == nil {
			r.Fatal("another key verifies it")
		}
		at := rapid.IntRange(0, len(text)-1).Draw(r, "at")
		changed := text[:at] + string(text[at]^byte(rapid.IntRange(1, 127).Draw(r, "bits"))) + text[at+1:]
		if got, err := ParseCheckpoint(changed, k.Verifier()); err == nil && got != want {
			r.Fatalf("%q says %+v", changed, got)
		}
	})
}

// TestCheckpointIsWrittenLikeThis holds the form that people keep in mails.
func TestCheckpointIsWrittenLikeThis(t *testing.T) {
	text, err := newKey(t).Sign(Checkpoint{Size: 7, Root: tlog.Hash{1, 2, 3}, Follows: 5})
	must(t, err)
	want := "gridwarden audit log\n7\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nfollows 5\n\n— gridwarden/test "
	if !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 6 {
		t.Errorf("%q", text)
	}
}

// TestSignedTextThatIsNoCheckpoint has the right key sign something else.
func TestSignedTextThatIsNoCheckpoint(t *testing.T) {
	k := newKey(t)
	const root = "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for name, text := range map[string]string{
		"another log":          "go.sum database tree\n7\n" + root + "\nfollows 5\n",
		"no follows":           "gridwarden audit log\n7\n" + root + "\n",
		"a line more":          "gridwarden audit log\n7\n" + root + "\nfollows 5\nmore\n",
		"size zero":            "gridwarden audit log\n0\n" + root + "\nfollows 0\n",
		"size below zero":      "gridwarden audit log\n-7\n" + root + "\nfollows 0\n",
		"size written +7":      "gridwarden audit log\n+7\n" + root + "\nfollows 5\n",
		"size written 07":      "gridwarden audit log\n07\n" + root + "\nfollows 5\n",
		"size is no number":    "gridwarden audit log\nseven\n" + root + "\nfollows 5\n",
		"size overflows":       "gridwarden audit log\n99999999999999999999\n" + root + "\nfollows 5\n",
		"follows itself":       "gridwarden audit log\n7\n" + root + "\nfollows 7\n",
		"follows a larger one": "gridwarden audit log\n7\n" + root + "\nfollows 8\n",
		"follows nothing":      "gridwarden audit log\n7\n" + root + "\n5\n",
		"a short root":         "gridwarden audit log\n7\nAQID\nfollows 5\n",
		"a root that is none":  "gridwarden audit log\n7\n!\nfollows 5\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, k.signer)
		must(t, err)
		if c, err := ParseCheckpoint(string(signed), k.Verifier()); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
	text, err := k.Sign(Checkpoint{Size: 1})
	must(t, err)
	for name, text := range map[string]string{
		"nothing": "", "not signed": strings.SplitAfter(text, "\n\n")[0], "too long": text + strings.Repeat("x", maxCheckpoint),
		"not UTF-8": strings.Replace(text, "follows", "f\xffllows", 1),
	} {
		if _, err := ParseCheckpoint(text, k.Verifier()); err == nil {
			t.Errorf("%s: taken for a checkpoint", name)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	k, err := parseKey(testKey)
	if err != nil {
		f.Fatal(err)
	}
	text, err := k.Sign(Checkpoint{Size: 7, Follows: 5})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", text, text[:40], strings.Replace(text, "7", "8", 1), "\n\n— x y\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseCheckpoint(s, k.Verifier()); err == nil && (c != Checkpoint{Size: 7, Follows: 5}) {
			t.Errorf("%q was never signed and says %+v", s, c)
		}
	})
}
