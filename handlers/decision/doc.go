// Package decision has the commands by which people decide about actions:
// approve, deny, withdraw and pending. Buttons and reactions arrive as the
// same commands.
package decision
