// Command fakechat runs a fake Mattermost, Slack or Discord on a local port, for
// who writes a chat bot, in whatever language:
//
//	go run ./bot/bottest/fakechat --platform mattermost
//	go run ./bot/bottest/fakechat --platform slack
//	go run ./bot/bottest/fakechat --platform slack --events http://127.0.0.1:3000/slack/events
//	go run ./bot/bottest/fakechat --platform discord
//
// It prints the address, the tokens, the people and the channels that there are,
// which are the same at every start, and then whatever people would see: what
// the bot posts, changes, whispers and reacts. What is typed is what people do:
//
//	alice: !pending                    alice writes in the channel security
//	guest in lobby: hello              in another one
//	bob under 3: !approve abc234        in the thread of message 3
//	alice: /gridwarden pending         a slash command, as clients take it
//	bob reacts :white_check_mark: on 3
//	bob unreacts :white_check_mark: on 3
//	bob presses 1 on last              the first button of the bot's latest message with buttons
//	bob presses Approve on 3           the button whose label begins so
//	bob submits wrong user             the form that was opened last, with a text in its only field
//
// And what goes wrong:
//
//	twice 2        the next 2 things that happen arrive twice
//	lose 2         the next 2 never arrive
//	again          what was delivered last is delivered once more
//	drop           every connection is cut
//	silence        every connection stands, and nothing passes
//	429 3 2        the next 3 posts are refused, to be tried again after 2 s
//	500 3          the next 3 posts fail
//	late 3         the next 3 posts are made, and fail nevertheless
//
// The end of the input ends the program, and so does quit. Nothing is kept.
//
// The fakes are the ones that the tests of this module use: as strict as the
// platforms are with tokens, permissions and limits, as far as a bot of this
// kind needs them. What is not there is answered as the platform answers a
// method that it does not know. No rate is limited but by 429.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fakechat:", err)
		os.Exit(1)
	}
}

// options are what is said when it is started.
type options struct {
	platform, listen string
	// Slack's settings of an app in HTTP mode.
	events, commands, actions, secret string
}

func (o *options) parse(args []string, out io.Writer) error {
	f := flag.NewFlagSet("fakechat", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&o.platform, "platform", "mattermost", "mattermost, slack or discord")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "where to listen; port 0 is any")
	f.StringVar(&o.events, "events", "", "slack: the Request URL of events; it chooses HTTP mode instead of Socket Mode")
	f.StringVar(&o.commands, "commands", "", "slack: that of slash commands; without it that of events")
	f.StringVar(&o.actions, "actions", "", "slack: that of buttons and forms; without it that of events")
	f.StringVar(&o.secret, "secret", "fake-signing-secret", "slack: with which requests are signed")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("what is %q for?", f.Arg(0))
	}
	if o.events != "" && o.platform != "slack" {
		return errors.New("--events is for --platform slack")
	}
	if o.commands == "" {
		o.commands = o.events
	}
	if o.actions == "" {
		o.actions = o.events
	}
	return nil
}

// platforms makes the chats by their names.
var platforms = map[string]func(options) chat{"mattermost": newMattermost, "slack": newSlack, "discord": newDiscord}

func names() []string {
	var all []string
	for name := range platforms {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// run serves until the input ends or the context does.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var o options
	if err := o.parse(args, out); err != nil {
		return err
	}
	build, ok := platforms[o.platform]
	if !ok {
		return fmt.Errorf("there is no %q, only %s", o.platform, strings.Join(names(), ", "))
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	c := build(o)
	d := newDesk(c, out)
	end := c.serve(l)
	defer end()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d.welcome(l.Addr().String())
	called := make(chan struct{})
	go func() {
		defer close(called)
		c.call(ctx, d.print)
	}()
	err = d.obey(ctx, in)
	stop()
	<-called
	return err
}
