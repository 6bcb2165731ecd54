package bottest

import (
	"context"
	"errors"
	"fmt"

	"github.com/gridwarden/gridwarden/bot"
)

// Attacher is a Bot whose people can put files beside what they type. The runner tells
// of the files before it sends what is typed.
type Attacher interface {
	Attach(files []bot.File)
}

// Beside holds the files that go beside what is typed next.
type Beside struct{ files []bot.File }

// Attach implements Attacher.
func (b *Beside) Attach(files []bot.File) { b.files = files }

// Take gives the files for what is typed now.
func (b *Beside) Take() []bot.File {
	files := b.files
	b.files = nil
	return files
}

// attach has the step's files put beside what is typed next.
func (p *player) attach(s step) error {
	if len(s.files) == 0 {
		return nil
	}
	a, ok := p.bot.(Attacher)
	if !ok {
		return errors.New("nobody can attach files to this bot's platform")
	}
	var files []bot.File
	for _, name := range s.files {
		data, ok := p.files[name]
		if !ok {
			return fmt.Errorf("the transcript has no section %q", name)
		}
		files = append(files, bot.File{Name: name, Media: "text/plain", Data: data})
	}
	a.Attach(files)
	return nil
}

// Fetches gives what p has to read files beside messages, if it can.
func Fetches(p bot.Platform) bot.Fetcher {
	if f, ok := p.(bot.Fetcher); ok {
		return f
	}
	return fileless{}
}

// fileless is a platform that reads no files.
type fileless struct{}

func (fileless) Fetch(context.Context, bot.Thread, string, bot.Attachment, int) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

// Fetch implements bot.Fetcher.
func (n *Nasty) Fetch(ctx context.Context, t bot.Thread, message string, file bot.Attachment, most int) ([]byte, error) {
	return Fetches(n.Full).Fetch(ctx, t, message, file, most)
}

// Give keeps a file that somebody puts beside a message.
func (m *Memory) Give(name string, data []byte) bot.Attachment {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nextID++
	f := bot.Attachment{ID: fmt.Sprintf("f%d", m.nextID), Enclosure: bot.Enclosure{Name: name, Size: int64(len(data))}}
	m.files[f.ID] = data
	return f
}

// TakeBack takes a file away again.
func (m *Memory) TakeBack(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, id)
}

// Fetch implements bot.Fetcher.
func (m *Memory) Fetch(ctx context.Context, _ bot.Thread, _ string, file bot.Attachment, most int) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	data, ok := m.files[file.ID]
	if !ok {
		return nil, fmt.Errorf("bottest: file %q: %w", file.ID, bot.ErrNotFound)
	}
	return data[:min(len(data), most)], ctx.Err()
}

// Fetched is how often a file was asked for.
func (m *Memory) Fetched() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}
