package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of a signed request (docs.slack.dev, verifying-requests-from-slack).
const (
	signedFor       = 5 * time.Minute // a timestamp that is farther away is refused
	minSecret       = 16              // characters; Slack's signing secrets have 32
	signaturePrefix = "v0="
	timestampHeader = "X-Slack-Request-Timestamp"
	signatureHeader = "X-Slack-Signature"
)

// Why a request is not taken for Slack's.
var (
	errUnsigned = errors.New("it has no signature of Slack's form")
	errForged   = errors.New("its signature is not of this app's signing secret")
	errReplayed = errors.New("it was received before")
	errFull     = errors.New("more requests than are remembered")
)

// errSkewed is a timestamp that is too old, or not yet.
type errSkewed struct{ by time.Duration }

func (e errSkewed) Error() string {
	return fmt.Sprintf("its time is %s away from this machine's clock", e.by.Round(time.Second))
}

// mark is a signature, without its form.
type mark [sha256.Size]byte

// signed is what the headers of a request claim.
type signed struct {
	at   string // as it was sent: that is what is signed
	mark mark
}

// claimed reads the headers; nothing else of the request is looked at before.
// A header that stands twice could be read in two ways, and is refused.
func claimed(h http.Header, now time.Time) (signed, error) {
	times, signatures := h.Values(timestampHeader), h.Values(signatureHeader)
	if len(times) != 1 || len(signatures) != 1 || len(times[0]) > 12 {
		return signed{}, errUnsigned
	}
	seconds, err := strconv.ParseInt(times[0], 10, 64)
	word, ok := strings.CutPrefix(signatures[0], signaturePrefix)
	if err != nil || !ok || len(word) != 2*sha256.Size {
		return signed{}, errUnsigned
	}
	s := signed{at: times[0]}
	if _, err := hex.Decode(s.mark[:], []byte(word)); err != nil {
		return signed{}, errUnsigned
	}
	if by := now.Sub(time.Unix(seconds, 0)); by.Abs() > signedFor {
		return signed{}, errSkewed{by}
	}
	return s, nil
}

// signer is the one of the secrets that signed the body, nil when none did. It
// takes the same time whichever it was, and whatever the signature is.
func (s signed) signer(secrets [][]byte, body []byte) (by []byte) {
	for _, secret := range secrets {
		if subtle.ConstantTimeCompare(signature(secret, s.at, body), s.mark[:]) == 1 {
			by = secret
		}
	}
	return by
}

// signature is what Slack signs a body with at a time, in seconds.
func signature(secret []byte, at string, body []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("v0:" + at + ":"))
	m.Write(body)
	return m.Sum(nil)
}

// replays are the signatures of the requests that were taken while their
// timestamps are good. It is made of two halves, of which the older is thrown
// away when no timestamp in it can be good any more. What is replayed after a
// start, when it is empty, has the id of an event that is in the inbox.
type replays struct {
	mu         sync.Mutex
	young, old map[mark]bool
	turned     time.Time
}

// maxReplays bounds a half: Slack sends one app 30,000 events an hour at most.
const maxReplays = 1 << 16

// take notes a signature, once.
func (r *replays) take(m mark, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || now.Sub(r.turned) > 2*signedFor { // a timestamp may be of five minutes hence
		if now.Sub(r.turned) > 4*signedFor {
			r.young = nil
		}
		r.old, r.young, r.turned = r.young, map[mark]bool{}, now
	}
	switch {
	case r.young[m] || r.old[m]:
		return errReplayed
	case len(r.young) >= maxReplays:
		return errFull
	}
	r.young[m] = true
	return nil
}

// give takes a note back: what was not kept may be sent again as it is.
func (r *replays) give(m mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, m)
	delete(r.old, m)
}
