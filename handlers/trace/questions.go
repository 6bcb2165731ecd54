package trace

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// byHost reads HOST TIME.
func (t tracer) byHost(r *bot.Request, asked, now time.Time) (question, error) {
	args := r.Args()
	if len(args) == 0 {
		return question{}, bot.Problemf("usage", "The host name and the time are missing.")
	}
	host, err := grid.ParseHost(args[0])
	if err != nil {
		return question{}, err
	}
	q := question{Subject: host}
	q.Kind, q.Host, q.Aliases = grid.ByHost, host, t.sites.HostAliases(host)
	if len(q.Aliases) > 0 {
		q.say("the site map has more names of this host: " + strings.Join(q.Aliases, ", "))
	}
	for _, alias := range q.Aliases {
		if a, err := netip.ParseAddr(alias); err == nil {
			q.IP = a
		}
	}
	return q, readWindow(&q, r, args[1:], asked, now)
}

// idPattern is what ids of batch systems, queues, schedds and entries are made
// of. Nothing that a search language or a shell could take for its own.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:#@/-]{0,199}$`)

// readID reads an option that is an id.
func readID(r *bot.Request, name string) (string, error) {
	v, ok := r.Options[name]
	if ok && !idPattern.MatchString(v) {
		return "", bot.Problemf("usage", "%s= is not a name: it has letters, digits and . _ : # @ / - only, 200 at most.", name)
	}
	return v, nil
}

// byBatch reads ID [TIME] site=S [queue=Q].
func (t tracer) byBatch(r *bot.Request, asked, now time.Time) (question, error) {
	args := r.Args()
	if len(args) == 0 {
		return question{}, bot.Problemf("usage", "The batch id is missing.")
	}
	if !idPattern.MatchString(args[0]) {
		return question{}, bot.Problemf("usage", "That is not a batch id. Give it as the site's batch system writes it, such as 5581127.0.")
	}
	site := strings.TrimSpace(r.Options["site"])
	if site == "" {
		return question{}, bot.Problemf("usage", "Every site counts its batch jobs by itself. Say which site with site=NAME.")
	}
	queue, err := readID(r, "queue")
	if err != nil {
		return question{}, err
	}
	q := question{Subject: "batch job " + args[0] + " of " + site}
	q.Kind, q.Batch, q.Queue = grid.ByBatch, args[0], queue
	if queue == "" {
		q.say("no queue= given: at some sites an id is used by several queues")
	}
	if len(args) == 1 {
		return q, readLongWindow(&q, r, now)
	}
	return q, readWindow(&q, r, args[1:], asked, now)
}

// byPilot reads CLUSTER.PROC [TIME] [schedd=S] [factory=F] [entry=E].
func (t tracer) byPilot(r *bot.Request, asked, now time.Time) (question, error) {
	args := r.Args()
	if len(args) == 0 {
		return question{}, bot.Problemf("usage", "The pilot's id is missing.")
	}
	q := question{Subject: "pilot " + clip(args[0], 60)}
	q.Kind = grid.ByPilotID
	cluster, proc, _ := strings.Cut(args[0], ".")
	var errCluster, errProc error
	q.Pilot.Cluster, errCluster = strconv.ParseInt(cluster, 10, 64)
	q.Pilot.Proc, errProc = strconv.ParseInt(proc, 10, 64)
	if errCluster != nil || errProc != nil || q.Pilot.Cluster <= 0 || q.Pilot.Proc < 0 {
		return question{}, bot.Problemf("usage", "%q is not a pilot's id. Write CLUSTER.PROC, such as 10176593.0.", clip(args[0], 60))
	}
	for _, option := range []struct {
		name string
		to   *string
	}{{"schedd", &q.Pilot.Schedd}, {"factory", &q.Factory}, {"entry", &q.Entry}} {
		id, err := readID(r, option.name)
		if err != nil {
			return question{}, err
		}
		*option.to = id
	}
	if q.Pilot.Schedd == "" {
		q.say("no schedd= given: several factory schedds may have used this id")
	}
	if len(args) == 1 {
		return q, readLongWindow(&q, r, now)
	}
	return q, readWindow(&q, r, args[1:], asked, now)
}

