package bot

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Bounds of what is read of files beside messages.
const (
	maxAttached   = 16 // files of one event that are told of
	fetchWithin   = 20 * time.Second
	fetchesAtOnce = 4 // of MaxPasted bytes each
)

// Attachment is a file beside a typed message. Its ID is the platform's; name and size
// are foreign, and may be missing. It is fetched for a command that reads it, and then
// by its ID, so that a command that was interrupted finds it again.
type Attachment struct {
	ID string `json:"id"`
	Enclosure
}

// Fetcher is a Platform that can read a file beside a message.
type Fetcher interface {
	// Fetch reads the beginning of a file beside a message in t, at most that many
	// bytes. It asks the platform's own servers only, by the file's ID: an address that
	// somebody wrote is never asked. The error wraps ErrNotFound when the file is there
	// no more, and only then.
	Fetch(ctx context.Context, t Thread, message string, file Attachment, most int) ([]byte, error)
}

// bounded is what is kept of the files of an event.
func bounded(files []Attachment) []Attachment {
	files = slices.Clone(files[:min(len(files), maxAttached)])
	for i := range files {
		files[i].Name = cutTo(strings.ToValidUTF8(files[i].Name, " "), maxName)
	}
	return files
}

// forFile is the command of somebody who says nothing beside a file: the one that reads
// files, if there is only one.
func (e *Engine) forFile(ev Event) (asked, bool) {
	read := slices.DeleteFunc(e.Commands(), func(c Command) bool { return !e.Pastes(c.Name) })
	if len(ev.Files) == 0 || len(read) != 1 {
		return asked{}, false
	}
	return asked{tokens: []Token{{Text: read[0].Name}}, surface: "typed"}, true
}

// attached gives a command that takes a text from a file its arguments out of the file
// beside it, as Paste does. It comes when it is known that the person may use the
// command here. Of a command that has words the file is not read, and it says so.
func (e *Engine) attached(ctx context.Context, req *Request, cmd Command, words []Token, ev Event) ([]Token, error) {
	if len(ev.Files) == 0 || !e.Pastes(cmd.Name) {
		return words, nil
	}
	name := fileName(ev.Files[0].Name)
	if len(words) > 0 {
		req.Notes = append(req.Notes, fmt.Sprintf("%s was not read: a file is read by `%s` without words", name, cmd.Name))
		return words, nil
	}
	if len(ev.Files) > 1 {
		return nil, Problemf("usage", "%d files are attached, and none was read: attach one to each `%s`.", len(ev.Files), cmd.Name)
	}
	text, err := e.fetch(ctx, ev, name)
	if err != nil {
		return nil, err
	}
	line, err := e.Paste(cmd.Name, name, text)
	if err != nil {
		return nil, err
	}
	all, _ := e.pasted(line)
	return all[1:], nil
}

// fetch reads the file of an event. Errors are for people.
func (e *Engine) fetch(ctx context.Context, ev Event, name string) ([]byte, error) {
	f := ev.Files[0]
	if f.Size > MaxPasted {
		return nil, tooLong(name)
	}
	fetcher, ok := e.platforms[ev.Thread.Platform].(Fetcher)
	if !ok {
		return nil, Problemf("unavailable", "%s is on %s, which this gridwarden cannot read. Nothing was looked up.", name, ev.Thread.Platform)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	var text []byte
	var err error
	select {
	case e.fetching <- struct{}{}:
		text, err = fetcher.Fetch(ctx, ev.Thread, ev.Message, f, MaxPasted+1)
		<-e.fetching
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		return text, nil
	}
	p := &Problem{Code: "unavailable", Cause: fmt.Errorf("bot: fetching the file %s: %w", f.ID, err)}
	told, has := sentenceOf(err)
	switch {
	case errors.Is(err, ErrNotFound):
		p.Code, p.Sentence = "not-found", fmt.Sprintf("%s is not beside the message any more.", name)
	case has:
		p.Sentence = fmt.Sprintf("%s could not be read. %s", name, told)
	case errors.Is(err, context.DeadlineExceeded):
		p.Sentence = fmt.Sprintf("%s did not come within %d s.", name, fetchWithin/time.Second)
	default:
		p.Sentence = fmt.Sprintf("%s could not be read from %s.", name, ev.Thread.Platform)
	}
	p.Sentence += " Nothing was looked up. Attach it again, or paste " + grepHint
	return nil, p
}

// Own refuses an address of a file that is not on one of a platform's own hosts, with
// TLS. Where the platform is asked at another address, api, its host and no other counts.
func Own(address, api string, hosts ...string) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return errNotOwn
	}
	if api != "" {
		if a, err := url.Parse(api); err != nil || u.Scheme != a.Scheme || u.Host != a.Host {
			return errNotOwn
		}
		return nil
	}
	if u.Scheme != "https" || !slices.Contains(hosts, u.Host) {
		return errNotOwn
	}
	return nil
}

var errNotOwn = Problemf("refused", "It lies on a server that is not the platform's own, which is never asked.")
