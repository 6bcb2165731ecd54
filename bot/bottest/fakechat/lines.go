package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The forms of a line.
var (
	says    = regexp.MustCompile(`^(\w+)(?: in (\w+))?(?: under (\w+|#\d+))?: (.+)$`)
	reacts  = regexp.MustCompile(`^(\w+) (reacts|unreacts) :?([^\s:]+):? on (\S+)$`)
	presses = regexp.MustCompile(`^(\w+) presses (.+) on (\S+)$`)
	submits = regexp.MustCompile(`^(\w+) submits (.+)$`)
	rights  = regexp.MustCompile(`^(mute|unmute|remove|invite) (\w+)$`)
	limits  = regexp.MustCompile(`^limits (on|off)$`)
	faults  = regexp.MustCompile(`^(twice|lose|again|drop|silence|hold|deliver|reverse|429|500|late)((?: \d+)*)$`)
)

const usage = `alice: TEXT · guest in lobby: TEXT · bob under 3: TEXT · alice: /COMMAND
bob reacts :white_check_mark: on 3 · bob unreacts :white_check_mark: on last
bob presses 1 on last · bob presses LABEL on 3 · bob submits TEXT
twice N · lose N · again · drop · silence · hold · deliver · reverse · 429 N SECONDS · 500 N · late N
mute CHANNEL · unmute CHANNEL · remove CHANNEL · invite CHANNEL · limits on · limits off · help · quit`

var errLine = errors.New("nobody does that; `help` says what can be typed")

// do does what a line says.
func (d *desk) do(line string) error {
	if m := faults.FindStringSubmatch(line); m != nil {
		return d.harm(m[1], strings.Fields(m[2]))
	}
	if m := limits.FindStringSubmatch(line); m != nil {
		return d.chat.limit(m[1] == "on")
	}
	if m := rights.FindStringSubmatch(line); m != nil {
		return d.bar(m[1], m[2])
	}
	if m := reacts.FindStringSubmatch(line); m != nil {
		user, target, err := d.who(m[1], m[4], false)
		if err != nil {
			return err
		}
		return d.chat.react(user, target, m[3], m[2] == "reacts")
	}
	if m := presses.FindStringSubmatch(line); m != nil {
		user, target, err := d.who(m[1], m[3], true)
		if err != nil {
			return err
		}
		b, err := button(target, m[2])
		if err != nil {
			return err
		}
		return d.chat.press(user, target, b)
	}
	if m := submits.FindStringSubmatch(line); m != nil {
		user, err := d.user(m[1])
		if err != nil {
			return err
		}
		return d.chat.submit(user, m[2])
	}
	if m := says.FindStringSubmatch(line); m != nil {
		return d.say(m[1], m[2], m[3], m[4])
	}
	return errLine
}

func (d *desk) say(name, channel, under, text string) error {
	user, err := d.user(name)
	if err != nil {
		return err
	}
	if channel == "" {
		channel = security
	}
	place, ok := d.chat.channels()[channel]
	if !ok {
		return fmt.Errorf("there is no channel %s", channel)
	}
	root := ""
	if under != "" {
		m, err := d.message(under, false)
		if err != nil {
			return err
		}
		if place, root = m.Channel, m.Root; root == "" {
			root = m.ID
		}
	}
	if strings.HasPrefix(text, "/") {
		return d.chat.slash(user, place, root, text)
	}
	return d.chat.write(user, place, root, text)
}

// bar changes what the bot may do in a channel.
func (d *desk) bar(what, channel string) error {
	place, ok := d.chat.channels()[channel]
	switch {
	case !ok:
		return fmt.Errorf("there is no channel %s", channel)
	case what == "mute" || what == "unmute":
		d.chat.mute(place, what == "mute")
	default:
		d.chat.remove(place, what == "remove")
	}
	return nil
}

func (d *desk) harm(what string, given []string) error {
	number := func(i int) int {
		if i >= len(given) {
			return 1
		}
		n, err := strconv.Atoi(given[i])
		if err != nil { // more digits than a number has
			return 1
		}
		return n
	}
	switch what {
	case "twice":
		d.chat.twice(number(0))
	case "lose":
		d.chat.lose(number(0))
	case "again":
		return d.chat.again()
	case "drop":
		d.chat.drop()
	case "silence":
		d.chat.silence()
	case "hold":
		d.chat.Hold()
	case "deliver":
		d.chat.Release()
	case "reverse":
		d.chat.Reverse()
	case "429":
		d.chat.fail(failure{times: number(0), status: 429, after: number(1)})
	case "500":
		d.chat.fail(failure{times: number(0), status: 500})
	case "late":
		d.chat.fail(failure{times: number(0), status: 500, done: true})
	}
	return nil
}
