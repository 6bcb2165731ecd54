package fakediscord

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// File is a file that somebody puts beside a message.
type File struct {
	Name string
	Data []byte
}

// shared is a file beside a message of somebody.
type shared struct {
	id, channel string
	File
}

// addressFor is how long the address of a file is good (reference, signed attachment
// CDN URLs).
const addressFor = 24 * time.Hour

// Share is Type with files beside the message.
func (s *Server) Share(user, channel, text string, files ...File) (string, Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(user, channel, text, files)
}

// write has somebody write in a channel or thread. The caller holds mu.
func (s *Server) write(user, channel, text string, files []File) (string, Delivery) {
	m := &Message{ID: s.id(), Channel: channel, Author: user, Content: text, Webhook: s.users[user].Webhook}
	for _, f := range files {
		one := &shared{id: s.id(), channel: channel, File: f}
		m.shared, s.shared[one.id] = append(m.shared, one), one
	}
	s.messages[m.ID] = m
	e := s.eventJSON(m)
	// Without the intent only what is said to the bot has a text and files (events/gateway, message content intent).
	if s.session != nil && s.session.intents&intentContent == 0 && !mentionsBot(text) {
		e["content"], e["attachments"] = "", []any{}
	}
	s.seen(fakeserver.Posted, m)
	return m.ID, s.dispatch("MESSAGE_CREATE", e)
}

// StoreElsewhere has messages name another host for files from now on.
func (s *Server) StoreElsewhere(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cdn = host
}

// told is what a message says of a file (resources/message, attachment object). The
// host is the one by which the API was asked. The caller holds mu.
func (s *Server) told(f *shared) map[string]any {
	host := s.host
	if s.cdn != "" {
		host = s.cdn
	}
	now := time.Now()
	query := url.Values{"ex": {strconv.FormatInt(now.Add(addressFor).Unix(), 16)}, "is": {strconv.FormatInt(now.Unix(), 16)}}
	query.Set("hm", f.sign(query))
	path := fmt.Sprintf("%s/attachments/%s/%s/%s", host, f.channel, f.id, url.PathEscape(f.Name))
	return map[string]any{"id": f.id, "filename": f.Name, "size": len(f.Data), "url": "http://" + path + "?" + query.Encode(), "proxy_url": "https://media.invalid/" + f.id}
}

// sign is what an address proves by. A real one is made with a secret.
func (f *shared) sign(query url.Values) string {
	sum := sha256.Sum256([]byte(f.id + query.Get("ex") + query.Get("is")))
	return hex.EncodeToString(sum[:])
}

// serveFile gives a file by its address while that is good. The token has no business
// there.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, fault := s.shared[r.PathValue("id")], s.fault("download")
	status := http.StatusOK
	until, err := strconv.ParseInt(r.URL.Query().Get("ex"), 16, 64)
	switch {
	case fault != nil:
		status = fault.Status
	case r.Header.Get("Authorization") != "":
		status = http.StatusBadRequest
	case f == nil || r.PathValue("channel") != f.channel || err != nil || time.Now().Unix() > until || r.URL.Query().Get("hm") != f.sign(r.URL.Query()):
		status = http.StatusNotFound
	}
	s.calls = append(s.calls, Call{Name: "download", At: time.Now(), Status: status})
	s.changes.Tell()
	w.WriteHeader(status)
	if status == http.StatusOK {
		_, _ = w.Write(f.Data)
	}
}
