package pilotlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// packer is one for all logs: a new one costs more than most of them.
var packer = gzip.NewWriter(nil)

// pack embeds a log as condor_startup.sh does.
func pack(name string, members ...string) string {
	var b bytes.Buffer
	for _, m := range members {
		packer.Reset(&b)
		packer.Write([]byte(m))
		packer.Close()
	}
	text := base64.StdEncoding.EncodeToString(b.Bytes())
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n======== gzip | uuencode =============\nbegin-base64 644 -\n", name)
	for len(text) > 76 {
		out.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	out.WriteString(text + "\n====\n")
	return out.String()
}

const goodAd = `ClusterId = 5
CRAB_UserHN = "jdoe"
GlobalJobId = "crab3@sub.example.org#5.1#1750000000"
JobCurrentStartDate = 1750759945
MyType = "Job"
Owner = "cms1"
ProcId = 1
`

const goodBanner = `*** Offset = 0 ClusterId = 5 ProcId = 1 Owner = "cms1" CompletionDate = -1 CurrentTime = 1750764554
`

func adsOf(t *testing.T, text string) []ad {
	t.Helper()
	return readAds([]byte(text), &flaws{})
}

// TestTextOfAnOwnerIsNoAttribute has what the owner of a job can do to the ad
// with an attribute of his own: its line ends stand in the log as they are, its
// quotes behind a backslash.
func TestTextOfAnOwnerIsNoAttribute(t *testing.T) {
	const forged = "ClusterId = 99\nJobCurrentStartDate = 1\nCRAB_UserHN = \\\"victim\\\"\n*** Offset = 0 ClusterId = 99 ProcId = 9 Owner = \\\"x\\\" CompletionDate = -1 CurrentTime = 1750000001\n"
	for name, text := range map[string]string{
		"a text over several lines":                "AAA = \"x\n" + forged + "y\"\n",
		"its first line ends in a quote":           "AAA = \"x\\\"\n" + forged + "y\"\n",
		"it ends where an attribute seems to open": "AAA = \"x\\\"\n" + forged + "z = \"\n",
		"each line has quotes":                     "AAA = \"x \\\"a\\\"\n" + forged + "b = \\\"\\\"\"\n",
	} {
		for _, place := range []string{"first", "last"} {
			ad := text + goodAd
			if place == "last" {
				ad = goodAd + text
			}
			got := adsOf(t, ad+goodBanner)
			if len(got) != 1 {
				t.Errorf("%s, %s: %d ads", name, place, len(got))
				continue
			}
			a := got[0]
			if a.id != "crab3@sub.example.org#5.1#1750000000" || a.job.cluster != 5 || a.start.Unix() != 1750759945 || a.ended.Unix() != 1750764554 || a.get("crab_userhn") != "jdoe" {
				t.Errorf("%s, %s: read as %+v", name, place, a)
			}
			if !strings.Contains(strings.Join(a.doubts, "; "), "goes on over lines") {
				t.Errorf("%s, %s: it is not told: %q", name, place, a.doubts)
			}
		}
	}
}

func TestAdsThatContradictThemselves(t *testing.T) {
	for name, c := range map[string]struct{ text, doubt string }{
		"an attribute twice":           {goodAd + "CRAB_UserHN = \"victim\"\n" + goodBanner, "crab_userhn twice"},
		"in another spelling":          {goodAd + "crab_userhn = \"victim\"\n" + goodBanner, "crab_userhn twice"},
		"another job's end":            {goodAd + strings.Replace(goodBanner, "ClusterId = 5", "ClusterId = 6", 1), "of another job"},
		"another owner's end":          {goodAd + strings.Replace(goodBanner, `"cms1"`, `"root"`, 1), "of another owner"},
		"an id of another job":         {strings.Replace(goodAd, "ClusterId = 5", "ClusterId = 6", 1) + goodBanner, "GlobalJobId is of another job"},
		"no end":                       {goodAd, "its end is missing"},
		"no job":                       {"Owner = \"x\"\n" + goodBanner, "it names no job"},
		"lines that are no attributes": {goodAd + "hello world\n" + goodBanner, "lines that are no attributes"},
		"direction characters":         {strings.Replace(goodAd, "jdoe", "jd\u202Eoe", 1) + goodBanner, "change how text is shown"},
	} {
		got := adsOf(t, c.text)
		if len(got) != 1 || !strings.Contains(strings.Join(got[0].doubts, "; "), c.doubt) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if strings.HasPrefix(c.doubt, "crab") && got[0].get("crab_userhn") != nil {
			t.Errorf("%s: one of the two is believed: %v", name, got[0].attrs)
		}
	}
	// What is not strange.
	for name, text := range map[string]string{
		"a good ad":             goodAd + goodBanner,
		"a backslash at an end": "Iwd = \"C:\\\"\n" + goodAd + "Requirements = (Arch == \"X86_64\") && (OpSys == \"L\")\n" + goodBanner,
		"an epoch":              goodAd + "*** EPOCH ClusterId=5 ProcId=1 RunInstanceId=0 Owner=\"cms1\" CurrentTime=1750764554\n",
	} {
		if got := adsOf(t, text); len(got) != 1 || len(got[0].doubts) > 0 || got[0].get("crab_userhn") != "jdoe" || got[0].ended.Unix() != 1750764554 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		`"a \"b\" \n"`:           `a "b" \n`,
		`17`:                     `17`,
		`-1.5E3`:                 `-1500`,
		`{ "/cms","a \"b" , 3 }`: `[/cms a "b 3]`,
		`undefined`:              `<nil>`,
		`TRUE`:                   `true`,
		`{ }`:                    `[]`,
		`real("NaN")`:            `/Expr(real("NaN"))/`,
		`"a" + "b"`:              `/Expr("a" + "b")/`,
		`[ a = 1 ]`:              `/Expr([ a = 1 ])/`,
		`{ {1}, 2 }`:             `/Expr({ {1}, 2 })/`,
		`"open`:                  `/Expr("open)/`,
		`0x10`:                   `/Expr(0x10)/`,
		`Infinity`:               `/Expr(Infinity)/`,
		`99999999999999999999`:   `100000000000000000000`,
	} {
		if got := fmt.Sprint(literal([]byte(text))); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func starterLog(extra string) string {
	return `06/24/25 12:12:25 (pid:100) ** condor_starter (CONDOR_STARTER) STARTING UP
06/24/25 12:12:25 (pid:100) Communicating with shadow <192.0.2.11:4080?addrs=192.0.2.11-4080&noUDP>
06/24/25 12:12:25 (pid:100) Submitting machine is "sub.example.org"
06/24/25 12:12:26 (pid:100) Starting a VANILLA universe job with ID: 5.1
` + extra + `06/24/25 13:29:14 (pid:100) Process exited, pid=200, status=0
06/24/25 13:29:14 (pid:100) **** condor_starter (condor_STARTER) pid 100 EXITING WITH STATUS 0
`
}

const goodOut = `Starting glidein_startup.sh at Tue Jun 24 12:05:25 CEST 2025 (1750759525)
condorg_cluster   = '77'
condorg_subcluster= '1'
condorg_schedd    = 'schedd_glideins1@factory.example.org'
Running on wn1.example.org
GLIDEIN_CMSSite T2_XX_Here
=== Condor starting Tue Jun 24 12:06:30 CEST 2025 (1750759590) ===
=== Condor ended Tue Jun 24 14:24:57 CEST 2025 (1750767897) after 8307 ===
Total number of activations/claims: 1
=== Glidein ending Tue Jun 24 14:25:01 CEST 2025 (1750767901) with code 0 after 8376 ===
`

var goodPilot = grid.Pilot{ID: grid.PilotID{Schedd: "schedd_glideins1@factory.example.org", Cluster: 77, Proc: 1}}

// TestForgedLogsAreTold holds one line for each way to lie in a log, with the
// words that tell of it.
func TestForgedLogsAreTold(t *testing.T) {
	for name, c := range map[string]struct{ out, starter, history, want string }{
		"nothing is forged":     {goodOut, starterLog(""), goodAd + goodBanner, ""},
		"a second job":          {goodOut, starterLog("06/24/25 12:12:27 (pid:100) Starting a VANILLA universe job with ID: 6.6\n"), goodAd + goodBanner, "names a second job"},
		"another process":       {goodOut, starterLog("06/24/25 12:12:27 (pid:7) Submitting machine is \"evil.example.org\"\n"), goodAd + goodBanner, "has a line of process"},
		"a start that is early": {goodOut, starterLog(""), strings.Replace(goodAd, "1750759945", "1750759645", 1) + goodBanner, "its start is"},
		"an end that is late":   {goodOut, starterLog(""), goodAd + strings.Replace(goodBanner, "1750764554", "1750767800", 1), "its end is"},
		"times of another day":  {goodOut, starterLog(""), strings.Replace(goodAd, "1750759945", "1740759945", 1) + goodBanner, "outside of those in which the pilot ran"},
		"end before start":      {goodOut, starterLog(""), goodAd + strings.Replace(goodBanner, "1750764554", "1750759900", 1), "ended before it began"},
		"another host":          {goodOut, starterLog(""), goodAd + "RemoteHost = \"slot1_1@glidein_1_2@other.example.org\"\n" + goodBanner, "names another host"},
		"an ad without starter": {goodOut, starterLog(""), strings.ReplaceAll(goodAd, "5", "6") + strings.ReplaceAll(goodBanner, "= 5", "= 6"), "no log of a starter tells of it"},
		"a false zone":          {strings.Replace(goodOut, "12:06:30", "12:07:30", 1), starterLog(""), goodAd + goodBanner, "in any time zone"},
		"two zones":             {strings.Replace(goodOut, "12:06:30", "13:06:30", 1), starterLog(""), goodAd + goodBanner, "2 offsets"},
		"two pilots":            {goodOut + goodOut, starterLog(""), goodAd + goodBanner, "begins 2 times"},
		"another pilot's id":    {goodOut + "condorg_cluster = '78'\n", starterLog(""), goodAd + goodBanner, "two values of the condorg_cluster"},
		"no pilot's .out":       {strings.Repeat("\x1b]0;x\a\x00\n", 20), starterLog(""), goodAd + goodBanner, "does not begin as a pilot's does"},
		"a .out that was cut":   {goodOut[:strings.Index(goodOut, "=== Glidein ending")], starterLog(""), goodAd + goodBanner, "breaks off before the pilot's end"},
		"an empty .out":         {"\n", starterLog(""), goodAd + goodBanner, "is not there"},
		"a run is missing":      {strings.Replace(goodOut, "claims: 1", "claims: 2", 1), starterLog(""), goodAd + goodBanner, "somebody may be missing"},
		"a run is invented":     {goodOut, starterLog(""), goodAd + goodBanner + strings.ReplaceAll(goodAd, "5", "6") + strings.ReplaceAll(goodBanner, "= 5", "= 6"), "some may be invented"},
	} {
		log := read(t, []byte(c.out), []byte(pack("StarterLog.slot1_1", c.starter)+pack("StartdHistoryLog", c.history)))
		said := append(log.flaws.list, log.short...)
		told := log.told(goodPilot, nil)
		for _, r := range told {
			said = append(said, r.doubts...)
		}
		if s := log.counted(len(told)); s != "" {
			said = append(said, s)
		}
		all := strings.Join(said, "; ")
		if c.want == "" && all != "" || !strings.Contains(all, c.want) {
			t.Errorf("%s: it says %q, want %q", name, all, c.want)
		}
		for _, s := range said {
			if !isPlain(s) {
				t.Errorf("%s: %q would draw on a screen", name, s)
			}
		}
	}
}

func TestABlockInsideABlockOrALine(t *testing.T) {
	good := pack("StartdHistoryLog", goodAd+goodBanner)
	for name, c := range map[string]struct {
		err  string
		ads  int
		want string
	}{
		"truncated base64":            {good[:len(good)/2], 1, "could be read in part only"},
		"no end before the next":      {strings.Replace(good, "\n====\n", "\n", 1) + pack("StarterLog.slot1_1", starterLog("")), 1, "its end is missing"},
		"twice":                       {good + good, 2, "embedded twice"},
		"a head inside a line":        {"x ======== gzip | uuencode =============\n" + good, 1, "inside it"},
		"it could not be packed":      {"StartdHistoryLog\n======== gzip | uuencode =============\nERROR_FAILED_ENCODING\n", 0, "could not pack"},
		"several members":             {pack("StartdHistoryLog", goodAd+goodBanner, goodAd+goodBanner), 2, ""},
		"rubbish":                     {"StartdHistoryLog\n======== gzip | uuencode =============\nbegin-base64 644 -\n!!!!\n====\n", 0, "it is damaged"},
		"no gzip":                     {"StartdHistoryLog\n======== gzip | uuencode =============\nbegin-base64 644 -\naGVsbG8gd29ybGQ=\n====\n", 0, "it is damaged"},
		"a name of 10 kB with tricks": {pack(strings.Repeat("\u202E@all<b>", 1500), goodAd) + good, 1, ""},
	} {
		log := read(t, []byte(goodOut), []byte(c.err))
		said := strings.Join(append(log.flaws.list, log.short...), "; ")
		if len(log.ads) != c.ads || !strings.Contains(said, c.want) {
			t.Errorf("%s: %d ads, %q", name, len(log.ads), said)
		}
	}
}

// bomb packs n MB of one letter.
func bomb(n int) string { return pack("StartdHistoryLog", strings.Repeat("A", n<<20)) }

// TestBombsAndEndlessLines bounds memory and time, whatever the log unpacks to.
func TestBombsAndEndlessLines(t *testing.T) {
	line := strings.Repeat("06/24/25 12:12:26 (pid:100) Starting a VANILLA universe job with ID: 5.1 and more\n", 1)
	for name, errs := range map[string]string{
		"a bomb":           bomb(100),
		"many bombs":       strings.Repeat(bomb(20), 20),
		"many members":     pack("StarterLog.slot1_1", strings.Split(strings.Repeat(line, 500), "\n")...),
		"an endless line":  pack("StartdHistoryLog", "AAA = \""+randomText(8<<20)),
		"quotes and slash": pack("StartdHistoryLog", strings.Repeat("A = \"x\\\"\n", 500_000)),
		"open texts":       pack("StartdHistoryLog", strings.Repeat("A = \"x\n", 500_000)),
		"many attributes":  pack("StartdHistoryLog", manyAttributes(200_000)+goodBanner),
		"many ads":         pack("StartdHistoryLog", strings.Repeat(goodAd+goodBanner, 20_000)),
		"many runs":        pack("StarterLog.slot1_1", strings.Repeat(starterLog(""), 20_000)),
		"many slots":       pack("StartdLog", manySlots(100_000)),
		"many blocks":      strings.Repeat(pack("StarterLog.slot1_1", starterLog("")), 2000),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			log := read(t, []byte(goodOut), []byte(errs))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if grew := after.TotalAlloc - before.TotalAlloc; grew > 256<<20 {
				t.Errorf("allocates %d MB", grew>>20)
			}
			if took > 20*time.Second {
				t.Errorf("takes %s", took)
			}
			if len(log.ads) > maxAds || len(log.runs) > maxRuns || len(log.flaws.list) > maxFlaws {
				t.Errorf("%d ads, %d runs, %d flaws", len(log.ads), len(log.runs), len(log.flaws.list))
			}
			log.told(goodPilot, nil)
		})
	}
	for mb, want := range map[int]string{20: "far more than a log does", 200: "longer than the bound"} {
		if log := read(t, nil, []byte(bomb(mb))); !strings.Contains(strings.Join(log.short, "; "), want) {
			t.Errorf("a bomb of %d MB is not told: %q", mb, log.short)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, nil, []byte(bomb(1))); !errors.Is(err, context.Canceled) {
		t.Errorf("does not end with its context: %v", err)
	}
}

// randomText does not pack well.
func randomText(n int) string {
	out := make([]byte, n)
	x := uint32(1)
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = 'a' + byte(x>>24)%26
	}
	return string(out)
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "MachineAttrName%d = \"%d\"\n", i%9, i)
	}
	return b.String()
}

