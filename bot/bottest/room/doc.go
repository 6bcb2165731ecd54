// Package room is a chat server outside the program's process, and the Platform
// that speaks to it: a room in which tests type and click, and which outlives
// every kill of the program. It delivers each event at least once until somebody
// has acknowledged it, and does what real chats do on their bad days when told to:
// it loses deliveries, repeats them and changes their order.
//
// Like a real chat it says a message twice when it is posted twice, also under the
// same key; Said shows both.
package room
