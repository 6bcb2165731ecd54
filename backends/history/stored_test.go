package history

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// fill gives every field under v a value of its own, so that none can be
// forgotten.
func fill(t *testing.T, v reflect.Value, n *int64) {
	t.Helper()
	*n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(*n*1_000_000, *n).UTC()
		return
	case *netip.Addr:
		*x = netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)})
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.String:
		v.SetString("value " + time.Duration(*n).String())
	case reflect.Int, reflect.Int64:
		v.SetInt(-*n)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("what is a %s stored as?", v.Type())
	}
}

// TestEveryFieldIsStored.
func TestEveryFieldIsStored(t *testing.T) {
	t.Parallel()
	var j grid.Job
	n := int64(0)
	fill(t, reflect.ValueOf(&j).Elem(), &n)
	got, err := decodeJob(encodeJob(nil, &j))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(j, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// TestWordsStay: their numbers are in every store, so that new ones go to the end.
func TestWordsStay(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(strings.Join(words[:53], " ")))
	if got := hex.EncodeToString(sum[:4]); got != "e908bf23" {
		t.Errorf("the first words changed: %s", got)
	}
	sorted := slices.Clone(words)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(words) {
		t.Error("a word stands twice")
	}
}

// TestStoredForm: a job is stored as itself, and as JSON as it was before.
func TestStoredForm(t *testing.T) {
	t.Parallel()
	equal := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	rapid.Check(t, func(t *rapid.T) {
		j := draws{t}.job()
		if rapid.Bool().Draw(t, "with its usual id") {
			j.ID = "s#1.2#1750746501"
			j.Cluster, j.Proc = 1, 2
		}
		data := encodeJob(nil, &j)
		old, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range [][]byte{data, old} {
			got, err := decodeJob(form)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(j, got, equal); diff != "" {
				t.Fatal(diff)
			}
		}
		// What is cut, or goes on, is no record.
		if _, err := decodeJob(data[:rapid.IntRange(0, len(data)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("half a record was read")
		}
		if _, err := decodeJob(append(data, 0)); err == nil {
			t.Fatal("more than a record was read")
		}
	})
}

// FuzzDecodeJob: whatever is stored is read without harm.
func FuzzDecodeJob(f *testing.F) {
	for _, text := range []string{ad(1), running(2, "wn1", 0, 1, "")} {
		r, err := newReader().read(strings.TrimSpace(text), t0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.data)
	}
	f.Add([]byte(`{"id":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := decodeJob(data)
		if err != nil {
			return
		}
		again, err := decodeJob(encodeJob(nil, &j))
		if err != nil {
			t.Fatalf("%x is read as %+v, which is not: %v", data, j, err)
		}
		if diff := cmp.Diff(j, again, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" && data[0] != '{' {
			t.Fatalf("%x: %s", data, diff)
		}
	})
}

// TestStoreOfFirstSchema: records that an older program stored as JSON are found,
// bounded and replaced as the others.
func TestStoreOfFirstSchema(t *testing.T) {
	t.Parallel()
	asJSON := func(s *Store) {
		t.Helper()
		for num, j := range stored(t, s) {
			data, err := json.Marshal(j)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.db.ExecContext(t.Context(), `UPDATE record SET data = ? WHERE num = ?`, data, num+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := ad(1) + ad(2) + running(9, "wn042.example.org", 0, 1, "")
	s, want := newStore(t, Config{}), newStore(t, Config{})
	for _, s := range []*Store{s, want} {
		importText(t, s, text)
	}
	asJSON(s)
	if diff := cmp.Diff(find(t, want, onHost(0, 24)), find(t, s, onHost(0, 24))); diff != "" {
		t.Errorf("found: %s", diff)
	}
	if r := importText(t, s, text); r.Unchanged != 3 {
		t.Errorf("the same again: %+v", r)
	}
	for _, s := range []*Store{s, want} {
		if r := importText(t, s, ad(1, `"RecordTime":1893456000`)+ad(2)); r.Replaced != 1 || r.Unchanged != 1 {
			t.Errorf("later copies: %+v", r)
		}
	}
	asJSON(want)
	asJSON(s)
	if diff := cmp.Diff(dump(t, want), dump(t, s)); diff != "" {
		t.Errorf("replaced: %s", diff)
	}
}

// TestDamagedRecord: people read what to do.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	importText(t, s, ad(1))
	exec(t, s, `UPDATE record SET data = x'01ff'`)
	_, err := s.Sightings(context.Background(), onHost(1, 24))
	if got := forPeople(err); got != "The file of the job records is damaged. Move it away and import again." {
		t.Errorf("%q (%v)", got, err)
	}
}
