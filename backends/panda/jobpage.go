package panda

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/config/endpoint"
)

// pageID stands for the PandaID in the address of a job's page.
const pageID = "{id}"

// PageOf gives the page of a job in the monitor; "" where none is configured.
func (c Config) PageOf(id int64) string {
	return strings.Replace(c.JobPage, pageID, strconv.FormatInt(id, 10), 1)
}

// checkJobPage wants what becomes an address by putting a number into it. It is
// sent to people outside, who shall get there safely and with nobody's credentials.
func checkJobPage(add func(setting, text string), page string) {
	const example = "https://bigpanda.cern.ch/job?pandaid={id}"
	u, err := url.Parse(strings.Replace(page, pageID, "1", 1))
	switch {
	case strings.Count(page, pageID) != 1:
		add("job_page", "must have {id} once, where the PandaID stands, such as "+example)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(page, " \t\"<>\\"):
		add("job_page", "must be the address of a job's page, such as "+example)
	case strings.Index(page, pageID) < strings.Index(page, "://")+len("://")+len(u.Host):
		add("job_page", "must have {id} after the server's name, such as "+example)
	case u.User != nil:
		add("job_page", "must have no user or password: it stands in letters to others")
	case u.Scheme == "http" && !endpoint.Loopback(u.Hostname()):
		add("job_page", "must begin with https:// : others follow it from a letter about an incident")
	}
}
