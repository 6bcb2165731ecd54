// Package slack is Slack as a Platform, in two modes that the configuration
// chooses. In Socket Mode Slack is called, and never calls in; in HTTP mode it
// calls, signs what it sends, and nothing of a request is read before its
// signature. What arrives is the same in both, and so is everything that is said.
//
// Every workspace has an app of its own, made from our
// manifest; its name in the configuration is the workspace of its threads and
// accounts, and channels are named by their ids, which nobody can move to
// another channel.
//
// What Slack sends is acknowledged when its event is in the inbox, and Slack repeats
// what was not acknowledged. Ids of events are made of what they are about, so
// that a repetition, the same event on two sockets and what is read again after
// a gap are one event.
//
// Everything is shown as rich text, whose spans Slack takes literally: no
// string from outside can become a mention, a link or markup.
package slack
