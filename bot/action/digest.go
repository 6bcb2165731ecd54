package action

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest is the hex SHA-256 of what people approve. The JSON is canonical
// because Frozen is a struct of structs, strings and times: encoding/json
// writes its fields in their order.
func Digest(f Frozen) string {
	data, err := json.Marshal(f)
	if err != nil { // Payload that is no JSON: refused by Propose
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// CheckDigest recomputes the digest. What differs must not run.
func (a Action) CheckDigest() error {
	if subtle.ConstantTimeCompare([]byte(Digest(a.Frozen)), []byte(a.Digest)) != 1 {
		return refuse(DigestDiffers, "What is stored of %s is not what was approved; it does not run. Run `gridwarden audit verify`.", a.ID)
	}
	return nil
}

// ShortDigest is the form on cards, such as 7f3a·91c2.
func ShortDigest(d string) string {
	if len(d) < 8 {
		return d
	}
	return fmt.Sprintf("%s·%s", d[:4], d[4:8])
}
