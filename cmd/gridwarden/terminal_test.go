package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// screen is a terminal whose other end the test reads.
type screen struct {
	tty   *os.File
	mu    sync.Mutex
	seen  bytes.Buffer
	wrote chan struct{} // has something after every write
}

// newScreen opens a terminal of that many columns.
func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here")
	}
	if err := unix.IoctlSetPointerInt(int(other.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(other.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(file.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: columns}); err != nil {
		t.Fatal(err)
	}
	s := &screen{tty: file, wrote: make(chan struct{}, 1)}
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		_, _ = io.Copy(s, io.MultiReader(other))
	}()
	t.Cleanup(func() {
		_ = file.Close() // which ends the copy
		<-reading
		_ = other.Close()
	})
	return s
}

// Write keeps what was shown.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.wrote <- struct{}{}:
	default:
	}
	return s.seen.Write(p)
}

// shows waits until text is on the screen, and returns all of it.
func (s *screen) shows(t *testing.T, text string) string {
	t.Helper()
	for {
		s.mu.Lock()
		seen := s.seen.String()
		s.mu.Unlock()
		if strings.Contains(seen, text) {
			return strings.ReplaceAll(seen, "\r\n", "\n")
		}
		select {
		case <-s.wrote:
		case <-t.Context().Done():
			t.Fatal("the test ended")
		}
	}
}

// TestWidthOfTheTerminal prints what people read into a narrow terminal.
func TestWidthOfTheTerminal(t *testing.T) {
	cfg := configured(t, testConfig)
	asked(t, cfg, "alice", "status") // makes the journal
	for says, args := range map[string][]string{
		"Everything works": {"run", "--config", cfg, "--as", "alice", "status"},
		"key of the audit": {"check", "--config", cfg},
		"Sound":            {"audit", "verify", "--config", cfg},
	} {
		s := newScreen(t, 60)
		if status := run(t.Context(), args, terminal{in: nobody(t), out: s.tty, err: t.Output()}); status != exitOK {
			t.Errorf("%v: status %d", args, status)
		}
		fmt.Fprintln(s.tty, "THE END")
		text := s.shows(t, "THE END")
		if !strings.Contains(text, says) {
			t.Errorf("%v: %s", args, text)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 60 {
				t.Errorf("%v: a line of %d columns: %s", args, n, line)
			}
		}
	}
}

// TestALogInAConversation has a console and its log in one terminal: what is
// no trouble stays out of it.
func TestALogInAConversation(t *testing.T) {
	cfg := configured(t, testConfig)
	for _, apart := range []bool{false, true} {
		s := newScreen(t, 80)
		w := terminal{in: strings.NewReader("help\n"), out: s.tty, err: s.tty}
		log := &journalled{wrote: make(chan struct{}, 1)}
		if apart {
			w.err = log
		}
		if status := run(context.Background(), []string{"serve", "--config", cfg}, w); status != exitOK {
			t.Errorf("status %d", status)
		}
		fmt.Fprintln(s.tty, "THE END")
		text := s.shows(t, "THE END")
		if strings.Contains(text, "level=INFO") || !strings.Contains(text, "trace") {
			t.Errorf("on the screen:\n%s", text)
		}
		if logged := strings.Contains(log.String(), "level=INFO"); logged != apart {
			t.Errorf("apart %v, logged: %s", apart, log)
		}
	}
}
