// Package mailserver is a real SMTP server for tests, on github.com/emersion/go-smtp:
// STARTTLS or TLS from the first byte, authentication, and on demand the bad days
// of mail servers. It keeps what it took and sends nothing on.
package mailserver
