package grid

import (
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

// Object is one JSON object of a record, as far as the rules ask for it.
type Object interface {
	// Members gives the members that AttributeNamed knows, each spelling of a
	// name once. They stay as they are until the next record.
	Members() []Member
	// Inner opens the member of that very name, if it is an object, whose members
	// are then known by prefix and their name.
	Inner(name, prefix string) (Object, bool)
}

// Member is one that a rule may ask for.
type Member struct {
	Attribute Attribute
	Name      string // as it is written, without the prefix that it is known by
	Value     Value
}

// Value is one value of a record.
type Value struct {
	kind valueKind
	text string
	list []string
}

type valueKind uint8

const (
	nothing valueKind = iota
	asText
	asNumber
	asList
	other // there is a value, but none that a rule can read
)

// TextValue is a string.
func TextValue(s string) Value {
	if trimmed := strings.TrimSpace(s); isUnknown(trimmed) || strings.HasPrefix(trimmed, "/Expr(") {
		return Value{}
	}
	return Value{kind: asText, text: s}
}

// NumberValue is a number in JSON's form.
func NumberValue(s string) Value { return Value{kind: asNumber, text: s} }

// ValueOf is a value as encoding/json decodes it, with or without UseNumber.
func ValueOf(v any) Value {
	switch v := v.(type) {
	case nil, map[string]any:
		return Value{}
	case string:
		return TextValue(v)
	case json.Number:
		return NumberValue(v.String())
	case float64:
		return NumberValue(strconv.FormatFloat(v, 'f', -1, 64))
	case []any:
		elements := make([]Value, 0, min(len(v), maxList))
		for _, e := range v[:cap(elements)] {
			elements = append(elements, ValueOf(e))
		}
		return ListValue(elements)
	}
	return Value{kind: other}
}

// ListValue is a list, of which only the first elements that are text or numbers
// matter.
func ListValue(elements []Value) Value {
	if len(elements) == 0 {
		return Value{}
	}
	elements = elements[:min(len(elements), maxList)]
	v := Value{kind: asList, list: make([]string, 0, len(elements))}
	for _, e := range elements {
		if s := e.String(); s != "" {
			v.list = append(v.list, s)
		}
	}
	return v
}

// String gives a value as text, "" when there is none. Text that is too long is
// cut and marked, so that it never equals a whole one.
func (v Value) String() string {
	switch v.kind {
	case asNumber:
		return v.text
	case asText:
	default:
		return ""
	}
	s := strings.TrimSpace(v.text)
	if !utf8.ValidString(s) { // which costs far less than to make it so
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) > maxText {
		cut := maxText
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}

// mapObject is an object that encoding/json decoded.
type mapObject struct {
	members map[string]any
	prefix  string
}

func (o mapObject) Members() []Member {
	var out []Member
	for name, v := range o.members {
		if a, ok := AttributeNamed(o.prefix + name); ok {
			out = append(out, Member{a, name, ValueOf(v)})
		}
	}
	return out
}

func (o mapObject) Inner(name, prefix string) (Object, bool) {
	members, ok := o.members[name].(map[string]any)
	return mapObject{members, prefix}, ok
}

// attributes are those of one record that the rules ask for.
type attributes struct {
	members [256]*Member // by Attribute
	there   bits
}

// bits is a set of attributes.
type bits [4]uint64

func (b *bits) has(a Attribute) bool { return b[a>>6]>>(a&63)&1 == 1 }
func (b *bits) add(a Attribute)      { b[a>>6] |= 1 << (a & 63) }

func (b *bits) meets(o bits) bool {
	return b[0]&o[0]|b[1]&o[1]|b[2]&o[2]|b[3]&o[3] != 0
}

func bitsOf(names string) (b bits) {
	for name := range strings.FieldsSeq(lowerASCII(names)) {
		b.add(wanted[name])
	}
	return b
}

// read opens the shapes in which records come: an HTCondor ad, an Elasticsearch
// document or hit, and MONIT's {"data":…,"metadata":…} with its flattened form
// "data.X".
func (a *attributes) read(o Object) {
	a.there = bits{}
	a.add(o)
	// What surrounds a record names no job. A job's owner can give the job such an
	// attribute, which must neither take the record's place nor complete it.
	namesJob := func() bool { return a.has(attrGlobalJobID) || a.has(attrClusterID) }
	document := false
	if !namesJob() {
		if inner, ok := o.Inner("_source", ""); ok {
			a.there = bits{}
			o, document = inner, true
			a.add(o)
		}
	}
	if !namesJob() {
		if data, ok := o.Inner("data", ""); ok {
			document = true
			a.add(data)
			if meta, ok := data.Inner("metadata", "metadata."); ok {
				a.add(meta)
			}
		}
	}
	if meta, ok := o.Inner("metadata", "metadata."); ok {
		a.add(meta)
	}
	flat := a.has(attrGlobalJobID) && strings.HasPrefix(a.members[attrGlobalJobID].Name, "data.")
	a.believe(document || flat || a.has(attrRecordTime))
}

// believe takes out what only looks as if somebody else than the job's owner had
// said it. In an ad, as HTCondor gives it, the owner may have set every name that
// the CMS spider uses for what it found out; in the spider's documents the owner's
// attributes stand beside them, but those that mark an ad are left out there.
func (a *attributes) believe(document bool) {
	untrue := spiders
	if document && !a.there.meets(adMarks) {
		untrue = ads
	}
	for i := range a.there {
		a.there[i] &^= untrue[i]
	}
}

// add takes over the wanted attributes of an object. What was there before it
// stays. When it has one name in several spellings, a value beats none and then
// the smallest spelling wins, so that the order does not matter.
func (a *attributes) add(o Object) {
	before, members := a.there, o.Members()
	for i := range members {
		m := &members[i]
		n := m.Attribute
		if m.Value.kind == nothing || before.has(n) || a.there.has(n) && a.members[n].Name < m.Name {
			continue
		}
		a.members[n] = m
		a.there.add(n)
	}
}

func (a *attributes) has(which Attribute) bool { return a.there.has(which) }

func (a *attributes) value(which Attribute) Value {
	if a.there.has(which) {
		return a.members[which].Value
	}
	return Value{}
}

// Attribute is an attribute that the rules ask for.
type Attribute uint8

// AttributeNamed tells whether the rules ask for an attribute of that name.
// HTCondor's names have no case, and each tool prints its own. A reader of
// records need not decode the others, except what surrounds records: the objects
// _source, data and metadata.
//
// It works in a buffer, since most of a record's hundreds of names are unwanted.
func AttributeNamed(s string) (Attribute, bool) {
	var buf [64]byte
	if s == "" || len(s) > len(buf) || lengths[s[0]|0x20]>>len(s)&1 == 0 {
		return 0, false
	}
	s = strings.TrimPrefix(s, "data.")
	b := buf[:copy(buf[:], s)]
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	a, ok := wanted[string(b)]
	if !ok || exact[a] == "" {
		return a, ok
	}
	return a, strings.HasPrefix(s, exact[a]) && (len(s) == len(exact[a]) || exact[a] == matched)
}

// matched begins the names of what the schedd noted of the machine when it
// matched the job. The spider cuts it off.
const matched = "MATCH_EXP_"

// What is named so must be spelled so: in another spelling it is an attribute that
// the owner gave the job, which the spider passes on.
var (
	spiderSpellings = `Site Status RecordTime DataCollectionDate DataCollection VO Type metadata.timestamp metadata.spider_source`
	markSpellings   = `MyType TargetType CondorVersion CondorPlatform Iwd ServerTime`
	matchedNames    = `match_exp_job_glidein_cmssite match_exp_jobglidein_cmssite match_exp_job_glidein_schedd match_exp_job_glidein_clusterid match_exp_job_glidein_procid
match_exp_job_glidein_factory match_exp_job_glidein_entry_name match_exp_job_glidein_name match_exp_job_glideclient_name
match_exp_job_glidein_sitewms_jobid match_exp_job_glidein_sitewms_queue match_exp_job_glidein_sitewms_slot`
	pilotNames = `glidein_cmssite glidein_schedd glidein_clusterid glidein_procid glidein_factory glidein_entry_name glidein_name glideclient_name
glidein_sitewms_jobid glidein_sitewms_queue glidein_sitewms_slot`
)

var (
	// adMarks are attributes of which an ad has some and a document none.
	adMarks = bitsOf(markSpellings + " " + matchedNames)
	// spiders are what only the spider's documents can say.
	spiders = bitsOf(spiderSpellings + " " + pilotNames)
	// ads are what only an ad can say.
	ads = bitsOf("runinstanceid")
)

// wanted are the names in lower case.
var wanted = numbered(strings.Fields(lowerASCII(spiderSpellings + " " + markSpellings + " " + matchedNames + " " + pilotNames + `
globaljobid scheddname clusterid procid match_glidein_cmssite jobstatus cms_type x509userproxyvoname
lastremotehost remotehost startdprincipal startdipaddr starteripaddr holdreason lastholdreason removereason
qdate jobstartdate jobcurrentstartdate joblaststartdate completiondate jobfinishedhookdone enteredcurrentstatus
lastjobleaserenewal lastremotestatusupdate lastvacatetime epochwritedate
jobcurrentfinishtransferoutputdate x509userproxyexpiration runinstanceid
numjobstarts numshadowstarts remotewallclocktime committedtime
crab_userhn crab_userdn crab_workflow crab_reqname crab_submitteripaddr x509userproxysubject x509userproxyemail x509userproxyfqan
x509userproxyfirstfqan accountinggroup acctgroupuser owner user wmagent_requestname workflow connectclientuser`)))

// numbered also gives numbers to the attributes with a history: 0 is the latest run.
func numbered(names []string) map[string]Attribute {
	m := map[string]Attribute{}
	for _, stem := range []string{"machineattrname", "machineattrglidein_cmssite", "machineattrcmsprocessingsitename", "machineattrstartdipaddr"} {
		for i := range 9 {
			names = append(names, stem+strconv.Itoa(i))
		}
	}
	for _, name := range names {
		m[name] = Attribute(len(m))
	}
	return m
}

// exact are the spellings that an attribute must have, or begin with.
var exact = func() (e [256]string) {
	for _, name := range strings.Fields(spiderSpellings + " " + markSpellings) {
		e[wanted[lowerASCII(name)]] = name
	}
	for _, name := range strings.Fields(matchedNames) {
		e[wanted[name]] = matched
	}
	return e
}()

// lengths are those of the names that begin with a letter, as bits: most names
// that are not wanted are known by it.
var lengths = func() (l [256]uint64) {
	for name := range wanted {
		l[name[0]] |= 1 << len(name)
	}
	l['d'] = ^uint64(0) // data. stands before others
	return l
}()

func (a *attributes) text(which Attribute) string { return a.value(which).String() }

// texts gives the elements of a list, or of one text with commas between them.
func (a *attributes) texts(which Attribute) []string {
	v := a.value(which)
	if v.kind != asText {
		return v.list
	}
	var out []string
	for s := range strings.SplitSeq(v.String(), ",") {
		if s = strings.TrimSpace(s); s != "" && len(out) < maxList {
			out = append(out, s)
		}
	}
	return out
}

// number gives a value that is a finite number, or text that reads as one.
func (a *attributes) number(which Attribute) (float64, bool) {
	v := a.value(which)
	s := v.text
	switch v.kind {
	case asText:
		s = v.String()
	case asNumber:
	default:
		return 0, false
	}
	if n, ok := plainNumber(s); ok {
		return float64(n), true
	}
	if strings.ContainsAny(s, "_xX") { // numbers of Go, which are none of JSON and HTCondor
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// plainNumber reads digits, of which a float keeps each.
func plainNumber(s string) (n int64, ok bool) {
	if s == "" || len(s) > 15 {
		return 0, false
	}
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// count gives a whole number that is not negative; ok is false when there is none.
func (a *attributes) count(which Attribute) (n int64, ok bool) {
	f, ok := a.number(which)
	if !ok || f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// seconds gives a length of time, at most ten years.
func (a *attributes) seconds(which Attribute) (time.Duration, bool) {
	f, ok := a.number(which)
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
func (a *attributes) date(which Attribute) time.Time {
	var t time.Time
	if f, ok := a.number(which); ok {
		if f > 1e11 {
			f /= 1000
		}
		if f <= 0 || f > 1e11 {
			return time.Time{}
		}
		whole, part := math.Modf(f)
		t = time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC()
	} else if s := a.text(which); s != "" {
		if parsed, err := time.Parse(time.RFC3339, s); err == nil {
			t = parsed.UTC()
		}
	}
	if t.Before(oldestDate) || !t.Before(newestDate) {
		return time.Time{}
	}
	return t
}

// firstDate gives the first of the named dates that the record has, and its name.
func (a *attributes) firstDate(of ...Attribute) (time.Time, string) {
	for _, n := range of {
		if t := a.date(n); !t.IsZero() {
			return t, fieldNames[n]
		}
	}
	return time.Time{}, ""
}

func (a *attributes) firstText(of ...Attribute) string {
	for _, n := range of {
		if s := a.text(n); s != "" {
			return s
		}
	}
	return ""
}
