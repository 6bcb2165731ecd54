package panda

import (
	"time"

	"github.com/gridwarden/gridwarden/config/secret"
)

// MonitorConfig is BigPanDA, PanDA's monitor, which is asked for its JSON.
type MonitorConfig struct {
	URL string `yaml:"url"`
	// TokenFile holds the token of an account of the monitor, or one of IAM. It is
	// read again when it is used. Without it the monitor is asked as anybody, which
	// it may refuse.
	TokenFile secret.File `yaml:"token_file"`
	// CA is a file with the certificates that may vouch for the monitor, in PEM.
	// Without it they are those of the system.
	CA string `yaml:"ca"`
	// Deadline is how long one question may take.
	Deadline time.Duration `yaml:"deadline"`
	// Tail is how long after a window's end jobs that ran in it are looked for, as
	// that of the database.
	Tail time.Duration `yaml:"tail"`
}

func (c MonitorConfig) check(add func(setting, text string)) {
	checkURL(add, "monitor.url", c.URL, "https://bigpanda.cern.ch")
	if c.Deadline < time.Second || c.Deadline > maxDeadline {
		add("monitor.deadline", "must be from 1s to 19s: a trace waits 20s for each source")
	}
	if c.Tail < 24*time.Hour || c.Tail > maxTail {
		add("monitor.tail", "must be from 24h to 1440h: as long as jobs last, with the transfers after them")
	}
}
