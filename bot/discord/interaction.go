package discord

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// interaction is a slash command, a press on a button, or a form that was sent.
// discordgo's own has no channel.
type interaction struct {
	discordgo.Interaction
	Channel *discordgo.Channel
}

func readInteraction(data json.RawMessage) (interaction, error) {
	var i interaction
	if err := json.Unmarshal(data, &i.Interaction); err != nil {
		return i, err
	}
	var more struct {
		Channel *discordgo.Channel `json:"channel"`
	}
	if err := json.Unmarshal(data, &more); err != nil {
		return i, err
	}
	i.Channel = more.Channel
	return i, nil
}

// talk is the chance to answer an interaction, which lasts for 15 minutes.
type talk struct {
	token string
	until time.Time
	begun chan struct{} // closed when the first answer is given: before that Discord takes no others
}

// talkFor is how long Discord takes answers, less a little for the way.
const talkFor = 15*time.Minute - 10*time.Second

const (
	onlyInChannels = "gridwarden answers in channels of a server only. Use the command there."
	onlyInIts      = "gridwarden does not work for this server, so nothing was done. Whoever runs it can set it up here, or take it out."
)

// interact takes an interaction. Discord gives up on one that is not answered
// within three seconds, and tells the person; it is never sent again.
func (g *guild) interact(ctx context.Context, data json.RawMessage, handle func(context.Context, bot.Event) error) bool {
	i, err := readInteraction(data)
	if err != nil {
		g.log.WarnContext(ctx, "an interaction of Discord was not understood", "error", err)
		return true
	}
	if !IsID(i.ID) || i.Token == "" {
		return true
	}
	if i.GuildID == "" || i.GuildID == g.id && (i.Member == nil || i.Member.User == nil) {
		g.reject(ctx, i, onlyInChannels, "an interaction in a direct message", handle)
		return true
	}
	if i.GuildID != g.id && !g.configured(i.GuildID) { // somebody invited the bot there
		g.reject(ctx, i, onlyInIts, "an interaction in another server", handle)
		return true
	}
	if i.GuildID != g.id || !IsID(i.ChannelID) || !IsID(i.Member.User.ID) { // another server of the same bot, which has its own connection
		return true
	}
	if i.Channel != nil {
		i.Channel.GuildID = g.id
		g.channels.Put(i.ChannelID, placeOf(i.Channel))
	}
	g.learn(i.Member.User, i.Member)
	switch i.Type {
	case discordgo.InteractionApplicationCommand:
		return g.commanded(ctx, i, handle)
	case discordgo.InteractionMessageComponent:
		return g.pressed(ctx, i, handle)
	case discordgo.InteractionModalSubmit:
		return g.sent(ctx, i, handle)
	}
	return true
}

// response is the first answer to an interaction.
type response struct {
	Type int           `json:"type"`
	Data *responseData `json:"data,omitempty"`
}

type responseData struct {
	Content    string                            `json:"content,omitempty"`
	Components []discordgo.MessageComponent      `json:"components,omitempty"`
	Mentions   *discordgo.MessageAllowedMentions `json:"allowed_mentions,omitempty"`
	Flags      discordgo.MessageFlags            `json:"flags,omitempty"`
	CustomID   string                            `json:"custom_id,omitempty"`
	Title      string                            `json:"title,omitempty"`
}

// quiet is an answer that only the person sees.
func quiet(kind discordgo.InteractionResponseType, text string, rows ...discordgo.MessageComponent) response {
	return response{Type: int(kind), Data: &responseData{
		Content: text, Components: rows, Mentions: mentions(nil), Flags: discordgo.MessageFlagsEphemeral | discordgo.MessageFlagsSuppressEmbeds,
	}}
}

// respond gives the first answer, and returns the id of the message that it made.
func (g *guild) respond(ctx context.Context, i interaction, r response) (message string, err error) {
	var out struct {
		Resource struct {
			Message struct {
				ID string `json:"id"`
			} `json:"message"`
		} `json:"resource"`
	}
	q := question{what: "an answer to an interaction", method: http.MethodPost, path: "interactions/" + i.ID + "/" + url.PathEscape(i.Token) + "/callback?with_response=true", route: "interactions", body: r}
	err = g.ask(ctx, q, &out)
	return out.Resource.Message.ID, err
}

// refuse answers what is not taken.
func (g *guild) refuse(ctx context.Context, i interaction, why string) {
	if _, err := g.respond(ctx, i, quiet(discordgo.InteractionResponseChannelMessageWithSource, why)); err != nil && ctx.Err() == nil {
		g.log.WarnContext(ctx, "an interaction was refused, and its person was not told", "error", err)
	}
}

