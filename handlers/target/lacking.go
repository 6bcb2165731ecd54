package target

import (
	"context"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Lacking makes commands without their backend say which setting they need.
// They are kept, so that nobody who may use them takes them for misspelt.
func Lacking(commands []bot.Command, can string) {
	for i := range commands {
		c := &commands[i]
		c.Summary += "; no backend for it is configured"
		lacks := bot.Problemf("not-configured", "`%s` needs a backend that can %s, and none is configured; nothing was done. That is backends.panda in the configuration; for drills on a simulated grid set backends.sandbox.", c.Name, can)
		if c.Plan == nil {
			c.Run = func(context.Context, *bot.Request) (bot.Message, error) { return bot.Message{}, lacks }
			continue
		}
		c.Plan = func(context.Context, *bot.Request) (action.Plan, error) { return action.Plan{}, lacks }
		// An action may be open that was proposed while there was a backend.
		c.Apply = func(context.Context, action.Action) (action.Outcome, error) { return action.Outcome{}, lacks }
		c.Verify = func(context.Context, action.Action) (action.Progress, error) { return action.Progress{}, lacks }
	}
}
