// Package realmattermost lets people act on a real Mattermost server in tests, as
// package fakemattermost does on a fake one. The environment names the server and
// the token of a system admin. What a run makes bears a name of that run, and is
// removed at its end.
package realmattermost
