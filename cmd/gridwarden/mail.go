package main

import (
	"github.com/gridwarden/gridwarden/bot/mail"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/handlers/reply"
)

// wireMail builds the platform that sends mail. Only a process that says what
// waits in the outbox sends any; every one can check the server.
func (a *app) wireMail(cfg *config.Config) error {
	if cfg.Mail == nil {
		return nil
	}
	m, err := mail.New(*cfg.Mail)
	if err != nil {
		return err
	}
	a.mail, a.parts = m, append(a.parts, m)
	return nil
}

// sender is how letters go out; nil when none do.
func sender(cfg *config.Config) *reply.Sender {
	if cfg.Mail == nil {
		return nil
	}
	return &reply.Sender{From: cfg.Mail.From, Copy: cfg.Mail.SecurityList}
}
