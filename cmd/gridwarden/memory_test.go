package main

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/console"
)

// memoryBot is the program on a platform in memory.
type memoryBot struct {
	*power
	voice
	bottest.Beside
	room   *bottest.Memory
	rights rights
	latest bottest.Latest
	sent   string // the transcript's id of the event
	event  bot.Event
	typed  []bot.Event
	keeps  bool        // events for later
	kept   []bot.Event // meanwhile
}

func inMemory(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := &memoryBot{power: plug(t, cfg), room: bottest.NewMemory(console.Name)}
	for group, names := range cfg.Console.Groups {
		if err := b.SetGroup(t.Context(), group, names...); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *memoryBot) Platform() bottest.Watched      { return b.room }
func (b *memoryBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// Send does what makes the event.
func (b *memoryBot) Send(ctx context.Context, ev bot.Event) error {
	if b.sent == ev.ID {
		return b.room.Send(ctx, b.event)
	}
	ev = b.latest.On(ev)
	switch ev.Kind {
	case bottest.Talked:
		b.latest.Wrote(ev, b.room.Talk(bot.Original{Thread: ev.Thread, Author: ev.Account, At: ev.At, Text: ev.Value}))
		return nil
	case bot.Typed:
		ev.Value = b.mark() + ev.Value
		for _, f := range b.Take() {
			ev.Files = append(ev.Files, b.room.Give(f.Name, f.Data))
		}
		b.latest.Wrote(ev, ev.Message)
		b.typed = append(b.typed, ev)
	case bot.Edited:
		b.room.Rewrite(ev.Target, ev.Value)
	case bot.Deleted:
		b.room.Delete(ev.Target)
	}
	for _, typed := range b.typed {
		if ev.Kind != bot.Typed && typed.Message == ev.Target {
			ev.Origin = typed.ID
		}
	}
	b.sent, b.event = ev.ID, ev
	switch {
	case b.rights.lack(ev.Thread.Channel, bottest.ToBe):
		return nil
	case b.cancel == nil && (ev.Kind == bot.Reacted || ev.Kind == bot.Unreacted): // nobody is told later
		b.room.React(ev.Target, ev.Account.Key(), ev.Value, ev.Kind == bot.Reacted)
		return nil
	case b.keeps:
		b.kept = append(b.kept, ev)
		return nil
	}
	return b.room.Send(ctx, ev)
}

// Away implements bottest.Cutter.
func (b *memoryBot) Away(context.Context) error {
	b.keeps, b.kept = true, nil
	return nil
}

// HalfOpen implements bottest.Cutter.
func (b *memoryBot) HalfOpen(ctx context.Context) error { return b.Away(ctx) }

// Hold implements bottest.Holder.
func (b *memoryBot) Hold(ctx context.Context) error { return b.Away(ctx) }

// Back implements bottest.Cutter.
func (b *memoryBot) Back(ctx context.Context) error { return b.Deliver(ctx, false) }

// Deliver implements bottest.Holder.
func (b *memoryBot) Deliver(ctx context.Context, backwards bool) error {
	b.keeps = false
	if backwards {
		slices.Reverse(b.kept)
	}
	for _, ev := range b.kept {
		if err := b.room.Send(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}

// Stop implements bottest.Restarter.
func (b *memoryBot) Stop(ctx context.Context) error { return errors.Join(b.Away(ctx), b.off()) }

// Start implements bottest.Restarter.
func (b *memoryBot) Start(ctx context.Context) error {
	b.on(gated{b.room, &b.rights})
	return b.Back(ctx)
}

// Bar implements bottest.Barrer.
func (b *memoryBot) Bar(_ context.Context, channel string, right bottest.Right, barred bool) error {
	b.rights.bar(channel, right, barred)
	return nil
}

// SetGroup implements bottest.Regrouper.
func (b *memoryBot) SetGroup(_ context.Context, group string, names ...string) error {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = console.Name + "/" + name
	}
	b.room.SetGroup(group, keys...)
	return nil
}
