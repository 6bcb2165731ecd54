package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config/endpoint"
)

// patience is how long the server may take to be connected to, and again for each
// part of taking a mail.
const patience = 8 * time.Second

// Mail sends by one server. It is safe for concurrent use.
type Mail struct {
	config Config
	from   *mail.Address

	mu     sync.Mutex
	failed *failure // the latest mail, when it was not taken
}

// failure is a mail that was not taken.
type failure struct {
	at  time.Time
	err error
}

// New gives the platform of a configuration without Problems.
func New(c Config) (*Mail, error) {
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("mail: the sender: %w", err)
	}
	return &Mail{config: c, from: from}, nil
}

// Name implements bot.Platform.
func (m *Mail) Name() string { return bot.Mail }

// OutgoingOnly implements bot.Outgoing.
func (m *Mail) OutgoingOnly() {}

// Listen implements bot.Platform. Nothing is ever heard.
func (m *Mail) Listen(ctx context.Context, _ func(context.Context, bot.Event) error) error {
	<-ctx.Done()
	return nil
}

// Post implements bot.Platform. Without a key nothing would tell a second try
// from a second mail.
func (m *Mail) Post(context.Context, bot.Thread, bot.Message) (string, error) {
	return "", errors.New("mail: a mail needs a key")
}

// Update implements bot.Platform. What was sent stays as it is.
func (m *Mail) Update(context.Context, bot.Thread, string, bot.Message) error {
	return errors.New("mail: a mail that was sent cannot be changed")
}

// PostKeyed implements bot.KeyedPoster: it returns once the server has taken the
// mail. The id is the Message-ID, which is the same for every try.
func (m *Mail) PostKeyed(ctx context.Context, t bot.Thread, key string, what bot.Message) (string, error) {
	msg, err := m.compose(t, key, what)
	if err == nil {
		err = m.send(ctx, msg)
	}
	if stopping := err != nil && errors.Is(ctx.Err(), context.Canceled); !stopping {
		m.note(err)
	}
	if err != nil {
		return "", about(err, t.Workspace == bot.MailToAddress, m.config.SMTP)
	}
	return msg.GetMessageID(), nil
}

// send hands one mail over.
func (m *Mail) send(ctx context.Context, msg *gomail.Msg) error {
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return &stage{while: connecting, err: err}
	}
	defer func() { _ = client.CloseWithSMTPClient(connection) }() // says QUIT; the mail is taken or not by then
	err = client.SendWithSMTPClient(connection, msg)
	if msg.IsDelivered() { // what fails after that, such as RSET, is not about the mail
		return nil
	}
	return err
}

// client is made for each mail: the password and the authorities are renewed
// under a running program. The library looks at ctx while it connects and at its
// own clock, begun anew for the mail itself, after that.
func (m *Mail) client(ctx context.Context) (*gomail.Client, error) {
	limit := patience
	if until, ok := ctx.Deadline(); ok {
		limit = max(min(limit, time.Until(until)/2), time.Millisecond)
	}
	c := m.config
	host, port, err := net.SplitHostPort(c.SMTP)
	if err != nil {
		return nil, fmt.Errorf("mail: the server: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("mail: the server: %w", err)
	}
	authorities, err := endpoint.Authorities(c.CA)
	if err != nil {
		return nil, err
	}
	options := []gomail.Option{
		gomail.WithPort(number), gomail.WithTimeout(limit), gomail.WithoutRset(),
		gomail.WithTLSConfig(&tls.Config{RootCAs: authorities, ServerName: host, MinVersion: tls.VersionTLS12}),
	}
	switch c.TLS {
	case Implicit:
		options = append(options, gomail.WithSSL())
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.Username != "" {
		password, err := c.PasswordFile.Read()
		if err != nil {
			return nil, err
		}
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(c.Username), gomail.WithPassword(password.Reveal()))
	}
	client, err := gomail.NewClient(host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail: preparing to speak to %s: %w", c.SMTP, err)
	}
	return client, nil
}

// note keeps how the latest mail fared, for Check.
func (m *Mail) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = nil
	if err != nil {
		m.failed = &failure{at: time.Now().UTC(), err: err}
	}
}

// Check says whether the server would take mail from us now: it connects, makes
// the connection safe and proves who asks, and sends nothing. A mail that was not
// taken is told until another is.
func (m *Mail) Check(ctx context.Context) error {
	client, err := m.client(ctx)
	if err != nil {
		return about(err, false, m.config.SMTP)
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return about(&stage{while: connecting, err: err}, false, m.config.SMTP)
	}
	_ = client.CloseWithSMTPClient(connection)
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.failed; f != nil {
		return &bot.Problem{
			Code:     "unavailable",
			Sentence: fmt.Sprintf("The mail server answers, but the latest mail was not taken at %s: %s", f.at.Format("2006-01-02 15:04:05 UTC"), about(f.err, false, m.config.SMTP).Sentence),
			Cause:    f.err,
		}
	}
	return nil
}

// Details implements what status shows beside its health.
func (m *Mail) Details(context.Context) ([]string, error) {
	list := m.config.SecurityList
	if list == "" {
		return []string{"the security list is told nothing: mail.security_list is not set"}, nil
	}
	return []string{"tells the security list " + list}, nil
}
