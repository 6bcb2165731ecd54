package bot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/crash"
	"github.com/gridwarden/gridwarden/bot/recall"
)

// Bounds of one request.
const (
	commandDeadline = 60 * time.Second
	stepDeadline    = 20 * time.Second // shorter than the lease of a running action
	concurrent      = 256              // requests in work at once; decisions are not counted
	maxEvent        = 64 << 10         // bytes of one event's value that are kept
	staleAfter      = 5 * time.Minute  // what took longer to reach us is late; destructive requests are asked again
)

// Engine takes events to replies. Build it with New, then Run it.
type Engine struct {
	log       *slog.Logger
	journal   Journal
	people    *People
	decider   *Decider
	commands  []Command
	platforms map[string]Platform
	limiter   *limiter
	slots     chan struct{}
	fetching  chan struct{} // files beside messages
	turns     recall.Turns  // of accounts, for all but questions
	holder    string        // this process, as the holder of leases
	dead      func(holder string) bool
	elsewhere []string
	groups    map[string]Grouper // by platform
	meter     Meter

	wake    chan struct{} // something waits to be delivered
	wakeDue chan struct{} // something may be due
	working inFlight
	inHand  hands
	ears    ears
	edits   edits
	// noOutbox and noWork tell that these cannot be read.
	noOutbox, noWork complaint
	// life is the context of what outlives its event. It ends when the program
	// must stop and cannot wait any longer.
	life context.Context //nolint:containedctx // see above
	end  context.CancelFunc
}

// Parts is what an Engine is made of. Platforms may be empty for a process
// that only answers its own terminal.
type Parts struct {
	Log       *slog.Logger
	Journal   Journal
	People    *People
	Decider   *Decider
	Commands  []Command
	Platforms []Platform
	Holder    string // names this process in leases as in the journal; unique and never used again
	// Dead reports that the process which a holder names has surely ended; nil
	// knows of none. Others are gone when they say nothing any more.
	Dead func(holder string) bool
	// Elsewhere are platforms of accounts that also ask where no platform runs,
	// by Do: what such a process left behind is finished here, too.
	Elsewhere []string
	// Groups can be read of platforms that do not run here, by name.
	Groups map[string]Grouper
	Meter  Meter // nil: nothing is counted
}

// New checks that the commands are whole and puts the parts together.
func New(p Parts) (*Engine, error) {
	e := &Engine{
		log: p.Log, journal: p.Journal, people: p.People, decider: p.Decider,
		platforms: map[string]Platform{}, groups: map[string]Grouper{}, holder: p.Holder, dead: p.Dead, elsewhere: p.Elsewhere,
		limiter: newLimiter(p.People), slots: make(chan struct{}, concurrent), fetching: make(chan struct{}, fetchesAtOnce),
		wake: make(chan struct{}, 1), wakeDue: make(chan struct{}, 1), meter: p.Meter,
		noOutbox: complaint{log: p.Log, fails: "outbox not readable", over: "outbox readable again"},
		noWork:   complaint{log: p.Log, fails: "timed work not readable", over: "timed work readable again"},
	}
	if e.meter == nil {
		e.meter = unmetered{}
	}
	if e.dead == nil {
		e.dead = func(string) bool { return false }
	}
	e.life, e.end = context.WithCancel(context.Background()) //nolint:gosec // Run calls end when a stop takes too long
	p.Decider.refresh = e.refreshPeople
	names := map[string]bool{}
	for _, c := range p.Commands {
		switch {
		case c.Name == "" || c.Summary == "" || c.Example == "":
			return nil, fmt.Errorf("bot: command %q needs a name, a summary and an example", c.Name)
		case names[c.Name]:
			return nil, fmt.Errorf("bot: command %q stands twice", c.Name)
		case (c.Run == nil) == (c.Plan == nil):
			return nil, fmt.Errorf("bot: command %q needs either Run or Plan", c.Name)
		case c.Plan != nil && (c.Apply == nil || c.Verify == nil):
			return nil, fmt.Errorf("bot: command %q needs Apply and Verify", c.Name)
		}
		names[c.Name] = true
		e.commands = append(e.commands, c)
	}
	maps.Copy(e.groups, p.Groups)
	for _, platform := range p.Platforms {
		e.platforms[platform.Name()] = platform
		if g, ok := platform.(Grouper); ok {
			e.groups[platform.Name()] = g
		}
	}
	return e, nil
}

