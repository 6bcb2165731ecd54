package grid_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// sameMentions holds that the excerpt of a text names what the text names.
func sameMentions(t *testing.T, text string) (excerpt string) {
	t.Helper()
	excerpt = grid.PandaExcerpt(text)
	want, got := grid.PandaIDs(text), grid.PandaIDs(excerpt)
	same := len(got.Jobs) == len(want.Jobs) && (got.More > 0) == (want.More > 0)
	for i := range want.Jobs {
		same = same && got.Jobs[i].ID == want.Jobs[i].ID
	}
	if len(want.Jobs) == 0 {
		same = same && fmt.Sprint(got.Batches) == fmt.Sprint(want.Batches) && (len(want.Batches) > 0 || (len(got.NoIDs) > 0) == (len(want.NoIDs) > 0))
	}
	if !same {
		t.Errorf("of %.200q the excerpt %.200q names %+v, want %+v", text, excerpt, got, want)
	}
	return excerpt
}

func TestAnExcerptNamesWhatTheTextNames(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&log, "2026-08-20 10:00:00,%03d | INFO     | pilot.control.job | heartbeat %d of epoch 1786000000 at /tmp/PanDA_Pilot3_3908_1537173670/\r\n", i%1000, i)
		if i%1500 == 700 {
			fmt.Fprintf(&log, "2026-08-20 10:00:00,%03d | INFO     | pilot.control.job | processing PanDA job %d from task 41\r\n", i%1000, 6012345000+i)
		}
	}
	excerpt := sameMentions(t, log.String())
	if n := len(grid.PandaIDs(excerpt).Jobs); log.Len() < 5<<20 || n != 40 || len(excerpt) > 8000 {
		t.Errorf("%d bytes with %d jobs became %d bytes", log.Len(), n, len(excerpt))
	}
	many, numbers := "", ""
	for i := range 150 {
		many += fmt.Sprintf("PandaID=%d\n", 6012345000+i)
		numbers += fmt.Sprintf("%d\n", 6012345000+i)
	}
	long := strings.Repeat("x", 100_000)
	for name, text := range map[string]string{
		"more than are kept":     many,
		"numbers":                numbers,
		"one line":               long + " PandaID=6012345678 " + long + " job 6012345679 has state " + long,
		"a list":                 "wrapper: pandaids: 6012345678 6012345679" + strings.Repeat(" 6012345678", 200) + " 6012345680\n",
		"a batch job":            long + "\nPBS_JOBID=9708243.svr016.gla.example.org\n",
		"no ids":                 "PandaID=0\nPandaID=99999999999999999999",
		"only a pilot":           long + "/Panda_Pilot_26241_1274389488/" + long,
		"nothing":                long,
		"empty":                  "",
		"broken letters":         "\xff\xfe PandaID=6012345678 \xff",
		"a directory and a line": "PandaJob_6012345678_1274389590/ x PandaID=6012345678",
	} {
		if got := sameMentions(t, text); len(got) > 32<<10 || name == "nothing" && got != "" {
			t.Errorf("%s: %d bytes: %.100q", name, len(got), got)
		}
	}
	if p := grid.PandaIDs(grid.PandaExcerpt(long + "/Panda_Pilot_26241_1274389488/")).Pilots; p != 1 {
		t.Errorf("directories of pilots: %d", p)
	}
}

func FuzzPandaExcerpt(f *testing.F) {
	for _, text := range []string{"PandaID=6012345678\njob 6012345679 has state", "1 2 3", "pandaids: 1 2", "PBS_JOBID=1.x", "PandaJob_1073623690_1274389590", "?job=1,2"} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, times int) {
		if times = times % 200; times > 0 && len(text)*times < 1<<20 {
			text = strings.Repeat(text, times)
		}
		sameMentions(t, text)
	})
}
