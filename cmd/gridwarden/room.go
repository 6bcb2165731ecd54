//go:build crash

package main

import (
	"os"

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