// Commands returns the commands in /help order.
func (e *Engine) Commands() []Command { return slices.Clone(e.commands) }

func (e *Engine) command(name string) (Command, bool) {
	i := slices.IndexFunc(e.commands, func(c Command) bool { return c.Name == name })
	if i < 0 {
		return Command{}, false
	}
	return e.commands[i], true
}

// Reply is how a request ended.
type Reply struct {
	Request string
	Command string
	State   string // answered, partial, proposed, decided, refused, failed
	Code    string // of the error, "" without one
	Message Message
	Err     error

	stands standing // of what told how far it was
}

// Receive takes an event from a platform. When it returns nil the event is
// durable and the platform may be acknowledged; the answer comes later. It
// never waits for a backend.
func (e *Engine) Receive(ctx context.Context, ev Event) error {
	crash.Point("1")
	if ev.Kind == Edited || ev.Kind == Deleted { // what is no business of ours is not kept, not even for a moment
		if about, err := e.concern(ctx, ev); err != nil || about.nothing() {
			return err
		}
	}
	rec, fresh, err := e.receive(ctx, ev)
	if err != nil || !fresh {
		return err
	}
	e.serveApart(rec, false)
	return nil
}

// serveApart answers a request that was taken in hand in the background. It outlives the delivery of
// its event and has deadlines of its own. When the program must stop before it
// has begun, it stays in the inbox.
func (e *Engine) serveApart(rec ReceivedEvent, late bool) {
	e.working.add()
	ev := rec.Event
	question := ev.Kind == Typed && !isDecision(ev.Value)
	// A vote and its withdrawal do not overtake each other.
	turn, done := func(context.Context) error { return nil }, func() {}
	if !question {
		turn, done = e.turns.Take(ev.Account.Key())
	}
	go func() {
		defer e.working.done()
		defer e.inHand.done(rec.Request)
		defer done()
		if turn(e.life) != nil {
			return
		}
		// A decision never waits behind questions to slow backends.
		if question {
			select {
			case e.slots <- struct{}{}:
				defer func() { <-e.slots }()
			case <-e.life.Done():
				return
			}
		}
		if late {
			e.serveLate(e.life, rec)
			return
		}
		e.serve(e.life, e.request(rec), rec.Event, false)
	}()
}

// Do receives an event and returns its reply, which is not posted anywhere.
func (e *Engine) Do(ctx context.Context, ev Event) (Reply, error) {
	// Only Run says again and again that this process is at work.
	if err := e.journal.Present(ctx, now().Add(commandDeadline+stepDeadline+presentFor)); err != nil {
		return Reply{}, fmt.Errorf("bot: beginning to work: %w", err)
	}
	rec, fresh, err := e.receive(ctx, ev)
	if err != nil {
		return Reply{}, err
	}
	if !fresh {
		return Reply{}, fmt.Errorf("bot: event %s was received before", ev.ID)
	}
	defer e.inHand.done(rec.Request)
	return e.serve(ctx, e.request(rec), ev, true), nil
}

// receive is hops 2 and 3: the event is in the inbox before anybody is told.
func (e *Engine) receive(ctx context.Context, ev Event) (ReceivedEvent, bool, error) {
	if len(ev.Value) > maxEvent {
		ev.Value = ev.Value[:maxEvent] // Tokenize refuses far shorter text; the rest proves nothing
	}
	ev.Value, ev.Files = strings.ToValidUTF8(ev.Value, "\uFFFD"), bounded(ev.Files)
	began := time.Now()
	rec := ReceivedEvent{Request: newRequestID(), Event: ev, At: now()}
	e.inHand.add(rec.Request)
	crash.Point("2 before")
	fresh, err := e.journal.Receive(ctx, rec.Request, ev, rec.At)
	crash.Point("2 after")
	e.meter.Received(e.running(ev.Account.Platform), ev.Kind, fresh, time.Since(began), err)
	if err != nil || !fresh {
		e.inHand.done(rec.Request) // the database may have stored it and could not say so: see takeOver
	}
	if err != nil {
		return rec, false, fmt.Errorf("bot: receiving an event: %w", err)
	}
	return rec, fresh, nil
}

