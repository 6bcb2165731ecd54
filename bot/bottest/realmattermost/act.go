package realmattermost

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/mattermost/mattermost/server/public/model"
)

// Type has somebody post a text, and gives the post.
func (s *Server) Type(ctx context.Context, user, channel, root, text string) (*model.Post, error) {
	p, err := s.person(user)
	if err != nil {
		return nil, err
	}
	post, _, err := p.api.CreatePost(ctx, &model.Post{ChannelId: channel, RootId: root, Message: text})
	if err != nil {
		return nil, fmt.Errorf("typing %q: %w", text, err)
	}
	return post, nil
}

// Relay posts a text as a relay does: through a webhook of somebody's, under
// another name where the server allows that.
func (s *Server) Relay(ctx context.Context, user, channel, name, text string) error {
	hook, _, err := s.admin.CreateIncomingWebhook(ctx, &model.IncomingWebhook{ChannelId: channel, UserId: user, DisplayName: "gridwarden's tests"})
	if err != nil {
		return fmt.Errorf("making a webhook: %w", err)
	}
	s.later(func(ctx context.Context) error {
		_, err := s.admin.DeleteIncomingWebhook(ctx, hook.Id)
		return err
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/hooks/"+hook.Id, strings.NewReader(asJSON(map[string]string{"text": text, "username": name})))
	if err != nil {
		return fmt.Errorf("posting through a webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	r, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("posting through a webhook: %w", err)
	}
	defer r.Body.Close()
	if r.StatusCode/100 != 2 {
		return fmt.Errorf("posting through a webhook: %s", r.Status)
	}
	return nil
}

// React puts an emoji under a post.
func (s *Server) React(ctx context.Context, user, post, emoji string) error {
	p, err := s.person(user)
	if err != nil {
		return err
	}
	if _, _, err := p.api.SaveReaction(ctx, &model.Reaction{UserId: user, PostId: post, EmojiName: emoji}); err != nil {
		return fmt.Errorf("reacting with %s: %w", emoji, err)
	}
	return nil
}

// Unreact takes it away.
func (s *Server) Unreact(ctx context.Context, user, post, emoji string) error {
	p, err := s.person(user)
	if err != nil {
		return err
	}
	if _, err := p.api.DeleteReaction(ctx, &model.Reaction{UserId: user, PostId: post, EmojiName: emoji}); err != nil {
		return fmt.Errorf("taking %s away: %w", emoji, err)
	}
	return nil
}

// Command has somebody type a slash command.
func (s *Server) Command(ctx context.Context, user, channel, root, text string) error {
	p, err := s.person(user)
	if err != nil {
		return err
	}
	c, _, err := s.admin.GetChannel(ctx, channel, "")
	if err != nil {
		return fmt.Errorf("typing %q: %w", text, err)
	}
	r, err := p.api.DoAPIPost(ctx, "/commands/execute", asJSON(&model.CommandArgs{ChannelId: channel, TeamId: c.TeamId, RootId: root, Command: text}))
	if err != nil {
		return fmt.Errorf("typing %q: %w", text, err)
	}
	return r.Body.Close()
}

// Button is the id of the button under a post whose name begins with a word, as
// somebody sees it; "" when there is none.
func (s *Server) Button(ctx context.Context, user, post, word string) (string, error) {
	p, err := s.person(user)
	if err != nil {
		return "", err
	}
	shown, _, err := p.api.GetPost(ctx, post, "")
	if err != nil {
		return "", fmt.Errorf("looking at a post: %w", err)
	}
	for _, a := range shown.Attachments() {
		for _, b := range a.Actions {
			if first, _, _ := strings.Cut(b.Name, " "); strings.EqualFold(first, word) {
				return b.Id, nil
			}
		}
	}
	return "", nil
}

// Click has somebody press a button.
func (s *Server) Click(ctx context.Context, user, post, action string) error {
	p, err := s.person(user)
	if err != nil {
		return err
	}
	if _, err := p.api.DoPostAction(ctx, post, action); err != nil {
		return fmt.Errorf("pressing a button: %w", err)
	}
	return nil
}

// Submit has somebody send a form.
func (s *Server) Submit(ctx context.Context, user, team, channel string, d *model.OpenDialogRequest, fields map[string]any) (*model.SubmitDialogResponse, error) {
	p, err := s.person(user)
	if err != nil {
		return nil, err
	}
	answer, _, err := p.api.SubmitInteractiveDialog(ctx, model.SubmitDialogRequest{
		URL: d.URL, CallbackId: d.Dialog.CallbackId, State: d.Dialog.State, ChannelId: channel, TeamId: team, Submission: fields,
	})
	if err != nil {
		return nil, fmt.Errorf("sending a form: %w", err)
	}
	return answer, nil
}

// Edit changes a post's text as an admin can.
func (s *Server) Edit(ctx context.Context, post, text string) error {
	if _, _, err := s.admin.PatchPost(ctx, post, &model.PostPatch{Message: &text}); err != nil {
		return fmt.Errorf("editing a post: %w", err)
	}
	return nil
}

// Delete deletes a post as an admin can.
func (s *Server) Delete(ctx context.Context, post string) error {
	if _, err := s.admin.DeletePost(ctx, post); err != nil {
		return fmt.Errorf("deleting a post: %w", err)
	}
	return nil
}

// Post is a post as it stands.
func (s *Server) Post(ctx context.Context, id string) (*model.Post, error) {
	p, _, err := s.admin.GetPost(ctx, id, "")
	if err != nil {
		return nil, fmt.Errorf("reading a post: %w", err)
	}
	return p, nil
}

// TeamOf is the id of a channel's team.
func (s *Server) TeamOf(ctx context.Context, channel string) (string, error) {
	c, _, err := s.admin.GetChannel(ctx, channel, "")
	if err != nil {
		return "", fmt.Errorf("reading a channel: %w", err)
	}
	return c.TeamId, nil
}
