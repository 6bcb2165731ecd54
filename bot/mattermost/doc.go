// Package mattermost is Mattermost as a chat platform. It needs no inbound
// HTTP: people type (`@gridwarden …`, `!trace …`) and react, the bot listens on
// a websocket that resumes, and reads back by REST what it missed.
//
// A Platform speaks for any number of servers. Each has a word, the workspace
// in addresses; a channel is addressed by the name that the configuration lists, and
// any other channel by its id, so that a channel that is renamed to a listed
// name is not taken for it.
//
// Everything foreign is escaped: nothing but Message.Notify can mention anybody.
package mattermost
