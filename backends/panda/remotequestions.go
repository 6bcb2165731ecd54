package panda

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// maxHostNames bounds by how many names of a worker node the monitor is asked.
const maxHostNames = 8

// ranOnce are the states of jobs that may have been on a worker node: those that wait
// are many, and have not.
var ranOnce = []string{"sent", "starting", "running", "holding", "transferring", "merging", "finished", "failed", "cancelled", "closed"}

// inTime bounds questions to the time from a window's begin until tail after its end.
// An end bounds the tables of live jobs, too, in which a job that ran then may have
// been written just now: they are asked on their own then.
func (x *remoteSearch) inTime(questions []url.Values) []url.Values {
	w := x.query.Window
	var out []url.Values
	for _, q := range questions {
		if len(x.query.Sites) > 0 {
			q.Set("computingsite", strings.Join(x.query.Sites, "|"))
		}
		if w.IsZero() {
			if strings.Contains(q.Get("batchid"), "*") { // without an index: the monitor's own bound
				x.note("other spellings of the batch id were looked for among the jobs of the last 4 days")
			} else {
				q.Set("days", strconv.Itoa(int(batchBack/(24*time.Hour))))
			}
			out = append(out, q)
			continue
		}
		q.Set("date_from", monitorTime(w.From.Add(-contradiction)))
		until := w.To.Add(x.tail)
		if !until.Before(x.now) {
			out = append(out, q)
			continue
		}
		live := maps.Clone(q)
		live.Del("date_from")
		live.Set("jobstatus", strings.Join(ranOnce[:slices.Index(ranOnce, "finished")], "|"))
		q.Set("date_to", monitorTime(until))
		out = append(out, q, live)
	}
	return out
}

// byHosts asks by the short name of each host, in small letters and in capitals, for
// the monitor looks for it as it is written, anywhere in the record's host; and for
// the jobs that name none.
func (x *remoteSearch) byHosts(names []string) []url.Values {
	var words []string
	for _, name := range names {
		word := name
		if !isAddress(name) {
			word, _, _ = strings.Cut(name, ".")
		}
		if unaskable("modificationhost", word) == "" {
			words = appendNew(appendNew(words, strings.ToLower(word)), strings.ToUpper(word))
		}
	}
	if len(words) > maxHostNames {
		x.note("the host has more names than the monitor was asked for: %s were", wording.Some(inQuotes(words[:maxHostNames]), maxHostNames))
		words = words[:maxHostNames]
	}
	var out []url.Values
	for _, word := range words {
		out = append(out, url.Values{"modificationhost": {word}})
	}
	x.asked = append(x.asked, "whose host has "+strings.Join(inQuotes(words), " or ")+" in it")
	out = append(out, url.Values{"modificationhost": {"Not specified"}, "jobstatus": {strings.Join(ranOnce, "|")}})
	x.asked = append(x.asked, "that name no host")
	if len(x.query.Sites) > 0 {
		x.note("%s", notFrom(x.Name(), "jobs of the site whose record has a container's name in place of the worker node's"))
	}
	return out
}

func (x *remoteSearch) byBatch() []url.Values {
	id := batchSpellings(x.query.Batch)[0]
	if why := unaskable("batchid", id); why != "" {
		x.note("the batch id was not looked for: %s", why)
		return nil
	}
	x.asked = append(x.asked, "whose batch id has "+fmt.Sprintf("%q", batchCore(id))+" in it")
	return []url.Values{{"batchid": {id}}, {"batchid": {"*" + batchCore(id) + "*"}}}
}

// byUser asks by the PanDA names of the person that were given. There is no list of
// users that would have others.
func (x *remoteSearch) byUser() []url.Values {
	var out []url.Values
	var names []string
	for _, name := range append([]string{x.query.User}, x.query.Also...) {
		if _, isDN := grid.NormalizeDN(name); isDN || grid.IsPandaToken(name) {
			name = grid.PandaName(name)
		}
		if why := unaskable("username", name); why != "" {
			x.note("jobs of the name %q were not looked for: %s", name, why)
			continue
		}
		if known := len(names); name != "" {
			names = appendNew(names, name)
			if len(names) > known {
				out = append(out, byName(name))
			}
		}
	}
	x.asked = append(x.asked, "of the PanDA names "+wording.Some(inQuotes(names), mostNamed))
	x.note("%s", notFrom(x.Name(), "other names of the same person: the monitor has no list of users"))
	return out
}
