package mailserver

import (
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one conversation.
type session struct {
	server  *Server
	conn    *smtp.Conn
	account bool
	user    string
	from    string
	to      []string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if !s.account {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != Username || password != Password {
			return smtp.ErrAuthFailed
		}
		s.user = username
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.account && s.user == "" {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.meet(OnMail, nil)
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return s.meet(OnRcpt, nil)
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, encrypted := s.conn.TLSConnectionState()
	m := Mail{From: s.from, To: s.to, Text: string(text), User: s.user, TLS: encrypted}
	return s.meet(OnData, func() { s.server.take(m) })
}

// meet does what a moment has in store.
func (s *session) meet(at At, take func()) error {
	f, bad := s.server.fault(at, s.to)
	if f.Until != nil {
		<-f.Until
	}
	if take != nil && (!bad || f.Taken || f.Until != nil && f.Code == 0) {
		take()
	}
	switch {
	case !bad, f.Until != nil && f.Code == 0 && !f.Taken:
		return nil
	case f.Code == 0:
		_ = s.conn.Conn().Close()
		return io.ErrUnexpectedEOF
	}
	return &smtp.SMTPError{Code: f.Code, EnhancedCode: smtp.NoEnhancedCode, Message: f.Text}
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
