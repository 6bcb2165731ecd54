// Package discord is Discord as a Platform, by its gateway: Discord is called,
// and never calls in. Every server (guild) has a name in the configuration, which
// is the workspace of its threads and accounts; channels are named by their ids.
//
// A Thread's Root is the id of the message that Discord's thread hangs from,
// which is the id of that thread as a channel too; it is made when the first
// answer is posted.
//
// The library discordgo makes the requests and knows the objects. The gateway is
// read by this package itself: discordgo notices a silent socket after five
// missed heartbeats, that is after more than three minutes, tries for ever with a
// token that was refused, and counts an event as received before the program has
// kept it. Here a session is resumed from the oldest event that is not kept yet,
// so that Discord sends it again.
//
// Everything is said as plain content. Embeds hold more, but any moderator can
// take them off a message, and whoever has switched them off sees none: people
// would approve what they were not shown.
package discord
