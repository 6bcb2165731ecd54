package audit

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// PublicSuffix is added to the name of a key file for the file that holds the
// public key alone.
const PublicSuffix = ".pub"

// maxKeyFile bounds a key file in bytes.
const maxKeyFile = 4096

// Key signs checkpoints and marks records as written by this program.
type Key struct {
	signer note.Signer
	public string
	mac    []byte
}

// NewKey makes a key and stores it in a new file that only its owner can read,
// with the public key beside it. name says whose log it is and holds neither
// spaces nor '+'. An existing file is never overwritten: that would orphan its log.
func NewKey(path, name string) (Key, error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return Key{}, fmt.Errorf("audit: making a key: %w", err)
	}
	if err := writeNew(path, private, 0o600); err != nil {
		return Key{}, fmt.Errorf("audit: storing a key: %w", err)
	}
	if err := writeNew(path+PublicSuffix, public, 0o644); err != nil && !errors.Is(err, os.ErrExist) {
		return Key{}, fmt.Errorf("audit: storing a public key: %w", err)
	}
	return parseKey(private)
}

// KeepPublic puts the public key beside the file of a key where it is missing:
// whoever made the key may have died before.
func (k Key) KeepPublic(path string) error {
	if err := writeNew(path+PublicSuffix, k.public, 0o644); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("audit: storing a public key: %w", err)
	}
	return nil
}

// writeNew makes a file that was not there, whole: it gets its name last.
func writeNew(path, text string, mode os.FileMode) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(f.Name())
	_, err = f.WriteString(text + "\n")
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// LoadKey reads the private key that NewKey stored. A file that others than
// its owner can read is refused.
func LoadKey(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("audit: reading the signing key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Key{}, fmt.Errorf("audit: reading the signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("audit: the signing key %s can be read by others; run: chmod 600 %s", path, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return Key{}, fmt.Errorf("audit: reading the signing key: %w", err)
	}
	key, err := parseKey(strings.TrimSpace(string(data)))
	if err != nil {
		return Key{}, fmt.Errorf("audit: the file %s holds no signing key: %w", path, err)
	}
	return key, nil
}

// parseKey errors never quote the text: it is secret.
func parseKey(private string) (Key, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return Key{}, errors.New("malformed key")
	}
	// "PRIVATE+KEY+NAME+HASH+BASE64": the data are an algorithm byte and the
	// seed, which may itself hold '+' once encoded.
	parts := strings.SplitN(private, "+", 5)
	if len(parts) != 5 {
		return Key{}, errors.New("malformed key")
	}
	data, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return Key{}, errors.New("malformed key")
	}
	seed := data[1:]
	point := ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:] // a private key ends with its public key
	public, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.PublicKey(point))
	if err != nil {
		return Key{}, errors.New("malformed key")
	}
	mac, err := hkdf.Key(sha256.New, seed, nil, "gridwarden record mac 1", sha256.Size)
	if err != nil {
		return Key{}, fmt.Errorf("deriving a key: %w", err)
	}
	return Key{signer: signer, public: public, mac: mac}, nil
}

// Public is the public key as text. Everything that the key signed can be
// verified with it.
func (k Key) Public() string { return k.public }

// Verifier is the public key, parsed.
func (k Key) Verifier() note.Verifier {
	v, err := note.NewVerifier(k.public)
	if err != nil { // made by parseKey
		panic(err)
	}
	return v
}

// ParsePublic parses the text of a public key.
func ParsePublic(text string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("audit: not a public key: %w", err)
	}
	return v, nil
}

// Genuine reports whether an entry was sealed with this key. A row that
// somebody slipped into the database was not, and gets no place in the log.
func (k Key) Genuine(e Entry) bool { return same(k.tag(e), e.MAC) }

func (k Key) tag(e Entry) string { return k.mark(e.appendUnsigned(nil)) }

func (k Key) mark(data []byte) string {
	h := hmac.New(sha256.New, k.mac)
	_, _ = h.Write(data) // a hash never fails to write
	return hex.EncodeToString(h.Sum(nil))
}

// receivedVersion begins what MarkReceived is over; no record begins like it.
const receivedVersion = "gridwarden received 1\n"

// MarkReceived is the hex code of an event that waits to be answered, over its
// request, time and text: one that somebody slipped into the database lacks it.
func (k Key) MarkReceived(request string, at time.Time, data []byte) string {
	b := appendField([]byte(receivedVersion), request)
	b = appendNumber(b, at.UnixMicro())
	return k.mark(appendField(b, string(data)))
}

// Received reports whether MarkReceived gave that code.
func (k Key) Received(request string, at time.Time, data []byte, mark string) bool {
	return same(k.MarkReceived(request, at, data), mark)
}
