package discord

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
)

// beginsWithin is how long the first answer to an interaction is waited for.
const beginsWithin = 3 * time.Second

// Whisper implements bot.Whisperer. To an interaction of the last 15 minutes an
// answer is given that only the person sees; otherwise it goes into a direct
// message, and who takes none is told that in the channel.
func (p *Platform) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	g, err := p.at(t)
	if err != nil {
		return err
	}
	m = bounded(m)
	m.Notify, m.Buttons = nil, nil
	r, err := g.render(m, "")
	if err != nil {
		return err
	}
	r.files = r.files[:min(len(r.files), maxFiles)]
	if done, err := g.follow(ctx, t, to.ID, r); done || err != nil {
		return err
	}
	return g.direct(ctx, t, to.ID, r)
}

// follow answers an interaction; false: there is none, or its time is over.
func (g *guild) follow(ctx context.Context, t bot.Thread, user string, r page) (bool, error) {
	talk := g.latest(user, t)
	if talk == nil {
		return false, nil
	}
	select {
	case <-talk.begun:
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(beginsWithin):
		return false, nil
	}
	me, err := g.me(ctx)
	if err != nil {
		return false, err
	}
	files, attachments := uploads(r.files)
	err = g.ask(ctx, question{
		what: "an answer to an interaction", method: http.MethodPost, path: "webhooks/" + me.App + "/" + url.PathEscape(talk.token), route: "webhooks", files: files,
		body: outgoing{
			Content: r.content, Components: rows(nil), Mentions: mentions(nil), Attachments: attachments,
			Flags: discordgo.MessageFlagsEphemeral | discordgo.MessageFlagsSuppressEmbeds,
		},
	}, nil)
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusUnauthorized {
		return false, nil // its time is over
	}
	return err == nil, err
}

// latest is the newest talk of a person in a thread, or in its channel.
func (g *guild) latest(user string, t bot.Thread) *talk {
	var newest *talk
	for _, channel := range []string{t.Root, t.Channel} {
		k, ok := g.talks.Get(user+"/"+channel, 0)
		if ok && time.Now().Before(k.until) && (newest == nil || k.until.After(newest.until)) {
			newest = k
		}
	}
	return newest
}

// direct sends a direct message.
func (g *guild) direct(ctx context.Context, t bot.Thread, user string, r page) error {
	if !IsID(user) {
		return errElsewhere
	}
	var c discordgo.Channel
	err := g.ask(ctx, question{
		what: "a direct message", method: http.MethodPost, path: "users/@me/channels", route: "users/@me/channels", body: map[string]string{"recipient_id": user},
	}, &c)
	if err == nil {
		_, err = g.send(ctx, t, c.ID, "", "", r)
	}
	if code(err) != discordgo.ErrCodeCannotSendMessagesToThisUser {
		return err
	}
	channel, err := g.open(ctx, t, "gridwarden")
	if err != nil {
		return g.explain(t, err)
	}
	text := "<@" + user + "> there is an answer for you alone, and you take no direct messages from this server. Ask again by `/gridwarden`."
	_, err = g.send(ctx, t, channel, "", "", page{content: text, users: []string{user}})
	return g.explain(t, err)
}
