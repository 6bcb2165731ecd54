//go:build !fakes && !crash

package main

import (
	"testing"

	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/slack"
)

// TestNoFakeInARelease: what can set the environment of a release cannot have
// its tokens sent to a server of their own.
func TestNoFakeInARelease(t *testing.T) {
	t.Setenv("GRIDWARDEN_SLACK_API", "http://127.0.0.1:1/api/")
	t.Setenv("GRIDWARDEN_DISCORD_API", "http://127.0.0.1:1/")
	for _, platform := range []string{slack.Name, discord.Name} {
		if address := fakeAPI(platform); address != "" {
			t.Errorf("%s is reached at %s", platform, address)
		}
	}
}