// original changes the first answer.
func (g *guild) original(ctx context.Context, i interaction, text string) error {
	me, err := g.me(ctx)
	if err != nil {
		return err
	}
	return g.ask(ctx, question{
		what: "a change of an answer", method: http.MethodPatch, path: "webhooks/" + me.App + "/" + url.PathEscape(i.Token) + "/messages/@original", route: "webhooks",
		body: changed{Content: text, Components: rows(nil), Mentions: mentions(nil), Attachments: []attachment{}},
	}, nil)
}

// talking begins a talk, in which whispers can answer.
func (g *guild) talking(i interaction) *talk {
	t := &talk{token: i.Token, until: instant(i.ID).Add(talkFor), begun: make(chan struct{})}
	g.talks.Put(i.Member.User.ID+"/"+i.ChannelID, t)
	return t
}

// commanded takes a slash command. The answer that is put off becomes the message
// that says what was asked, and the answers stand in its thread.
func (g *guild) commanded(ctx context.Context, i interaction, handle func(context.Context, bot.Event) error) bool {
	text, ok := asked(i.ApplicationCommandData())
	if !ok {
		name := cut(display.Visible(i.ApplicationCommandData().Name), 80)
		g.reject(ctx, i, "gridwarden does not know this command. It registers its own anew when it starts.", "a command that is none of gridwarden's: "+name, handle)
		return true
	}
	message, err := g.respond(ctx, i, response{Type: int(discordgo.InteractionResponseDeferredChannelMessageWithSource)})
	switch {
	case code(err) == discordgo.ErrCodeInteractionHasAlreadyBeenAcknowledged: // this event came before
		message, err = g.originalID(ctx, i)
	case code(err) == discordgo.ErrCodeUnknownInteraction: // the person was told that nothing happened
		g.log.WarnContext(ctx, "a command came too late to be answered; it is not run", "command", cut(display.Visible(text), 80))
		return true
	}
	if err != nil {
		g.log.WarnContext(ctx, "a command was not answered at once", "error", err)
	}
	t := g.talking(i)
	defer close(t.begun)
	if message != "" {
		g.loading.Put(message, t)
	}
	ev := bot.Event{ID: "interaction/" + i.ID, Kind: bot.Typed, Message: message, Value: text, At: instant(i.ID), Reply: i.Token}
	kept := g.giveSoon(ctx, i, ev, handle)
	said := "`" + fenced(cut(display.Visible(text), 1500)) + "`"
	if !kept {
		said += "\n" + lost
	}
	if message != "" {
		g.posts.Put(message, standing{channel: i.ChannelID, ours: true})
	}
	if err := g.original(ctx, i, said); err != nil && ctx.Err() == nil {
		g.log.WarnContext(ctx, "what was asked is not shown", "error", err)
	}
	return true
}

const lost = "gridwarden could not store what you asked just now. Look at `pending`, and ask again in a minute."

// originalID is the message of the first answer.
func (g *guild) originalID(ctx context.Context, i interaction) (string, error) {
	me, err := g.me(ctx)
	if err != nil {
		return "", err
	}
	var m discordgo.Message
	err = g.ask(ctx, question{what: "an answer", method: http.MethodGet, path: "webhooks/" + me.App + "/" + url.PathEscape(i.Token) + "/messages/@original", route: "webhooks"}, &m)
	return m.ID, err
}

