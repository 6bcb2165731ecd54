package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testKey signs nothing that counts. It is of the form that NewKey writes.
const testKey = "PRIVATE+KEY+gridwarden/test+5b3ae1b4+AfeJVN3aJC/yzIHjuge1AcoyFK5SQ0C2ft23zRdredcu"

func TestKeyIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := NewKey(path, "gridwarden/host")
	must(t, err)
	loaded, err := LoadKey(path)
	must(t, err)
	public, err := os.ReadFile(path + PublicSuffix)
	must(t, err)
	if loaded.Public() != made.Public() || strings.TrimSpace(string(public)) != made.Public() || !strings.HasPrefix(made.Public(), "gridwarden/host+") {
		t.Errorf("made %s, loaded %s, beside it %s", made.Public(), loaded.Public(), public)
	}
	e, _, err := made.Seal(Record{ID: "1", Kind: Answered})
	must(t, err)
	text, err := made.Sign(Checkpoint{Size: 1})
	must(t, err)
	v, err := ParsePublic(string(public))
	must(t, err)
	if _, err := ParseCheckpoint(text, v); err != nil || !loaded.Genuine(e) {
		t.Errorf("what it signed before it was stored does not verify: %v", err)
	}
	for file, mode := range map[string]os.FileMode{path: 0o600, path + PublicSuffix: 0o644} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&^mode != 0 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
	if _, err := NewKey(path, "gridwarden/host"); !errors.Is(err, os.ErrExist) {
		t.Errorf("a key was overwritten: %v", err)
	}
	if again, err := LoadKey(path); err != nil || again.Public() != made.Public() {
		t.Errorf("the key that was there is gone: %v", err)
	}
}

// TestPublicKeyIsKept has whoever made the key die before the public key was
// stored; one that is there is left as it is.
func TestPublicKeyIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, err := NewKey(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + PublicSuffix); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{k.Public() + "\n", "another"} {
		if want == "another" {
			if err := os.WriteFile(path+PublicSuffix, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.KeepPublic(path); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path + PublicSuffix); err != nil || string(text) != want {
			t.Errorf("%q, %v", text, err)
		}
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 2 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"readable by the group": {testKey, 0o640, "run: chmod 600"},
		"readable by others":    {testKey, 0o604, "run: chmod 600"},
		"empty":                 {"", 0o600, "holds no signing key: malformed key"},
		"the public key":        {"gridwarden/test+5b3ae1b4+AUeSwXQI7mCZZRJMcPpVAgMQcizaKmMzE4G1EeIzU/ox", 0o600, "holds no signing key: malformed key"},
		"another algorithm":     {strings.Replace(testKey, "+Af", "+Cf", 1), 0o600, "holds no signing key: malformed key"},
		"another key's number":  {strings.Replace(testKey, "5b3ae1b4", "00000001", 1), 0o600, "holds no signing key: malformed key"},
		"cut off":               {testKey[:len(testKey)-4], 0o600, "holds no signing key: malformed key"},
		"two keys":              {testKey + "\n" + testKey, 0o600, "holds no signing key: malformed key"},
		"huge":                  {strings.Repeat("x", 1<<20), 0o600, "holds no signing key: malformed key"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(path, []byte(c.text), 0o600))
		must(t, os.Chmod(path, c.mode)) // whatever the umask is
		_, err := LoadKey(path)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && c.text != "" && strings.Contains(err.Error(), "AfeJVN3a") {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
	if _, err := LoadKey(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestParsePublic(t *testing.T) {
	k, err := parseKey(testKey)
	must(t, err)
	if v, err := ParsePublic(" " + k.Public() + "\r\n"); err != nil || v.KeyHash() != k.Verifier().KeyHash() {
		t.Errorf("with spaces around: %v", err)
	}
	for _, s := range []string{"", "x", "a+b", k.Public()[1:], k.Public() + "AAAA", testKey} {
		if _, err := ParsePublic(s); err == nil {
			t.Errorf("%q was taken for a public key", s)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"", testKey, "PRIVATE+KEY+a+00000000+AQ==", "PRIVATE+KEY+++", strings.Replace(testKey, "+A", "+B", 1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseKey(s)
		if err != nil {
			if len(s) > 20 && strings.Contains(err.Error(), s) {
				t.Errorf("the error quotes the secret: %v", err)
			}
			return
		}
		text, err := k.Sign(Checkpoint{Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseCheckpoint(text, k.Verifier()); err != nil {
			t.Errorf("a key that was read does not verify what it signs: %v", err)
		}
	})
}
