package reply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/reply"
)

// panda has jobs by id.
type panda map[int64]grid.PandaJob

func (p panda) Job(_ context.Context, id int64) (grid.PandaJob, error) {
	j, ok := p[id]
	if !ok {
		return j, fmt.Errorf("panda: job %d: %w", id, grid.ErrNoPandaJob)
	}
	return j, nil
}

type brokenPanda struct{}

func (brokenPanda) Job(context.Context, int64) (grid.PandaJob, error) {
	return grid.PandaJob{}, errors.New("panda is down")
}

// TestASiteIsToldWhatPanDAKnows is the example of PanDA's procedure: payload,
// submit time and host, and the command decoded, for the people who are named.
func TestASiteIsToldWhatPanDAKnows(t *testing.T) {
	t.Parallel()
	mine := grid.PandaJob{
		ID: 1073623690, Created: time.Date(2010, 4, 28, 14, 30, 30, 0, time.UTC), CreationHost: "lxplus7.example.org",
		Transformation: "https://pandaserver.example.org:25443/trf/user/runGen-00-00-02",
		Parameters:     `-j "" --sourceURL https://aipanda050.example.org -r . -a jobO.0c2f9a52-51c1-4b0e-9a5a-6d0f2f5b1c77.tar.gz -o "{'out.dat': 'x'}" -p "./mine.sh%20--pool%20stratum%2Btcp%3A//198.51.100.7%3A3333%0ABest%20regards%2C"`,
	}
	letter := func(jobs ...reply.Jobs) (string, string) {
		t.Helper()
		c := answertest.Command(t, reply.New(reply.Parts{Facts: known{facts: story()}, Sites: sites, Jobs: jobs}), "reply site")
		m := answertest.Run(t, c, answertest.Request(c, noon.Add(3*time.Hour), "site=HERE"))
		return string(m.Files[0].Data), m.Plain()
	}
	text, _ := letter(brokenPanda{}, panda{1073623690: mine})
	for _, want := range []string{
		"submitted to PanDA at 2010-04-28 14:30:30 UTC from host lxplus7.example.org",
		"https://aipanda050.example.org/cache/jobO.0c2f9a52-51c1-4b0e-9a5a-6d0f2f5b1c77.tar.gz",
		"It executed, decoded: ./mine.sh --pool stratum+tcp://198.51.100.7:3333",
		"A malicious payload can evade that",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if strings.Count(text, "\nBest regards,") != 1 {
		t.Errorf("a command writes lines of the letter:\n%s", text)
	}
	mine.CreationHost, mine.Parameters = "", ""
	text, _ = letter(panda{1073623690: mine})
	if !strings.Contains(text, "14:30:30 UTC. ") || !strings.Contains(text, "Of its code: ") || strings.Contains(text, "It executed") {
		t.Errorf("what is not known is not said:\n%s", text)
	}
	for _, none := range []reply.Jobs{panda{}, brokenPanda{}} {
		if text, said := letter(none); !strings.Contains(said, "PanDA did not tell more of 1 job") || strings.Contains(text, "It executed") {
			t.Errorf("%T: %s", none, said)
		}
	}
}
