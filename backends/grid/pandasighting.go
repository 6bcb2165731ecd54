package grid

import (
	"strconv"
	"strings"
	"time"
)

// PandaWork says what kind of work a prodSourceLabel stands for.
func PandaWork(label string) string {
	switch label {
	case "user", "panda":
		return "analysis"
	case "managed":
		return "production"
	}
	return label
}

// PandaIdentities are the names that PanDA has of a job's owner: the job's own
// prodUserID and prodUserName, and the DN, the login and the address that the table
// of users has beside that name. The server checks whose the jobs of analysis are;
// whoever may submit production tasks gives them any name.
func PandaIdentities(source, label, userID, userName string, user Account) []Identity {
	by := BySubmitter
	if PandaWork(label) == "analysis" {
		by = BySchedd
	}
	var out []Identity
	add := func(kind, value string, by Trust) {
		if value != "" {
			out = append(out, Identity{Kind: kind, Value: value, AssertedBy: by, Source: source})
		}
	}
	add("panda", userName, by)
	if _, ok := NormalizeDN(userID); ok {
		add("dn", userID, by)
	}
	if _, ok := NormalizeDN(user.DN); ok && user.DN != userID {
		add("dn", user.DN, BySubmitter)
	}
	if _, login, ok := strings.Cut(user.DN, nickname); ok {
		add("login", login, BySubmitter)
	}
	add("email", user.Email, BySubmitter)
	return out
}

// PandaHosts is the worker node that modificationHost names. Text that can be no
// host's name still is one that is not another's. Of a job without a start it is a
// machine of PanDA's own, which is for the caller to know.
func PandaHosts(node string) []HostClaim {
	if strings.TrimSpace(node) == "" {
		return nil
	}
	host, _ := HostOf(node)
	if host == "" {
		host = strings.ToLower(node)
	}
	return []HostClaim{{Host: host, Field: "modificationHost", Last: true}}
}

// Sighting is the job as a trace shows it, for who has asked for this very job: its
// record says whose it is, wherever and whether it ran.
func (j PandaJob) Sighting() Sighting {
	var user Account
	if len(j.Owner.Accounts) == 1 { // of several with the name, nobody knows which it was
		user = j.Owner.Accounts[0]
	}
	out := Job{
		ID: strconv.FormatInt(j.ID, 10), Experiment: ATLAS, Source: j.Source, Kind: Finished,
		Site: j.Site, Status: j.Status, Type: PandaWork(j.Label),
		Submitted: j.Created, FirstStart: j.Started, Start: j.Started, End: j.Ended, Recorded: j.Modified,
		Pilot: Pilot{Batch: j.BatchID, Queue: j.CE, Factory: j.Scheduler}, SubmitAddress: j.CreationHost,
		Identities: PandaIdentities(j.Source, j.Label, j.UserID, j.UserName, user),
	}
	if host, _ := HostOf(j.CE); host != "" {
		out.Pilot.Queue = host
	}
	if j.TaskID > 0 {
		out.Task = strconv.FormatInt(j.TaskID, 10)
	}
	host := ""
	if !j.Started.IsZero() {
		out.Starts, out.Hosts, host = 1, PandaHosts(j.Node), j.Host
	}
	switch {
	case !j.Ended.IsZero():
		out.EndField = "endTime"
	case j.Live():
		out.Kind = Snapshot
	case !j.Started.IsZero():
		out.End, out.EndField = j.Modified, "modificationTime, for endTime is empty"
	}
	return Sighting{Job: out, Confidence: Confirmed, Why: "it is the job that was asked for", Host: host, Sources: []string{j.Source}}
}

// Span is the time from the job's making to its end, or to now while it lives.
func (j PandaJob) Span(now time.Time) Window {
	w := Window{From: j.Created, To: j.Ended}
	if w.From.IsZero() {
		w.From = j.Started
	}
	if w.To.IsZero() {
		if w.To = j.Modified; j.Live() {
			w.To = now
		}
	}
	return w
}
