// Package console is the terminal as a chat platform: people type, click and
// react by lines of text, messages are numbered and shown in threads. It serves
// the demo, drills, tests, and a shifter who has nothing but a shell.
//
// Everything that comes from outside is made visible before it is shown: no
// control character, escape sequence or invisible character of a message
// reaches the terminal, and every line of a message stands behind a bar, so
// that no text can pass for a prompt or for the head of another message.
package console
