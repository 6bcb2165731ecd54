package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// When it is shown how far a request is.
const (
	progressAfter = 700 * time.Millisecond  // an answer that is there by then needs none
	progressEvery = 1500 * time.Millisecond // platforms take few changes a second
	progressGrace = 2 * time.Second         // what is on its way when the answer is ready may arrive

	// replacingTries is how often an answer is put in the place of what told how far
	// it was, before it is posted below: some servers let nobody change old messages.
	replacingTries = 3
)

// progressKey begins the key of the message that tells how far a request is.
const progressKey = "progress/"

// Progress tells how far a Run is: when the answer takes long, what so gives is
// posted, changed as more is known, and at last replaced by the answer. It costs
// nothing until then, and may be called again whenever there is news. so is called
// by another goroutine, perhaps never, perhaps still while Run returns. A command
// whose answer is for the asker only must not use it.
//
// Nothing of it is kept: what is shown may be the last that people see when the
// program stops, so it must say of itself that it is not the answer.
func (r *Request) Progress(so func() Message) {
	if r.Told != nil {
		r.Told(so)
	}
}

// progress shows how far one request is.
type progress struct {
	engine  *Engine
	request Request         // as it was when the command began
	ctx     context.Context //nolint:containedctx // of the one request, with which it ends
	cancel  context.CancelFunc

	stop  chan struct{}
	fresh chan struct{} // there is news
	ended chan struct{} // nil until there was any
	mu    sync.Mutex
	so    func() Message
	begun bool   // a message may stand
	id    string // of the message; "" when it is not known
}

// follow lets a request tell how far it is, where its answer will be posted.
func (e *Engine) follow(ctx context.Context, req *Request, direct bool) *progress {
	p := &progress{engine: e, request: *req, stop: make(chan struct{}), fresh: make(chan struct{}, 1)}
	p.ctx, p.cancel = context.WithCancel(ctx)
	if _, here := e.platforms[req.Thread.Platform]; here && !direct && req.Surface == "typed" { // other errors are for the asker only
		req.Told = p.news
	}
	return p
}

func (p *progress) news(so func() Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.so == nil {
		p.ended = make(chan struct{})
		go p.show(p.ended)
	}
	p.so = so
	wake(p.fresh)
}

// end ends the showing and gives where the answer has to stand. That the request
// was interrupted before means that an earlier message may stand, too.
func (p *progress) end() standing {
	close(p.stop)
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended != nil {
		select {
		case <-ended:
		case <-time.After(progressGrace):
		}
	}
	p.cancel()
	if ended != nil {
		<-ended
	}
	return standing{May: p.begun || ended != nil && p.request.Late, ID: p.id}
}

// standing is where an answer goes if it may have to replace what told how far its
// request was.
type standing struct {
	May bool   `json:"may,omitempty"`
	ID  string `json:"id,omitempty"` // "" when it has to be looked for
}

// show posts what is known after a while, and changes it when there is news. Any
// trouble ends it: the answer comes all the same.
func (p *progress) show(ended chan<- struct{}) {
	defer close(ended)
	for pause := progressAfter; p.waits(time.After(pause), nil) && p.waits(nil, p.fresh); pause = progressEvery {
		if err := p.say(); err != nil {
			p.engine.log.WarnContext(p.ctx, "progress not shown", "request", p.request.ID, "error", err)
			return
		}
	}
}

// waits waits for a time or for news, and reports whether the answer is still to
// come.
func (p *progress) waits(until <-chan time.Time, news <-chan struct{}) bool {
	select {
	case <-p.stop:
	case <-p.ctx.Done():
	case <-until:
	case <-news:
	}
	select {
	case <-p.stop:
		return false
	default:
		return p.ctx.Err() == nil
	}
}

// errHidden says that what was to be shown names people, and may not be shown.
var errHidden = errors.New("bot: people may not be named there now")

func (p *progress) say() error {
	p.mu.Lock()
	so := p.so
	p.mu.Unlock()
	m, err := guarded(func() (Message, error) { return so(), nil })
	if err != nil {
		return err
	}
	if p.request.Personal {
		switch why, err := p.engine.mayShow(p.ctx, p.request.Thread); {
		case err != nil:
			return err
		case why != "":
			return errHidden
		}
	}
	m = p.request.introduce(m)
	platform := p.engine.platforms[p.request.Thread.Platform]
	if p.id != "" {
		err := platform.Update(p.ctx, p.request.Thread, p.id, m)
		if errors.Is(err, ErrNotFound) { // somebody did not want to see it
			p.begun, p.id = false, ""
		}
		return err
	}
	if p.request.Late { // before it was interrupted it may have told, too
		if f, ok := platform.(Finder); ok {
			id, found, err := f.FindPost(p.ctx, p.request.Thread, progressKey+p.request.ID)
			if err != nil {
				return err
			}
			if found {
				p.begun, p.id = true, id
				return platform.Update(p.ctx, p.request.Thread, p.id, m)
			}
		}
	}
	p.begun = true
	p.id, err = postKeyed(p.ctx, platform, p.request.Thread, progressKey+p.request.ID, m)
	return err
}

// inPlace puts an answer where the request's progress stands. done is false when it
// stands nowhere.
func (e *Engine) inPlace(ctx context.Context, p Platform, t Thread, at standing, request string, m Message) (id string, done bool, err error) {
	id = at.ID
	if f, ok := p.(Finder); ok && id == "" {
		var found bool
		if id, found, err = f.FindPost(ctx, t, progressKey+request); err != nil {
			return "", false, fmt.Errorf("bot: finding where an answer has to stand: %w", err)
		}
		if !found {
			return "", false, nil
		}
	}
	if id == "" {
		return "", false, nil
	}
	err = p.Update(ctx, t, id, m)
	if errors.Is(err, ErrNotFound) {
		return "", false, nil
	}
	return id, true, err
}
