package bottest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// script is the conversation of a transcript.
type script struct {
	at    time.Time // the clock at the start; zero: the fake clock's own
	steps []step
}

// step is one thing that happens and what must be said because of it.
type step struct {
	line int
	raw  string
	kind stepKind
	who  bot.Account // without its platform

	channel string        // of a typed step; "" for the present one
	reply   bool          // typed in the thread of the latest message
	files   []string      // beside what is typed: sections of the transcript
	text    string        // typed; the word of a button; the name of a reaction
	reason  string        // of a click or a deny
	card    string        // the action that is decided on
	surface string        // of a decision
	touch   bot.Kind      // of a message: Reacted is a pin
	wait    time.Duration // of a wait
	times   int           // of a repetition
	group   string        // that has other members now
	members []string      // names of accounts

	backwards bool  // of a delivery of what was held back
	right     Right // that the bot loses or gets
	barred    bool  // it loses it

	want []block
}

type stepKind int

const (
	start stepKind = iota
	types
	clicks
	reacts
	unreacts
	decides
	waits
	repeats
	regroups
	talks
	touches
	cutsOff
	halfOpens
	returns
	stops
	starts
	holds
	delivers
	bars
)

// alone are the steps that are one word.
var alone = map[string]step{
	"(away)": {kind: cutsOff}, "(half-open)": {kind: halfOpens}, "(back)": {kind: returns},
	"(stops)": {kind: stops}, "(starts)": {kind: starts},
	"(hold)": {kind: holds}, "(deliver)": {kind: delivers}, "(deliver backwards)": {kind: delivers, backwards: true},
	"(muted)": {kind: bars, right: ToPost, barred: true}, "(unmuted)": {kind: bars, right: ToPost},
	"(removed)": {kind: bars, right: ToBe, barred: true}, "(invited)": {kind: bars, right: ToBe},
}

// block is one expected message.
type block struct {
	line    int
	how     How
	to      string // of a whisper
	channel string // "" for the present one
	lines   []want
	// overflows: it is more than a chat shows in one message.
	overflows bool
	// may: some platforms say it here, others before or later or not at all.
	may bool
}

// want is one expected line.
type want struct {
	op   byte // '=' exactly, '~' matches, '*' contains, '?' matches or is not there, '.' any number of lines
	text string
}

const standing = `(?: \((member|guest|outsider|bot|bridged|deactivated)\))?`

var (
	typedStep  = regexp.MustCompile(`^([A-Za-z0-9._-]+)` + standing + `(?: in #([A-Za-z0-9._-]+))?(?: attaches((?: [A-Za-z0-9._-]+)+))?(>>?) (.+)$`)
	talkStep   = regexp.MustCompile(`^([A-Za-z0-9._-]+)` + standing + ` says( >>)? (.+)$`)
	actStep    = regexp.MustCompile(`^([A-Za-z0-9._-]+)` + standing + `: (\S+) (\S+)(?: (.+))?$`)
	waitStep   = regexp.MustCompile(`^\(wait (\S+)\)$`)
	groupStep  = regexp.MustCompile(`^\(group ([A-Za-z0-9._-]+):((?: [A-Za-z0-9._-]+)*)\)$`)
	againStep  = regexp.MustCompile(`^\(again(?: ([0-9]{1,3}))?\)$`)
	atStep     = regexp.MustCompile(`^\(at (\S+)\)$`)
	decision   = regexp.MustCompile(`^by (button|reaction|typed)(?:: (.+))?$`)
	expectLine = regexp.MustCompile(`^<([uw]?)([~*?]|\.\.\.)?(?: (.*))?$`)
)

func parseScript(text string) (script, error) {
	var s script
	now := &step{raw: "the start", kind: start}
	flush := func() { s.steps = append(s.steps, *now) }
	var open *block
	for i, line := range strings.Split(text, "\n") {
		line, n := strings.TrimRight(line, " \r"), i+1
		switch {
		case line == "":
			open = nil
		case line[0] == '#':
		case line[0] == '<':
			var err error
			if open, err = expect(&now.want, open, line, n); err != nil {
				return s, err
			}
		case atStep.MatchString(line):
			if now.kind != start || len(now.want) > 0 || !s.at.IsZero() {
				return s, fmt.Errorf("line %d: the clock is set at the start only", n)
			}
			at, err := time.Parse(time.RFC3339, atStep.FindStringSubmatch(line)[1])
			if err != nil {
				return s, fmt.Errorf("line %d: %w", n, err)
			}
			s.at = at
		default:
			next, err := parseStep(line)
			if err != nil {
				return s, fmt.Errorf("line %d: %w", n, err)
			}
			flush()
			next.line, next.raw = n, line
			now, open = &next, nil
		}
	}
	flush()
	return s, nil
}

