package grid

import (
	"html"
	"path"
	"strings"
)

// PandaKind is what a job does, by its transformation.
type PandaKind string

// The kinds of job.
const (
	PandaRun        PandaKind = "prun"       // runGen: runs the user's command
	PandaAthena     PandaKind = "pathena"    // runAthena: runs job options of the user
	PandaContainer  PandaKind = "container"  // runcontainer: runs the user's command in an image
	PandaHPO        PandaKind = "hpo"        // runHPO: the same with parameters to optimise
	PandaBuildGen   PandaKind = "build"      // buildGen and buildJob: makes the library that run jobs use
	PandaMerge      PandaKind = "merge"      // runMerge
	PandaPrepare    PandaKind = "prepare"    // preEvtPick, preGoodRunList
	PandaProduction PandaKind = "production" // a transformation of the experiment: no payload of a user
	PandaUnknown    PandaKind = "unknown"
)

// PandaParams is what the parameters of a job say. Texts are foreign.
type PandaParams struct {
	Kind       PandaKind
	Command    PandaCommand // what a user wrote to be run; zero when there is none
	Fragment   string       // job options in Python given in -f, which is not encoded
	SourceURL  string       // the cache server, as given
	Sandbox    string       // name of the file with the user's code, as given
	SandboxBy  string       // the flag that names it, -a or -i
	Library    string       // -l: what a build job has made
	NoTarball  bool         // --noTarballDownload: the code comes in another way
	Image      string       // --containerImage
	Transform  bool         // --trf: the job options are a command line of a transformation
	FromPage   bool         // the text had the escapes of an HTML page, which were undone first
	Beyond     string       // commands after an operator that stands outside of quotes
	Notes      []string     // what is odd, a sentence each
	Undecoded  string       // the parameters as they are
	redirected string
	expanded   string
}

// PandaCommand is a command, as the job's parameters have it and decoded.
type PandaCommand struct {
	Flags []string // that it was taken from, such as -p
	Raw   string   // as it is in the parameters, without the shell's quotes
	Text  string   // decoded; may hold any character: see Visible
}

// KindOfPanda tells what a job does by its transformation, such as
// https://host:25443/trf/user/runGen-00-00-02, and where that is missing by
// the flags that its parameters have.
func KindOfPanda(transformation, parameters string) PandaKind {
	name := strings.ToLower(path.Base(strings.TrimSpace(transformation)))
	for _, k := range []struct {
		prefix string
		kind   PandaKind
	}{
		{"rungen", PandaRun},
		{"runathena", PandaAthena},
		{"runcontainer", PandaContainer},
		{"runhpo", PandaHPO},
		{"runmerge", PandaMerge},
		{"buildgen", PandaBuildGen},
		{"buildjob", PandaBuildGen},
		{"preevtpick", PandaPrepare},
		{"pregoodrunlist", PandaPrepare},
	} {
		if strings.HasPrefix(name, k.prefix) {
			return k.kind
		}
	}
	if strings.HasSuffix(name, ".py") || strings.HasSuffix(name, ".sh") {
		return PandaProduction
	}
	if name != "." && name != "/" {
		return PandaUnknown
	}
	return kindByFlags(parameters)
}

// kindByFlags tells the kind of job by its parameters alone.
func kindByFlags(parameters string) PandaKind {
	o := readOptions(splitShell(parameters).words, flagsOf[PandaUnknown], true)
	given := func(name string) bool { _, ok := o[name]; return ok }
	switch {
	case !given("--sourceURL"):
		return PandaUnknown
	case given("--bexec") || strings.HasSuffix(o["-o"], ".lib.tgz"):
		return PandaBuildGen
	case given("--containerImage"):
		return PandaContainer
	case o["-j"] != "":
		return PandaAthena
	case given("-p"):
		return PandaRun
	}
	return PandaUnknown
}

// ParsePandaParams reads the parameters of a job. It never fails: what cannot be
// read is missing in the result, and Notes say what is odd.
func ParsePandaParams(transformation, parameters string) PandaParams {
	p := PandaParams{Undecoded: parameters}
	text := strings.ToValidUTF8(parameters, "\uFFFD")
	if strings.Contains(text, "&quot;") && !strings.Contains(text, `"`) {
		text, p.FromPage = html.UnescapeString(text), true
		p.Notes = append(p.Notes, "The parameters had the escapes of an HTML page, which were undone first.")
	}
	p.Kind = KindOfPanda(transformation, text)
	line := splitShell(text)
	p.Beyond, p.redirected, p.expanded = line.beyond, line.redirect, line.expands
	if line.open {
		p.Notes = append(p.Notes, "The quotes in the parameters are not balanced: what was read may be wrong.")
	}
	if p.Kind == PandaProduction || p.Kind == PandaPrepare {
		return p
	}
	o := readOptions(line.words, flagsOf[p.Kind], p.Kind == PandaContainer || p.Kind == PandaUnknown)
	p.SourceURL, p.Library, p.Image, p.Fragment = o["--sourceURL"], o["-l"], o["--containerImage"], o["-f"]
	_, p.NoTarball = o["--noTarballDownload"]
	_, p.Transform = o["--trf"]
	p.SandboxBy = "-a"
	if p.Kind == PandaBuildGen {
		p.SandboxBy = "-i"
	}
	if p.Sandbox = o[p.SandboxBy]; p.Sandbox == "" {
		p.SandboxBy = ""
	}
	p.command(o)
	return p
}

// command takes the command from the flags that have it in jobs of this kind.
func (p *PandaParams) command(o map[string]string) {
	take := func(flag string, decoded bool) {
		raw := o[flag]
		if raw == "" {
			return
		}
		text := raw
		if decoded {
			text = PandaUnquote(raw)
		}
		if len(p.Command.Flags) > 0 {
			raw, text = p.Command.Raw+" "+raw, p.Command.Text+" "+text
		}
		p.Command = PandaCommand{Flags: append(p.Command.Flags, flag), Raw: raw, Text: text}
	}
	switch p.Kind {
	case PandaRun, PandaHPO, PandaUnknown:
		if o["-j"] != "" {
			p.Notes = append(p.Notes, "The parameters have something in -j, which PanDA's client leaves empty. It is run, not decoded, before what is in -p.")
		}
		take("-j", false)
		take("-p", true)
	case PandaContainer:
		take("-p", true)
	case PandaAthena:
		take("-j", true)
	case PandaMerge:
		take("-j", true)
		take("-p", true)
	case PandaBuildGen:
		take("--bexec", true)
	}
	if p.Kind != PandaAthena && p.Kind != PandaUnknown {
		p.Fragment = ""
	}
}
