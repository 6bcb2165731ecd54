package fakeslack

import (
	"net/url"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Slack's rates (docs.slack.dev, apis/web-api/rate-limits, and the page of each
// method): a message a second in a channel, and so many calls of a method a minute.
// How long the "short bursts" may be is not said; people have seen 25 messages and
// more, which is not to be relied on.
var (
	messages = fakeserver.Rate{Burst: 5, Every: time.Second}
	tiers    = map[int]fakeserver.Rate{
		1: {Burst: 5, Every: time.Minute}, 2: {Burst: 20, Every: 3 * time.Second}, 3: {Burst: 50, Every: 1200 * time.Millisecond}, 4: {Burst: 100, Every: 600 * time.Millisecond},
	}
	tierOf = map[string]int{
		"apps.connections.open": 1, "usergroups.users.list": 2,
		"chat.update": 3, "chat.delete": 3, "conversations.info": 3, "conversations.history": 3, "conversations.replies": 3, "reactions.add": 3, "reactions.get": 3,
		"users.info": 4, "conversations.members": 4, "chat.postEphemeral": 4, "files.getUploadURLExternal": 4, "files.completeUploadExternal": 4, "views.open": 4,
	}
)

// Limit has Slack's rates kept from now on, so that what is too much gets a 429, or not.
func (s *Server) Limit(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limited = on
}

// tooOften says after which time a call may be made, zero for now. The caller holds mu.
func (s *Server) tooOften(method string, form url.Values) time.Duration {
	if !s.limited {
		return 0
	}
	key, rate := method, tiers[tierOf[method]]
	if method == "chat.postMessage" {
		key, rate = method+" "+form.Get("channel"), messages
	}
	if rate.Every == 0 { // of a method for which no number is told
		return 0
	}
	b := s.spent[key]
	if b == nil {
		b = &fakeserver.Bucket{}
		s.spent[key] = b
	}
	return b.Take(rate)
}
