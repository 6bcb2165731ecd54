package auditlog

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// maxSaid is how much of a body Summary gives, in characters.
const maxSaid = 240

// erased stands where a body was erased.
const erased = "(erased)"

// content is what Summary reads of a body. Each kind of record has some of it.
type content struct {
	As       string `json:"as"`
	Said     string `json:"said"`
	Again    bool   `json:"again"`
	Code     string `json:"code"`
	Why      string `json:"why"`
	Reason   string `json:"reason"`
	Surface  string `json:"surface"`
	Standing string `json:"standing"`
	Command  string `json:"command"`
	Digest   string `json:"digest"`
	Target   struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"target"`
	Votes []struct {
		Person string `json:"person"`
	} `json:"votes"`
	Resumed  bool            `json:"resumed"`
	Complete bool            `json:"complete"`
	Reached  int             `json:"reached"`
	Account  string          `json:"account"`
	Person   string          `json:"person"`
	Rules    json.RawMessage `json:"rules"`
	Title    string          `json:"title"`
	Text     string          `json:"text"`
	Outcome  string          `json:"outcome"`
	Records  []string        `json:"records"`
}

// Summary says in one phrase what a record tells. It is foreign text: escape it
// before it is shown. The whole is in the record's body.
func Summary(r audit.Record) string {
	if r.Body == nil {
		return erased
	}
	var c content
	if err := json.Unmarshal(r.Body, &c); err != nil {
		return oneLine(string(r.Body))
	}
	if s := c.phrase(r.Kind); s != "" {
		return oneLine(s)
	}
	if s := string(r.Body); s != "{}" {
		return oneLine(s)
	}
	return ""
}

func (c content) phrase(kind audit.Kind) string {
	switch kind {
	case audit.Received:
		return c.As
	case audit.Answered:
		if c.Again {
			return "later: " + c.Said
		}
		return c.Said
	case audit.Refused:
		return first(c.Said, strings.TrimPrefix(c.Why, c.Code+": "))
	case audit.Proposed:
		return fmt.Sprintf("%s %s (%s), digest %s", c.Command, c.Target.Name, c.Target.Kind, action.ShortDigest(c.Digest))
	case audit.Approved, audit.QuorumReached, audit.VoteWithdrawn, audit.Denied, audit.Withdrawn:
		return strings.TrimSpace(join(c.Standing, c.Reason) + " (" + c.Surface + ")")
	case audit.Started:
		return c.started()
	case audit.Verified, audit.Settled:
		return c.seen(kind)
	case audit.Reminded:
		return fmt.Sprintf("%d people; %s", c.Reached, c.Standing)
	case audit.AccountLinked:
		return c.Account + " is " + c.Person
	case audit.PolicyChanged:
		if c.Rules != nil {
			return "channels, people, roles and policies as configured"
		}
		return ""
	case audit.Erased:
		return fmt.Sprintf("%d bodies: %s", len(c.Records), c.Reason)
	}
	return first(c.Said, c.Why, c.Standing, c.Title, c.Text, c.Outcome, c.Reason)
}

func (c content) started() string {
	if c.Resumed {
		return "resumed"
	}
	var who []string
	for _, v := range c.Votes {
		who = append(who, v.Person)
	}
	return "approved by " + strings.Join(who, ", ")
}

func (c content) seen(kind audit.Kind) string {
	s := first(c.Said, c.Why)
	switch {
	case kind != audit.Settled:
		return s
	case c.Complete:
		return "complete: " + s
	}
	return "incomplete: " + s
}

func first(of ...string) string {
	for _, s := range of {
		if s != "" {
			return s
		}
	}
	return ""
}

func join(parts ...string) string {
	var out []string
	for _, s := range parts {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, ": ")
}

// oneLine is the first line of s, shortened; that something is left out shows.
func oneLine(s string) string {
	s, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxSaid {
		return string(r[:maxSaid]) + "…"
	}
	if rest != "" {
		return s + " …"
	}
	return s
}
