package fakemattermost

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// As the server has it.
const (
	// ServiceSettings.OutgoingIntegrationRequestsTimeout, in config.go.
	outgoingTimeout = 30 * time.Second
	// MaxIntegrationResponseSize, in app/webhook.go.
	maxIntegrationResponse = 1 << 20
	// model.InteractiveDialogTriggerTimeout: 3 s up to 10.x; newer servers take
	// outgoingTimeout (app/integration_action.go, OpenInteractiveDialog).
	triggerTimeout = 3 * time.Second

	commandFailed = "api.command.execute_command.failed.app_error"
	actionFailed  = "api.post.do_action.action_integration.app_error"
)

// Refusal is why the server did not do what a person wanted.
type Refusal struct {
	Status int
	ID     string // of the server's error
	Detail string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s %s", r.Status, r.ID, r.Detail) }

func refused(status int, id string, detail any) error {
	return &Refusal{Status: status, ID: id, Detail: fmt.Sprint(detail)}
}

// Outgoing is one call that the server made to an integration.
type Outgoing struct {
	URL    string
	Header http.Header
	Body   []byte
	Took   time.Duration
	Status int // 0: no answer
}

// integrations is the part of the server that calls others.
type integrations struct {
	client   *http.Client
	key      *ecdsa.PrivateKey
	commands []*model.Command
	dialogs  map[string]*model.OpenDialogRequest // by user: the form that is open at his client
	calls    []Outgoing
	times    int // how often each call is made
}

func newIntegrations() integrations {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil { // randomness never fails, see crypto/rand
		panic(err)
	}
	return integrations{client: http.DefaultClient, key: key, dialogs: map[string]*model.OpenDialogRequest{}, times: 1}
}

// CallBy sets the client that the server calls integrations with.
func (s *Server) CallBy(c *http.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.client = c
}

// Repeat makes each call n times, as a proxy between may do. The person sees
// the last answer.
func (s *Server) Repeat(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.times = max(n, 1)
}

// NewKey gives the server another signing key, as a restored database does.
func (s *Server) NewKey() {
	fresh := newIntegrations().key
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.key = fresh
}

// publicKey is as clients are told it: app/platform/config.go, regenerateClientConfig.
func (o *integrations) publicKey() string {
	der, err := x509.MarshalPKIXPublicKey(&o.key.PublicKey)
	if err != nil { // it is of a kind that marshals
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// Trigger is a trigger id as the server signs it.
func (s *Server) Trigger(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trigger(user)
}

func (s *Server) trigger(user string) string {
	_, id, err := model.GenerateTriggerId(user, s.out.key)
	if err != nil {
		panic(err)
	}
	return id
}

// Outgoing are the calls that were made to integrations.
func (s *Server) Outgoing() []Outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Outgoing(nil), s.out.calls...)
}

// call makes one call. Who holds mu must not call it.
func (s *Server) call(address, media string, header http.Header, body []byte) ([]byte, http.Header, error) {
	s.mu.Lock()
	client, times, shut := s.out.client, s.out.times, s.faults.refuseCalls
	s.mu.Unlock()
	if shut { // services/httpservice: "address forbidden, you may need to set AllowedUntrustedInternalConnections"
		return nil, nil, errors.New("address forbidden")
	}
	ctx, cancel := context.WithTimeout(context.Background(), outgoingTimeout)
	defer cancel()
	var data []byte
	var response *http.Response
	for range times {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
		if err != nil {
			return nil, nil, err
		}
		for name, values := range header {
			req.Header[name] = values
		}
		req.Header.Set("Content-Type", media)
		req.Header.Set("Accept", "application/json")
		began := time.Now()
		made := Outgoing{URL: address, Header: req.Header, Body: body}
		if response, err = client.Do(req); err == nil {
			data, err = io.ReadAll(io.LimitReader(response.Body, maxIntegrationResponse))
			_ = response.Body.Close() // it was read
			made.Status = response.StatusCode
		}
		made.Took = time.Since(began)
		s.mu.Lock()
		s.out.calls = append(s.out.calls, made)
		s.changes.Tell()
		s.mu.Unlock()
		if err != nil {
			return nil, nil, err
		}
	}
	if response.StatusCode != http.StatusOK {
		return data, response.Header, fmt.Errorf("status=%d", response.StatusCode)
	}
	return data, response.Header, nil
}

// CallAgain makes the latest call once more, as it was.
func (s *Server) CallAgain() error {
	s.mu.Lock()
	if len(s.out.calls) == 0 {
		s.mu.Unlock()
		return errors.New("fakemattermost: nothing was called yet")
	}
	last := s.out.calls[len(s.out.calls)-1]
	s.mu.Unlock()
	_, _, err := s.call(last.URL, last.Header.Get("Content-Type"), last.Header, last.Body)
	return err
}

// Command has a user type a slash command: api4/command.go, executeCommand, and
// app/command.go, ExecuteCommand and tryExecuteCustomCommand. Old servers do not
// tell the thread; see HideRoots.
func (s *Server) Command(user, channel, root, text string) error {
	_, err := s.command(user, channel, root, text)
	return err
}

// executeCommand is Command over REST, for whoever has a token: who called is
// answered with what the integration answered.
func (s *Server) executeCommand(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	const name = "POST /commands/execute"
	s.calls[name]++
	user, known := s.tokens[bearer(r)]
	fault := s.faultFor(name)
	s.mu.Unlock()
	var args model.CommandArgs
	switch err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&args); {
	case fault != nil:
		refuse(w, fault.Status, "fault")
		return
	case !known:
		refuse(w, http.StatusUnauthorized, "api.context.session_expired.app_error")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, invalidParam)
		return
	}
	response, err := s.command(user, args.ChannelId, args.RootId, args.Command)
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		refuse(w, refusal.Status, refusal.ID)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, asJSON(response))
}

