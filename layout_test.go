package gridwarden_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gridwarden/gridwarden"

// rule says what of this module a package may import, and why no more.
// Patterns are paths below the module; a * stands for one element.
type rule struct {
	packages string
	may      []string
	why      string
}

// layout is the import table of the design. The first rule that fits counts.
var layout = []rule{
	{"cmd/gridwarden", []string{"*", "*/*"}, "the program builds everything by hand"},
	{"cmd/gridwarden/peers", nil, "it starts programs as processes, ours and others, and knows them from outside only"},
	{"cmd/gridwarden/survival", nil, "it starts the program as a process and knows it from outside only; its tests may use what tests use"},

	{"bot", []string{"bot/action", "bot/audit", "bot/crash", "bot/recall"}, "the engine knows no platform, no backend and no SQL: they come in through its interfaces"},
	{"bot/action", []string{"bot/audit", "bot/crash"}, "the life of an action is a pure rule: no chat, no SQL, so that it can be tested exhaustively"},
	{"bot/audit", nil, "a log is verified offline, by people who trust nothing else of this program"},
	{"bot/crash", []string{"bot/audit"}, "a leaf: whoever can be killed imports it, and in a release it is empty"},
	{"bot/bottest", []string{"bot", "bot/*", "bot/bottest/fakeserver"}, "tests of every platform and of the journal share it, so it can know none of the backends; what people saw on a fake server it holds against what was said"},
	{"bot/bottest/fakeserver", nil, "a leaf: every fake server needs it"},
	{"bot/bottest/fakechat", []string{"bot/bottest/fake*"}, "a program for who writes a bot: it runs the fakes and knows nothing of ours"},
	{"bot/bottest/mailserver", nil, "a real SMTP server for tests, which knows nothing of ours; its modules, emersion/go-smtp and go-sasl, are for tests only"},
	{"bot/bottest/*", []string{"bot", "bot/*", "bot/bottest/fakeserver"}, "a contract suite says what the bot asks of an implementation, whichever it is"},
	{"bot/monitor", []string{"bot", "bot/action"}, "it counts what the engine does and what waits, actions by state among it: it needs no secret and knows no backend"},
	{"bot/recall", nil, "a leaf: every platform's adapter remembers in the same way"},
	{"bot/display", []string{"bot"}, "what looks the same on several platforms; it knows none of them"},
	{"bot/*", []string{"bot", "bot/display", "bot/recall", "config/endpoint", "config/secret"}, "a platform renders what the engine says; platforms never meet each other or a backend"},

	{"handlers", []string{"bot", "handlers/*", "backends/grid"}, "the one list of commands; adapters come in through the interfaces that the handlers declare"},
	{"handlers/deadline", nil, "a leaf: whoever asks several sources asks each within its time"},
	{"handlers/answertest", []string{"bot"}, "tests of the handlers share it"},
	{"handlers/target", []string{"bot", "bot/action", "backends/grid"}, "what ban and kill share: resolving whom they mean, and what that person runs"},
	{"handlers/ban", []string{"bot", "bot/action", "backends/grid", "handlers/target"}, "a ban and a kill must mean the same person by the same name"},
	{"handlers/kill", []string{"bot", "bot/action", "backends/grid", "handlers/target"}, "a ban and a kill must mean the same person by the same name"},
	{"handlers/auditlog", []string{"bot", "bot/action", "bot/audit", "backends/grid"}, "it shows records of the audit log as they are"},
	{"handlers/incident", []string{"bot", "bot/action", "bot/audit", "backends/grid"}, "it writes records of a case, which are audit records"},
	{"handlers/job", []string{"bot", "bot/action", "bot/audit", "backends/grid", "handlers/deadline"}, "what it keeps of a payload is a record of the audit log"},
	{"handlers/facts", []string{"bot", "bot/audit", "backends/grid", "handlers/job", "handlers/trace"}, "what a thread knows is an earlier trace or question about a job, which the audit log has and which is asked again"},
	{"handlers/containment", []string{"bot", "backends/grid", "handlers/facts", "handlers/trace"}, "it words what can be done about somebody whom a trace has found"},
	{"handlers/reply", []string{"bot", "bot/action", "backends/grid", "handlers/facts"}, "it words what a trace has found for others than the asker, and sends it as an action"},
	{"handlers/trace", []string{"bot", "bot/action", "backends/grid", "handlers/deadline", "handlers/trace/plot"}, "its answer may have a picture"},
	{"handlers/trace/plot", []string{"backends/grid"}, "it draws a trace and knows neither chats nor requests"},
	{"handlers/*", []string{"bot", "bot/action", "backends/grid", "handlers/deadline"}, "a command words answers; it meets adapters only through the small interfaces that it declares"},

	{"backends/grid", nil, "the grid's rules are pure: they need nothing of the bot and can be fuzzed"},
	{"backends/grid/gridtest", []string{"backends/grid"}, "it makes records for tests, and scores sources that come in through its interface"},
	{"backends/grid/gridtest/generate", []string{"backends/grid/gridtest"}, "it writes into files what the package makes"},
	{"backends/pilotlog/pilotlogtest", []string{"backends/grid", "backends/grid/gridtest", "backends/pilotlog"}, "it reads the logs of a generated world, for tests of several sources together"},
	{"backends/document", []string{"backends/grid"}, "whoever has records as JSON reads them in one way: files and servers"},
	{"backends/handover", nil, "a leaf: whoever writes files may need it"},
	{"backends/wording", nil, "a leaf: every source says of itself what it has searched"},
	{"backends/trouble", nil, "a leaf: every backend has errors that people can do something about"},
	{"backends/journal", []string{"backends/handover", "backends/trouble", "bot", "bot/action", "bot/audit", "bot/crash", "config/secret"}, "it stores what the bot says and knows nothing of the grid"},
	{"backends/postgrestest", nil, "it starts a server for the tests of whoever needs one"},
	{"backends/usagetest", nil, "it tells the benchmarks of whoever measures what a process uses"},
	{"backends/searchtest", nil, "it starts servers for the tests of whoever searches, and knows nothing of what they look for"},
	{"backends/searchtest/hold", []string{"backends/searchtest"}, "a command that holds servers for all tests at once"},
	{"backends/*", []string{"backends/document", "backends/grid", "backends/handover", "backends/trouble", "backends/wording", "config/endpoint", "config/secret"}, "a backend speaks to one system; backends never import each other or the bot"},
	{"backends/*/*", []string{"backends/*", "config/secret"}, "the fake server of a backend's tests"},

	{
		"config",
		[]string{"backends/cric", "backends/elastic", "backends/grid", "backends/history", "backends/journal", "backends/panda", "backends/pilotlog", "backends/sandbox", "bot", "bot/action", "bot/console", "bot/discord", "bot/mail", "bot/mattermost", "bot/slack", "config/endpoint", "config/secret"},
		"it composes the settings that live beside what they set, and nothing imports it back but the program",
	},
	{"config/endpoint", []string{"config/secret"}, "a leaf: every adapter speaks to a server; the key of a certificate is a secret"},
	{"config/secret", nil, "every adapter may need a secret, so it can need none of them"},
}

