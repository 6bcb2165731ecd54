package fakeslack

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
)

// Limits of Block Kit.
const (
	maxBlocks  = 50
	maxSum     = 9600 // characters in all blocks of a message; more was seen to fail
	maxSection = 3000
	maxActions = 25
	maxLabel   = 75
	maxValue   = 2000
	maxID      = 255
	maxContext = 10
)

func length(s string) int { return len(utf16.Encode([]rune(s))) }

type text struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji bool   `json:"emoji"`
}

type element struct {
	Type     string          `json:"type"`
	Elements []element       `json:"elements"`
	Text     json.RawMessage `json:"text"`
	Value    string          `json:"value"`
	ActionID string          `json:"action_id"`
	BlockID  string          `json:"block_id"`
	UserID   string          `json:"user_id"`
	Style    json.RawMessage `json:"style"`
	Confirm  *struct{ Title, Text, Confirm, Deny text }
}

// plainText reads a plain_text object, or the text of a context element.
func (e element) plainText() text {
	var t text
	if json.Unmarshal(e.Text, &t) != nil {
		_ = json.Unmarshal(e.Text, &t.Text)
	}
	return t
}

// Inspect says what Slack would not take in blocks, "" for nothing, and gives
// their text and the users that they mention.
func Inspect(blocks json.RawMessage) (word, shown string, mentioned []string) {
	var list []element
	if err := json.Unmarshal(blocks, &list); err != nil || len(list) == 0 || len(list) > maxBlocks {
		return "invalid_blocks", "", nil
	}
	i := inspection{actions: map[string]bool{}}
	for _, b := range list {
		if !i.block(b) {
			return "invalid_blocks", i.shown.String(), i.mentioned
		}
	}
	if i.sum > maxSum {
		return "msg_blocks_too_long", i.shown.String(), i.mentioned
	}
	return "", i.shown.String(), i.mentioned
}

type inspection struct {
	shown     strings.Builder
	sum       int
	mentioned []string
	actions   map[string]bool
}

// add counts text; at most is the limit of its place.
func (i *inspection) add(s string, most int) bool {
	n := length(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s))
	i.sum += n
	i.shown.WriteString(s)
	return s != "" && n <= most
}

func (i *inspection) block(b element) bool {
	if len(b.BlockID) > maxID {
		return false
	}
	defer i.shown.WriteByte('\n')
	switch b.Type {
	case "rich_text":
		before := i.sum
		for _, e := range b.Elements {
			if e.Type != "rich_text_section" && e.Type != "rich_text_preformatted" || len(e.Elements) == 0 {
				return false
			}
			for _, span := range e.Elements {
				switch span.Type {
				case "text":
					if !i.add(span.plainText().Text, maxSection) {
						return false
					}
				case "user":
					i.mentioned = append(i.mentioned, span.UserID)
				default: // links, channels, broadcasts, dates, emoji: a bot of ours makes none
					return false
				}
			}
			i.shown.WriteByte('\n')
		}
		return len(b.Elements) > 0 && i.sum-before <= maxSection
	case "actions":
		return i.buttons(b.Elements)
	case "context":
		for _, e := range b.Elements {
			var t text
			t.Type = e.Type
			_ = json.Unmarshal(e.Text, &t.Text)
			if t.Type != "plain_text" || !i.add(t.Text, maxSection) {
				return false
			}
		}
		return len(b.Elements) > 0 && len(b.Elements) <= maxContext
	}
	return false
}

func (i *inspection) buttons(list []element) bool {
	for _, e := range list {
		t := e.plainText()
		if e.Type != "button" || t.Type != "plain_text" || length(t.Text) > maxLabel || !i.add(t.Text, 6*maxLabel) || e.Value == "" || len(e.Value) > maxValue ||
			e.ActionID == "" || len(e.ActionID) > maxID || i.actions[e.ActionID] {
			return false
		}
		i.shown.WriteByte('\n')
		if c := e.Confirm; c != nil && (!short(c.Title, 100) || !short(c.Text, 300) || !short(c.Confirm, 30) || !short(c.Deny, 30)) {
			return false
		}
		i.actions[e.ActionID] = true
	}
	return len(list) > 0 && len(list) <= maxActions
}

func short(t text, most int) bool {
	return t.Type == "plain_text" && t.Text != "" && length(t.Text) <= most
}

// validBlocks gives Slack's word for blocks that it does not take, "" for those that
// it does. Of any bot's only their number is known here.
func (s *Server) validBlocks(blocks json.RawMessage) string {
	if s.AnyBot {
		var list []json.RawMessage
		if json.Unmarshal(blocks, &list) != nil || len(list) > maxBlocks {
			return "invalid_blocks"
		}
		return ""
	}
	word, _, _ := Inspect(blocks)
	return word
}

func validView(view json.RawMessage) string {
	var v struct {
		Type     string `json:"type"`
		Callback string `json:"callback_id"`
		Private  string `json:"private_metadata"`
		Title    text   `json:"title"`
		Submit   text   `json:"submit"`
		Close    text   `json:"close"`
		Blocks   []struct {
			Type    string `json:"type"`
			Label   text   `json:"label"`
			Element struct {
				Type string `json:"type"`
				Max  int    `json:"max_length"`
			} `json:"element"`
		} `json:"blocks"`
	}
	if err := json.Unmarshal(view, &v); err != nil || v.Type != "modal" || len(v.Callback) > maxID || len(v.Private) > 3000 ||
		!short(v.Title, 24) || !short(v.Submit, 24) || !short(v.Close, 24) || len(v.Blocks) == 0 || len(v.Blocks) > 100 {
		return "invalid_arguments"
	}
	for _, b := range v.Blocks {
		if b.Type != "input" || !short(b.Label, 2000) || b.Element.Type != "plain_text_input" || b.Element.Max < 0 || b.Element.Max > 3000 {
			return "invalid_arguments"
		}
	}
	return ""
}

// live is what Slack makes more than text of.
var live = regexp.MustCompile(`[<>]|&(?:[^alg]|$)`)

// Live says what in the text of a message would be more than text: a mention, a
// link, a channel or a date; "" for nothing.
func Live(text string) string {
	if at := live.FindStringIndex(text); at != nil {
		return fmt.Sprintf("%.60q", text[at[0]:])
	}
	return ""
}

// Shown is everything that people can see, as text.
func (s *Server) Shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, messages := range s.messages {
		for _, m := range messages {
			if m.User != BotUser || len(m.Blocks) == 0 {
				continue
			}
			_, shown, _ := Inspect(m.Blocks)
			b.WriteString(shown)
			b.WriteString(m.Text + "\n")
		}
	}
	return b.String()
}