func manySlots(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "06/24/25 12:12:26 (pid:9) slot%d_1: Remote job ID is %d.0\n", i, i+1)
	}
	return b.String()
}

func FuzzErr(f *testing.F) {
	f.Add(sample(f, "job.10176593.0.err"))
	f.Add([]byte(pack("StartdHistoryLog", goodAd+goodBanner) + pack("StartdLog", manySlots(3))))
	f.Fuzz(func(t *testing.T, data []byte) {
		log := read(t, []byte(goodOut), data)
		for _, r := range log.told(goodPilot, nil) {
			grid.MatchPilotLog(grid.Query{Kind: grid.ByHost, Host: "wn1.example.org"}, r.job)
		}
	})
}

func FuzzOut(f *testing.F) {
	f.Add(sample(f, "job.10176593.0.out"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var fl flaws
		out := readOut(data, &fl)
		first, last := out.clock.utc(time.Date(2025, 6, 24, 12, 0, 0, 0, time.UTC))
		if last.Before(first) {
			t.Errorf("%s after %s", first, last)
		}
		for _, s := range fl.list {
			if !isPlain(s) {
				t.Errorf("%q would draw on a screen", s)
			}
		}
	})
}

func FuzzAd(f *testing.F) {
	f.Add([]byte(goodAd + goodBanner))
	f.Add([]byte("AAA = \"x\\\"\nClusterId = 99\n*** Offset = 0 ClusterId = 99 ProcId = 9\nz = \"\n" + goodAd + goodBanner))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, a := range readAds(data, &flaws{}) {
			for name, v := range a.attrs {
				if _, ok := grid.AttributeNamed(name); !ok {
					t.Errorf("%q is kept", name)
				}
				switch v.(type) {
				case nil, string, bool, []any, fmt.Stringer:
				default:
					t.Errorf("%q is a %T", name, v)
				}
			}
		}
	})
}

