package grid

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds on what is taken from one record. Everything in it may have been
// written by a compromised machine.
const (
	maxText = 4096 // bytes of one value
	maxList = 32   // elements of one list
)

// attributes are those of one record that the rules ask for, by lower-case
// name: HTCondor's names have no case, and each tool prints its own.
type attributes map[string]any

// attributesOf opens the shapes in which records come: an HTCondor ad, an
// Elasticsearch document or hit, and MONIT's {"data":…,"metadata":…} with its
// flattened form "data.X".
func attributesOf(rec map[string]any) attributes {
	a := make(attributes, 64)
	a.add(rec, "")
	// What surrounds a record names no job. A job's owner can give the job such an
	// attribute, which must neither take the record's place nor complete it.
	namesJob := func() bool { return a["globaljobid"] != nil || a["clusterid"] != nil }
	if inner, ok := rec["_source"].(map[string]any); ok && !namesJob() {
		clear(a)
		rec = inner
		a.add(rec, "")
	}
	if data, ok := rec["data"].(map[string]any); ok && !namesJob() {
		a.add(data, "")
		if meta, ok := data["metadata"].(map[string]any); ok {
			a.add(meta, "metadata.")
		}
	}
	if meta, ok := rec["metadata"].(map[string]any); ok {
		a.add(meta, "metadata.")
	}
	return a
}

// add takes over the wanted attributes. When a record has one name in several
// spellings, a value beats none and then the smallest spelling wins, so that the
// order of a map does not matter.
func (a attributes) add(rec map[string]any, prefix string) {
	before := map[string]bool{}
	for name := range a {
		if strings.HasPrefix(name, prefix) {
			before[name] = true
		}
	}
	for spelling, v := range rec {
		name := attributeName(prefix + spelling)
		if name == "" || before[name] || isNothing(v) {
			continue
		}
		if _, twice := a[name]; !twice || isFirstSpelling(spelling, name, rec, prefix) {
			a[name] = v
		}
	}
}

// isFirstSpelling is for the rare record that has one name twice.
func isFirstSpelling(spelling, name string, rec map[string]any, prefix string) bool {
	for other, v := range rec {
		if other < spelling && attributeName(prefix+other) == name && !isNothing(v) {
			return false
		}
	}
	return true
}

// attributeName gives the canonical name of a wanted attribute, else "".
// MATCH_EXP_JOB_ marks what HTCondor recorded of the machine at match time.
// It works in a buffer, since most of a record's hundreds of names are unwanted.
func attributeName(s string) string {
	var buf [64]byte
	if s == "" || len(s) > len(buf) || lengths[s[0]|0x20]>>len(s)&1 == 0 {
		return ""
	}
	b := buf[:copy(buf[:], s)]
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	b = bytes.TrimPrefix(b, []byte("data."))
	b = bytes.TrimPrefix(b, []byte("match_exp_job_"))
	if name, ok := wanted[string(b)]; ok {
		return name
	}
	stem := bytes.TrimRight(b, "012345678")
	if _, ok := numbered[string(stem)]; ok && len(stem) == len(b)-1 {
		return string(b)
	}
	return ""
}

// Wanted tells whether JobFromRecord asks for an attribute of that name, so that
// a store need not decode the others. It also asks for what surrounds records:
// the objects _source, data and metadata.
func Wanted(name string) bool { return attributeName(name) != "" }

var wanted = set(`globaljobid scheddname clusterid procid site glidein_cmssite match_exp_jobglidein_cmssite match_glidein_cmssite
status jobstatus type cms_type vo x509userproxyvoname
lastremotehost remotehost glidein_sitewms_slot startdprincipal startdipaddr starteripaddr holdreason lastholdreason removereason
glidein_schedd glidein_clusterid glidein_procid glidein_factory glidein_entry_name glidein_name glideclient_name
glidein_sitewms_jobid glidein_sitewms_queue
qdate jobstartdate jobcurrentstartdate joblaststartdate completiondate jobfinishedhookdone enteredcurrentstatus recordtime
servertime datacollectiondate datacollection lastjobleaserenewal lastremotestatusupdate lastvacatetime epochwritedate
jobcurrentfinishtransferoutputdate x509userproxyexpiration runinstanceid
numjobstarts numshadowstarts remotewallclocktime committedtime
crab_userhn crab_userdn crab_workflow crab_reqname crab_submitteripaddr x509userproxysubject x509userproxyemail x509userproxyfqan
x509userproxyfirstfqan accountinggroup acctgroupuser owner user wmagent_requestname workflow connectclientuser
metadata.timestamp metadata.spider_source`)

