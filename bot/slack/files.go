package slack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// share puts files into a thread, each once: a message that is said again after
// a failure, or changed, does not bring them again.
func (w *workspace) share(ctx context.Context, t bot.Thread, files []bot.File) error {
	for _, f := range files {
		sum := sha256.Sum256(append([]byte(f.Name+"\x00"), f.Data...))
		key := t.String() + " " + hex.EncodeToString(sum[:])
		if _, done := w.remarks.Get(key, 0); done {
			continue
		}
		if err := w.upload(ctx, t, f); err != nil {
			return err
		}
		w.remarks.Put(key, f.Name)
	}
	return nil
}

// upload is Slack's way in three steps. The name of a file is foreign too.
func (w *workspace) upload(ctx context.Context, t bot.Thread, f bot.File) error {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\<>&`, r) {
			return '_'
		}
		return r
	}, display.Visible(f.Name))
	data := f.Data
	if len(data) == 0 {
		data = []byte("(empty)\n") // Slack takes no empty file
	}
	var to *slackapi.GetUploadURLExternalResponse
	err := w.call(ctx, "files.getUploadURLExternal", "", func(ctx context.Context) error {
		var err error
		to, err = w.api.GetUploadURLExternalContext(ctx, slackapi.GetUploadURLExternalParameters{FileName: name, FileSize: len(data)})
		return err
	})
	if err != nil {
		return err
	}
	err = w.api.UploadToURL(ctx, slackapi.UploadToURLParameters{UploadURL: to.UploadURL, Reader: bytes.NewReader(data), Filename: name})
	if err != nil {
		return fmt.Errorf("slack: uploading a file: %w", err)
	}
	return w.call(ctx, "files.completeUploadExternal", t.Channel, func(ctx context.Context) error {
		_, err := w.api.CompleteUploadExternalContext(ctx, slackapi.CompleteUploadExternalParameters{
			Files: []slackapi.FileSummary{{ID: to.FileID, Title: name}}, Channel: t.Channel, ThreadTimestamp: t.Root,
		})
		return err
	})
}
