//go:build fakes || crash

package main

import (
	"os"
	"strings"
)

// fakeAPI is the address of a fake of a platform, such as GRIDWARDEN_SLACK_API;
// "" is the platform's own.
func fakeAPI(platform string) string {
	return os.Getenv("GRIDWARDEN_" + strings.ToUpper(platform) + "_API")
}
