package config

import (
	"log/slog"
	"slices"
)

// Log is how `gridwarden serve` writes its log to standard error.
type Log struct {
	Format string `yaml:"format"` // text or json
	Level  string `yaml:"level"`  // debug, info, warn or error; "" is info, and warn in a terminal where people talk
}

// The formats of the log.
const (
	TextLog = "text"
	JSONLog = "json"
)

func (l *Log) check(d *decoder) {
	if !slices.Contains([]string{TextLog, JSONLog}, l.Format) {
		d.add("log.format", "%s is no format: write text or json", shown(l.Format))
	}
	if !slices.Contains([]string{"", "debug", "info", "warn", "error"}, l.Level) {
		d.add("log.level", "%s is no level: write debug, info, warn or error", shown(l.Level))
	}
}

// Least is the least important level that is written. In a conversation, where
// the log's lines stand between what people say, it is warn unless it is set.
func (l Log) Least(conversation bool) slog.Level {
	if l.Level == "" && conversation {
		return slog.LevelWarn
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return slog.LevelInfo // not set: check has refused anything else
	}
	return level
}
