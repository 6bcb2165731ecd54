// Package bot takes an Event from a chat platform to a posted reply: it
// parses, checks who asks, runs a Command or proposes an action, keeps
// everything in the Journal and says the answer. It knows no platform and no
// backend.
package bot
