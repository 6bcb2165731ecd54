package bottest

import "strings"

// Probed is what a probe of a platform tells, a line each: its remarks, then the error.
func Probed(remarks []string, err error) string {
	var lines []string
	for _, r := range remarks {
		lines = append(lines, "remark: "+r)
	}
	if err != nil {
		lines = append(lines, "FAILED: "+err.Error())
	}
	return strings.Join(lines, "\n")
}
