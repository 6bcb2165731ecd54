package bottest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// Watched is a Platform that remembers what the bot said on it.
type Watched interface {
	bot.Platform
	Said() []Said
}

// Recorder makes any platform a Watched one, so that transcripts run on real
// platforms against their fake servers. Only what took effect is remembered.
type Recorder struct {
	Full

	mu   sync.Mutex
	said []Said
}

// The platforms that transcripts can run on.
var (
	_ Watched = (*Recorder)(nil)
	_ Watched = (*Memory)(nil)
	_ Full    = (*Recorder)(nil)
)

// NewRecorder watches a platform.
func NewRecorder(p Full) *Recorder { return &Recorder{Full: p} }

// GoOn goes on with the platform of a program that was started again; the one before
// must have ended.
func (r *Recorder) GoOn(p Full) { r.Full = p }

// Said is everything that the bot said, in order.
func (r *Recorder) Said() []Said {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.said)
}

func (r *Recorder) note(s Said) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.At = time.Now().UTC()
	r.said = append(r.said, s)
}

// Post implements bot.Platform.
func (r *Recorder) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	id, err := r.Full.Post(ctx, t, m)
	if err == nil {
		r.note(Said{How: Posted, Thread: t, ID: id, Message: m})
	}
	return id, err
}

// PostKeyed implements bot.KeyedPoster.
func (r *Recorder) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	id, err := r.Full.PostKeyed(ctx, t, key, m)
	if err == nil {
		r.note(Said{How: Posted, Thread: t, ID: id, Key: key, Message: m})
	}
	return id, err
}

// Update implements bot.Platform.
func (r *Recorder) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	err := r.Full.Update(ctx, t, id, m)
	if err == nil {
		r.note(Said{How: Updated, Thread: t, ID: id, Message: m})
	}
	return err
}

// Whisper implements bot.Whisperer.
func (r *Recorder) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	err := r.Full.Whisper(ctx, t, to, m)
	if err == nil {
		r.note(Said{How: Whispered, Thread: t, To: to, Message: m})
	}
	return err
}

// Face implements bot.CardReader.
func (r *Recorder) Face(t bot.Thread, m bot.Message) (string, error) { return Reads(r.Full).Face(t, m) }

// Fetch implements bot.Fetcher.
func (r *Recorder) Fetch(ctx context.Context, t bot.Thread, message string, file bot.Attachment, most int) ([]byte, error) {
	return Fetches(r.Full).Fetch(ctx, t, message, file, most)
}

// ReadBack implements bot.CardReader.
func (r *Recorder) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	return Reads(r.Full).ReadBack(ctx, t, id)
}
