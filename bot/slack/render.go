package slack

import (
	"fmt"
	"slices"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// Bounds of one message. Slack's own are higher, but it also limits sums that
// it does not document: about 9,600 characters in all blocks passed and 11,300
// did not, and chat.update refuses what chat.postMessage takes.
const (
	maxBlock    = 2900 // characters of one block
	maxMessage  = 8000 // of all blocks
	maxCard     = 3800 // of all blocks of what is going to be changed
	maxNames    = 600  // of people that are notified, and
	maxTyped    = 600  // of what buttons stand for: the rest is left out
	maxFallback = 3000 // of the text for notifications and screen readers
	summary     = 15   // lines of what is shown in full in a file only
	lastLines   = 4    // of those, from the end: there a card says where it stands
	summaryLine = 180  // characters
	maxLabel    = 75
	maxValue    = 2000
	maxButtons  = 25
)

// page is one message as Slack takes it.
type page struct {
	blocks []slackapi.Block
	text   string
	files  []bot.File // to be shared before it
}

func (p page) options() []slackapi.MsgOption {
	return []slackapi.MsgOption{
		slackapi.MsgOptionText(p.text, false), slackapi.MsgOptionBlocks(p.blocks...),
		slackapi.MsgOptionDisableLinkUnfurl(), slackapi.MsgOptionDisableMediaUnfurl(), slackapi.MsgOptionDisableMarkdown(),
		slackapi.MsgOptionParse(false), slackapi.MsgOptionLinkNames(false),
	}
}

// render makes one message. What does not fit is shown by its beginning and its
// end, and stands whole in a file.
func (w *workspace) render(m bot.Message) (page, error) {
	lines, most := layout(m), maxMessage
	if m.Card != "" {
		most = maxCard
	}
	tail, size, err := w.tail(m)
	if err != nil {
		return page{}, err
	}
	whole := m.Plain()
	p := page{text: fallback(whole, m.Buttons), files: slices.Clone(m.Files)}
	if cost(lines) > most-size {
		p.files = append(p.files, bot.File{Name: "whole-message.txt", Media: "text/plain", Data: []byte(whole + "\n")})
		lines = shorten(lines)
	}
	p.blocks = append(compose(lines), tail...)
	if len(p.blocks) == 0 {
		p.blocks = compose([]line{{spans: bot.Text{{Text: "(nothing)"}}}})
	}
	return p, nil
}

// pages makes several messages of what does not fit into one, at most as many
// as are given; the last one says how much is missing.
func (w *workspace) pages(m bot.Message, most int) ([]page, error) {
	tail, taken, err := w.tail(m)
	if err != nil {
		return nil, err
	}
	room := maxMessage - taken
	var out []page
	var now []line
	size := 0 // of now
	text := fallback(m.Plain(), m.Buttons)
	rest := layout(m)
	for _, f := range m.Files {
		rest = append(rest, line{spans: bot.Text{{Text: "file " + display.Visible(f.Name) + ": ask in a channel to be given it"}}})
	}
	for len(rest) > 0 && len(out) < most {
		now, size = append(now, rest[0]), size+rest[0].cost()
		rest = rest[1:]
		if len(rest) == 0 || size+rest[0].cost() > room {
			out = append(out, page{blocks: compose(clip(now, room)), text: text})
			now, size = nil, 0
		}
	}
	if len(out) == 0 {
		out = []page{{text: text}}
	}
	last := &out[len(out)-1]
	if len(rest) > 0 {
		last.blocks = append(last.blocks, compose([]line{{spans: bot.Textf("… %d more lines: ask in a channel to see them in a file.", len(rest))}})...)
	}
	last.blocks = append(last.blocks, tail...)
	return out, nil
}

// line is one line of a message, or a table in fixed columns.
type line struct {
	spans bot.Text
	fixed bool
}

func (l line) cost() int {
	n := 1
	for _, s := range l.spans {
		n += length(s.Text)
	}
	return n
}

func cost(lines []line) int {
	n := 0
	for _, l := range lines {
		n += l.cost()
	}
	return n
}

// length counts as Slack may at worst: escaped, in UTF-16.
func length(s string) int {
	n := 0
	for _, r := range s {
		n += width(r)
	}
	return n
}

func width(r rune) int {
	switch {
	case r == '&':
		return len("&amp;")
	case r == '<', r == '>':
		return len("&lt;")
	case r > 0xffff:
		return 2
	}
	return 1
}

// layout is the message as lines.
func layout(m bot.Message) []line {
	var out []line
	add := func(t bot.Text) {
		spans := make(bot.Text, 0, len(t))
		for _, s := range t {
			if s.Text != "" {
				spans = append(spans, bot.Span{Text: display.Visible(s.Text), Style: s.Style})
			}
		}
		out = append(out, line{spans: spans})
	}
	if len(m.Title) > 0 {
		title := slices.Clone(m.Title)
		for i := range title {
			if title[i].Style == bot.Plain {
				title[i].Style = bot.Bold
			}
		}
		add(title)
	}
	for _, t := range m.Lines {
		add(t)
	}
	if m.Table != nil {
		for _, l := range display.Table(*m.Table) {
			out = append(out, line{spans: l.Text, fixed: l.Fixed})
		}
	}
	for _, t := range m.After {
		add(t)
	}
	return out
}

// compose makes blocks of lines. A line that is longer than a block goes on in
// the next one.
func compose(lines []line) []slackapi.Block {
	c := composer{}
	for _, l := range lines {
		if l.fixed != c.fixed {
			c.endElement()
		}
		if c.size+l.cost() > maxBlock {
			c.endBlock()
		}
		c.fixed = l.fixed
		if len(c.spans) > 0 {
			c.put("\n", bot.Plain)
		}
		for _, s := range l.spans {
			c.put(s.Text, s.Style)
		}
		if len(l.spans) == 0 {
			c.put(" ", bot.Plain)
		}
	}
	c.endBlock()
	return c.blocks
}

type composer struct {
	blocks   []slackapi.Block
	elements []slackapi.RichTextElement
	spans    []slackapi.RichTextSectionElement
	fixed    bool
	size     int // of the block
}

func (c *composer) put(text string, style bot.Style) {
	for text != "" {
		end, n := 0, 0
		for i, r := range text {
			if c.size+n+width(r) > maxBlock {
				break
			}
			n += width(r)
			end = i + len(string(r))
		}
		if end == 0 {
			c.endBlock()
			continue
		}
		c.spans = append(c.spans, slackapi.NewRichTextSectionTextElement(text[:end], styleOf(style, c.fixed)))
		c.size += n
		text = text[end:]
	}
}

func (c *composer) endElement() {
	switch {
	case len(c.spans) == 0:
	case c.fixed:
		c.elements = append(c.elements, &slackapi.RichTextPreformatted{Type: slackapi.RTEPreformatted, Elements: c.spans})
	default:
		c.elements = append(c.elements, slackapi.NewRichTextSection(c.spans...))
	}
	c.spans = nil
}

func (c *composer) endBlock() {
	c.endElement()
	if len(c.elements) > 0 {
		c.blocks = append(c.blocks, slackapi.NewRichTextBlock("", c.elements...))
	}
	c.elements, c.size = nil, 0
}

func styleOf(s bot.Style, fixed bool) *slackapi.RichTextSectionTextStyle {
	switch {
	case fixed:
		return nil
	case s == bot.Bold:
		return &slackapi.RichTextSectionTextStyle{Bold: true}
	case s == bot.Italic:
		return &slackapi.RichTextSectionTextStyle{Italic: true}
	case s == bot.Code:
		return &slackapi.RichTextSectionTextStyle{Code: true}
	}
	return nil
}

// shorten leaves the beginning and the end, each line cut; the file has all.
func shorten(lines []line) []line {
	var single []line
	for _, l := range lines {
		if !l.fixed {
			single = append(single, l)
			continue
		}
		for s := range strings.SplitSeq(l.spans.String(), "\n") {
			single = append(single, line{spans: bot.Text{{Text: s}}, fixed: true})
		}
	}
	head := min(summary-lastLines-1, len(single))
	tail := max(head, len(single)-lastLines)
	out := slices.Clone(single[:head])
	if more := tail - head; more > 0 {
		out = append(out, line{spans: bot.Text{{Text: fmt.Sprintf("… %d more lines. All of it is in the file whole-message.txt; read it before you decide.", more), Style: bot.Bold}}})
	} else {
		out = append(out, line{spans: bot.Text{{Text: "Lines are cut here. All of it is in the file whole-message.txt; read it before you decide.", Style: bot.Bold}}})
	}
	out = append(out, single[tail:]...)
	for i, l := range out {
		out[i].spans = cutSpans(l.spans, summaryLine)
	}
	return out
}

// cutSpans bounds a line, and says so.
func cutSpans(t bot.Text, most int) bot.Text {
	if (line{spans: t}).cost()-1 <= most {
		return t
	}
	var out bot.Text
	for _, s := range t {
		end, n := 0, 0
		for i, r := range s.Text {
			if n+width(r) > most {
				break
			}
			n += width(r)
			end = i + len(string(r))
		}
		most -= n
		if end > 0 {
			out = append(out, bot.Span{Text: s.Text[:end], Style: s.Style})
		}
		if end < len(s.Text) {
			break
		}
	}
	return append(out, bot.Span{Text: "… (cut)"})
}

// clip bounds what even alone is too long for one message.
func clip(lines []line, most int) []line {
	if cost(lines) <= most {
		return lines
	}
	out := slices.Clone(lines)
	for i := range out {
		out[i].spans = cutSpans(out[i].spans, most/len(out)-16)
	}
	return out
}

// tail is what stands below the text, who is called and the buttons, and how much it
// takes of what Slack takes in all blocks.
func (w *workspace) tail(m bot.Message) (blocks []slackapi.Block, size int, err error) {
	if len(m.Notify) > 0 {
		var call slackapi.Block
		call, size = w.calls(m)
		blocks = append(blocks, call)
	}
	if len(m.Buttons) == 0 {
		return blocks, size, nil
	}
	if len(m.Buttons) > maxButtons {
		return nil, 0, fmt.Errorf("%w: %d of them", errButton, len(m.Buttons))
	}
	var elements []slackapi.BlockElement
	var typed []string
	for i, b := range m.Buttons {
		if b.Label == "" || b.Value == "" || len(b.Value) > maxValue {
			return nil, 0, fmt.Errorf("%w: %q", errButton, b.Label)
		}
		id := fmt.Sprintf("%s%d", actionID, i)
		reason := strings.HasSuffix(b.Typed, " REASON")
		if reason {
			id = fmt.Sprintf("%s%d", askID, i)
		}
		label := cutText(display.Visible(b.Label), maxLabel)
		size += length(label)
		button := slackapi.NewButtonBlockElement(id, b.Value, plain(label))
		if b.Danger {
			button.Style = slackapi.StyleDanger
		}
		if !reason { // a form is a second look already
			button.Confirm = slackapi.NewConfirmationBlockObject(
				plain(cutText(display.Visible(b.Label)+"?", maxLabel)), plain(cutText("The same as typing: "+display.Visible(b.Typed), 290)), plain("Yes"), plain("No"))
		}
		elements = append(elements, button)
		if b.Typed != "" {
			typed = append(typed, display.Visible(b.Typed))
		}
	}
	blocks = append(blocks, slackapi.NewActionBlock("gridwarden", elements...))
	if len(typed) > 0 {
		said := cutText("or type: "+strings.Join(typed, "  ·  "), maxTyped)
		blocks, size = append(blocks, slackapi.NewContextBlock("", plain(said))), size+length(said)
	}
	return blocks, size, nil
}

// calls notifies the first of the people that a message is for and names others.
func (w *workspace) calls(m bot.Message) (slackapi.Block, int) {
	spans := []slackapi.RichTextSectionElement{slackapi.NewRichTextSectionTextElement("→ ", nil)}
	size := 0
	for i, id := range m.Notify {
		if size > maxNames {
			spans = append(spans, slackapi.NewRichTextSectionTextElement(fmt.Sprintf(" and %d more", len(m.Notify)-i), nil))
			break
		}
		if i > 0 {
			spans = append(spans, slackapi.NewRichTextSectionTextElement(", ", nil))
		}
		if user := w.mentioned(string(id)); user != "" && i < maxMentions {
			spans, size = append(spans, slackapi.NewRichTextSectionUserElement(user, nil)), size+len(user)+2
		} else {
			name := cutText(display.Visible(string(id)), maxLabel)
			spans, size = append(spans, slackapi.NewRichTextSectionTextElement(name, nil)), size+length(name)+2
		}
	}
	return slackapi.NewRichTextBlock("", slackapi.NewRichTextSection(spans...)), size
}

// maxMentions is how many people one message calls; the others are named.
const maxMentions = 20

// mentioned is a person's user id in this workspace, "" for none.
func (w *workspace) mentioned(person string) string {
	if w.opt.Accounts == nil {
		return ""
	}
	prefix := bot.Account{Platform: Name, Workspace: w.name}.Key()
	for _, key := range w.opt.Accounts(person) {
		if id, ok := strings.CutPrefix(key, prefix); ok && userID.MatchString(id) {
			return id
		}
	}
	return ""
}

func plain(s string) *slackapi.TextBlockObject {
	return slackapi.NewTextBlockObject(slackapi.PlainTextType, s, false, false)
}

// cutText bounds a label.
func cutText(s string, most int) string {
	if length(s) <= most {
		return s
	}
	n := 0
	for i, r := range s {
		if n += width(r); n > most-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// fallback is the whole meaning as text, for notifications and for those who
// hear messages: the beginning of a long one. It is the one text that Slack reads
// as markup: nothing of it may be live.
func fallback(whole string, buttons []bot.Button) string {
	whole = strings.TrimSpace(whole)
	n := 0
	for at := range whole {
		if n++; n > maxFallback+1 { // no rune becomes less than one
			return escape(cutText(visibleLines(whole[:at]), maxFallback))
		}
	}
	s := visibleLines(whole)
	for _, b := range buttons {
		s += "\n[" + display.Visible(b.Label) + "] " + display.Visible(b.Typed)
	}
	return escape(cutText(strings.TrimSpace(s)+"\n", maxFallback))
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(s string) string { return escaper.Replace(s) }

func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = display.Visible(lines[i])
	}
	return strings.Join(lines, "\n")
}
