package trace

import (
	"context"
	"fmt"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/trace/plot"
)

// plotWord behind the first argument asks for a picture beside the answer.
const plotWord = "plot"

// withoutPlot takes the word plot out of a request. In quotes, or as the first
// argument, it is a name like any other.
func withoutPlot(r *bot.Request) (*bot.Request, bool) {
	at := func(i int, w bot.Token) bool { return i > 0 && !w.Quoted && w.Text == plotWord }
	out := *r
	out.Words = nil
	for i, w := range r.Words {
		if !at(i, w) {
			out.Words = append(out.Words, w)
		}
	}
	return &out, len(out.Words) < len(r.Words)
}

// picture is what became of the word plot.
type picture struct {
	file *bot.File
	said string // the picture in words, or why there is none; "" when none was asked for
}

// draw makes the picture that was asked for. Whatever goes wrong with it, the
// answer stands without it.
func (t tracer) draw(ctx context.Context, a answer) (out picture) {
	switch {
	case !a.q.Plot:
		return picture{}
	case !a.personal:
		return picture{said: "No picture is drawn here: it would name people, and this channel may not show personal data."}
	}
	failed := func(err error) picture {
		t.log.ErrorContext(ctx, "the picture of a trace was not drawn", "error", err)
		return picture{said: "The picture could not be drawn. Nothing of the answer is missing for that."}
	}
	defer func() {
		if v := recover(); v != nil {
			out = failed(fmt.Errorf("trace: drawing panicked: %v", v))
		}
	}()
	p, ok, err := plot.Chart{Subject: a.q.Subject, Trace: a.trace, Name: who, Now: a.now}.Draw()
	switch {
	case err != nil:
		return failed(err)
	case !ok:
		return picture{said: "There is no picture, for no job was found that could be drawn."}
	}
	return picture{
		file: &bot.File{Name: "trace.png", Media: "image/png", Data: p.PNG},
		said: "The picture trace.png: " + p.Caption,
	}
}

// sayPicture adds the picture, and its words for those who cannot see it.
func (a answer) sayPicture(m *bot.Message) {
	if a.picture.said != "" {
		m.Below("%s", a.picture.said)
	}
	if a.picture.file != nil {
		m.Files = append(m.Files, *a.picture.file)
	}
}
