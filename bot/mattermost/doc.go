// Package mattermost is Mattermost as a chat platform, in one of two modes.
//
// By websocket only it needs no inbound HTTP: people type (`@gridwarden …`,
// `!trace …`) and react, the bot listens on a websocket that resumes, and reads
// back by REST what it missed.
//
// In full mode the server calls the bot as well, for slash commands, buttons and
// forms. Such a call proves little by itself. A command has to bear one of the
// team's tokens; a button or form what the bot signed when it offered it; and a
// command or press the server's signature of who did it and when.
//
// A Platform speaks for any number of servers. Each has a word, the workspace
// in addresses; a channel is addressed by the name that the configuration lists, and
// any other channel by its id, so that a channel that is renamed to a listed
// name is not taken for it.
//
// Everything foreign is escaped: nothing but Message.Notify can mention anybody.
package mattermost
