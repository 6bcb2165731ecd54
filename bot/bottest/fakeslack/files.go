package fakeslack

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// File is a file that somebody puts beside a message.
type File struct {
	Name string
	Data []byte
}

// shared is a file beside a message of somebody.
type shared struct {
	id, channel, ts string
	File
}

// told is what messages and events say of a file, as far as bots of this module read it
// (docs.slack.dev, file object).
func (f *shared) told() map[string]any {
	return map[string]any{"id": f.id, "name": f.Name, "title": f.Name, "size": len(f.Data), "mode": "hosted", "is_external": false, "timestamp": time.Now().Unix()}
}

// Share is Type with files beside the message.
func (s *Server) Share(user, channel, root, text string, files ...File) (string, Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(user, channel, root, text, files)
}

// StoreElsewhere has files.info name another host for files from now on, as for a file
// that an app keeps on a server of its own.
func (s *Server) StoreElsewhere(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cdn = host
}

// fileInfo is files.info. Nobody learns of a file in a channel where he is not.
func (s *Server) fileInfo(form url.Values, r *http.Request) (answer, string) {
	f := s.shared[form.Get("file")]
	if f == nil || !s.member(f.channel, BotUser) {
		return nil, "file_not_found"
	}
	if m := s.messages[f.channel][f.ts]; m == nil || m.Buried {
		return nil, "file_deleted"
	}
	host := r.Host
	if s.cdn != "" {
		host = s.cdn
	}
	told := f.told()
	told["url_private"] = fmt.Sprintf("http://%s/files-pri/%s-%s/%s", host, Team, f.id, url.PathEscape(f.Name))
	told["url_private_download"] = fmt.Sprintf("http://%s/files-pri/%s-%s/download/%s", host, Team, f.id, url.PathEscape(f.Name))
	return answer{"file": told, "comments": []any{}, "paging": map[string]any{}}, ""
}

// serveFile gives a file to who bears the bot's token with its scope, and everybody
// else the page for signing in (as files.slack.com does).
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/files-pri/"+Team+"-"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.shared[id]
	word := ""
	fault := s.fault("download")
	switch {
	case fault != nil:
		word = "fault"
		http.Error(w, word, fault.Status)
	case r.Method != http.MethodGet:
		word = "method"
		http.Error(w, word, http.StatusMethodNotAllowed)
	case r.Header.Get("Authorization") != "Bearer "+BotToken || s.revoked || !s.holds("files:read"):
		word = "not_authed"
		http.Redirect(w, r, "/signin?redir="+url.QueryEscape(r.URL.Path), http.StatusFound)
	case f == nil || !s.member(f.channel, BotUser) || s.messages[f.channel][f.ts] == nil:
		word = "file_not_found"
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(f.Data)
	}
	s.calls = append(s.calls, Call{Method: "download", At: time.Now(), Error: word})
	s.changes.Tell()
}
