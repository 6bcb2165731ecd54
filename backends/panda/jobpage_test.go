package panda_test

import (
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/panda"
)

func TestThePageOfAJob(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		"": "",
		"https://bigpanda.cern.ch/job?pandaid={id}":    "https://bigpanda.cern.ch/job?pandaid=6012345678",
		"https://monitor.example.org/panda/job/{id}/":  "https://monitor.example.org/panda/job/6012345678/",
		"http://127.0.0.1:8080/#/job/{id}?view=people": "http://127.0.0.1:8080/#/job/6012345678?view=people",
	} {
		c := panda.Config{JobPage: page, Database: &panda.DatabaseConfig{}}
		if got := c.PageOf(6012345678); got != want {
			t.Errorf("%q: %q", page, got)
		}
		for _, p := range c.Problems() {
			if p.Setting == "job_page" {
				t.Errorf("%q: %s", page, p.Text)
			}
		}
	}
	for page, want := range map[string]string{
		"https://bigpanda.cern.ch/job":                        "must have {id} once",
		"https://bigpanda.cern.ch/{id}/{id}":                  "must have {id} once",
		"bigpanda.cern.ch/job?pandaid={id}":                   "must be the address",
		"ftp://bigpanda.cern.ch/job?pandaid={id}":             "must be the address",
		"https://bigpanda.cern.ch/a b?pandaid={id}":           "must be the address",
		"https://{id}.example.org/job":                        "must have {id} after the server's name",
		"https://me:secret@bigpanda.cern.ch/job?pandaid={id}": "must have no user",
		"http://bigpanda.cern.ch/job?pandaid={id}":            "must begin with https",
	} {
		var got []string
		for _, p := range (panda.Config{JobPage: page, Database: &panda.DatabaseConfig{}}).Problems() {
			if p.Setting == "job_page" {
				got = append(got, p.Text)
			}
		}
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q: %q, want %q", page, got, want)
		}
	}
}
