package mattermost

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// What the bot signs when it offers something, and how long that holds: a card
// is decided within 30 days, a form within the hour.
const (
	forButtons = "button"
	forForms   = "form"
	forProbes  = "probe"
	forReturns = "return" // of the server's own call to a probe of ours

	buttonHolds = 31 * 24 * time.Hour
	formHolds   = time.Hour
	maxSigned   = 4 << 10 // bytes of what was signed, encoded
)

// offer is what a button or a form means. The server keeps a button's for the
// bot and shows it to nobody; a form's passes through its user's client.
type offer struct {
	Value   string `json:"value"`             // of the button
	Action  string `json:"action,omitempty"`  // id of the button in its post
	Key     string `json:"key"`               // of the post that shows it, which has no id before it is posted
	Until   int64  `json:"until"`             // ms
	User    string `json:"user,omitempty"`    // a form is for one person
	Channel string `json:"channel,omitempty"` // of a form
	Post    string `json:"post,omitempty"`
	Root    string `json:"root,omitempty"`
}

// mac signs for one purpose. The key is made of the bot's token: with a new
// token nothing holds that was offered before, whoever may have known the old one.
func (s *server) mac(purpose, text string) []byte {
	s.mu.Lock()
	token := s.token
	s.mu.Unlock()
	key := hmac.New(sha256.New, []byte(token))
	_, _ = key.Write([]byte("gridwarden " + purpose)) // a hash takes everything
	mac := hmac.New(sha256.New, key.Sum(nil))
	_, _ = mac.Write([]byte(s.config.Name + "\n" + text))
	return mac.Sum(nil)
}

// sign makes text of an offer that only this bot can make.
func (s *server) sign(purpose string, o offer) string {
	data, err := json.Marshal(o)
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	text := base64.RawURLEncoding.EncodeToString(data)
	return text + "." + hex.EncodeToString(s.mac(purpose, text))
}

var (
	errNotOffered = errors.New("it was not offered by gridwarden, or with a token that holds no more")
	errTooOld     = errors.New("it was offered too long ago")
)

// offered reads what sign wrote.
func (s *server) offered(purpose, signed string) (offer, error) {
	text, sum, ok := strings.Cut(signed, ".")
	mac, err := hex.DecodeString(sum)
	if !ok || err != nil || len(signed) > maxSigned || !hmac.Equal(mac, s.mac(purpose, text)) {
		return offer{}, errNotOffered
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	var o offer
	if err != nil || json.Unmarshal(data, &o) != nil { // we signed it
		return offer{}, errNotOffered
	}
	if time.Now().UnixMilli() > o.Until {
		return offer{}, errTooOld
	}
	return o, nil
}
