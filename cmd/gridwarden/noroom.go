//go:build !crash

package main

import "github.com/gridwarden/gridwarden/bot"

// testPlatforms are there only in builds for tests of crashes.
func testPlatforms() []bot.Platform { return nil }
