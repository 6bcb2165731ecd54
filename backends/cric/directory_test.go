package cric

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// scripted answers as the test says.
type scripted struct {
	answer func(n int) (string, error)
	asked  int
	life   time.Duration
}

func (s *scripted) fresh(last reading, now time.Time) bool { return now.Sub(last.read) < s.life }

func (s *scripted) read(ctx context.Context) ([]byte, time.Time, any, error) {
	s.asked++
	text, err := s.answer(s.asked)
	if text == "hang" {
		<-ctx.Done()
		return nil, time.Time{}, nil, &Trouble{Sentence: "CRIC did not answer in time.", Cause: ctx.Err()}
	}
	return []byte(text), time.Now(), nil, err
}

func playing(t *testing.T, s *scripted) *Directory {
	t.Helper()
	d := New(Config{URL: "https://cric.example.org"})
	d.from = s
	return d
}

func login(t *testing.T, r *grid.Register, id string) string {
	t.Helper()
	h, _ := (&grid.Knowledge{Registers: []*grid.Register{r}}).Holder(grid.CMS, id)
	return h.Login
}

func TestTheLastGoodAnswerStandsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		three := strings.Replace(users, `"nobody@example.org": {"dn": null`, `"nobody@example.org": {"dn": "/C=XX/CN=Nobody Else"`, 1)
		s := &scripted{life: time.Hour, answer: func(n int) (string, error) {
			switch n {
			case 1:
				return three, nil
			case 2:
				return "", &Trouble{Sentence: "CRIC has trouble of its own."}
			case 3:
				return users[:40], nil // half an answer
			case 4:
				return `{"a":{"country":"CH","dn":"` + annDN + `"}}`, nil // whole, and most people are gone
			}
			return users, nil
		}}
		d := playing(t, s)
		defer d.Close()
		began := time.Now()
		for step, c := range []struct {
			wait  time.Duration
			asked int
			note  string
			check string
		}{
			{0, 1, "", ""},
			{59 * time.Minute, 1, "", ""},
			{time.Minute, 2, "could not be asked just now", "CRIC has trouble of its own. Its answer of 2000-01-01 00:00 UTC is used."},
			{30 * time.Second, 2, "could not be asked just now", "CRIC has trouble"},
			{30 * time.Second, 3, "could not be asked just now", "CRIC's answer has no users that could be read"},
			{7 * 24 * time.Hour, 4, "what it says is 7 days old", "CRIC told of 1 people, where there were 3 before"},
			{time.Minute, 5, "", ""},
		} {
			time.Sleep(c.wait)
			r, err := d.Register(t.Context())
			if err != nil || s.asked != c.asked || login(t, r, ann2DN) != "asmith" || !strings.Contains(strings.Join(r.Notes, ". "), c.note) || c.note == "" && len(r.Notes) > 0 {
				t.Fatalf("step %d: asked %d times, error %v, notes %q", step, s.asked, err, r.Notes)
			}
			err = d.Check(t.Context())
			if (err == nil) != (c.check == "") || err != nil && !strings.Contains(sentenceOf(err), c.check) {
				t.Errorf("step %d: check says %v, want %q", step, err, c.check)
			}
			newest, err := d.Newest(t.Context())
			if want := began; err != nil || c.asked < 5 && !newest.Equal(want) {
				t.Errorf("step %d: newest %v, error %v", step, newest, err)
			}
		}
	})
}

func sentenceOf(err error) string {
	var p interface{ ForPeople() string }
	if errors.As(err, &p) {
		return p.ForPeople()
	}
	return ""
}

func TestWithoutAnyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answer: func(int) (string, error) {
			return "", &Trouble{Sentence: "CRIC could not be reached, or ended the connection."}
		}}
		d := playing(t, s)
		defer d.Close()
		for range 3 { // within the pause nobody waits
			if r, err := d.Register(t.Context()); r != nil || !strings.Contains(sentenceOf(err), "could not be reached") {
				t.Errorf("%v, %v", r, err)
			}
			if err := d.Check(t.Context()); err == nil {
				t.Error("check finds nothing wrong")
			}
		}
		if s.asked != 1 {
			t.Errorf("asked %d times within the pause", s.asked)
		}
	})
}