// forTests are packages that only tests may import.
var forTests = []string{"bot/bottest", "bot/bottest/*", "handlers/answertest", "backends/postgrestest", "backends/searchtest", "backends/searchtest/hold", "backends/usagetest", "backends/*/*test"}

func onlyForTests(pkg string) bool {
	return slices.ContainsFunc(forTests, func(pattern string) bool { return fits(pattern, pkg) })
}

// sharedModules are foreign modules that more than one package may import. All
// others are wrapped by exactly one, so that replacing one is one package's work.
var sharedModules = map[string]struct {
	by  []string
	why string
}{
	"github.com/failsafe-go/failsafe-go": {[]string{"backends/elastic", "backends/panda"}, "both ask servers that have trouble at times"},
	"github.com/rivo/uniseg":             {[]string{"bot/console", "bot/display"}, "both align columns, which wide letters fill by two"},
	"modernc.org/sqlite":                 {[]string{"backends/journal", "backends/history"}, "both are an SQLite file of their own"},
	"github.com/pressly/goose/v3":        {[]string{"backends/journal", "backends/history"}, "both have a schema that grows"},
	"github.com/jackc/pgx/v5":            {[]string{"backends/journal", "backends/postgrestest", "backends/panda"}, "the journal and PanDA are databases of different owners"},
	"github.com/gorilla/websocket":       {[]string{"bot/mattermost", "bot/slack", "bot/discord"}, "each holds sockets of a protocol of its own"},
	"github.com/klauspost/compress":      {[]string{"backends/history", "backends/pilotlog"}, "both read compressed files"},
}

