// Package endpoint is what the settings of every server have in common: whether
// its address may go without TLS, who vouches for it, and by which certificate it
// knows the program.
package endpoint
