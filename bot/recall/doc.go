// Package recall is what a chat platform's adapter remembers of its platform: the
// answers to its questions, for a while, which events it has in hand, and whose turn
// it is, which the engine keeps by it too.
package recall

// Limit is how many things are remembered where an adapter has no reason for
// another number.
const Limit = 4096