// imported is one package as go list knows it.
type imported struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
	DepOnly    bool
}

// path is the package's path below the module, "" for its root and other modules.
func (p imported) path() string {
	rest, ok := strings.CutPrefix(p.ImportPath, module+"/")
	if !ok {
		return ""
	}
	return rest
}

// list asks go list about patterns and everything they depend on.
func list(t *testing.T, patterns ...string) []imported {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-deps", "-json=ImportPath,Imports,Standard,Module,DepOnly"}, patterns...)...)
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	var all []imported
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p imported
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func fits(pattern, pkg string) bool {
	ok, err := path.Match(pattern, pkg)
	return err == nil && ok
}

func ruleFor(pkg string) (rule, bool) {
	i := slices.IndexFunc(layout, func(r rule) bool { return fits(r.packages, pkg) })
	if i < 0 {
		return rule{}, false
	}
	return layout[i], true
}

func TestImportsFollowTheDesign(t *testing.T) {
	seen := 0
	for _, p := range list(t, "./...") {
		own := p.path()
		if own == "" {
			continue
		}
		seen++
		r, ok := ruleFor(own)
		if !ok {
			t.Errorf("%s is not in the layout: say in layout_test.go what it may import and why, and write a page in docs/adr", own)
			continue
		}
		for _, i := range p.Imports {
			other, inside := strings.CutPrefix(i, module+"/")
			if inside && !slices.ContainsFunc(r.may, func(pattern string) bool { return fits(pattern, other) }) {
				t.Errorf("%s imports %s, but may import of this module only %v: %s", own, other, r.may, r.why)
			}
		}
	}
	if seen < 10 {
		t.Fatalf("go list found %d packages: it does not look at this module", seen)
	}
}

func TestNoTestSupportInTheProgram(t *testing.T) {
	for _, p := range list(t, "./cmd/...") {
		if onlyForTests(p.path()) {
			t.Errorf("the program contains %s, which is for tests: its fakes must never be what serves people", p.path())
		}
	}
}

func TestEachForeignModuleIsWrappedOnce(t *testing.T) {
	all := list(t, "./...")
	moduleOf := map[string]string{}
	for _, p := range all {
		if p.Module != nil {
			moduleOf[p.ImportPath] = p.Module.Path
		}
	}
	users := map[string][]string{}
	for _, p := range all {
		own := p.path()
		if own == "" || onlyForTests(own) {
			continue
		}
		for _, i := range p.Imports {
			// golang.org/x is the standard library's own extension.
			if m := moduleOf[i]; m != "" && m != module && !strings.HasPrefix(m, "golang.org/x/") && !slices.Contains(users[m], own) {
				users[m] = append(users[m], own)
			}
		}
	}
	for m, by := range users {
		if shared, ok := sharedModules[m]; ok {
			for _, own := range by {
				if !slices.Contains(shared.by, own) {
					t.Errorf("%s imports %s, which only %v may: %s", own, m, shared.by, shared.why)
				}
			}
		} else if len(by) > 1 {
			t.Errorf("%s is imported by %v: wrap it in one package, so that replacing it is one package's work", m, by)
		}
	}
}

// A new command, platform or backend is one package and one line in an
// explicit list. This finds the forgotten line.
func TestNothingIsForgottenInTheLists(t *testing.T) {
	all := list(t, "./...")
	imports := map[string][]string{}
	for _, p := range all {
		imports[p.path()] = p.Imports
	}
	notListed := []string{"bot/action", "bot/audit", "bot/crash", "bot/display", "bot/recall", "backends/document", "backends/grid", "backends/handover", "backends/trouble", "backends/wording", "handlers/deadline", "handlers/facts", "handlers/target"} // rules and what others share
	for _, p := range all {
		own := p.path()
		var lister, place string
		switch {
		case slices.Contains(notListed, own), onlyForTests(own):
			continue
		case fits("handlers/*", own):
			lister, place = "handlers", "handlers.All"
		case fits("bot/*", own), fits("backends/*", own):
			lister, place = "cmd/gridwarden", "cmd/gridwarden/wire.go"
		default:
			continue
		}
		if !slices.Contains(imports[lister], p.ImportPath) {
			t.Errorf("%s is not in %s: nobody can use it", own, place)
		}
	}
}

// source is one Go file of the module.
type source struct {
	path string // from the module's root
	file *ast.File
}

// sources parses every Go file. It also makes the test's cached result depend
// on them, which what go list reads does not.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(entry.Name(), ".") && name != "."; entry.IsDir() && (hidden || entry.Name() == "testdata" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, data, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, source{path: filepath.ToSlash(name), file: file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryPackageSaysOnceWhatItIs(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		dir := path.Dir(s.path)
		if _, known := comments[dir]; !known {
			comments[dir] = nil
		}
		if s.file.Doc == nil {
			continue
		}
		comments[dir] = append(comments[dir], s.path)
		begin := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			begin = "Command " + path.Base(dir) + " "
		}
		if text := s.file.Doc.Text(); !strings.HasPrefix(text, begin) {
			t.Errorf("%s: the package comment does not begin with %q: it cannot be found by go doc", s.path, begin)
		}
	}
	for dir, in := range comments {
		if len(in) != 1 {
			t.Errorf("%s has %d package comments %v: write one, in doc.go (main.go of a command)", dir, len(in), in)
		}
	}
}

