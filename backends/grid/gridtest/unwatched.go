//go:build !race

package gridtest

// TestJobs is how large a world tests ask about by themselves; with the race
// detector it is smaller.
const TestJobs = 20_000
