package kill

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// maxInLetter is how many jobs a letter to a site names.
const maxInLetter = 20

// letters are texts that can be sent to the sites whose batch jobs a kill has not
// ended, one for each. left is in the order of the sites.
func letters(left []grid.JobKill) []string {
	var out []string
	for i := 0; i < len(left); {
		j := i
		for j < len(left) && left[j].Job.Site == left[i].Job.Site {
			j++
		}
		if site := left[i].Job.Site; site != "" {
			out = append(out, letter(site, left[i:j]))
		}
		i = j
	}
	return out
}

func letter(site string, left []grid.JobKill) string {
	var jobs []string
	for _, k := range left[:min(len(left), maxInLetter)] {
		jobs = append(jobs, fmt.Sprintf("batch job %s on %s (PanDA job %s)", orUnknown(k.Job.Batch), orUnknown(k.Job.Host), k.Job.ID))
	}
	if more := len(left) - maxInLetter; more > 0 {
		jobs = append(jobs, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("To send to %s: A security incident concerns jobs of %s at your site. We had them killed, and their pilots have not ended them in time: a payload can detach itself from its pilot. "+
		"Please look at the worker nodes before you kill anything there, keep what you find, then kill: %s.", site, whose(left), strings.Join(jobs, ", "))
}

// whose names the users of jobs.
func whose(left []grid.JobKill) string {
	var names []string
	for _, k := range left {
		if name := fmt.Sprintf("%q", k.Job.User); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	what := "the PanDA user"
	if len(names) > 1 {
		what += "s"
	}
	return what + " " + strings.Join(names, ", ")
}
