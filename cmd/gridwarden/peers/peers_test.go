//go:build linux

package peers

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	window   = flag.Int("window", 64, "how many questions are open at once while a bot is saturated")
	duration = flag.Duration("duration", 10*time.Second, "how long each bot is measured, saturated")
	rate     = flag.Float64("rate", 50, "questions a second while the time of answers is measured")
)

// patience is how long a bot may take to begin, or to answer what is left.
const patience = time.Minute

// program builds ours, which can be pointed at the fake Slack, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gwpeers")
	if err != nil {
		return "", err
	}
	built = dir
	binary := filepath.Join(dir, "gridwarden")
	build := exec.CommandContext(context.Background(), "go", "build", "-tags", "fakes", "-o", binary, "github.com/gridwarden/gridwarden/cmd/gridwarden")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return binary, nil
})

var built string // the folder of it; "": nobody asked

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if built != "" {
		_ = os.RemoveAll(built) // it is among the temporary files anyway
	}
	os.Exit(status)
}

// ours starts the program, with its journal in a folder of its own.
func ours(t *testing.T, c *chat) *process {
	t.Helper()
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := c.configure(t, dir)
	return start(t, dir, []string{"GRIDWARDEN_SLACK_API=http://" + c.address + "/api/", "GRIDWARDEN_DISCORD_API=http://" + c.address + "/"}, binary, "serve", "--config", config)
}

// platform is one that a bot of ours and a peer are measured on.
type platform struct {
	name, peer, folder string
	chat               func(*testing.T) *chat
	env                func(*chat) []string
}

var platforms = []platform{
	{"slack", "Bolt 5.1.0", "bolt", newSlack, func(c *chat) []string {
		return []string{"SLACK_API_URL=http://" + c.address + "/api/", "SLACK_BOT_TOKEN=xoxb-fake-bot", "SLACK_APP_TOKEN=xapp-1-A0FAKE-1-fake"}
	}},
	{"mattermost", "Hubot 3.5.0", "hubot", newMattermost, func(c *chat) []string {
		host, port, _ := strings.Cut(c.address, ":")
		return []string{
			"MATTERMOST_HOST=" + host, "MATTERMOST_HTTP_PORT=" + port, "MATTERMOST_WSS_PORT=" + port, "MATTERMOST_USE_TLS=false",
			"MATTERMOST_GROUP=grid", "MATTERMOST_ACCESS_TOKEN=" + mattermostToken,
		}
	}},
}

// begins asks until there is an answer.
func (c *chat) begins(t *testing.T, p *process) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("the bot ended:\n%s", p.said())
		default:
		}
		if len(c.answered()) > 0 {
			c.mu.Lock()
			clear(c.asked) // what it did not hear, it will not answer
			c.mu.Unlock()
			return
		}
		c.say(0)
	}
	t.Fatalf("no answer:\n%s", p.said())
}

// TestAnswers holds the ground of the comparison: the program itself answers
// over both fakes, as a process that knows their addresses only.
func TestAnswers(t *testing.T) {
	for _, on := range platforms {
		t.Run(on.name, func(t *testing.T) {
			c := on.chat(t)
			c.begins(t, ours(t, c))
		})
	}
}

// TestPeers measures ours and a peer by turns on each platform.
func TestPeers(t *testing.T) {
	if os.Getenv("GRIDWARDEN_PEERS") != "1" {
		t.Skip("it takes minutes and both cores: `make peers`")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the peers with")
	}
	t.Log("| platform | bot | commands/s | p50, p99 saturated | p50, p99 at the rate | CPU of a command, bot | the same, fake | RSS, most |")
	for _, on := range platforms {
		t.Run(on.name, func(t *testing.T) {
			c := on.chat(t)
			mine := measure(t, c, on.name, "gridwarden", ours(t, c))
			c.mu.Lock()
			answer := c.answer
			c.mu.Unlock()
			dir := filepath.Join("testdata", on.folder)
			if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
				t.Fatalf("%v: `make peers` installs what the peers need", err)
			}
			c = on.chat(t)
			theirs := measure(t, c, on.name, on.peer, start(t, dir, append(on.env(c), "PEER_ANSWER="+answer), node, "peer.js"))
			t.Logf("%s: an answer has %d bytes; %.2f times the commands/s, %.2f times the CPU of a command", on.name, len(answer),
				mine.perSecond/theirs.perSecond, float64(mine.cpu)/float64(theirs.cpu))
		})
	}
}

// measured is what one bot did.
type measured struct {
	perSecond float64
	cpu       time.Duration // of the bot, for a command
}

// measure saturates a bot, and then asks it at a rate; what it prints is a line
// of the table.
func measure(t *testing.T, c *chat, on, name string, p *process) measured {
	t.Helper()
	inMemory(t)
	c.begins(t, p)
	cpu := func() (bot usage, fake time.Duration) {
		t.Helper()
		bot, err := used(p.cmd.Process.Pid)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, p.said())
		}
		own, err := used(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		return bot, own.cpu
	}

	slots := make(chan struct{}, *window)
	c.replied(func() { <-slots })
	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case slots <- struct{}{}:
				c.say(n)
			}
		}
	})
	time.Sleep(*duration / 4) // what is made once is made by then
	c.answered()
	began := time.Now()
	bot, fake := cpu()
	time.Sleep(*duration)
	busy := c.answered()
	took := time.Since(began)
	botAfter, fakeAfter := cpu()
	close(stop)
	asking.Wait()
	c.replied(nil)
	for end := time.Now().Add(patience); c.open() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s left %d questions without an answer\n%s", name, c.open(), p.said())
		}
	}

	c.answered()
	every := time.NewTicker(time.Duration(float64(time.Second) / *rate))
	for n := range int(*rate * (*duration / 2).Seconds()) {
		<-every.C
		c.say(n)
	}
	every.Stop()
	for end := time.Now().Add(patience); c.open() > 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	calm := c.answered()
	after, _ := cpu()
	if len(busy) == 0 || len(calm) == 0 {
		t.Fatalf("%s: no answers\n%s", name, p.said())
	}
	m := measured{perSecond: float64(len(busy)) / took.Seconds(), cpu: (botAfter.cpu - bot.cpu) / time.Duration(len(busy))}
	t.Logf("| %s | %s | %.0f | %s | %s | %d µs | %d µs | %.0f, %.0f MB |", on, name, m.perSecond, quantiles(busy), quantiles(calm), m.cpu.Microseconds(),
		((fakeAfter - fake) / time.Duration(len(busy))).Microseconds(), float64(after.rss)/1e6, float64(after.top)/1e6)
	return m
}

// quantiles gives p50 and p99 in ms.
func quantiles(all []time.Duration) string {
	slices.Sort(all)
	at := func(q float64) float64 { return float64(all[min(int(q*float64(len(all))), len(all)-1)]) / 1e6 }
	return fmt.Sprintf("%.1f, %.1f ms", at(0.5), at(0.99))
}

// inMemory warns when syncing the journal costs nothing.
func inMemory(t *testing.T) {
	t.Helper()
	const tmpfs = 0x01021994
	var f syscall.Statfs_t
	if syscall.Statfs(os.TempDir(), &f) == nil && f.Type == tmpfs {
		t.Logf("%s is in memory: what syncing the journal costs is not measured", os.TempDir())
	}
}
