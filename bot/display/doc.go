// Package display is how chats show what has no markup of its own: text in which
// every character can be seen, and tables that a phone can hold.
package display
