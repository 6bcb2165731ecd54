package cric

import (
	"time"

	"github.com/gridwarden/gridwarden/config/secret"
)

// Config says where the people of CMS are known: File or URL.
type Config struct {
	// File is a snapshot of one of CRIC's answers. Its age is that of the file.
	File string `yaml:"file"`
	// URL is CRIC's address; without a path the one of all users is asked.
	URL string `yaml:"url"`
	// Cert and KeyFile are PEM files of the certificate by which CRIC knows the
	// program, and of its key; a grid proxy is both. They are read at each question.
	Cert    string      `yaml:"cert"`
	KeyFile secret.File `yaml:"key_file"`
	// TokenFile holds a bearer token, which is sent instead or as well.
	TokenFile secret.File `yaml:"token_file"`
	// CA is a PEM file of the authorities that may vouch for CRIC; "" leaves it to
	// the machine's.
	CA string `yaml:"ca"`
	// Lifetime is how long an answer is used before CRIC is asked again.
	Lifetime time.Duration `yaml:"lifetime"`
	// StaleAfter is from which age on answers warn that the data is old.
	StaleAfter time.Duration `yaml:"stale_after"`
}

// The defaults of Config. People come and go by the day.
const (
	DefaultLifetime   = 6 * time.Hour
	DefaultStaleAfter = 7 * 24 * time.Hour
)

// usersPath is what is asked of a CRIC whose address has no path: every user with
// profiles, of which each has a login.
const usersPath = "/api/accounts/user/query/?json"

func (c Config) settled() Config {
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.StaleAfter == 0 {
		c.StaleAfter = DefaultStaleAfter
	}
	return c
}
