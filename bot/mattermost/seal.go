package mattermost

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/mattermost/mattermost/server/public/model"
)

// digest is a name of fixed length for what identifies a post.
func digest(parts ...string) string {
	data, err := json.Marshal(parts)
	if err != nil { // strings always marshal
		panic(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:13])
}

// seal is what proves that a post stands as the bot wrote it: the server's
// admins can change any post and its properties, but do not know the token.
// With a new token older posts no longer bear our seal; their cards are shown
// anew when somebody changes them or reacts, which is the safe side. Files have
// no part in it: some versions of the server drop them when a post is changed.
func (s *server) seal(p *model.Post) string {
	s.mu.Lock()
	token := s.token
	s.mu.Unlock()
	attachments, err := json.Marshal(shown(p.Attachments()))
	if err != nil { // it was JSON
		attachments = []byte("?")
	}
	mac := hmac.New(sha256.New, []byte("gridwarden seal/"+token))
	_, _ = mac.Write([]byte(digest(p.Message, string(attachments), takenBefore(p)))) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// shown is what the server tells of attachments: what a button carries stays
// with it.
func shown(all []*model.SlackAttachment) []*model.SlackAttachment {
	var out []*model.SlackAttachment
	for _, a := range all {
		c := *a
		c.Id, c.Actions = 0, nil
		for _, b := range a.Actions {
			button := *b
			button.Integration, button.Cookie = nil, ""
			c.Actions = append(c.Actions, &button)
		}
		out = append(out, &c)
	}
	return out
}

// takenBefore is the property with the reactions that were taken, "" without.
func takenBefore(p *model.Post) string {
	list, _ := p.GetProp(reactionsProp).(string)
	return list
}

// sealed reports whether a post stands as the bot wrote it.
func (s *server) sealed(p *model.Post) bool {
	mark, _ := p.GetProp(sealProp).(string)
	return hmac.Equal([]byte(mark), []byte(s.seal(p)))
}
