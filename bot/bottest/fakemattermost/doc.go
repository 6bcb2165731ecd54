// Package fakemattermost is a Mattermost server for tests: the part of its REST
// interface and of its websocket that a bot needs, over real HTTP, as strict as
// the server is and nasty when it is told to be.
//
// What it does follows the server's source (github.com/mattermost/mattermost,
// server/channels): api4/post.go and app/post.go for posts and their
// permissions, app/platform/web_conn.go for sequence numbers, the queue of 128
// events for those who come back, and the hello that tells of a loss,
// store/sqlstore/reaction_store.go for the times of reactions, wsapi/system.go
// for ping. The server calls integrations as app/command.go and
// app/integration_action.go do: its signed triggers, 30 s and 1 MiB for an
// answer, anything but 200 a failure without words. What admins set up follows
// api4/bot.go, api4/command.go, api4/team.go and api4/channel.go.
package fakemattermost
