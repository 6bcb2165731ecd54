// Package usagetest tells benchmarks what their process uses, by what Linux counts.
package usagetest

import (
	"bytes"
	"os"
	"strconv"
	"testing"
)

// ForgetPeak makes PeakMB start over.
func ForgetPeak(b *testing.B) {
	b.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Logf("the peak of memory is that of the whole process: %v", err)
	}
}

// PeakMB is the most memory that this process held, in MB of a million bytes.
func PeakMB(b *testing.B) float64 {
	b.Helper()
	return memoryMB(b, "VmHWM:")
}

// NowMB is the memory that this process holds, in MB of a million bytes.
func NowMB(b *testing.B) float64 {
	b.Helper()
	return memoryMB(b, "VmRSS:")
}

func memoryMB(b *testing.B, name string) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skipf("no measure of memory: %v", err)
	}
	_, rest, _ := bytes.Cut(status, []byte(name))
	kB, err := strconv.ParseFloat(string(bytes.Fields(rest)[0]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB * 1024 / 1e6
}

// CPUSeconds is how long this process has worked on all cores.
func CPUSeconds(b *testing.B) float64 {
	b.Helper()
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		b.Skipf("no measure of work: %v", err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	seconds := 0.0
	for _, ticks := range fields[11:13] { // of the program, and of the kernel for it
		n, err := strconv.ParseFloat(string(ticks), 64)
		if err != nil {
			b.Fatal(err)
		}
		seconds += n / 100
	}
	return seconds
}
