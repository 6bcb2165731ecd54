package grid

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// PandaPayload is the file with the code that a user's job runs.
type PandaPayload struct {
	URL   string // "" when there is none, or it is not known
	File  string // its name, foreign
	From  string // what says so, a fragment
	Why   string // a sentence: why there is no URL, or how sure it is
	Build int64  // the build job that fetches it, 0 when the job itself does
}

// Payload tells where the code is that the job runs: for one with a sandbox of
// its own from its parameters, for one that runs a library from those of the
// build job that made it, else from what the task was submitted with.
func (j PandaJob) Payload() PandaPayload {
	p := ParsePandaParams(j.Transformation, j.Parameters)
	task, _ := ParsePandaTask(j.Task.Parameters)
	switch {
	case p.Kind == PandaProduction:
		return PandaPayload{Why: "This is a production job: it runs a transformation of the experiment, and no user has uploaded code for it."}
	case p.NoTarball || task.ViaDDM != "":
		why := "The code was not fetched from a cache server (--noTarballDownload): it came as a file of a dataset"
		if task.ViaDDM != "" {
			why += ", " + clipped(Visible(task.ViaDDM))
		}
		return PandaPayload{Why: why + "."}
	case p.Sandbox != "":
		out := payloadAt(p.SourceURL, p.Sandbox)
		out.From = p.SandboxBy + " of this job"
		return out
	case p.Library != "":
		return j.builtPayload(p.Library, task)
	case task.Sandbox != "":
		return fromTask(task, "")
	case p.Image != "":
		return PandaPayload{Why: "This job has no code of its own in a cache: what it runs is in the image " + clipped(Visible(p.Image)) + "."}
	case j.Parameters == "" && j.Task.Parameters == "":
		return PandaPayload{Why: "The parameters of the job are not to be had any more, nor those of its task. They are kept for about 30 days."}
	}
	return PandaPayload{Why: "The parameters name no file with code."}
}

// builtPayload finds the payload of the library that the job runs.
func (j PandaJob) builtPayload(library string, task PandaSubmission) PandaPayload {
	var second PandaPayload
	for _, b := range j.Builds {
		p := ParsePandaParams(b.Transformation, b.Parameters)
		if p.Kind != PandaBuildGen || p.Sandbox == "" {
			continue
		}
		out := payloadAt(p.SourceURL, p.Sandbox)
		out.Build = b.ID
		out.From = fmt.Sprintf("%s of the build job %d", p.SandboxBy, b.ID)
		if b.How == PandaBuildByLibrary {
			return out
		}
		if second == (PandaPayload{}) {
			out.Why = strings.TrimSpace(out.Why + " The build job is likely, not certain: " + b.How + ".")
			second = out
		}
	}
	switch {
	case task.Sandbox != "":
		return fromTask(task, " The build job of this job was not found, or its parameters are not kept any more.")
	case second != (PandaPayload{}):
		return second
	}
	return PandaPayload{Why: fmt.Sprintf("The job runs the library %s. The build job that made it was not found, or its parameters are not kept any more.", clipped(Visible(library)))}
}

func fromTask(task PandaSubmission, why string) PandaPayload {
	out := payloadAt(task.SourceURL, task.Sandbox)
	out.From = "what the task was submitted with"
	out.Why = strings.TrimSpace(out.Why + why)
	return out
}

// payloadFile is a name that a file in the cache can have.
var payloadFile = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,249}$`)

// payloadAt makes the URL of a file in a cache. What could lead elsewhere than
// to a file of a cache server makes none.
func payloadAt(source, file string) PandaPayload {
	out := PandaPayload{File: file}
	u, err := url.Parse(source)
	switch {
	case source == "":
		out.Why = "The parameters name the file, and not the server that has it (--sourceURL)."
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || !plainHost(u) || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		out.Why = fmt.Sprintf("The server in the parameters (--sourceURL) is no plain address of one: %s.", clipped(Visible(source)))
	case !payloadFile.MatchString(file):
		out.Why = fmt.Sprintf("The file in the parameters has a name that no file of a cache has: %s.", clipped(Visible(file)))
	default:
		out.URL = u.Scheme + "://" + u.Host + "/cache/" + file
	}
	return out
}

// plainHost reports whether a URL names a host or address, and at most a port.
func plainHost(u *url.URL) bool {
	host := u.Hostname()
	if host == "" || u.Host != host && u.Host != net.JoinHostPort(host, u.Port()) {
		return false
	}
	return net.ParseIP(host) != nil || daemonName(host)
}

// SubmitHost tells from which machine the job was submitted: creationHost, and
// where PanDA has none, why not and what is known instead.
func (j PandaJob) SubmitHost() (host, why string) {
	if j.CreationHost != "" {
		return j.CreationHost, ""
	}
	why = "PanDA has none (creationHost is NULL)"
	if j.TaskID > 0 || j.Task.ID > 0 {
		why += ": JEDI made this job from a task, and does not keep from where that was submitted"
	}
	return "", why
}
