package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// self names this process among those that share a journal, so that others on
// the same machine can tell whether it has ended: host, the space in which its
// number counts, number, when it began (a number is used again), and how often
// it was asked (a process may be several, one after the other).
func self() string { return fmt.Sprintf("%s/%d", thisProcess(), selves.Add(1)) }

var selves atomic.Int64

func thisProcess() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	pid := os.Getpid()
	began, err := beganAt(pid)
	if err != nil {
		began = "unknown"
	}
	return fmt.Sprintf("%s/%s/%d/%s", host, pidSpace(), pid, began)
}

// hasEnded reports that the process a holder names has surely ended. Of processes
// elsewhere, and where the system does not tell, nothing is sure.
func hasEnded(holder string) bool {
	parts := strings.Split(holder, "/")
	mine := strings.Split(thisProcess(), "/")
	if len(parts) != len(mine)+1 || parts[0] != mine[0] || parts[1] != mine[1] || parts[1] == "" {
		return false
	}
	pid, err := strconv.Atoi(parts[2])
	if err != nil || pid <= 0 {
		return false
	}
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	began, err := beganAt(pid)
	return err == nil && parts[3] != "unknown" && began != parts[3]
}

// pidSpace names the kernel's boot and the namespace of process numbers; "" is unknown.
func pidSpace() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "." + strings.Trim(space, "pid:[]")
}

// beganAt is when a process began, in the kernel's ticks since its boot
// (proc_pid_stat(5), field 22; the name before it may hold anything but a last
// ")"). A zombie still counts: its first thread may end before one that writes.
func beganAt(pid int) (string, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const after = 22 - 3 // the first field after the name is the third
	if len(fields) <= after {
		return "", fmt.Errorf("the state of process %d has %d fields", pid, len(fields))
	}
	return fields[after], nil
}
