// Package peers measures the program beside bots of other makers, on the same
// fake chat servers: Bolt for JavaScript in Slack's Socket Mode, and Hubot with
// its adapter for Mattermost. What they are is pinned in testdata. All of it is
// in tests, which need Node for the others: `make peers`.
package peers
