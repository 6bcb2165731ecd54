package audit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// TestLeafIsWrittenLikeThis holds the form of a leaf: another one would make
// every log that was signed before look forged.
func TestLeafIsWrittenLikeThis(t *testing.T) {
	e := Entry{ID: "01", At: 1782302400123456, Kind: QuorumReached, Request: "r\n1", Subject: "action/ä", Version: 12, Hash: "ab", BodyHash: "cd", MAC: "ef"}
	const want = "gridwarden record 1\n2:01\n16:1782302400123456\n14:quorum reached\n3:r\n1\n0:\n9:action/ä\n2:12\n2:ab\n2:cd\n2:ef\n"
	if got := string(e.Leaf()); got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if e.LeafHash() != tlog.RecordHash(e.Leaf()) {
		t.Error("the leaf's hash is not that of RFC 6962")
	}
	if got := (Body{Salt: []byte("salt"), Data: []byte("data")}).Hash(); got != HashRow([]byte("saltdata")) {
		t.Errorf("hash of a body: %s", got)
	}
}

func entries() *rapid.Generator[Entry] {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("a1:\n-ä")), 0, 3, -1)
	return rapid.Custom(func(r *rapid.T) Entry {
		return Entry{
			ID: word.Draw(r, "id"), At: rapid.Int64Range(-11, 11).Draw(r, "at"), Kind: Kind(word.Draw(r, "kind")), Request: word.Draw(r, "request"),
			Incident: word.Draw(r, "incident"), Subject: word.Draw(r, "subject"), Version: rapid.IntRange(-11, 11).Draw(r, "version"),
			Hash: word.Draw(r, "hash"), BodyHash: word.Draw(r, "body hash"), MAC: word.Draw(r, "mac"),
		}
	})
}

// TestNoTwoEntriesHaveOneLeaf moves text across the borders of fields.
func TestNoTwoEntriesHaveOneLeaf(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := entries().Draw(r, "a"), entries().Draw(r, "b")
		if (a == b) != bytes.Equal(a.Leaf(), b.Leaf()) {
			r.Fatalf("%+v and %+v", a, b)
		}
	})
}

// TestEveryFieldIsBound changes one field at a time of a sealed record.
func TestEveryFieldIsBound(t *testing.T) {
	k := newKey(t)
	e, b, err := k.Seal(Record{ID: "1", At: noon, Kind: Approved, Request: "r", Incident: "c", Subject: "s", Version: 1, Hash: "h"})
	must(t, err)
	if !k.Genuine(e) || newKey(t).Genuine(e) {
		t.Error("a record is genuine by its own key and by no other")
	}
	fields := reflect.ValueOf(&e).Elem()
	for i := range fields.NumField() {
		name, before := fields.Type().Field(i).Name, e
		if f := fields.Field(i); f.Kind() == reflect.String {
			f.SetString(f.String() + "x")
		} else {
			f.SetInt(f.Int() + 1)
		}
		if k.Genuine(e) || e.LeafHash() == before.LeafHash() {
			t.Errorf("%s is not bound", name)
		}
		e = before
	}
	for name, other := range map[string]Body{
		"salt": {Salt: append([]byte{1}, b.Salt[1:]...), Data: b.Data}, "data": {Salt: b.Salt, Data: append(b.Data, ' ')},
	} {
		if b.Salt[0] != 1 && other.Hash() == e.BodyHash {
			t.Errorf("the %s of a body is not bound", name)
		}
	}
}

// TestSealedIsReadBack gives back every record as it was, and nothing of the
// person once the body is erased.
func TestSealedIsReadBack(t *testing.T) {
	k := newKey(t)
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.String()
		body, err := json.Marshal(map[string]string{"said": text.Draw(r, "said")})
		must(r, err)
		want := Record{
			ID: "x" + text.Draw(r, "id"), At: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(r, "at")).UTC(), Kind: Answered,
			Request: text.Draw(r, "request"), Person: text.Draw(r, "person"), Account: text.Draw(r, "account"), Incident: text.Draw(r, "incident"),
			Subject: text.Draw(r, "subject"), Version: rapid.IntRange(0, 9).Draw(r, "version"), Hash: text.Draw(r, "hash"), Body: body,
		}
		sealed := want
		sealed.At = sealed.At.Add(time.Duration(rapid.IntRange(0, 999).Draw(r, "ns"))).In(time.FixedZone("", 7200))
		e, b, err := k.Seal(sealed)
		must(r, err)
		if got, err := e.Record(&b); err != nil || !reflect.DeepEqual(got, want) {
			r.Fatalf("%+v, %v\nwant\n%+v", got, err, want)
		}
		want.Person, want.Account, want.Body = "", "", nil
		if got, err := e.Record(nil); err != nil || !reflect.DeepEqual(got, want) {
			r.Fatalf("erased: %+v, %v", got, err)
		}
	})
}

func TestSeal(t *testing.T) {
	k := newKey(t)
	for name, r := range map[string]Record{
		"no id": {Kind: Answered}, "no kind": {ID: "1"}, "a body that is no JSON": {ID: "1", Kind: Answered, Body: json.RawMessage("{")},
	} {
		if _, _, err := k.Seal(r); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	e, b, err := k.Seal(Record{ID: "1", Kind: Answered})
	must(t, err)
	if r, err := e.Record(&b); err != nil || string(r.Body) != "{}" {
		t.Errorf("no body is read back as %q, %v: nil means erased", r.Body, err)
	}
	if again, c, err := k.Seal(Record{ID: "1", Kind: Answered}); err != nil || again.BodyHash == e.BodyHash || bytes.Equal(b.Salt, c.Salt) || len(c.Salt) != saltSize {
		t.Errorf("the salt is not new each time: an erased body could be guessed (%v)", err)
	}
	if _, err := e.Record(&Body{Data: []byte("{")}); err == nil || !strings.Contains(err.Error(), "body of record 1") {
		t.Errorf("a body that is no JSON: %v", err)
	}
}

func TestIDsSortByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := NewID()
		time.Sleep(time.Millisecond)
		if after := NewID(); len(after) != 32 || after <= before {
			t.Errorf("%s after %s", after, before)
		}
	})
}