func TestNamesSayWhatIsInside(t *testing.T) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types", "misc", "shared", "base", "lib"}
	for _, s := range sources(t) {
		for _, name := range append(strings.Split(path.Dir(s.path), "/"), strings.TrimSuffix(s.file.Name.Name, "_test")) {
			if slices.Contains(empty, name) {
				t.Errorf("%s: %q is no noun of this program: such a package grows without end", s.path, name)
			}
		}
	}
}

func TestNothingRegistersItself(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has func init: what runs must be read in wire.go, in order", s.path)
			}
		}
	}
}

func TestTheTreeHasItsParts(t *testing.T) {
	for _, name := range []string{"cmd", "bot", "handlers", "backends", "config", "testdata", "docs/adr", "docs/examples"} {
		if info, err := os.Stat(filepath.FromSlash(name)); err != nil || !info.IsDir() {
			t.Errorf("the folder %s is missing", name)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "Makefile", "LICENSE", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".golangci.yml", ".ci/run"} {
		if info, err := os.Stat(filepath.FromSlash(name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("the file %s is missing", name)
		}
	}
	if info, err := os.Stat(filepath.FromSlash(".ci/run")); err == nil && info.Mode().Perm()&0o111 == 0 {
		t.Error(".ci/run cannot be executed: run chmod +x on it")
	}
}