func parseStep(line string) (step, error) {
	if s, ok := alone[line]; ok {
		return s, nil
	}
	if m := againStep.FindStringSubmatch(line); m != nil {
		s := step{kind: repeats, times: 1}
		if m[1] != "" {
			s.times, _ = strconv.Atoi(m[1]) // it is made of digits
		}
		if s.times == 0 {
			return s, fmt.Errorf("%q repeats nothing", line)
		}
		return s, nil
	}
	if m := waitStep.FindStringSubmatch(line); m != nil {
		d, err := time.ParseDuration(m[1])
		if err == nil && d <= 0 {
			err = fmt.Errorf("a wait of %s is none", d)
		}
		return step{kind: waits, wait: d}, err
	}
	if m := groupStep.FindStringSubmatch(line); m != nil {
		return step{kind: regroups, group: m[1], members: strings.Fields(m[2])}, nil
	}
	if m := typedStep.FindStringSubmatch(line); m != nil {
		return step{kind: types, who: account(m[1], m[2]), channel: m[3], files: strings.Fields(m[4]), reply: m[5] == ">>", text: m[6]}, nil
	}
	if m := talkStep.FindStringSubmatch(line); m != nil {
		return step{kind: talks, who: account(m[1], m[2]), reply: m[3] != "", text: m[4]}, nil
	}
	m := actStep.FindStringSubmatch(line)
	if m == nil {
		return step{}, fmt.Errorf("%q is no step", line)
	}
	s := step{who: account(m[1], m[2]), text: m[4], reason: m[5]}
	switch m[3] {
	case "click":
		s.kind = clicks
		return s, nil
	case "pin", "unpin", "edit", "delete":
		s.kind, s.touch = touches, map[string]bot.Kind{"pin": bot.Reacted, "unpin": bot.Unreacted, "edit": bot.Edited, "delete": bot.Deleted}[m[3]]
		if m[4] != OnSaid && m[4] != OnTyped || (s.touch == bot.Edited) != (s.reason != "") {
			return s, fmt.Errorf("%q does not say what is touched, said or typed, and how", line)
		}
		return s, nil
	case "react", "unreact":
		s.kind = reacts
		if m[3] == "unreact" {
			s.kind = unreacts
		}
		if s.reason != "" {
			return s, fmt.Errorf("%q: a reaction carries no text", line)
		}
		return s, nil
	case "approve", "deny", "withdraw":
		d := decision.FindStringSubmatch(m[5])
		if d == nil {
			return s, fmt.Errorf("%q does not say by button, reaction or typed", line)
		}
		s.kind, s.text, s.card, s.surface, s.reason = decides, m[3], m[4], d[1], d[2]
		return s, nil
	}
	return s, fmt.Errorf("%q is no step", line)
}

func account(name, standing string) bot.Account {
	if standing == "" {
		standing = string(bot.Member)
	}
	return bot.Account{ID: name, Name: name, Standing: bot.Standing(standing)}
}

