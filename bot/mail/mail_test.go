package mail_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/mailserver"
	"github.com/gridwarden/gridwarden/bot/mail"
	"github.com/gridwarden/gridwarden/config/secret"
)

var (
	toList = bot.Thread{Platform: bot.Mail, Workspace: bot.MailToList, Root: "incident/abc"}
	toSite = bot.Thread{Platform: bot.Mail, Workspace: bot.MailToAddress, Channel: "csirt@site.example.org", Root: "x"}
)

// password writes a secret's file.
func password(t *testing.T, text string) secret.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.File(path)
}

// to makes a Mail that speaks to a server; change may alter its configuration.
func to(t *testing.T, s *mailserver.Server, change func(*mail.Config)) *mail.Mail {
	t.Helper()
	c := mail.Config{SMTP: s.Addr, CA: s.CA, From: "gridwarden <gridwarden@example.org>", SecurityList: "security@example.org"}
	if change != nil {
		change(&c)
	}
	if problems := c.Problems(); len(problems) > 0 {
		t.Fatalf("the configuration is refused: %v", problems)
	}
	m, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func letter(subject string, lines ...string) bot.Message {
	m := bot.Message{Title: bot.Textf("%s", subject)}
	for _, l := range lines {
		m.Line("%s", l)
	}
	return m
}

// read reads a mail as its receiver does.
func read(t *testing.T, m mailserver.Mail) (netmail.Header, string) {
	t.Helper()
	got, err := netmail.ReadMessage(strings.NewReader(m.Text))
	if err != nil {
		t.Fatalf("no mail: %v\n%s", err, m.Text)
	}
	if enc := got.Header.Get("Content-Transfer-Encoding"); enc != "quoted-printable" {
		t.Errorf("Content-Transfer-Encoding: %s", enc)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil {
		t.Fatal(err)
	}
	return got.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
}

func subject(t *testing.T, h netmail.Header) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSecurityListIsTold(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{Account: true})
	m := to(t, s, func(c *mail.Config) {
		c.Username, c.PasswordFile = mailserver.Username, password(t, mailserver.Password)
	})
	what := letter("Case abc is open: Köln ⛏", "Opened by Alice.", "", "Zürich, 東京")
	id, err := m.PostKeyed(t.Context(), toList, "mail/r-1", what)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Mails()[0]
	if got.From != "gridwarden@example.org" || len(got.To) != 1 || got.To[0] != "security@example.org" || got.User != mailserver.Username || !got.TLS {
		t.Errorf("envelope: %+v", got)
	}
	h, text := read(t, got)
	if want := "[gridwarden] Case abc is open: Köln ⛏"; subject(t, h) != want {
		t.Errorf("subject %q, want %q", subject(t, h), want)
	}
	if want := "Case abc is open: Köln ⛏\nOpened by Alice.\n\nZürich, 東京\n"; text != want {
		t.Errorf("text %q, want %q", text, want)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "To": "<security@example.org>", "Reply-To": "<security@example.org>",
		"Content-Type": "text/plain; charset=UTF-8", "Message-Id": id, "From": `"gridwarden" <gridwarden@example.org>`,
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want)
		}
	}
	if h.Get("References") == "" || h.Get("References") == id {
		t.Errorf("References: %q ties it to no other mail", h.Get("References"))
	}
	if _, err := h.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
}

func TestALetterIsSentToTheLetter(t *testing.T) {
	for name, o := range map[string]mailserver.Options{"implicit": {Implicit: true}, "none": {Plain: true}, "starttls": {}} {
		t.Run(name, func(t *testing.T) {
			s := mailserver.New(t, o)
			m := to(t, s, func(c *mail.Config) { c.TLS = name })
			lines := []string{"Dear colleagues at T2_CH_CERN,", "", ".", "From the start. ", "  - job 1; \tdone = 100 %", strings.Repeat("long ", 300) + "end", "\u202e is no letter"}
			id, err := m.PostKeyed(t.Context(), toSite, "mail/x/1", letter("Re: wn042", lines...))
			if err != nil {
				t.Fatal(err)
			}
			got := s.Mails()[0]
			if strings.Join(got.To, " ") != "csirt@site.example.org security@example.org" || got.TLS == o.Plain {
				t.Errorf("envelope: %+v", got)
			}
			h, text := read(t, got)
			lines[4], lines[6] = "  - job 1; \uFFFDdone = 100 %", "\uFFFD is no letter"
			if want := strings.Join(lines, "\n") + "\n"; text != want {
				t.Errorf("text\n%q, want\n%q", text, want)
			}
			if subject(t, h) != "Re: wn042" || h.Get("Cc") != "<security@example.org>" || h.Get("Auto-Submitted") != "" || h.Get("Message-Id") != id {
				t.Errorf("headers: %v", h)
			}
		})
	}
}

