package bot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// beside is what somebody types with files beside it.
func (h *hall) beside(who, line string, files ...bot.Attachment) bot.Event {
	ev := h.typed(who, line)
	ev.Files = files
	return ev
}

func TestAFileBesideACommandIsRead(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		log := strings.Repeat("a line of a log\n", 300_000) + "PandaID=1234"
		f := h.memory.Give("pilot[1].txt", []byte(log))
		for _, line := range []string{"read", "", " READ "} { // with nothing said it is for the one command that reads files
			h.wants(h.send(h.beside("alice", line, f)), `alice asked: read "[from pilot 1 .txt, 4800012 bytes]"`, `found 1234 in "pilot 1 .txt, 4800012 bytes"`)
		}
		untold := f
		untold.Enclosure = bot.Enclosure{} // not every platform tells name and size
		h.wants(h.send(h.beside("alice", "read", untold)), `found 1234 in "the file, 4800012 bytes"`)
		h.wants(h.send(h.beside("alice", "read PandaID=99", f)), "pilot 1 .txt was not read: a file is read by `read` without words", `found PandaID=99 in ""`)
		h.wants(h.send(h.beside("alice", "ask x", f)), "answer to x")
		if n := h.memory.Fetched(); n != 4 {
			t.Errorf("files were fetched %d times", n)
		}
		records, err := h.journal.Records(t.Context(), bot.RecordFilter{Kinds: []audit.Kind{audit.Received}, Limit: 1})
		if err != nil || len(records) != 1 || strings.Contains(string(records[0].Body), "a line of a log") {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
}

func TestAFileThatCannotBeReadIsToldAbout(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		const hint = "Attach it again, or paste the lines that `grep -iE 'PandaID|PanDA job'` finds in it."
		give := func(name, text string) bot.Attachment { return h.memory.Give(name, []byte(text)) }
		huge := give("huge.log", "PandaID=1234"+strings.Repeat(" ", bot.MaxPasted))
		lies := huge
		lies.Size = 3
		gone := give("gone.log", "PandaID=1234")
		h.memory.TakeBack(gone.ID)
		log := give("log", "PandaID=1234")
		for name, c := range map[string]struct {
			ev      bot.Event
			want    string
			fetches int
		}{
			"too long, as it says":    {h.beside("alice", "read", huge), "huge.log has more than 5242880 bytes (5 MB), and so much is not read.", 0},
			"too long, and says less": {h.beside("alice", "read", lies), "huge.log has more than 5242880 bytes (5 MB), and so much is not read.", 1},
			"gone":                    {h.beside("alice", "read", gone), "gone.log is not beside the message any more. Nothing was looked up. " + hint, 1},
			"compressed":              {h.beside("alice", "read", give("log.gz", "\x1f\x8b\x08PandaID=1234")), "log.gz is compressed.", 1},
			"a picture":               {h.beside("alice", "read", give("shot.png", "\x89PNG\x0d\x0a\x1a\x0aPandaID=1234")), "shot.png is no text.", 1},
			"a program":               {h.beside("alice", "read", give("a.out", "\x7fELF\x02\x01\x01\x00\x00PandaID=1234")), "a.out is no text.", 1},
			"nothing in it":           {h.beside("alice", "read", give("notes", "nothing")), "Nothing in the 7 bytes of notes names a job", 1},
			"empty":                   {h.beside("alice", "read", give("empty", " \n")), "empty is empty.", 1},
			"several":                 {h.beside("alice", "read", log, log), "2 files are attached, and none was read: attach one to each `read`.", 0},
			"by a stranger":           {h.beside("zoe", "read", log), "belongs to nobody that gridwarden knows", 0},
			"by a guest":              {guest(h.beside("alice", "read", log)), "gridwarden takes nothing from guest accounts.", 0},
			"where it may not be":     {elsewhere(h.beside("alice", "read", log), "lounge"), "may not be used in this channel", 0},
		} {
			before := h.memory.Fetched()
			said := text(h.send(c.ev))
			if !strings.Contains(said, c.want) || strings.Contains(said, "found") {
				t.Errorf("%s: %s", name, said)
			}
			if n := h.memory.Fetched() - before; n != c.fetches {
				t.Errorf("%s: fetched %d times", name, n)
			}
		}
	})
}