// FuzzOwnersText gives an ad a text of its owner, as the startd writes it: it must
// never change what the ad says of the job.
func FuzzOwnersText(f *testing.F) {
	f.Add("x\nClusterId = 99\ny", true)
	f.Add("x\"\nClusterId = 99\nz = ", false)
	f.Add("C:\\", true)
	f.Fuzz(func(t *testing.T, text string, early bool) {
		if strings.Contains(text, "\r") || strings.Contains(text, "\\") || len(text) > maxInText/2 {
			t.Skip("a backslash before a line end or quote is not told apart in that syntax")
		}
		own := "AAA = \"" + strings.ReplaceAll(text, `"`, `\"`) + "\"\n"
		all := goodAd + own + goodBanner
		if early {
			all = own + goodAd + goodBanner
		}
		got := readAds([]byte(all), &flaws{})
		if len(got) != 1 {
			t.Fatalf("%d ads", len(got))
		}
		if a := got[0]; a.id != "crab3@sub.example.org#5.1#1750000000" || a.job.cluster != 5 || a.start.Unix() != 1750759945 || a.get("crab_userhn") != "jdoe" {
			t.Errorf("%q makes of it %+v", text, a)
		}
	})
}

func FuzzStarter(f *testing.F) {
	f.Add([]byte(starterLog("")))
	f.Add([]byte(manySlots(3)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, r := range append(readStarter("StarterLog", data, &flaws{}), readStartd(data, &flaws{})...) {
			if !r.named || r.cluster <= 0 || r.proc < 0 {
				t.Errorf("%+v", r)
			}
		}
	})
}

func FuzzActivity(f *testing.F) {
	f.Add(sample(f, "condor_activity_20250624_CMSG-v1_0.main-token.log"))
	f.Add([]byte(`<job terminated="2022-06-24T06:26:00+02:00" id="10176593.000" duration="8376">`))
	f.Fuzz(func(t *testing.T, data []byte) {
		readActivity(data, time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC))
		readCompleted(data)
	})
}
