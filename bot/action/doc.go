// Package action is the life of a destructive operation: proposed, voted on,
// run in bounded steps, verified until its effect is seen. It is a state
// machine over values: no chat, no SQL, no I/O and no clock of its own.
package action
