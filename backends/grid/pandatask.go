package grid

import (
	"encoding/json"
	"strings"
)

// PandaSubmission is what a task was submitted with, as far as it tells of its
// payload. Texts are foreign.
type PandaSubmission struct {
	CLI       string // the command line that the user typed, prun or pathena with all
	SourceURL string
	Sandbox   string // name of the file with the user's code
	ViaDDM    string // the dataset that the code comes from instead
}

// maxTaskParams bounds the parameters that are read, in bytes.
const maxTaskParams = 8 << 20

// ParsePandaTask reads the parameters of a task, which are JSON. What is missing
// or of another type stays empty: there are many versions of clients.
func ParsePandaTask(parameters string) (PandaSubmission, bool) {
	var p struct {
		CLI       any `json:"cliParams"`
		SourceURL any `json:"sourceURL"`
		Fixed     any `json:"fixedSandbox"`
		ViaDDM    any `json:"tarBallViaDDM"`
		Build     any `json:"buildSpec"`
		Items     any `json:"jobParameters"`
	}
	if parameters == "" || len(parameters) > maxTaskParams || json.Unmarshal([]byte(parameters), &p) != nil {
		return PandaSubmission{}, false
	}
	text := func(v any) string { s, _ := v.(string); return s }
	out := PandaSubmission{CLI: text(p.CLI), SourceURL: text(p.SourceURL), ViaDDM: text(p.ViaDDM)}
	if build, ok := p.Build.(map[string]any); ok {
		out.Sandbox = text(build["archiveName"])
	}
	if out.Sandbox == "" {
		out.Sandbox = text(p.Fixed)
	}
	items, _ := p.Items.([]any)
	for _, item := range items {
		fields, _ := item.(map[string]any)
		name, given := strings.CutPrefix(strings.TrimSpace(text(fields["value"])), "-a ")
		if out.Sandbox == "" && given {
			out.Sandbox = strings.TrimSpace(name)
		}
	}
	return out, true
}
