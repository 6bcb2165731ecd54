package mail

import (
	"net"
	"net/mail"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

// The values of Config.TLS.
const (
	STARTTLS = "starttls" // begins in the clear and must become TLS; port 587 or 25
	Implicit = "implicit" // TLS from the first byte; port 465
	NoTLS    = "none"     // for a server on this machine only
)

// Config is the server that takes mail from us, and whom it goes to.
type Config struct {
	// SMTP is the server, as host:port.
	SMTP string `yaml:"smtp"`
	// TLS is starttls (also when left out), implicit or none.
	TLS string `yaml:"tls"`
	// CA is a PEM file of the authorities that may vouch for the server; without
	// it the machine's own.
	CA       string `yaml:"ca"`
	Username string `yaml:"username"`
	// PasswordFile is read for each mail, so a new password needs no restart.
	PasswordFile secret.File `yaml:"password_file"`
	// From is the sender, such as `gridwarden <gridwarden@example.org>`.
	From string `yaml:"from"`
	// SecurityList is told of incidents and actions, and gets a copy of every
	// letter. Empty: nobody is told by mail.
	SecurityList string `yaml:"security_list"`
}

// Problem is what is wrong with one setting.
type Problem struct{ Setting, Text string }

// Problems checks what can be checked without asking the server.
func (c Config) Problems() []Problem {
	var all []Problem
	add := func(setting, text string) { all = append(all, Problem{setting, text}) }
	host, port, err := net.SplitHostPort(c.SMTP)
	number, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case c.SMTP == "":
		add("smtp", "is missing: give the mail server as host:port, such as mail.example.org:587")
	case err != nil || host == "" || bad != nil || number == 0 || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == '/' || r == '@' }):
		add("smtp", "must be the mail server as host:port, such as mail.example.org:587")
	case c.TLS == NoTLS && !endpoint.Loopback(host):
		add("tls", "is none, but the server is on another machine: what it is sent could be read and changed on the way. Use starttls or implicit")
	}
	switch c.TLS {
	case "", STARTTLS, Implicit:
	case NoTLS:
		if c.Username != "" {
			add("username", "stands beside tls: none: a password never goes over a connection without TLS, take it out")
		}
		if c.CA != "" {
			add("ca", "stands beside tls: none: nobody is vouched for without TLS, take it out")
		}
	default:
		add("tls", "must be starttls, implicit, or none for a server on this machine")
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		add("username", "and password_file belong together: give both or neither")
	}
	if _, err := mail.ParseAddress(c.From); err != nil || strings.ContainsAny(c.From, "\r\n") {
		add("from", "must be the address that mail is sent from, such as gridwarden <gridwarden@example.org>")
	}
	if _, ok := bot.MailAddress(c.SecurityList); c.SecurityList != "" && !ok {
		add("security_list", "must be one bare address, such as security@example.org")
	}
	return all
}
