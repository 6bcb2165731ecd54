// Package fakemattermost is a Mattermost server for tests: the part of its REST
// interface and of its websocket that a bot needs, over real HTTP, as strict as
// the server is and nasty when it is told to be.
//
// What it does follows the server's source (github.com/mattermost/mattermost,
// server/channels): api4/post.go and app/post.go for posts and their
// permissions, app/platform/web_conn.go for sequence numbers, the queue of 128
// events for those who come back, and the hello that tells of a loss,
// store/sqlstore/reaction_store.go for the times of reactions, wsapi/system.go
// for ping.
package fakemattermost
