package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config"
)

// logger writes structured lines to standard error.
func logger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(withRequest{Handler: slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})})
}

// configuredLogger is the one that the configuration asks for.
func configuredLogger(w io.Writer, c config.Log, debug, conversation bool) *slog.Logger {
	level := c.Least(conversation)
	if debug {
		level = slog.LevelDebug
	}
	if c.Format == config.JSONLog {
		return slog.New(withRequest{Handler: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})})
	}
	return logger(w, level)
}

// requestAttr is the attribute with the request's id.
const requestAttr = "request"

// withRequest adds to each line the request that its context is for, once.
type withRequest struct {
	slog.Handler
	has bool // the logger has it already
}

// Handle implements slog.Handler.
func (h withRequest) Handle(ctx context.Context, r slog.Record) error {
	id := bot.RequestOf(ctx)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == requestAttr {
			id = ""
		}
		return id != ""
	})
	if id != "" && !h.has {
		r = r.Clone()
		r.AddAttrs(slog.String(requestAttr, id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h withRequest) WithAttrs(attrs []slog.Attr) slog.Handler {
	has := slices.ContainsFunc(attrs, func(a slog.Attr) bool { return a.Key == requestAttr })
	return withRequest{h.Handler.WithAttrs(attrs), h.has || has}
}

// WithGroup implements slog.Handler.
func (h withRequest) WithGroup(name string) slog.Handler {
	return withRequest{h.Handler.WithGroup(name), h.has}
}

// lines lets several write whole lines to one place.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
