package fakemattermost

import (
	"net/http"
	"slices"

	"github.com/mattermost/mattermost/server/public/model"
)

// Upload has a user give a file to the server, to be put beside a post in that channel,
// and returns its id.
func (s *Server) Upload(user, channel, name string, data []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := model.NewId()
	s.files[id] = &upload{user: user, channel: channel, name: name, data: data, attached: true}
	return id
}

// getFile gives a file to who put it there or may read the channel of its post
// (api4/file.go, getFile); those of a deleted post are gone (app/post.go, DeletePost).
func (s *Server) getFile(c call) answer {
	id := c.PathValue("id")
	f := s.files[id]
	var post *model.Post
	for _, p := range s.posts {
		if slices.Contains(p.FileIds, id) {
			post = p
		}
	}
	switch {
	case f == nil || post != nil && post.DeleteAt != 0:
		return no(http.StatusNotFound, "app.file_info.get.app_error")
	case f.user != c.user && (post == nil || !s.isMember(f.channel, c.user)):
		return forbidden()
	}
	return answer{status: http.StatusOK, file: f.data}
}
