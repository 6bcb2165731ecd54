package fakediscord

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// draft is a message as it is sent to be made or changed.
type draft struct {
	Content     string          `json:"content"`
	Components  json.RawMessage `json:"components"`
	Embeds      []any           `json:"embeds"`
	Flags       int             `json:"flags"`
	Nonce       nonce           `json:"nonce"`
	Enforce     bool            `json:"enforce_nonce"`
	Attachments *[]struct {
		ID       json.Number `json:"id"`
		Filename string      `json:"filename"`
	} `json:"attachments"`
	Mentions *struct {
		Parse []string `json:"parse"`
		Users []string `json:"users"`
		Roles []string `json:"roles"`
	} `json:"allowed_mentions"`
}

// nonce is a string or a number.
type nonce string

// UnmarshalJSON implements json.Unmarshaler.
func (n *nonce) UnmarshalJSON(data []byte) error {
	*n = nonce(strings.Trim(string(data), `"`))
	return nil
}

// draft reads and judges a message. The caller holds mu.
func (s *Server) draft(r *request) (*draft, *wrong) {
	var d draft
	if bad := r.decode(&d); bad != nil {
		return nil, bad
	}
	if bad := d.judge(r.files); bad != nil {
		return nil, bad
	}
	if d.Mentions == nil {
		s.naked++
	}
	return &d, nil
}

// Judge gives Discord's word for a message that it does not take, "" for one that
// it does. files are the names of those that go with it.
func Judge(body []byte, files ...string) string {
	r := request{body: body}
	for i, name := range files {
		r.files = append(r.files, upload{fmt.Sprintf("files[%d]", i), name, []byte("x")})
	}
	var d draft
	bad := r.decode(&d)
	if bad == nil {
		bad = d.judge(r.files)
	}
	if bad == nil {
		return ""
	}
	return fmt.Sprintf("%d %s", bad.code, bad.message)
}

// judge holds a message against the limits of resources/message and components/reference.
func (d *draft) judge(files []upload) *wrong {
	switch {
	case utf8.RuneCountInString(d.Content) > 2000:
		return badForm("content: Must be 2000 or fewer in length.")
	case len(d.Embeds) > 10:
		return badForm("embeds: Must be 10 or fewer in length.")
	case strings.TrimSpace(d.Content) == "" && len(d.Embeds) == 0 && len(files) == 0:
		return emptyMessage
	case len(d.Nonce) > 25:
		return badForm("nonce: Must be 25 or fewer in length.")
	case len(files) > 10:
		return badForm("attachments: Must be 10 or fewer in length.")
	case d.Mentions != nil && slices.Contains(d.Mentions.Parse, "users") && len(d.Mentions.Users) > 0:
		return badForm("allowed_mentions: parse:[\"users\"] and users: [ids...] are mutually exclusive.")
	case d.Mentions != nil && len(d.Mentions.Users) > 100:
		return badForm("allowed_mentions.users: Must be 100 or fewer in length.")
	}
	for _, f := range files {
		named := d.Attachments != nil && slices.ContainsFunc(*d.Attachments, func(a struct {
			ID       json.Number `json:"id"`
			Filename string      `json:"filename"`
		},
		) bool {
			return "files["+a.ID.String()+"]" == f.field
		})
		if d.Attachments != nil && !named {
			return badForm("attachments: " + f.field)
		}
	}
	return judgeComponents(d.Components)
}

// component is a row, a button or a field.
type component struct {
	Type       int         `json:"type"`
	ID         string      `json:"custom_id"`
	Label      string      `json:"label"`
	Style      int         `json:"style"`
	Max        int         `json:"max_length"`
	Components []component `json:"components"`
}

func judgeComponents(data json.RawMessage) *wrong {
	var rows []component
	if len(data) == 0 {
		return nil
	}
	if json.Unmarshal(data, &rows) != nil {
		return badForm("components")
	}
	if len(rows) > 5 {
		return badForm("components: Must be 5 or fewer in length.")
	}
	seen := map[string]bool{}
	for _, row := range rows {
		if row.Type != 1 || len(row.Components) < 1 || len(row.Components) > 5 {
			return badForm("components: a row has 1 to 5 buttons")
		}
		for _, b := range row.Components {
			n := utf8.RuneCountInString(b.ID)
			switch {
			case b.Type != 2 || b.Style < 1 || b.Style > 4:
				return badForm("components: type or style")
			case n < 1 || n > 100:
				return badForm("custom_id: Must be between 1 and 100 in length.")
			case seen[b.ID]:
				return badForm("custom_id: Component custom id cannot be duplicated")
			case strings.TrimSpace(b.Label) == "" || utf8.RuneCountInString(b.Label) > 80:
				return badForm("label: Must be between 1 and 80 in length.")
			}
			seen[b.ID] = true
		}
	}
	return nil
}

// judgeForm holds a modal against components/reference: title 45, a label 45, a text 4,000.
func judgeForm(title, id string, data json.RawMessage) *wrong {
	var rows []component
	if json.Unmarshal(data, &rows) != nil || len(rows) < 1 || len(rows) > 5 {
		return badForm("components")
	}
	if n := utf8.RuneCountInString(title); n < 1 || n > 45 {
		return badForm("title: Must be 45 or fewer in length.")
	}
	if n := utf8.RuneCountInString(id); n < 1 || n > 100 {
		return badForm("custom_id: Must be between 1 and 100 in length.")
	}
	for _, row := range rows {
		if row.Type != 1 || len(row.Components) != 1 || row.Components[0].Type != 4 {
			return badForm("components: a row has one field")
		}
		f := row.Components[0]
		if n := utf8.RuneCountInString(f.Label); n < 1 || n > 45 || f.Style < 1 || f.Style > 2 || f.ID == "" || f.Max > 4000 {
			return badForm("components: a field")
		}
	}
	return nil
}