// byUser reads "NAME or DN" FROM TO.
func (t tracer) byUser(r *bot.Request, asked, now time.Time) (question, error) {
	args := r.Args()
	if len(args) == 0 || strings.TrimSpace(args[0]) == "" {
		return question{}, bot.Problemf("usage", "The name or DN and the times are missing.")
	}
	user := strings.TrimSpace(args[0])
	if strings.ContainsFunc(user, unicode.IsControl) {
		return question{}, bot.Problemf("usage", "The name has control characters. Type it by hand.")
	}
	if owner, ok := t.sites.Factory(user); ok {
		return question{}, factoryProblem(owner)
	}
	kind, _ := grid.KindOfDN(user, t.sites)
	if kind == grid.PilotFactory {
		return question{}, factoryProblem("")
	}
	if len(args) == 1 {
		return question{}, bot.Problemf("usage", "The times are missing: from when to when?")
	}
	from, rest, err := grid.ParseTime(args[1:], asked)
	if err != nil {
		if !r.Words[0].Quoted && len(args) > 2 {
			return question{}, bot.Problemf("usage", `%q is read as the whole name, and what follows is not a time. Put a name of several words in quotes.`, clip(user, 60))
		}
		return question{}, err
	}
	q := question{Subject: user}
	q.Kind, q.User = grid.ByUser, user
	q.say(from.Said)
	if kind == grid.RobotAccount || kind == grid.ServiceAccount {
		q.say(fmt.Sprintf("this is a %s's DN: its jobs may be those of many people", kind))
	}
	to := grid.When{At: asked, Said: "no end given, read as now"}
	if len(rest) > 0 {
		if to, rest, err = grid.ParseEnd(rest, asked); err != nil {
			return question{}, err
		}
	}
	if len(rest) > 0 {
		return question{}, bot.Problemf("usage", "%q after the times was not understood.", clip(strings.Join(rest, " "), 60))
	}
	for _, w := range []grid.When{from, to} {
		if err := w.CheckZone(r.Options["site"]); err != nil {
			return question{}, err
		}
	}
	if !to.At.After(from.At) {
		return question{}, bot.Problemf("usage", "The end, %s, is not after the beginning, %s. Give the earlier time first.", utc(to.At), utc(from.At))
	}
	q.say(to.Said)
	margin, err := readMargin(r, 0)
	if err != nil {
		return question{}, err
	}
	q.Asked = from.At
	q.Window, q.Why, q.OpenUntil = grid.NewWindow(from.At, 0, to.At, margin, now)
	return q, nil
}

func factoryProblem(owner string) error {
	by := "a pilot factory's"
	if owner != "" {
		by = "that of the pilot factory of " + owner
	}
	return bot.Problemf("usage", "The DN you were given is %s, not the payload owner's: pilots run the jobs of many people. Trace the worker node instead: trace HOST TIME.", by)
}

// byIP reads ADDRESS TIME.
func (t tracer) byIP(r *bot.Request, asked, now time.Time) (question, error) {
	args := r.Args()
	if len(args) == 0 {
		return question{}, bot.Problemf("usage", "The address and the time are missing.")
	}
	a, err := readAddr(args[0])
	if err != nil {
		return question{}, err
	}
	q := question{Subject: a.String()}
	q.Kind, q.IP, q.Aliases = grid.ByIP, a, t.sites.HostAliases(a.String())
	if len(q.Aliases) > 0 {
		q.say("the site map names this address " + strings.Join(q.Aliases, ", "))
	}
	if a.IsPrivate() && r.Options["site"] == "" {
		q.say("this is a private address, which exists at many sites: give site= to mean one of them")
	}
	q.Squid, _ = t.sites.Squid(a)
	q.NAT, _ = t.sites.NAT(a)
	return q, readWindow(&q, r, args[1:], asked, now)
}

// readAddr reads an address as people paste it: with a port or in brackets.
func readAddr(typed string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.Trim(typed, "[]"))
	if ap, errPort := netip.ParseAddrPort(typed); errPort == nil {
		a, err = ap.Addr(), nil
	}
	switch a = a.Unmap(); {
	case err != nil && strings.Contains(typed, "/"):
		return netip.Addr{}, bot.Problemf("usage", "One address can be traced at a time, not a network or URL.")
	case err != nil:
		return netip.Addr{}, bot.Problemf("usage", "%q is not an IP address. For a host name use: trace HOST TIME.", clip(typed, 60))
	case a.Zone() != "" || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast():
		return netip.Addr{}, bot.Problemf("usage", "%s means something else on every machine, so nobody can be found by it. Ask the reporter for the address seen from outside.", clip(typed, 60))
	}
	return a, nil
}
