// Package reply drafts mails about what a thread knows: the answer to a site, a
// question to a site for an id that is missing, and a question to a user. The
// text of the answer has the shape of the mail in PanDA's security procedure.
//
// A draft is text and a file to copy. With a mail server it can be sent as it
// stands: that is an action, whose card shows the letter in full, so that who is
// written to, and what, is what people have approved.
package reply