// TestNothingFromOutsideMakesAHeader plays what people and records may hold.
func TestNothingFromOutsideMakesAHeader(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{Plain: true})
	m := to(t, s, func(c *mail.Config) { c.TLS = mail.NoTLS })
	evil := "x\r\nBcc: eve@evil.example.org\r\n\r\nHello\x00\u2028\x85"
	if _, err := m.PostKeyed(t.Context(), toSite, evil, letter(evil+strings.Repeat("y", 400), evil)); err != nil {
		t.Fatal(err)
	}
	got := s.Mails()[0]
	h, text := read(t, got)
	if len(got.To) != 2 || h.Get("Bcc") != "" || strings.Count(text, "\n") != 1 {
		t.Errorf("it got through: %q\n%s", got.To, got.Text)
	}
	if n := len([]rune(subject(t, h))); n > 201 {
		t.Errorf("the subject has %d letters", n)
	}
	for _, address := range []string{"", "a", "a@b, c@d", "a@b\r\nBcc: c@d", "Alice <a@b>", "<a@b>", "a@b ", `"a b"@c`, "a@[127.0.0.1]:x", "ä@b", strings.Repeat("a", 250) + "@b.org"} {
		thread := toSite
		thread.Channel = address
		_, err := m.PostKeyed(t.Context(), thread, "k", letter("s", "t"))
		var final bot.Final
		if !errors.As(err, &final) || !final.Final() {
			t.Errorf("%q: %v, want the end of it", address, err)
		}
	}
	if len(s.Mails()) != 1 {
		t.Errorf("%d mails", len(s.Mails()))
	}
}

// TestWhatMailServersSay walks the answers of servers: what is told, whether it
// is the end, and what the server took.
func TestWhatMailServersSay(t *testing.T) {
	for name, test := range map[string]struct {
		fault mailserver.Fault
		to    bot.Thread
		says  string
		final bool
		taken int // also when it did not say so
	}{
		"later":            {mailserver.Fault{At: mailserver.OnRcpt, Code: 451, Text: "Greylisted, come again"}, toSite, "recipient (it says: 451 Greylisted, come again); it is tried again. Nobody got it.", false, 0},
		"no such user":     {mailserver.Fault{At: mailserver.OnRcpt, Code: 550, Text: "No such user"}, toSite, "(it says: 550 No such user). Nobody got it.", true, 0},
		"no such list":     {mailserver.Fault{At: mailserver.OnRcpt, Code: 550, Text: "No such user"}, toList, "(it says: 550 No such user)", false, 0},
		"not from you":     {mailserver.Fault{At: mailserver.OnMail, Code: 553, Text: "Who are you?"}, toSite, "the address of mail.from (it says: 553 Who are you?)", false, 0},
		"text refused":     {mailserver.Fault{At: mailserver.OnData, Code: 554, Text: "Looks like spam\x1b[2J"}, toSite, "did not take the text (it says: 554 Looks like spam", true, 0},
		"disk full":        {mailserver.Fault{At: mailserver.OnData, Code: 452, Text: "Out of space"}, toSite, "(it says: 452 Out of space); it is tried again", false, 0},
		"cut before":       {mailserver.Fault{At: mailserver.OnMail}, toSite, "tried again", false, 0},
		"answer was lost":  {mailserver.Fault{At: mailserver.OnData, Taken: true}, toSite, "it may have been sent. It is tried again under the same Message-ID", false, 1},
		"cut at the end":   {mailserver.Fault{At: mailserver.OnData}, toSite, "it may have been sent", false, 0},
		"a very long word": {mailserver.Fault{At: mailserver.OnRcpt, Code: 450, Text: strings.Repeat("z", 1000)}, toSite, strings.Repeat("z", 100), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := mailserver.New(t, mailserver.Options{})
			m := to(t, s, nil)
			s.Next(test.fault)
			_, err := m.PostKeyed(t.Context(), test.to, "mail/x/1", letter("s", "t"))
			var said bot.ForPeople
			var final bot.Final
			if !errors.As(err, &said) || !errors.As(err, &final) {
				t.Fatalf("%v (%T) is no error for people", err, err)
			}
			if !strings.Contains(said.ForPeople(), test.says) || strings.ContainsRune(said.ForPeople(), '\x1b') || len(said.ForPeople()) > 400 {
				t.Errorf("says %q, want %q", said.ForPeople(), test.says)
			}
			if final.Final() != test.final {
				t.Errorf("final: %v", final.Final())
			}
			if got := len(s.Mails()); got != test.taken {
				t.Errorf("%d mails were taken, want %d", got, test.taken)
			}
			var trouble bot.ForPeople
			if err := m.Check(t.Context()); !errors.As(err, &trouble) || !strings.Contains(trouble.ForPeople(), "the latest mail was not taken") {
				t.Errorf("status says %v", err)
			}
			id, err := m.PostKeyed(t.Context(), test.to, "mail/x/1", letter("s", "t"))
			if err != nil {
				t.Fatalf("the second try: %v", err)
			}
			for _, got := range s.Mails() {
				if h, _ := read(t, got); h.Get("Message-Id") != id {
					t.Errorf("Message-ID %s of one try is not %s of another", h.Get("Message-Id"), id)
				}
			}
			if err := m.Check(t.Context()); err != nil {
				t.Errorf("after a mail was taken: %v", err)
			}
		})
	}
}