// serve answers one received event. Everything that decides whether something
// may run stands here, in this order; nothing else in the program runs a command.
// The numbers are the hops of the design; 1 to 3 are the platform and receive,
// 10 to 12 the outbox.
func (e *Engine) serve(ctx context.Context, req *Request, ev Event, direct bool) (reply Reply) {
	log := e.log.With("request", req.ID)
	ctx, cancel := context.WithTimeout(WithRequest(ctx, req.ID), commandDeadline)
	defer cancel()
	reply = Reply{Request: req.ID}
	fail := func(err error) Reply {
		if e.life.Err() != nil && !direct { // it stays in the inbox for whoever comes next
			return Reply{Request: req.ID, State: "interrupted", Err: err}
		}
		return e.conclude(ctx, log, req, reply, refusal(err), direct)
	}

	if ev.Kind == Edited || ev.Kind == Deleted { // nobody asks anything: it is about what we said
		return e.touched(ctx, log, req, ev)
	}
	if ev.Kind == Deaf || ev.Kind == Heard {
		return e.heard(ctx, log, req, ev)
	}
	if ev.Kind == Rejected {
		return e.rejected(ctx, log, req, ev)
	}
	a, err := e.read(ctx, ev) // 4 parse
	crash.Point("4")
	req.Surface, req.Notes = a.surface, append(a.notes, req.Notes...)
	if errors.Is(err, errNotForUs) {
		_, err = e.journal.Finish(ctx, req.ID, action.Effects{})
		return Reply{Request: req.ID, State: "ignored", Err: err}
	}
	if err == nil {
		if req.Person, err = e.recognise(ctx, ev.Account); err != nil { // 6a who asks: known before anything is answered
			req.Person, err = e.vouched(ctx, a, err)
		}
	} else if _, unknown := e.recognise(ctx, ev.Account); unknown != nil {
		err = unknown
	}
	if err != nil {
		return fail(err)
	}
	cmd, tokens, err := e.find(a) // 5 find the command
	crash.Point("5")
	if err != nil {
		return fail(err)
	}
	req.Command, reply.Command = cmd.Name, cmd.Name
	if err := req.timely(cmd, ev.At); err != nil {
		return fail(err)
	}
	if err := e.admit(ctx, req, cmd); err != nil { // 6b role, channel, rate
		return fail(err)
	}
	crash.Point("6")
	if tokens, err = e.attached(ctx, req, cmd, tokens, ev); err != nil {
		return fail(err)
	}
	req.Words = tokens // a complaint about arguments shows them
	words, options, err := arguments(cmd, tokens)
	if err != nil {
		return fail(err)
	}
	req.Words, req.Options = words, options
	received := req.record(audit.Received, map[string]any{"as": Echo(cmd.Name, req.Words, req.Options), "typed": req.Raw})
	crash.Point("7 before")
	if err := e.journal.Write(ctx, action.Effects{Records: []audit.Record{received}}); err != nil { // 7 no record, no command
		return fail(err)
	}
	crash.Point("7 after")
	reply, err = e.perform(ctx, req, cmd, reply, direct) // 8 run or plan
	if err != nil {
		return fail(err)
	}
	if reply.State == "partial" && e.life.Err() != nil && !direct { // sources were cut off by the stop
		return Reply{Request: req.ID, State: "interrupted"}
	}
	return e.conclude(ctx, log, req, reply, nil, direct) // 9 answered, said and done in one transaction
}

