package pandatest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// numberConditions are checked to be numbers, or lists of them (initRequest, core/views.py).
var numberConditions = []string{"days", "hours", "limit", "pandaid", "jeditaskid", "jobsetid", "reqid", "corecount", "attemptnr"}

// knownConditions are what a page looks at. Others the real one passes over, and the
// answer is then of more than was meant.
var knownConditions = map[string][]string{
	"jobs/": {
		"outputs", "fields", "mode", "limit", "jobstatus", "modificationhost", "batchid", "username", "produsername", "produserid", "computingsite", "prodsourcelabel",
		"jeditaskid", "pandaid", "date_from", "date_to", "hours", "days", "noarchjobs",
	},
	"job":           {"pandaid", "batchid", "creator"},
	"jobstatuslog/": {},
	"tasks/":        {"jeditaskid", "limit"},
	"sites/":        {},
}

// conditions are those of a question as the monitor takes them: some signs are taken
// out, and what is left is decoded once more (initRequest and setupView, core/views.py).
func (m *Monitor) conditions(page string, given url.Values) (query map[string]string, problem string) {
	query = map[string]string{}
	for name, values := range given {
		value := strings.NewReplacer("+", " ", "'", "").Replace(values[len(values)-1])
		if name != "batchid" {
			value = strings.ReplaceAll(value, "#", "")
		}
		if name != strings.ToLower(name) || len(values) > 1 {
			m.database.t.Errorf("the monitor takes one value by a name in small letters: %s=%q", name, values)
		}
		if slices.Contains(numberConditions, name) {
			for _, one := range strings.FieldsFunc(value, func(r rune) bool { return r == '|' || r == ',' }) {
				if _, err := strconv.ParseInt(strings.TrimSpace(one), 10, 64); err != nil {
					return nil, fmt.Sprintf("Illegal value '%s' for %s", value, name)
				}
			}
		}
		if name == "date_from" || name == "date_to" {
			if _, ok := monitorTime(value); !ok {
				return nil, fmt.Sprintf("Illegal value '%s' for %s, expected YYYY-MM-DD", value, name)
			}
		}
		if name != "json" && value == "" {
			return nil, fmt.Sprintf("Empty value '%s' for %s", value, name)
		}
		if name != "json" && !slices.Contains(knownConditions[page], name) {
			m.database.t.Errorf("%s: the monitor passes over the condition %s", page, name)
		}
		query[name] = unquotePlus(value)
	}
	return query, ""
}

// unquotePlus is Python's unquote_plus: escapes that are none stay.
func unquotePlus(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '+' {
			b.WriteByte(' ')
			continue
		}
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// monitorTime reads a time. The real one reads nearly everything (dateutil).
func monitorTime(s string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if at, err := time.Parse(form, s); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// condition is what a statement has behind WHERE.
type condition struct {
	parts []string
	args  []any
}

func (c *condition) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *condition) and(part string) { c.parts = append(c.parts, part) }

func (c *condition) where() string {
	if len(c.parts) == 0 {
		return "true"
	}
	return strings.Join(c.parts, " AND ")
}

var likeSigns = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// wild holds where a column is like a pattern, whatever its letters' case: | is or,
// "," is and, ! is not, * is anything (preprocess_wild_card_string, core/libs/sqlcustom.py).
func (c *condition) wild(column, pattern string) {
	var any []string
	for _, or := range strings.Split(pattern, "|") {
		var all []string
		for _, and := range strings.Split(or, ",") {
			not := ""
			if rest, negated := strings.CutPrefix(and, "!"); negated {
				and, not = rest, "NOT "
			}
			like := strings.ReplaceAll(likeSigns.Replace(and), "*", "%")
			if column == "produserid" {
				like = "%" + like + "%"
			}
			all = append(all, "upper("+column+") "+not+"LIKE upper("+c.arg(like)+")")
		}
		any = append(any, "("+strings.Join(all, " AND ")+")")
	}
	c.and("(" + strings.Join(any, " OR ") + ")")
}

func isWild(s string) bool { return strings.ContainsAny(s, "*|,!") }

// breaks tells whether a statement with a pattern breaks: a % in it is a place for a
// value to the library that runs it.
func breaks(query map[string]string) bool {
	for _, name := range []string{"produsername", "batchid", "computingsite"} {
		if isWild(query[name]) && strings.Contains(query[name], "%") {
			return true
		}
	}
	return false
}

// ofJobs are the conditions on jobs but those of time (setupView, core/views.py).
func (c *condition) ofJobs(query map[string]string) {
	for _, name := range sortedNames(query) {
		value := query[name]
		switch name {
		case "username":
			c.and("upper(produsername) LIKE upper(" + c.arg("%"+likeSigns.Replace(strings.TrimSpace(value))+"%") + ")")
		case "jobstatus":
			c.and("jobstatus = ANY(" + c.arg(strings.FieldsFunc(value, func(r rune) bool { return r == '|' })) + ")")
		case "modificationhost":
			switch {
			case value == "Not specified":
				c.and("(modificationhost IS NULL OR modificationhost = '')")
			case strings.Contains(value, "@"):
				c.and("modificationhost = " + c.arg(value))
			default:
				c.and("modificationhost LIKE " + c.arg("%"+likeSigns.Replace(strings.TrimSuffix(strings.TrimPrefix(value, "*"), "*"))+"%"))
			}
		case "batchid":
			if isWild(value) {
				c.wild(name, value)
			} else {
				c.and("batchid = " + c.arg(value))
			}
		case "produsername":
			if isWild(value) {
				c.wild(name, value)
			} else {
				c.and("upper(produsername) LIKE upper(" + c.arg("%"+likeSigns.Replace(strings.TrimSpace(value))+"%") + ")")
			}
		case "computingsite", "produserid":
			c.wild(name, value)
		case "prodsourcelabel":
			c.and("prodsourcelabel = " + c.arg(value))
		case "pandaid", "jeditaskid":
			var ids []int64
			for _, one := range strings.FieldsFunc(value, func(r rune) bool { return r == '|' || r == ',' }) {
				id, _ := strconv.ParseInt(strings.TrimSpace(one), 10, 64)
				ids = append(ids, id)
			}
			c.and(name + " = ANY(" + c.arg(ids) + ")")
		}
	}
}

func sortedNames(query map[string]string) []string {
	out := make([]string, 0, len(query))
	for name := range query {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