// expect adds one line of expectation to the open block, or opens another.
func expect(blocks *[]block, open *block, line string, n int) (*block, error) {
	another := func() *block {
		*blocks = append(*blocks, block{line: n, how: Posted})
		return &(*blocks)[len(*blocks)-1]
	}
	if line == "<may" {
		open = another()
		open.may = true
		return open, nil
	}
	if channel, ok := strings.CutPrefix(line, "<in "); ok {
		if open == nil || !open.may || len(open.lines) > 0 {
			open = another()
		}
		open.channel = channel
		return open, nil
	}
	if line == "<+" {
		if open == nil || open.overflows {
			return open, fmt.Errorf("line %d: <+ stands below a message", n)
		}
		open.overflows = true
		return open, nil
	}
	m := expectLine.FindStringSubmatch(line)
	if m == nil {
		return open, fmt.Errorf("line %d: %q is no expectation", n, line)
	}
	kind, op, text := m[1], m[2], m[3]
	begun := open != nil && (len(open.lines) > 0 || open.how != Posted)
	if open == nil || kind != "" && begun {
		open = another()
	}
	switch kind {
	case "u":
		open.how = Updated
	case "w":
		open.how = Whispered
		open.to, text, _ = strings.Cut(text, " ")
	}
	switch {
	case op == "..." && text != "":
		return open, fmt.Errorf("line %d: <... stands alone", n)
	case op == "...":
		open.lines = append(open.lines, want{op: '.'})
	case kind != "" && op == "" && text == "": // the kind alone; the lines follow
	case op == "":
		open.lines = append(open.lines, want{'=', text})
	default:
		open.lines = append(open.lines, want{op[0], text})
	}
	return open, nil
}

// names are what earlier expectations kept.
type names map[string]string

var reference = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// fill puts kept values into text. Names that nothing was kept for stay.
func (k names) fill(text string, quote func(string) string) string {
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		if value, ok := k[ref[1:len(ref)-1]]; ok {
			return quote(value)
		}
		return ref
	})
}

// fillStep puts kept values into a step, where every name must be known.
func (k names) fillStep(s step) (step, error) {
	for _, text := range []*string{&s.text, &s.reason, &s.card} {
		*text = k.fill(*text, func(v string) string { return v })
		if ref := reference.FindString(*text); ref != "" {
			return s, fmt.Errorf("nothing was kept as %s", ref)
		}
	}
	return s, nil
}

// match holds expected lines against a message's, and adds what they keep.
func (k names) match(wants []want, lines []string) (bool, error) {
	if len(wants) == 0 {
		return len(lines) == 0, nil
	}
	if wants[0].op == '.' {
		for skip := range len(lines) + 1 {
			if ok, err := k.match(wants[1:], lines[skip:]); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	if wants[0].op == '?' {
		rest := maps.Clone(k)
		if ok, err := rest.match(wants[1:], lines); ok || err != nil {
			maps.Copy(k, rest)
			return ok, err
		}
	}
	if len(lines) == 0 {
		return false, nil
	}
	literal := func(v string) string { return v }
	switch w := wants[0]; w.op {
	case '=':
		if k.fill(w.text, literal) != lines[0] {
			return false, nil
		}
	case '*':
		if !strings.Contains(lines[0], k.fill(w.text, literal)) {
			return false, nil
		}
	case '~', '?':
		re, err := regexp.Compile(k.fill(w.text, regexp.QuoteMeta))
		if err != nil {
			return false, err
		}
		m := re.FindStringSubmatch(lines[0])
		if m == nil {
			return false, nil
		}
		for i, name := range re.SubexpNames() {
			if name != "" {
				k[name] = m[i]
			}
		}
	}
	return k.match(wants[1:], lines[1:])
}

// String shows an expectation as it is written.
func (b block) String() string {
	var out []string
	if b.may {
		out = append(out, "<may")
	}
	if b.channel != "" {
		out = append(out, "<in "+b.channel)
	}
	switch b.how {
	case Updated:
		out = append(out, "<u")
	case Whispered:
		out = append(out, "<w "+b.to)
	}
	for _, w := range b.lines {
		switch w.op {
		case '=':
			out = append(out, "< "+w.text)
		case '.':
			out = append(out, "<...")
		default:
			out = append(out, "<"+string(w.op)+" "+w.text)
		}
	}
	return strings.Join(out, "\n")
}

// blockOf is the expectation that a message would have met, to be shown and copied.
func blockOf(s Said) block {
	b := block{how: s.How, to: s.To.ID, channel: s.Thread.Channel}
	for _, line := range Lines(s.Message) {
		b.lines = append(b.lines, want{'=', line})
	}
	return b
}

// channels are the channels in a list of messages, each once.
func channels(said []Said) []string {
	var out []string
	for _, s := range said {
		if !slices.Contains(out, s.Thread.Channel) {
			out = append(out, s.Thread.Channel)
		}
	}
	return out
}