func TestNothingIsSentUnsafely(t *testing.T) {
	wrong := func(c *mail.Config) { c.Username, c.PasswordFile = mailserver.Username, password(t, "wrong") }
	for name, test := range map[string]struct {
		server mailserver.Options
		change func(*mail.Config)
		says   string
	}{
		"an unknown authority": {mailserver.Options{}, func(c *mail.Config) { c.CA = "" }, "mail.ca"},
		"another name":         {mailserver.Options{Name: "other.example.org"}, nil, "for another name"},
		"an old certificate":   {mailserver.Options{Ended: true}, nil, "not valid now"},
		"no STARTTLS":          {mailserver.Options{Plain: true}, nil, "offers no STARTTLS"},
		"the wrong password":   {mailserver.Options{Account: true}, wrong, "does not accept mail.username"},
		"no authentication":    {mailserver.Options{}, wrong, "no way to prove who we are"},
		"the wrong mode":       {mailserver.Options{}, func(c *mail.Config) { c.TLS = mail.Implicit }, "nothing was sent"},
		"a missing CA":         {mailserver.Options{}, func(c *mail.Config) { c.CA += ".gone" }, "cannot be read"},
		"a missing password":   {mailserver.Options{}, func(c *mail.Config) { c.Username, c.PasswordFile = "u", "/nowhere/p" }, "cannot be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mailserver.New(t, test.server)
			m := to(t, s, test.change)
			_, err := m.PostKeyed(t.Context(), toSite, "k", letter("s", "t"))
			for what, err := range map[string]error{"sending": err, "checking": m.Check(t.Context())} {
				var said bot.ForPeople
				if !errors.As(err, &said) || !strings.Contains(said.ForPeople(), test.says) {
					t.Errorf("%s says %v, want %q", what, err, test.says)
				}
				if err != nil && strings.Contains(err.Error(), "wrong\n") {
					t.Error("the password is in the error")
				}
			}
			if len(s.Mails()) > 0 {
				t.Error("it was sent")
			}
		})
	}
}

func TestASlowServerHoldsNobodyUp(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{})
	m := to(t, s, nil)
	held := make(chan struct{})
	s.Next(mailserver.Fault{At: mailserver.OnData, Until: held, Taken: true})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := m.PostKeyed(ctx, toSite, "k", letter("s", "t"))
	if err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	if !strings.Contains(err.Error(), "may have been sent") {
		t.Errorf("says %v, but the whole mail was handed over", err)
	}
	close(held)
	s.Wait(t, 1)
}

func TestAServerThatIsNotThere(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{})
	m := to(t, s, nil)
	s.Stop()
	_, err := m.PostKeyed(t.Context(), toList, "k", letter("s", "t"))
	if err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("says %v", err)
	}
}

func TestALongTextIsCutAndSaysSo(t *testing.T) {
	s := mailserver.New(t, mailserver.Options{})
	m := to(t, s, nil)
	if _, err := m.PostKeyed(t.Context(), toList, "k", letter("s", strings.Repeat("ä", mail.MaxText))); err != nil {
		t.Fatal(err)
	}
	_, text := read(t, s.Mails()[0])
	if len(text) > mail.MaxText+200 || !strings.HasSuffix(text, "the audit log have it.)\n") || !strings.Contains(text, "ä\n(The rest") {
		t.Errorf("%d bytes, the end is %q", len(text), text[len(text)-120:])
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	good := mail.Config{SMTP: "mail.example.org:587", From: "gridwarden@example.org"}
	if p := good.Problems(); len(p) > 0 {
		t.Fatalf("a good one: %v", p)
	}
	for setting, change := range map[string]func(*mail.Config){
		"smtp":            func(c *mail.Config) { c.SMTP = "" },
		"smtp ":           func(c *mail.Config) { c.SMTP = "mail.example.org" },
		"smtp  ":          func(c *mail.Config) { c.SMTP = "mail.example.org:99999" },
		"smtp   ":         func(c *mail.Config) { c.SMTP = "smtp://mail.example.org:25" },
		"tls":             func(c *mail.Config) { c.TLS = "ssl" },
		"tls ":            func(c *mail.Config) { c.TLS = mail.NoTLS },
		"ca":              func(c *mail.Config) { c.SMTP, c.TLS, c.CA = "localhost:25", mail.NoTLS, "x" },
		"username":        func(c *mail.Config) { c.Username = "u" },
		"username ":       func(c *mail.Config) { c.PasswordFile = "u" },
		"username  ":      func(c *mail.Config) { c.SMTP, c.TLS, c.Username, c.PasswordFile = "localhost:25", mail.NoTLS, "u", "p" },
		"from":            func(c *mail.Config) { c.From = "" },
		"from ":           func(c *mail.Config) { c.From = "a@b\r\nBcc: c@d" },
		"security_list":   func(c *mail.Config) { c.SecurityList = "Security <s@example.org>" },
		"security_list  ": func(c *mail.Config) { c.SecurityList = "a@b, c@d" },
	} {
		c := good
		change(&c)
		if p := c.Problems(); len(p) != 1 || p[0].Setting != strings.TrimSpace(setting) {
			t.Errorf("%s: %v", setting, p)
		}
	}
}