// perform runs a read command, or plans a destructive one and proposes it.
func (e *Engine) perform(ctx context.Context, req *Request, cmd Command, reply Reply, direct bool) (out Reply, err error) {
	told := e.follow(ctx, req, direct)
	defer func() { out.stands = told.end() }()
	defer func() {
		if r := recover(); r != nil {
			out, err = reply, fmt.Errorf("bot: %s panicked: %v\n%s", cmd.Name, r, debug.Stack())
		}
	}()
	if cmd.Run != nil {
		crash.Point("8 run before")
		m, err := cmd.Run(ctx, req)
		crash.Point("8 run after")
		if err != nil {
			return reply, withUsage(cmd, err)
		}
		reply.Message, reply.State = m, "answered"
		if m.Partial {
			reply.State = "partial"
		}
		if cmd.Decision {
			reply.State = "decided"
		}
		return reply, nil
	}
	crash.Point("8 plan before")
	plan, err := cmd.Plan(ctx, req)
	crash.Point("8 plan after")
	if err != nil {
		return reply, withUsage(cmd, err)
	}
	m, err := e.decider.Propose(ctx, req, cmd, plan)
	crash.Point("8 propose after")
	if err != nil {
		return reply, err
	}
	reply.Message, reply.State = m, "proposed"
	return reply, nil
}

// conclude is hop 9: the record, the answer in the outbox and the inbox's done
// are one transaction. If that fails the person still gets the one message
// that is posted without the journal.
func (e *Engine) conclude(ctx context.Context, log *slog.Logger, req *Request, reply Reply, refused *Problem, direct bool) (concluded Reply) {
	defer func() { e.answered(ctx, log, req, concluded) }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepDeadline)
	defer cancel()
	kind := audit.Answered
	if refused != nil {
		kind, reply.Code, reply.Err = audit.Refused, refused.Code, refused
		reply.State = "refused"
		if refused.Code == "internal" || refused.Code == "unavailable" {
			reply.State = "failed"
			log.ErrorContext(ctx, "request failed", "error", refused.Cause)
		}
		reply.Message = Message{Lines: []Text{{{Text: refused.Sentence}}}, Private: req.Surface != "typed"}
		if refused.Code == "internal" {
			reply.Message.Line("Quote request `%s` to whoever runs gridwarden.", req.ID)
		}
	}
	said := reply.Message.Plain()
	if reply.Message.Secret {
		said = "(a secret)"
	}
	fx := action.Effects{Records: []audit.Record{req.record(kind, map[string]any{"state": reply.State, "code": reply.Code, "said": said})}}
	if m := req.introduce(reply.Message); !direct && !reply.Message.Empty() {
		fx.Posts = append(fx.Posts, req.reply(m, reply.stands))
	}
	if refused == nil && reply.Message.SecurityList != "" {
		fx.Posts = append(fx.Posts, e.decider.tellList(req, reply.Message)...)
	}
	if again := reply.Message.Again; again != nil && refused == nil {
		fx.Work = append(fx.Work, againWork(req, again))
	}
	crash.Point("9 before")
	done, err := e.journal.Finish(ctx, req.ID, fx)
	crash.Point("9 after")
	e.nudge()
	if err != nil {
		log.ErrorContext(ctx, "answer not stored", "error", err)
		sentence, ok := sentenceOf(err)
		if !ok {
			sentence = "gridwarden cannot write its journal. Nothing was run; ask again when it is repaired."
		}
		if refused == nil && reply.State != "answered" && reply.State != "partial" {
			sentence = "What you asked for was taken, but gridwarden cannot write its journal now. Its answer comes when it can. Look at `pending` before you ask again."
		}
		reply.State, reply.Code, reply.Err = "failed", "unavailable", err
		reply.Message = Message{Lines: []Text{{{Text: sentence}}}}
		if !direct {
			e.sayWithoutJournal(ctx, log, req, reply.Message)
		}
		return reply
	}
	if !done {
		log.InfoContext(ctx, "request was already finished elsewhere")
	}
	return reply
}

// answered notes how a request ended, without what was asked and said: that is
// in the audit log, for those who may read it.
func (e *Engine) answered(ctx context.Context, log *slog.Logger, req *Request, reply Reply) {
	took := max(now().Sub(req.At), 0)
	log.InfoContext(ctx, "request concluded", "command", reply.Command, "surface", req.Surface, "state", reply.State, "code", reply.Code, "took", took.String())
	e.meter.Answered(reply.Command, reply.State, took)
}

