package mail

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of one mail. A letter that is longer is refused before it is approved.
const (
	maxSubject = 200 // letters
	MaxText    = 256 << 10
)

// subjectPrefix marks what the security list is told, so that it can be sorted.
const subjectPrefix = "[gridwarden] "

// compose makes the mail that m is in a thread.
func (m *Mail) compose(t bot.Thread, key string, what bot.Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP))
	msg.FromMailAddress(m.from)
	list := m.config.SecurityList
	subject := line(what.Title.String())
	var text string
	var err error
	switch {
	case t.Workspace == bot.MailToList && list == "":
		return nil, &bot.Problem{Code: "not-configured", Sentence: "The security list is not told by mail: mail.security_list is not set."}
	case t.Workspace == bot.MailToList:
		err = msg.To(list)
		subject, text = subjectPrefix+subject, what.Plain()+"\n"
		// RFC 3834: nobody's absence is to be answered to us.
		msg.SetGenHeader("Auto-Submitted", "auto-generated")
		msg.SetGenHeader(gomail.HeaderReferences, m.id("about "+t.Root))
		msg.SetGenHeader(gomail.HeaderInReplyTo, m.id("about "+t.Root))
	case t.Workspace == bot.MailToAddress:
		to, ok := bot.MailAddress(t.Channel)
		if !ok {
			return nil, &refusal{Problem: bot.Problem{Code: "usage", Sentence: fmt.Sprintf("%q is no mail address; nothing was sent.", line(t.Channel))}, final: true}
		}
		err = msg.To(to)
		for _, l := range what.Lines {
			text += line(l.String()) + "\n"
		}
		if err == nil && list != "" && to != list {
			err = msg.Cc(list)
		}
	default:
		return nil, fmt.Errorf("mail: no such address: %s", t)
	}
	if err == nil && list != "" {
		err = msg.ReplyTo(list)
	}
	if err != nil {
		return nil, fmt.Errorf("mail: addressing a mail: %w", err)
	}
	if len(text) > MaxText {
		text = strings.ToValidUTF8(text[:MaxText], "") + "\n(The rest is left out: it is too long for a mail. The thread and the audit log have it.)\n"
	}
	msg.Subject(clip(subject))
	msg.SetMessageIDWithValue(strings.Trim(m.id(key), "<>"))
	msg.SetDateWithValue(time.Now().UTC())
	// Mail servers of offices answer with absences in their own ways.
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetBodyString(gomail.TypeTextPlain, text)
	return msg, nil
}

// id is the Message-ID of a key: the same for every try, and of no other mail.
func (m *Mail) id(key string) string {
	sum := sha256.Sum256([]byte(m.from.Address + "\n" + key))
	_, domain, _ := strings.Cut(m.from.Address, "@")
	return "<" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20])) + "@" + domain + ">"
}

// line makes one line of foreign text: nothing in it can begin another line or
// header, or turn the direction of writing.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func clip(s string) string {
	if r := []rune(s); len(r) > maxSubject {
		return string(r[:maxSubject]) + "…"
	}
	return s
}
