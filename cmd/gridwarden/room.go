//go:build crash

package main

import (
	"os"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/room"
	"github.com/gridwarden/gridwarden/bot/console"
)

// testPlatforms is the room of a test of crashes, in place of the console.
func testPlatforms() []bot.Platform {
	url := os.Getenv("GRIDWARDEN_CRASH_ROOM")
	if url == "" {
		return nil
	}
	return []bot.Platform{room.NewPlatform(console.Name, url)}
}

// testAPI is where a test has its own Slack or Discord, "" for the one of all.
func testAPI(platform string) string {
	return os.Getenv("GRIDWARDEN_CRASH_" + strings.ToUpper(platform))
}
