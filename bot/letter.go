package bot

import (
	"net/mail"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Mail is the name of the platform that sends mail.
const Mail = "mail"

// The two kinds of addresses of mail, as the workspaces of its threads.
const (
	MailToList    = "security-list" // whoever reads it is in the configuration
	MailToAddress = "to"            // the channel is the address
)

// Outgoing is a Platform that hears nothing, such as mail: it is not listened to,
// and that it has no more input ends nothing.
type Outgoing interface {
	Platform
	OutgoingOnly()
}

// Final is an error of a Platform that will not change by trying again, such as a
// recipient that does not exist. The message is given up at once.
type Final interface {
	error
	Final() bool
}

// toSecurityList makes a Post of what the security list is told. about names what
// its mails have in common, so that one that cannot be sent holds up no others.
func toSecurityList(key, about string, m Message) action.Post {
	return post(key, Thread{Platform: Mail, Workspace: MailToList, Root: about}, m)
}

// Letter makes a Post of a mail to one address: the title is its subject and the
// lines are its text, to the letter. The key is in its Message-ID.
func Letter(key, address string, m Message) action.Post {
	return post(key, Thread{Platform: Mail, Workspace: MailToAddress, Channel: address, Root: key}, m)
}

// MailAddress reads one bare mail address. It refuses a name beside it, a list,
// and whatever a header could be made of.
func MailAddress(s string) (string, bool) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > maxMailAddress || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>(),;:\\", r) }) {
		return "", false
	}
	return s, true
}

// maxMailAddress is the longest address that SMTP allows (RFC 5321, 4.5.3.1.3).
const maxMailAddress = 254

// PostState is how far a Post has come.
type PostState string

// The states of a Post.
const (
	PostWaiting PostState = "waiting"
	PostSaid    PostState = "said"
	PostGivenUp PostState = "given up"
)

// Posted says how far a Post has come.
type Posted struct {
	State   PostState
	Message string    // its id on the platform, once it was said
	At      time.Time // when it was said, UTC
	Tries   int       // how often it was taken in hand, now included
	Why     string    // of the latest failure, "" once it was said
}