// numbered are the attributes with a history: 0 is the latest run.
var numbered = set(`machineattrname machineattrglidein_cmssite machineattrcmsprocessingsitename machineattrstartdipaddr`)

// lengths are those of the names that begin with a letter, as bits: most names
// that are not wanted are known by it.
var lengths = func() (l [256]uint64) {
	for name := range wanted {
		l[name[0]] |= 1 << len(name)
	}
	for stem := range numbered {
		l[stem[0]] |= 1 << (len(stem) + 1)
	}
	l['d'], l['m'] = ^uint64(0), ^uint64(0) // data. and match_exp_job_ stand before others
	return l
}()

func set(names string) map[string]string {
	m := map[string]string{}
	for n := range strings.FieldsSeq(names) {
		m[n] = n
	}
	return m
}

func isNothing(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		v = strings.TrimSpace(v)
		return isUnknown(v) || strings.HasPrefix(v, "/Expr(")
	case map[string]any:
		return true
	case []any:
		return len(v) == 0
	}
	return false
}

// text gives a value as text, "" when there is none. Text that is too long is
// cut and marked, so that it never equals a whole one.
func (a attributes) text(name string) string { return textOf(a[name]) }

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		v = strings.ToValidUTF8(strings.TrimSpace(v), "\uFFFD")
		if len(v) > maxText {
			cut := maxText
			for !utf8.RuneStart(v[cut]) {
				cut--
			}
			v = v[:cut] + "…"
		}
		if isNothing(v) {
			return ""
		}
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

// texts gives the elements of a list, or of one text with commas between them.
func (a attributes) texts(name string) []string {
	var out []string
	switch v := a[name].(type) {
	case []any:
		for _, e := range v[:min(len(v), maxList)] {
			if s := textOf(e); s != "" {
				out = append(out, s)
			}
		}
	case string:
		for s := range strings.SplitSeq(textOf(v), ",") {
			if s = strings.TrimSpace(s); s != "" && len(out) < maxList {
				out = append(out, s)
			}
		}
	}
	return out
}

// number gives a value that is a finite number, or text that reads as one.
func (a attributes) number(name string) (float64, bool) {
	var f float64
	switch v := a[name].(type) {
	case float64:
		f = v
	case int:
		f = float64(v)
	case int64:
		f = float64(v)
	case string, json.Number:
		var err error
		if f, err = strconv.ParseFloat(textOf(v), 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// count gives a whole number that is not negative; ok is false when there is none.
func (a attributes) count(name string) (n int64, ok bool) {
	f, ok := a.number(name)
	if !ok || f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// seconds gives a length of time, at most ten years.
func (a attributes) seconds(name string) (time.Duration, bool) {
	f, ok := a.number(name)
	if !ok || f < 0 || f > 10*366*24*3600 {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// Dates outside these years are noise: 0, -1, or a counter in the wrong place.
var (
	oldestDate = time.Date(oldestYear, 1, 1, 0, 0, 0, 0, time.UTC)
	newestDate = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// date gives a time, zero when there is none. Elasticsearch and HTCondor count
// seconds, MONIT milliseconds (and not for every date): the size tells which.
func (a attributes) date(name string) time.Time {
	var t time.Time
	if f, ok := a.number(name); ok {
		if f > 1e11 {
			f /= 1000
		}
		if f <= 0 || f > 1e11 {
			return time.Time{}
		}
		whole, part := math.Modf(f)
		t = time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC()
	} else if parsed, err := time.Parse(time.RFC3339, a.text(name)); err == nil {
		t = parsed.UTC()
	}
	if t.Before(oldestDate) || !t.Before(newestDate) {
		return time.Time{}
	}
	return t
}

// firstDate gives the first of the named dates that the record has, and its name.
func (a attributes) firstDate(names ...string) (time.Time, string) {
	for _, n := range names {
		if t := a.date(lowerASCII(n)); !t.IsZero() {
			return t, n
		}
	}
	return time.Time{}, ""
}

func (a attributes) firstText(names ...string) string {
	for _, n := range names {
		if s := a.text(n); s != "" {
			return s
		}
	}
	return ""
}
