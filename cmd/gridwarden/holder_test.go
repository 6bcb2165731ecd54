package main

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestHasEnded(t *testing.T) {
	child := exec.CommandContext(t.Context(), "sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	began, err := beganAt(child.Process.Pid)
	if err != nil {
		t.Skip("this system does not say when a process began, so nothing is known to have ended: " + err.Error())
	}
	me := strings.Split(self(), "/")
	named := func(host, space, pid, began string) string {
		return strings.Join([]string{host, space, pid, began, "1"}, "/")
	}
	pid := strconv.Itoa(child.Process.Pid)
	other := named(me[0], me[1], pid, began)
	for holder, want := range map[string]bool{
		self(): false,
		other:  false,
		named("elsewhere", me[1], "999999999", "1"): false,
		named(me[0], "another", "999999999", "1"):   false,
		named(me[0], "", "999999999", "1"):          false,
		named(me[0], me[1], "999999999", "1"):       true,
		named(me[0], me[1], pid, began+"0"):         true, // the number belongs to another process now
		named(me[0], me[1], pid, "unknown"):         false,
		named(me[0], me[1], "-1", "1"):              false,
		named(me[0], me[1], "x", "1"):               false,
		"random":                                    false,
		"":                                          false,
	} {
		if got := hasEnded(holder); got != want {
			t.Errorf("hasEnded(%q) = %v", holder, got)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if !hasEnded(other) {
		t.Error("a killed process has not ended")
	}
}
