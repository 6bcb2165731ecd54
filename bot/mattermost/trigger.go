package mattermost

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mattermost/mattermost/server/public/model"
)

const (
	// A press or command that was made longer ago, or by the server's clock later
	// than now, is refused. What is younger and comes again has the same id.
	triggerFresh = 5 * time.Minute
	maxTrigger   = 1024 // bytes; it is about 240
	// The key is asked for again when a signature does not fit, but not by everybody.
	keyAgainAfter = time.Minute
)

// trigger is what the server signs of a command or a press.
type trigger struct {
	id   string // no two have the same
	user string
	at   time.Time
}

// verified reads a trigger id, which proves that this server says: this user
// did it at this time. It is base64 of "ID:USER:MILLIS:SIGNATURE"; the signature
// is base64 of ECDSA with SHA-256 over what is before it, colon included
// (server/public/model/integration_action.go, GenerateTriggerId).
func (s *server) verified(ctx context.Context, text string) (trigger, error) {
	t, signed, signature, err := parseTrigger(text)
	if err != nil {
		return trigger{}, err
	}
	if away := time.Since(t.at).Abs(); away > triggerFresh {
		return trigger{}, fmt.Errorf("its trigger is %s away from now", away.Round(time.Second))
	}
	s.mu.Lock()
	key := s.signing
	again := time.Since(s.keyRead) > keyAgainAfter
	s.mu.Unlock()
	fits := func() bool { return key != nil && ecdsa.VerifyASN1(key, signed, signature) }
	if fits() {
		return t, nil
	}
	if again { // the server may have a new one
		if err := s.readSettings(ctx); err != nil {
			return trigger{}, fmt.Errorf("the key of its trigger: %w", err)
		}
		s.mu.Lock()
		key = s.signing
		s.mu.Unlock()
	}
	if !fits() {
		return trigger{}, errors.New("its trigger is not signed by the server")
	}
	return t, nil
}

func parseTrigger(text string) (t trigger, signed, signature []byte, err error) {
	bad := errors.New("it has no trigger of the server")
	if len(text) > maxTrigger {
		return t, nil, nil, bad
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return t, nil, nil, bad
	}
	parts := strings.Split(string(data), ":")
	if len(parts) != 4 || !model.IsValidId(parts[0]) || !model.IsValidId(parts[1]) {
		return t, nil, nil, bad
	}
	ms, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return t, nil, nil, bad
	}
	if signature, err = base64.StdEncoding.DecodeString(parts[3]); err != nil {
		return t, nil, nil, bad
	}
	sum := sha256.Sum256([]byte(strings.Join(parts[:3], ":") + ":"))
	return trigger{id: parts[0], user: parts[1], at: millis(ms)}, sum[:], signature, nil
}

// signingKey reads the key that the server tells its clients.
func signingKey(text string) *ecdsa.PublicKey {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil
	}
	public, _ := key.(*ecdsa.PublicKey)
	return public
}