// giveSoon hands over what a person waits for: for as long as Discord waits.
func (g *guild) giveSoon(ctx context.Context, i interaction, ev bot.Event, handle func(context.Context, bot.Event) error) bool {
	soon, cancel := context.WithTimeout(ctx, askFor)
	at, here, err := g.thread(soon, i.ChannelID)
	cancel()
	if err != nil || !here {
		g.log.ErrorContext(ctx, "where somebody asked something is not known", "error", err)
		return false
	}
	k := memberOf(i.Member.User, i.Member)
	ev.Thread, ev.Account = at, bot.Account{Platform: Name, Workspace: g.name, ID: i.Member.User.ID, Name: k.name, Standing: k.standing}
	began := time.Now()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := handle(ctx, ev)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if time.Since(began)+pause > tellAfter {
			g.log.ErrorContext(ctx, "an event was not taken", "error", err, "event", ev.ID)
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// pressed takes a press on a button. A button of a card asks once more, or for a
// reason; the second look names the card.
func (g *guild) pressed(ctx context.Context, i interaction, handle func(context.Context, bot.Event) error) bool {
	id := i.MessageComponentData().CustomID
	kind, value, _ := strings.Cut(id, ":")
	kind += ":"
	switch {
	case i.Message == nil || !IsID(i.Message.ID):
		return true
	case kind == pressID:
		g.answer(ctx, i, again(i.Message.ID, value))
	case kind == whyID:
		g.answer(ctx, i, reasonForm(i.Message.ID, value))
	case kind == sureID:
		card, value, _ := strings.Cut(value, ":")
		g.click(ctx, i, card, value, discordgo.InteractionResponseUpdateMessage, handle)
	case id == noID:
		g.answer(ctx, i, quiet(discordgo.InteractionResponseUpdateMessage, "Nothing was done."))
	default:
		g.reject(ctx, i, unknownButton, "a button that gridwarden did not make: "+cut(display.Visible(id), 80), handle)
	}
	return true
}

const unknownButton = "gridwarden does not know this button."

// answer gives an answer that asks for something.
func (g *guild) answer(ctx context.Context, i interaction, r response) {
	if _, err := g.respond(ctx, i, r); err != nil && ctx.Err() == nil {
		g.log.WarnContext(ctx, "a press on a button was not answered", "error", err)
	}
}

// again is the second look.
func again(message, value string) response {
	word, rest, _ := strings.Cut(value, ":")
	r := quiet(discordgo.InteractionResponseChannelMessageWithSource, "The same as typing `"+fenced(cut(display.Visible(word+" "+rest), 120))+"`. Sure?",
		discordgo.ActionsRow{Components: []discordgo.MessageComponent{
			discordgo.Button{Label: "Yes", Style: discordgo.DangerButton, CustomID: sureID + message + ":" + value},
			discordgo.Button{Label: "No", Style: discordgo.SecondaryButton, CustomID: noID},
		}})
	return r
}

// maxReason is how much of a reason is taken, in characters.
const maxReason = 500

func reasonForm(message, value string) response {
	return response{Type: int(discordgo.InteractionResponseModal), Data: &responseData{
		CustomID: formID + message + ":" + value, Title: "Give a reason",
		Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.TextInput{
			CustomID: "reason", Label: "Shown in the thread, kept in the audit log", Style: discordgo.TextInputParagraph,
			Required: false, MaxLength: maxReason, // whoever is late is told so, and needs none
		}}}},
	}}
}

// sent takes a form: the button's value with the reason behind it.
func (g *guild) sent(ctx context.Context, i interaction, handle func(context.Context, bot.Event) error) bool {
	d := i.ModalSubmitData()
	rest, ours := strings.CutPrefix(d.CustomID, formID)
	card, value, _ := strings.Cut(rest, ":")
	if !ours {
		g.reject(ctx, i, "gridwarden does not know this form.", "a form that gridwarden did not make: "+cut(display.Visible(d.CustomID), 80), handle)
		return true
	}
	for _, c := range d.Components {
		row, _ := c.(*discordgo.ActionsRow)
		if row == nil {
			continue
		}
		for _, c := range row.Components {
			if in, ok := c.(*discordgo.TextInput); ok {
				if reason := strings.Join(strings.Fields(in.Value), " "); reason != "" {
					value += ":" + cut(reason, maxReason)
				}
			}
		}
	}
	g.click(ctx, i, card, value, discordgo.InteractionResponseChannelMessageWithSource, handle)
	return true
}

// click hands a decision over, and answers when it is kept.
func (g *guild) click(ctx context.Context, i interaction, card, value string, with discordgo.InteractionResponseType, handle func(context.Context, bot.Event) error) {
	if !IsID(card) || value == "" {
		g.reject(ctx, i, unknownButton, "a button or form that names no card of gridwarden: "+cut(display.Visible(card), 80), handle)
		return
	}
	t := g.talking(i)
	defer close(t.begun)
	ev := bot.Event{ID: "interaction/" + i.ID, Kind: bot.Clicked, Target: card, Value: value, At: instant(i.ID), Reply: i.Token}
	text := "Taken; the card shows what comes of it."
	if !g.giveSoon(ctx, i, ev, handle) {
		text = lost
	}
	_, err := g.respond(ctx, i, quiet(with, text))
	if err != nil && code(err) != discordgo.ErrCodeInteractionHasAlreadyBeenAcknowledged && ctx.Err() == nil {
		g.log.WarnContext(ctx, "a decision was taken, and its person was not told at once", "error", err)
	}
}

// asked is what was typed behind a slash command.
func asked(d discordgo.ApplicationCommandInteractionData) (string, bool) {
	if d.Name != root {
		return "", false
	}
	var words []string
	options := d.Options
	for range 3 { // a group, a command in it, what follows
		if len(options) == 0 {
			break
		}
		o := options[0]
		if o.Type == discordgo.ApplicationCommandOptionString {
			if s, ok := o.Value.(string); ok {
				words = append(words, s)
			}
			break
		}
		if o.Name != plainCommand && o.Name != anyCommand {
			words = append(words, o.Name)
		}
		options = o.Options
	}
	return strings.TrimSpace(strings.Join(words, " ")), true
}
