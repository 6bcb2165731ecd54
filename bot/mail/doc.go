// Package mail sends mail and receives none: what the security list is told,
// and the letters that people approved.
//
// It is a platform of the bot, so that a mail waits in the outbox like every
// message, survives a crash and is tried again for a day. SMTP has no way to ask
// whether a mail was taken: when the answer is lost, the mail goes out again
// under the Message-ID that it had before, by which receivers know it.
//
// github.com/wneessen/go-mail speaks the protocol and writes the headers; nothing
// else of the program knows it.
package mail
