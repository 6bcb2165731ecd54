//go:build race

package gridtest

// TestJobs is how large a world tests ask about by themselves. The race detector
// looks at how is asked, for which a small one does.
const TestJobs = 1_000
