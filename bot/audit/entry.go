package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Entry is what is kept of a Record for ever. Everything in it is bound by the
// record's leaf; who acted and what was said are bound by BodyHash only, so
// that a Body can be erased and the log still verifies.
type Entry struct {
	ID       string `json:"id"`
	At       int64  `json:"at"` // microseconds since 1970, UTC
	Kind     Kind   `json:"kind"`
	Request  string `json:"request,omitempty"`
	Incident string `json:"incident,omitempty"`
	Subject  string `json:"subject,omitempty"`
	Version  int    `json:"version,omitempty"`
	Hash     string `json:"hash,omitempty"`
	BodyHash string `json:"body_hash"` // hex, see Body.Hash
	MAC      string `json:"mac"`       // hex, see Key.Genuine
}

// Body is the erasable part of a Record. The salt keeps people from guessing
// an erased body from its hash.
type Body struct {
	Salt []byte `json:"salt"`
	Data []byte `json:"data"` // JSON of private
}

// saltSize is the size of a Body's salt in bytes.
const saltSize = 16

// private is the form of Body.Data.
type private struct {
	Person  string          `json:"person,omitempty"`
	Account string          `json:"account,omitempty"`
	Body    json.RawMessage `json:"body"`
}

// noBody stands for the body of a Record that had none: nil means erased.
var noBody = json.RawMessage("{}")

// Seal makes of a Record what is stored. Its time is cut to microseconds; a
// Record without a body gets an empty JSON object.
func (k Key) Seal(r Record) (Entry, Body, error) {
	if r.ID == "" || r.Kind == "" {
		return Entry{}, Body{}, errors.New("audit: a record needs an id and a kind")
	}
	p := private{Person: r.Person, Account: r.Account, Body: r.Body}
	if p.Body == nil {
		p.Body = noBody
	}
	data, err := json.Marshal(p)
	if err != nil {
		return Entry{}, Body{}, fmt.Errorf("audit: body of record %s: %w", r.ID, err)
	}
	b := Body{Salt: make([]byte, saltSize), Data: data}
	_, _ = rand.Read(b.Salt) // never fails, see crypto/rand
	e := Entry{
		ID: r.ID, At: r.At.UnixMicro(), Kind: r.Kind, Request: r.Request, Incident: r.Incident,
		Subject: r.Subject, Version: r.Version, Hash: r.Hash, BodyHash: b.Hash(),
	}
	e.MAC = k.tag(e)
	return e, b, nil
}

// Hash is the hex SHA-256 of the salt followed by the data.
func (b Body) Hash() string {
	var room [1024]byte
	sum := sha256.Sum256(append(append(room[:0], b.Salt...), b.Data...))
	return hex.EncodeToString(sum[:])
}

// Record gives back what was sealed; with a nil body it is the record with its
// person, account and body erased.
func (e Entry) Record(b *Body) (Record, error) {
	r := Record{
		ID: e.ID, At: time.UnixMicro(e.At).UTC(), Kind: e.Kind, Request: e.Request, Incident: e.Incident,
		Subject: e.Subject, Version: e.Version, Hash: e.Hash,
	}
	if b == nil {
		return r, nil
	}
	var p private
	if err := json.Unmarshal(b.Data, &p); err != nil {
		return Record{}, fmt.Errorf("audit: body of record %s: %w", e.ID, err)
	}
	r.Person, r.Account, r.Body = p.Person, p.Account, p.Body
	return r, nil
}

// leafVersion begins the data of every leaf.
const leafVersion = "gridwarden record 1\n"

// Leaf is the data of the record's leaf: a line that names the version, then
// every field of Entry in its order as "LENGTH:BYTES\n", numbers in decimal.
// No two entries have the same leaf.
func (e Entry) Leaf() []byte { return e.appendLeaf(nil) }

// LeafHash is the leaf's hash in the Merkle tree (RFC 6962).
func (e Entry) LeafHash() tlog.Hash {
	var room [768]byte
	h := sha256.New()
	_, _ = h.Write(append(room[:0], 0x00)) // RFC 6962: the prefix of a leaf
	_, _ = h.Write(e.appendLeaf(room[:0])) // a hash never fails to write
	var out tlog.Hash
	h.Sum(out[:0])
	return out
}

func (e Entry) appendLeaf(b []byte) []byte { return appendField(e.appendUnsigned(b), e.MAC) }

// appendUnsigned is the leaf without the MAC, which is over this.
func (e Entry) appendUnsigned(b []byte) []byte {
	b = append(b, leafVersion...)
	b = appendField(b, e.ID)
	b = appendNumber(b, e.At)
	for _, s := range [...]string{string(e.Kind), e.Request, e.Incident, e.Subject} {
		b = appendField(b, s)
	}
	b = appendNumber(b, int64(e.Version))
	b = appendField(b, e.Hash)
	return appendField(b, e.BodyHash)
}

func appendField(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	b = append(b, s...)
	return append(b, '\n')
}

func appendNumber(b []byte, n int64) []byte {
	var digits [20]byte
	return appendField(b, string(strconv.AppendInt(digits[:0], n, 10)))
}

// HashRow is the hex SHA-256 of a row's canonical JSON, as Record.Hash holds it.
func HashRow(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// same compares without telling by its time how much is equal.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
