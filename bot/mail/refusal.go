package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/gridwarden/gridwarden/bot"
)

// connecting is the stage before a mail is offered.
const connecting = "connecting"

// stage is an error with what was being done.
type stage struct {
	while string
	err   error
}

func (s *stage) Error() string { return s.while + ": " + s.err.Error() }
func (s *stage) Unwrap() error { return s.err }

// refusal is why a mail was not taken, or not surely.
type refusal struct {
	bot.Problem
	final bool
}

// Final implements bot.Final.
func (r *refusal) Final() bool { return r.final }

// about words an error. Whether a refused recipient is the end of it is for who
// wrote the address: that of the list stands in the configuration and is tried
// until somebody mends it.
func about(err error, finalIfRefused bool, server string) *refusal {
	var known *refusal
	if errors.As(err, &known) {
		return known
	}
	r := &refusal{Problem: bot.Problem{Code: "unavailable", Cause: err}}
	var forPeople bot.ForPeople
	var send *gomail.SendError
	var connect *stage
	switch {
	case errors.As(err, &forPeople): // of the password's file, or of the authorities'
		r.Sentence = forPeople.ForPeople()
	case errors.As(err, &connect):
		r.Sentence = notConnected(connect.err, server)
	case errors.As(err, &send):
		r.Sentence, r.final = notTaken(send, server)
		r.final = r.final && finalIfRefused
	default:
		r.Sentence = fmt.Sprintf("The mail could not be handed to %s; it is tried again.", server)
	}
	return r
}

func notConnected(err error, server string) string {
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var answer *textproto.Error
	switch {
	case errors.As(err, &unknown):
		return fmt.Sprintf("Nobody that this machine trusts vouches for the mail server %s; nothing was sent. Name its authorities by mail.ca.", server)
	case errors.As(err, &wrongName):
		return fmt.Sprintf("The certificate of the mail server %s is for another name; nothing was sent.", server)
	case errors.As(err, &invalid):
		return fmt.Sprintf("The certificate of the mail server %s is not valid now; nothing was sent.", server)
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return fmt.Sprintf("The mail server %s offers no STARTTLS, and nothing is sent in the clear. Is it tls: implicit, on another port?", server)
	case errors.Is(err, gomail.ErrNoSupportedAuthDiscovered), strings.Contains(err.Error(), "does not support SMTP AUTH"):
		return fmt.Sprintf("The mail server %s offers no way to prove who we are that is safe; nothing was sent. Take mail.username out if it needs none.", server)
	case strings.Contains(err.Error(), "SMTP AUTH failed"):
		return fmt.Sprintf("The mail server %s does not accept mail.username with the password in mail.password_file%s; nothing was sent.", server, said(err))
	case errors.As(err, &answer):
		return fmt.Sprintf("The mail server %s takes nothing now%s; nothing was sent, and it is tried again.", server, said(err))
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Sprintf("The mail server %s did not answer in time; nothing was sent, and it is tried again.", server)
	}
	return fmt.Sprintf("The mail server %s cannot be reached; nothing was sent, and it is tried again.", server)
}

// notTaken words what went wrong after the connection was made, and says whether
// the server's answer will stay the same.
func notTaken(err *gomail.SendError, server string) (sentence string, final bool) {
	code, answer := err.ErrorCode(), said(err)
	final = code >= 500
	again := "; it is tried again"
	if final {
		again = ""
	}
	switch err.Reason {
	case gomail.ErrSMTPMailFrom:
		return fmt.Sprintf("The mail server %s does not take mail from the address of mail.from%s%s.", server, answer, again), false
	case gomail.ErrSMTPRcptTo:
		return fmt.Sprintf("The mail server %s does not take mail for a recipient%s%s. Nobody got it.", server, answer, again), final
	case gomail.ErrSMTPDataClose, gomail.ErrWriteContent:
		if code != 0 {
			return fmt.Sprintf("The mail server %s did not take the text%s%s.", server, answer, again), final
		}
		if err.Reason == gomail.ErrSMTPDataClose {
			return fmt.Sprintf("The mail server %s was given the whole mail and did not say whether it took it: it may have been sent. It is tried again under the same Message-ID.", server), false
		}
	}
	return fmt.Sprintf("The mail server %s broke off%s; the mail was not taken and is tried again.", server, answer), false
}

// said is the server's own words, " (it says: 550 No such user)", bounded.
func said(err error) string {
	var answer *textproto.Error
	var send *gomail.SendError
	var text string
	switch {
	case errors.As(err, &answer):
		text = answer.Error()
	case errors.As(err, &send) && send.ErrorCode() != 0: // it has the answer in its text only
		text, _, _ = strings.Cut(strings.TrimPrefix(send.Error(), send.Reason.String()+": "), ", affected ")
		if code, quoted, _ := strings.Cut(text, " "); strings.HasPrefix(quoted, `"`) {
			if plain, err := strconv.Unquote(quoted); err == nil {
				text = code + " " + plain
			}
		}
	default:
		return ""
	}
	text = line(text)
	if r := []rune(text); len(r) > maxAnswer {
		text = string(r[:maxAnswer]) + "…"
	}
	return " (it says: " + text + ")"
}

// maxAnswer bounds the words of a server in a sentence, in letters.
const maxAnswer = 160

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