func guest(ev bot.Event) bot.Event {
	ev.Account.Standing = bot.Guest
	return ev
}

func elsewhere(ev bot.Event, channel string) bot.Event {
	ev.Thread.Channel = channel
	return ev
}

// fetching is a platform that reads files as fetch says.
type fetching struct {
	bottest.Full
	fetch func(context.Context) ([]byte, error)
}

func (f fetching) Fetch(ctx context.Context, _ bot.Thread, _ string, _ bot.Attachment, _ int) ([]byte, error) {
	return f.fetch(ctx)
}

func TestAFileThatDoesNotCome(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		f := bot.Attachment{ID: "f1", Enclosure: bot.Enclosure{Name: "log"}}
		for name, c := range map[string]struct {
			platform bot.Platform
			want     string
			within   time.Duration
		}{
			"no answer": {fetching{h.memory, func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }}, "log did not come within 20 s. Nothing was looked up.", 20 * time.Second},
			"an error":  {fetching{h.memory, func(context.Context) ([]byte, error) { return nil, errors.New("tls: secret") }}, "log could not be read from memory. Nothing was looked up.", 0},
			"a reason":  {fetching{h.memory, func(context.Context) ([]byte, error) { return nil, bot.Problemf("x", "Add the scope.") }}, "log could not be read. Add the scope. Nothing was looked up.", 0},
			"no means":  {bottest.Bare(h.memory), "log is on memory, which this gridwarden cannot read.", 0},
		} {
			engine, stop := h.start(h.journal, "test", c.platform, nil)
			h.engine = engine
			began := time.Now()
			said := text(h.send(h.beside("alice", "read", f)))
			if took := time.Since(began); !strings.Contains(said, c.want) || strings.Contains(said, "secret") || took > c.within+time.Second {
				t.Errorf("%s: after %s: %s", name, took, said)
			}
			stop()
		}
	})
}

// TestAnInterruptedFileIsFetchedAgain stops the program while a file is on its way, and
// kills it before it is asked for: the next process asks for it by its id.
func TestAnInterruptedFileIsFetchedAgain(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		f := h.memory.Give("pilotlog.txt", []byte("PandaID=1234"))
		began := make(chan struct{})
		stalls := fetching{h.memory, func(ctx context.Context) ([]byte, error) { close(began); <-ctx.Done(); return nil, ctx.Err() }}
		_, stop := h.start(h.journal, "test", stalls, nil)
		if err := h.memory.Send(t.Context(), h.beside("alice", "read", f)); err != nil {
			t.Fatal(err)
		}
		<-began
		stop()
		if said := h.memory.Said(); len(said) > 0 {
			t.Errorf("said before it was answered: %s", text(said))
		}
		killed := h.process()
		if fresh, err := killed.Receive(t.Context(), "r-killed", h.beside("alice", "read", f), time.Now().UTC()); err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		time.Sleep(2 * time.Minute)
		h.open()
		said := h.since(0)
		if n := strings.Count(text(said), `found 1234 in "pilotlog.txt, 12 bytes"`); n != 2 || strings.Count(text(said), "answered late") != 2 {
			t.Errorf("answered %d times: %s", n, text(said))
		}
	})
}

// TestOnlySomeFilesAreKept bounds what an event brings.
func TestOnlySomeFilesAreKept(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		var many []bot.Attachment
		for range 100 {
			many = append(many, h.memory.Give(strings.Repeat("long ", 1000)+"\xff", []byte("x")))
		}
		h.open()
		h.wants(h.send(h.beside("alice", "read", many...)), "16 files are attached")
	})
}