func (s *Server) command(user, channel, root, text string) (*model.CommandResponse, error) {
	if len(text) <= 1 || text[0] != '/' {
		return nil, refused(http.StatusBadRequest, "api.command.execute_command.start.app_error", text)
	}
	s.mu.Lock()
	c := s.channels[channel]
	if c == nil || !s.isMember(channel, user) {
		s.mu.Unlock()
		return nil, refused(http.StatusForbidden, permissions, "create_post")
	}
	if c.DeleteAt != 0 {
		s.mu.Unlock()
		return nil, refused(http.StatusBadRequest, "api.command.execute_command.deleted.error", channel)
	}
	trigger, message := text, ""
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		trigger, message = text[:i], text[i+1:]
	}
	trigger = strings.TrimPrefix(strings.ToLower(trigger), "/")
	var cmd *model.Command
	for _, known := range s.out.commands { // in a direct channel, of the team that the client shows
		if known.Trigger == trigger && (known.TeamId == c.TeamId || c.TeamId == "") && known.DeleteAt == 0 {
			cmd = known
		}
	}
	if cmd == nil {
		s.mu.Unlock()
		return nil, refused(http.StatusNotFound, "api.command.execute_command.not_found.app_error", trigger)
	}
	form := url.Values{
		"token": {cmd.Token}, "team_id": {cmd.TeamId}, "team_domain": {Team},
		"channel_id": {channel}, "channel_name": {c.Name}, "user_id": {user}, "user_name": {s.users[user].Username},
		"command": {"/" + trigger}, "text": {message}, "trigger_id": {s.trigger(user)},
		"response_url": {"https://mattermost.example.org/hooks/commands/" + model.NewId()},
	}
	if !s.faults.hideRoots {
		form.Set("root_id", root)
	}
	header := http.Header{"Authorization": {"Token " + cmd.Token}}
	s.mu.Unlock()

	data, answered, err := s.call(cmd.URL, "application/x-www-form-urlencoded", header, []byte(form.Encode()))
	if err != nil {
		return nil, refused(http.StatusInternalServerError, commandFailed, err)
	}
	response, err := model.CommandResponseFromHTTPBody(answered.Get("Content-Type"), bytes.NewReader(data))
	if err != nil || response == nil {
		return nil, refused(http.StatusInternalServerError, commandFailed, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// HandleCommandResponsePost: the answer is a post of who asked, marked as a webhook's.
	p := &model.Post{UserId: user, ChannelId: channel, RootId: root, Message: response.Text, Id: model.NewId(), CreateAt: s.now()}
	p.AddProp("from_webhook", "true")
	switch {
	case response.ResponseType == model.CommandResponseTypeInChannel:
		s.keep(p, 1)
	case response.Text != "":
		s.whispers = append(s.whispers, Whisper{user, p})
		s.seen(fakeserver.Whispered, p, user)
		s.changes.Tell()
	}
	return response, nil
}

// Click has a user press a button: api4/integration_action.go, doPostAction, and
// app/integration_action.go, DoPostActionWithCookie. What the post shows now
// counts, whatever the user's client still shows.
func (s *Server) Click(user, post, action string) error {
	s.mu.Lock()
	p := s.posts[post]
	if p == nil || p.DeleteAt != 0 {
		s.mu.Unlock()
		return refused(http.StatusNotFound, "app.post.get.app_error", post)
	}
	if !s.isMember(p.ChannelId, user) {
		s.mu.Unlock()
		return refused(http.StatusForbidden, permissions, "read_channel")
	}
	button := p.GetAction(action)
	if button == nil || button.Integration == nil || !actionRoute.MatchString(action) {
		s.mu.Unlock()
		return refused(http.StatusNotFound, "api.post.do_action.action_id.app_error", action)
	}
	c := s.channels[p.ChannelId]
	request := model.PostActionIntegrationRequest{
		UserId: user, UserName: s.users[user].Username, ChannelId: p.ChannelId, ChannelName: c.Name, TeamId: c.TeamId, TeamName: Team,
		PostId: post, TriggerId: s.trigger(user), Type: button.Type, Context: button.Integration.Context,
	}
	root := p.RootId
	if root == "" {
		root = p.Id
	}
	s.mu.Unlock()
	return s.act(user, root, button.Integration.URL, request)
}

// the route of api4/integration_action.go takes no other ids
var actionRoute = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func (s *Server) act(user, root, address string, request model.PostActionIntegrationRequest) error {
	data, _, err := s.call(address, "application/json", nil, []byte(asJSON(request)))
	if err != nil {
		return refused(http.StatusBadRequest, actionFailed, err)
	}
	var response model.PostActionIntegrationResponse
	if len(data) > 0 {
		if err := json.Unmarshal(data, &response); err != nil {
			return refused(http.StatusBadRequest, actionFailed, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := response.Update; u != nil { // the bot changes its posts by REST; as the server, whatever the answer says is written
		p := s.posts[request.PostId]
		s.shelve(p, s.now())
		p.Message, p.EditAt = u.Message, p.UpdateAt
		if u.GetProps() != nil {
			p.SetProps(u.GetProps())
		}
		s.seen(fakeserver.Edited, p, "")
		s.broadcastPost(model.WebsocketEventPostEdited, p)
	}
	if response.EphemeralText != "" {
		p := &model.Post{Id: model.NewId(), UserId: user, ChannelId: request.ChannelId, RootId: root, Message: response.EphemeralText, CreateAt: s.now()}
		s.whispers = append(s.whispers, Whisper{user, p})
		s.seen(fakeserver.Whispered, p, user)
	}
	s.changes.Tell()
	return nil
}

// Button is the id of the button under a post whose name begins with a word, ""
// when there is none.
func (s *Server) Button(post, word string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.posts[post]
	if p == nil {
		return ""
	}
	for _, a := range p.Attachments() {
		for _, b := range a.Actions {
			if first, _, _ := strings.Cut(b.Name, " "); strings.EqualFold(first, word) {
				return b.Id
			}
		}
	}
	return ""
}

// Carries is what the server keeps of a button for its integration.
func (s *Server) Carries(post, action string) model.PostActionIntegration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.posts[post].GetAction(action); b != nil && b.Integration != nil {
		return *b.Integration
	}
	return model.PostActionIntegration{}
}

// Dialog is the form that is open at a user's client, which it closes.
func (s *Server) Dialog(user string) *model.OpenDialogRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.out.dialogs[user]
	delete(s.out.dialogs, user)
	return d
}

// openDialog is POST /actions/dialogs/open. It needs no session, but a trigger
// of this server: app/integration_action.go, OpenInteractiveDialog. Of a form
// that is not valid the server only warns, and clients show none; here it fails.
func (s *Server) openDialog(c call) answer {
	var d model.OpenDialogRequest
	if !c.decode(&d) || d.URL == "" {
		return bad(invalidParam)
	}
	_, user, err := d.DecodeAndVerifyTriggerId(s.out.key, triggerTimeout)
	if err != nil {
		return no(err.StatusCode, err.Id)
	}
	if err := d.IsValid(); err != nil {
		return bad("fake.dialog.invalid: " + err.Error())
	}
	s.out.dialogs[user] = &d
	s.watch.Tell(func() fakeserver.Seen {
		return fakeserver.Seen{Kind: fakeserver.Opened, ID: d.TriggerId, To: user, Text: d.Dialog.Title}
	})
	s.changes.Tell()
	return ok(map[string]string{"status": "OK"})
}

// Submit has a user send a form: api4/integration_action.go, submitDialog. What
// the client would not send is not sent.
func (s *Server) Submit(user, channel string, d *model.OpenDialogRequest, fields map[string]any) (*model.SubmitDialogResponse, error) {
	for _, e := range d.Dialog.Elements {
		text, _ := fields[e.Name].(string)
		if !e.Optional && text == "" || utf8.RuneCountInString(text) > e.MaxLength {
			return nil, refused(0, "the client shows an error at the field", e.Name)
		}
	}
	s.mu.Lock()
	member := s.isMember(channel, user)
	s.mu.Unlock()
	if !member {
		return nil, refused(http.StatusForbidden, permissions, "read_channel")
	}
	return s.SendForm(d.URL, model.SubmitDialogRequest{
		CallbackId: d.Dialog.CallbackId, State: d.Dialog.State, UserId: user, ChannelId: channel, TeamId: TeamID, Submission: fields,
	})
}

// SendForm sends a form as a client may that was tampered with: everything in it
// is the client's but the user.
func (s *Server) SendForm(address string, r model.SubmitDialogRequest) (*model.SubmitDialogResponse, error) {
	r.Type = "dialog_submission"
	data, _, err := s.call(address, "application/json", nil, []byte(asJSON(r)))
	if err != nil {
		return nil, refused(http.StatusBadRequest, actionFailed, err)
	}
	var response model.SubmitDialogResponse
	_ = json.Unmarshal(data, &response) // as the server: an answer that says nothing is fine
	return &response, nil
}