// recognise returns who asks (hop 6a). Only members that the configuration
// knows are answered; everybody else gets the reason.
func (e *Engine) recognise(ctx context.Context, a Account) (Person, error) {
	switch a.Standing {
	case Member:
	case Guest, Outsider, Bot, Bridged, Deactivated:
		return Person{}, Problemf("standing", "gridwarden takes nothing from %s accounts. Ask from your own full account.", a.Standing)
	default:
		return Person{}, Problemf("standing", "The platform did not say what kind of account this is, so nothing was done.")
	}
	id, ok := e.people.PersonOf(a.Key())
	if !ok {
		if err := e.decider.lookForStranger(ctx); err != nil {
			return Person{}, err
		}
		id, ok = e.people.PersonOf(a.Key())
	}
	if !ok {
		return Person{}, Problemf("unknown-person", "The account %s belongs to nobody that gridwarden knows, so nothing was done. An admin can add it under people: in the configuration.", a.Key())
	}
	person, _ := e.people.Person(id)
	return person, nil
}

// timely marks a question that took long to reach us as late. A destructive
// request is asked again: who waited so long may have acted otherwise. A late
// decision counts, because the action says itself until when it may be decided.
func (r *Request) timely(cmd Command, asked time.Time) error {
	if asked.IsZero() || r.At.Sub(asked) <= staleAfter || cmd.Decision {
		return nil
	}
	if cmd.Plan != nil {
		return Problemf("stale", "Your `%s` of %s reached gridwarden at %s only. Nothing was proposed or run. Ask again if you still want it.", cmd.Name, clock(asked), clock(r.At))
	}
	r.late("asked at %s, received at %s only", clock(asked), clock(r.At))
	return nil
}

