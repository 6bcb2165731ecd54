package mattermost

import (
	"archive/zip"
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// maxFiles is what a post may bear on every version of the server.
const maxFiles = 5

// unattached is a file that the server does not take.
type unattached struct {
	name string
	err  error
}

// upload gives files to the server. What it refuses is told apart from an error
// that may pass.
func (s *server) upload(ctx context.Context, channel string, files []bot.File) (ids []string, failed []unattached, err error) {
	if len(files) > maxFiles {
		if files, err = packed(files); err != nil {
			return nil, nil, err
		}
	}
	for _, f := range files {
		name := fileName(f.Name)
		answer, err := ask(ctx, s, "a place for a file", func(ctx context.Context, c *model.Client4) (*model.FileUploadResponse, *model.Response, error) {
			return c.UploadFile(ctx, f.Data, channel, name)
		})
		switch status := statusOf(err); {
		case err == nil && len(answer.FileInfos) == 1:
			ids = append(ids, answer.FileInfos[0].Id)
		case err == nil:
			failed = append(failed, unattached{name, &refusal{what: "a place for a file", server: s.config.Name, status: http.StatusOK}})
		case status >= 400 && status < 500 && status != http.StatusUnauthorized && status != http.StatusTooManyRequests, status == http.StatusNotImplemented:
			failed = append(failed, unattached{name, err})
		default:
			return nil, nil, err
		}
	}
	return ids, failed, nil
}

// packed puts many files into one.
func packed(files []bot.File) ([]bot.File, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.Create(fileName(f.Name))
		if err == nil {
			_, err = w.Write(f.Data)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return []bot.File{{Name: "files.zip", Media: "application/zip", Data: out.Bytes()}}, nil
}

// fileName leaves of a name what is harmless everywhere.
func fileName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, name)
	clean = strings.TrimLeft(clean, "._-")
	if len(clean) > 100 {
		clean = clean[len(clean)-100:] // the end says what kind it is
	}
	if clean == "" {
		return "file"
	}
	return clean
}
