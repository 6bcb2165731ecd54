package discord

import (
	"bytes"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// Bounds of files, for servers that pay for nothing more.
const (
	maxFiles  = 10
	maxUpload = 10 << 20 // bytes, of each and of one request
)

// uploads makes of files what goes with a message. The name of a file is foreign too.
func uploads(files []bot.File) ([]*discordgo.File, []attachment) {
	var out []*discordgo.File
	names := []attachment{}
	for i, f := range files {
		name := strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/\<>:"|?*`, r) {
				return '_'
			}
			return r
		}, cut(display.Visible(f.Name), 100))
		if strings.Trim(name, " .") == "" {
			name = "file"
		}
		data := f.Data
		if len(data) == 0 {
			data = []byte("(empty)\n") // Discord takes no empty file
		}
		out = append(out, &discordgo.File{Name: name, ContentType: f.Media, Reader: bytes.NewReader(data)})
		names = append(names, attachment{ID: i, Filename: name})
	}
	return out, names
}

// bounded takes out the files that are too large, and says so.
func bounded(m bot.Message) bot.Message {
	sum := 0
	var out []bot.File
	m.After = slices.Clip(m.After)
	for _, f := range m.Files {
		if sum+len(f.Data) > maxUpload-64<<10 { // and what stands between them
			m.Below("The file %s of %d MB is left out: Discord takes %d MB in all.", f.Name, len(f.Data)>>20, maxUpload>>20)
			continue
		}
		sum += len(f.Data)
		out = append(out, f)
	}
	m.Files = out
	return m
}