// late marks the request as answered late, and why.
func (r *Request) late(format string, args ...any) {
	r.Late = true
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// admit checks channel, role and rate (hop 6b).
func (e *Engine) admit(ctx context.Context, req *Request, cmd Command) error {
	if req.Thread.Platform == RunPlatform {
		req.Personal = true
	} else {
		channel, ok := e.people.channel(req.Thread)
		if !ok || !channel.allows(cmd.Name) && !slices.ContainsFunc(cmd.As, channel.allows) {
			return Problemf("channel", "`%s` may not be used in this channel. Channels are listed under channels: in the configuration.", cmd.Name)
		}
		why, err := e.mayShow(ctx, req.Thread)
		req.Personal = err == nil && why == "" // not knowing counts as shared
		if !req.Personal && cmd.Plan != nil {
			return Problemf("channel", "`%s` is refused here: others can read this channel. Ask in the security channel.", cmd.Name)
		}
		if verdict, _ := verdictOf(cmd.Name); !req.Personal && verdict == action.Approve && req.Surface == "reaction" {
			return Problemf("channel", "A reaction does not approve here: others can read this channel, so its cards do not show what is decided. Decide in the security channel.")
		}
	}
	if !req.Person.May(cmd.Role) {
		return Problemf("role", "`%s` needs the role %s; you hold %s. Ask %s.", cmd.Name, cmd.Role, rolesOf(req.Person), e.holders(cmd.Role))
	}
	if !cmd.Decision {
		return e.limiter.allow(req.Person, req.Thread)
	}
	return nil
}

func (e *Engine) holders(role Role) string {
	var names []string
	for _, p := range e.people.Rules().People {
		if held, ok := e.people.Person(p.ID); ok && held.May(role) {
			names = append(names, held.Display())
		}
	}
	if len(names) == 0 {
		return "an admin to give it to you"
	}
	return strings.Join(names, " or ")
}

func rolesOf(p Person) string {
	if len(p.Roles) == 0 {
		return "none"
	}
	names := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// request starts a Request from what was received.
func (e *Engine) request(rec ReceivedEvent) *Request {
	ev := rec.Event
	t := ev.Thread
	if t.Root == "" {
		t.Root = ev.Message // a root command opens its own thread
	}
	req := &Request{ID: rec.Request, Account: ev.Account, Thread: t, Raw: ev.Value, At: rec.At}
	if ev.Kind != Typed {
		req.Raw = fmt.Sprintf("%s %s on %s", ev.Kind, ev.Value, ev.Target)
	}
	if reader, ok := e.platforms[t.Platform].(Reader); ok {
		req.Look = func(ctx context.Context, message string) (Original, error) { return reader.Read(ctx, t, message) }
	}
	if id, ok := e.people.PersonOf(ev.Account.Key()); ok {
		req.Person.ID = id
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepDeadline)
	defer cancel()
	if req.Incident = ev.Incident; req.Incident != "" {
		return req
	}
	if i, err := e.journal.IncidentAt(ctx, t.String()); err == nil && i.ClosedAt.IsZero() {
		req.Incident = i.ID
	}
	return req
}

// record makes an audit record of the request.
func (r *Request) record(kind audit.Kind, body map[string]any) audit.Record {
	body["thread"], body["surface"], body["name"] = r.Thread.String(), r.Surface, r.Account.Name
	data, err := json.Marshal(body)
	if err != nil { // strings, numbers and times always marshal
		panic(err)
	}
	return audit.Record{
		ID: audit.NewID(), At: now(), Kind: kind, Request: r.ID, Incident: r.Incident,
		Person: string(r.Person.ID), Account: r.Account.Key(), Body: data,
	}
}

// post makes a Post of what is said to a request.
func (r *Request) post(key string, m Message) action.Post {
	return encode(key, r.Thread, r.said(m), r.Account)
}

// reply makes the Post of the answer, in the place of what told how far it was.
func (r *Request) reply(m Message, at standing) action.Post {
	s := r.said(m)
	if at.May && !m.Private {
		s.At = &at
	}
	return encode(replyKey+r.ID, r.Thread, s, r.Account)
}

func (r *Request) said(m Message) said {
	if !r.Personal { // nobody is named in it
		return said{Message: m}
	}
	return withInstead(m, Say("The answer to the `%s` of *%s*.", r.Command, r.Person.Display()))
}

// introduce puts above an answer who asked what, as it was understood: a slash
// command leaves no trace in the channel otherwise.
func (r *Request) introduce(m Message) Message {
	if r.Command == "" || r.Surface != "typed" || m.Private {
		return m
	}
	lines := []Text{Textf("_%s asked:_ `%s`", r.Person.Display(), Echo(r.Command, shown(r.Words), r.Options))}
	for _, note := range r.Notes {
		lines = append(lines, Textf("_%s_", note))
	}
	if len(m.Title) > 0 {
		lines = append(lines, m.Title)
		m.Title = nil
	}
	m.Lines = append(lines, m.Lines...)
	return m
}

// refusal is what a person is told about an error.
func refusal(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var r *action.Refusal
	if errors.As(err, &r) {
		return &Problem{Code: r.Code, Sentence: r.Sentence, Cause: err}
	}
	if sentence, ok := sentenceOf(err); ok {
		return &Problem{Code: "refused", Sentence: sentence, Cause: err}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Problem{Code: "unavailable", Sentence: "It took too long and was stopped; nothing was changed. Ask again, or look at `status`.", Cause: err}
	}
	return &Problem{Code: "internal", Sentence: "Something went wrong inside gridwarden; nothing was changed.", Cause: err}
}

// withUsage adds the usage line to complaints about arguments.
func withUsage(c Command, err error) error {
	var p *Problem
	if errors.As(err, &p) && p.Code == "usage" && !strings.Contains(p.Sentence, "Usage:") {
		return usage(c, p.Sentence)
	}
	return err
}

func isDecision(typed string) bool {
	first, _, _ := strings.Cut(strip(typed), " ")
	_, ok := verdictOf(strings.ToLower(first))
	return ok
}

// now is the time as the program stores it: UTC, microseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// clock writes a time for people.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// newRequestID is short enough to quote.
func newRequestID() string { return "r-" + word(10) }

// NewActionID makes an id that people can type: no letters that look alike.
func NewActionID() action.ID { return action.ID(word(6)) }

func word(n int) string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}