// TestNobodyWaitsForALongAnswer holds that who has an old answer gets it, and
// that one that comes late is kept although nobody waits any more.
func TestNobodyWaitsForALongAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{life: time.Hour}
		s.answer = func(n int) (string, error) {
			if n == 2 {
				time.Sleep(20 * time.Second)
			}
			if n == 3 {
				return "hang", nil
			}
			return users, nil
		}
		d := playing(t, s)
		defer d.Close()
		if _, err := d.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		first, _ := d.Newest(t.Context())
		time.Sleep(time.Hour)
		began := time.Now()
		r, err := d.Register(t.Context())
		if waited := time.Since(began); err != nil || waited > patience || !r.AsOf.Equal(first) {
			t.Errorf("waited %v for %v, %v", waited, r, err)
		}
		time.Sleep(20 * time.Second)
		if newest, err := d.Newest(t.Context()); err != nil || !newest.After(first) {
			t.Errorf("the late answer is not kept: %v, %v", newest, err)
		}
		time.Sleep(time.Hour)
		if _, err := d.Register(t.Context()); err != nil { // begins the one that hangs
			t.Error(err)
		}
		time.Sleep(askFor)
		if err := d.Check(t.Context()); !strings.Contains(sentenceOf(err), "did not answer in time") {
			t.Errorf("after a server that hangs: %v", err)
		}
	})
}

func TestWhoAskedFirstMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{life: time.Hour, answer: func(int) (string, error) { time.Sleep(8 * time.Second); return users, nil }}
		d := playing(t, s)
		defer d.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := d.Register(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if _, err := d.Register(t.Context()); err != nil || s.asked != 1 {
			t.Errorf("asked %d times: %v", s.asked, err)
		}
	})
}

func TestASnapshot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cric.json")
	d := New(Config{File: path})
	defer d.Close()
	put := func(text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Check(t.Context()); !strings.Contains(sentenceOf(err), "is not there. Save an answer of CRIC there") {
		t.Errorf("without a file: %v", err)
	}
	put(users, time.Hour)
	r, err := d.Register(t.Context())
	if err != nil || len(r.Notes) != 0 || r.People() != 2 || time.Since(r.AsOf) < time.Hour || login(t, r, johnDN+"/CN=1234567") != "jdoe" {
		t.Fatalf("%v, %+v", err, r)
	}
	if err := d.Check(t.Context()); err != nil {
		t.Error(err)
	}
	details, err := d.Details(t.Context())
	if err != nil || strings.Join(details, "; ") != "2 people" {
		t.Errorf("details %q, %v", details, err)
	}
	// DN and login of two people: neither is guessed, and status counts them.
	put(strings.Replace(users, `"nobody@example.org": {"dn": null`, `"nobody@example.org": {"dn": "`+annDN+`"`, 1), 24*24*time.Hour)
	if r, err = d.Register(t.Context()); err != nil || login(t, r, annDN) != "" || login(t, r, ann2DN) != "asmith" {
		t.Errorf("a DN of two people: %q, %v", login(t, r, annDN), err)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "24 days old") {
		t.Errorf("notes of an old snapshot: %q", r.Notes)
	}
	if details, err = d.Details(t.Context()); err != nil || !strings.Contains(strings.Join(details, "; "), "0 logins and 1 DNs are registered for several people") || !strings.Contains(strings.Join(details, "; "), "24 days old") {
		t.Errorf("details %q, %v", details, err)
	}
	put("{", 0)
	if r, err = d.Register(t.Context()); err != nil || len(r.Notes) != 2 || !strings.Contains(sentenceOf(d.Check(t.Context())), "has no users as CRIC tells them") {
		t.Errorf("while the file is written: %v, %+v, %v", err, r.Notes, d.Check(t.Context()))
	}
	put(`{"jdoe":{"country":"CH","dn":"`+johnDN+`"}}`, 0) // a file says what it says, however few
	if r, err = d.Register(t.Context()); err != nil || r.People() != 1 || len(r.Notes) != 0 {
		t.Errorf("after it was written: %v, %+v", err, r)
	}
	for name, spoil := range map[string]func() error{
		"can be changed by every user": func() error { return os.Chmod(path, 0o606) },
		"is not a regular file":        func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		put(users, time.Minute)
		fresh := New(Config{File: path})
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := fresh.Check(t.Context()); !strings.Contains(sentenceOf(err), name) {
			t.Errorf("%s: %v", name, err)
		}
		fresh.Close()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
