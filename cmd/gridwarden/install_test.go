package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gridwarden/gridwarden/config"
)

// page is a file of the top of the tree.
func page(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// blocks are the fenced blocks of docs/install.md in one language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page(t, "docs/install.md"), -1) {
		out = append(out, m[1])
	}
	return out
}

// understood holds that the program takes a command line.
func understood(t *testing.T, args []string) {
	t.Helper()
	x, rest, err := program(terminal{}).Find(args)
	if err == nil {
		err = x.ParseFlags(rest)
	}
	if err == nil {
		err = errors.Join(x.ValidateArgs(x.Flags().Args()), x.ValidateRequiredFlags(), x.ValidateFlagGroups())
	}
	if err != nil {
		t.Errorf("gridwarden %s: %v", strings.Join(args, " "), err)
	}
}

// TestInstallPageNamesWhatThereIs reads every command line, configuration and
// file of docs/install.md.
func TestInstallPageNamesWhatThereIs(t *testing.T) {
	subCommand := regexp.MustCompile(`^[a-z]+$`)
	seen := map[string]bool{}
	for _, block := range blocks(t, "sh") {
		for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
			line, _, _ = strings.Cut(line, " > ")
			line, _, _ = strings.Cut(line, " | ")
			words := strings.Fields(line)
			for i, w := range words[:max(len(words)-1, 0)] {
				if program := path.Base(w); (program == "gridwarden" || program == "gridwarden:1") && subCommand.MatchString(words[i+1]) {
					understood(t, words[i+1:])
					seen[words[i+1]] = true
					break
				}
			}
		}
	}
	for _, block := range blocks(t, "ini") {
		for line := range strings.Lines(block) {
			if rest, ok := strings.CutPrefix(line, "ExecStart=/usr/local/bin/gridwarden "); ok {
				understood(t, strings.Fields(rest))
				seen["erase"] = true
			}
		}
	}
	for _, name := range []string{"erase", "check", "run", "import", "audit", "version"} {
		if !seen[name] {
			t.Errorf("no command line with %s was found", name)
		}
	}

	configurations := 0
	for _, block := range blocks(t, "yaml") {
		first, rest, _ := strings.Cut(block, "\n")
		file := strings.TrimPrefix(first, "# ")
		if _, err := config.Parse(file, []byte(rest), path.Dir(file)); err != nil || path.Dir(file) != "/etc/gridwarden" {
			t.Errorf("%s: %v", file, err)
		}
		configurations++
	}
	if configurations < 4 {
		t.Errorf("%d configurations were found", configurations)
	}

	text := page(t, "docs/install.md")
	for _, name := range regexp.MustCompile(`deploy/[A-Za-z.]+`).FindAllString(text, -1) {
		page(t, name)
	}
	metrics := page(t, "bot/monitor/watch.go") + page(t, "bot/monitor/metrics.go")
	for _, name := range regexp.MustCompile(`gridwarden_([a-z_]+)(?:\{|`+"`"+`)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(metrics, `"`+name[1]+`"`) {
			t.Errorf("there is no figure %s", name[0])
		}
	}
}

// unit is deploy/gridwarden.service by its settings.
func unit(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for line := range strings.Lines(page(t, "deploy/gridwarden.service")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			out[key] = append(out[key], value)
		}
	}
	return out
}

// TestTheUnitServesTheInstallPage starts what the unit starts, on the page's
// first configuration, with the input that the unit gives.
func TestTheUnitServesTheInstallPage(t *testing.T) {
	u := unit(t)
	args := strings.Fields(u["ExecStart"][0])
	if args[0] != "/usr/local/bin/gridwarden" || !slices.Equal(args[1:], []string{"serve", "--config", "/etc/gridwarden/gridwarden.yaml"}) {
		t.Fatalf("ExecStart is %q", args)
	}
	user := u["User"][0]
	if !regexp.MustCompile(`(?m)^useradd .* ` + user + `$`).MatchString(page(t, "docs/install.md")) {
		t.Errorf("the page does not make the user %s", user)
	}
	for _, hard := range []string{
		"NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "CapabilityBoundingSet=",
		"SystemCallFilter=@system-service", "RestrictNamespaces=yes", "MemoryDenyWriteExecute=yes", "StateDirectory=gridwarden", "TimeoutStopSec=15", "StandardInput=null",
		"StartLimitIntervalSec=0", "RestartSec=5s", "Restart=on-failure", "RestartPreventExitStatus=2",
	} {
		if key, value, _ := strings.Cut(hard, "="); !slices.Contains(u[key], value) {
			t.Errorf("the unit lacks %s", hard)
		}
	}

	dir := t.TempDir()
	yaml := strings.NewReplacer("/var/lib/gridwarden", dir, "/etc/gridwarden", dir, "127.0.0.1:8443", "127.0.0.1:0").Replace(blocks(t, "yaml")[0])
	cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), yaml)
	contains(t, "check", ok(t, "check", "--probe", "--config", cfg), "probe: journal: ok", "probe: cms-history: ok")
	s := startServe(t, cfg, nobody(t))
	if status, text := s.get("/healthz"); status != http.StatusOK || !strings.HasPrefix(text, "ready\n") {
		t.Errorf("%d: %s", status, text)
	}
	if status := s.ends(); status != exitOK {
		t.Errorf("status %d", status)
	}
}

// TestSystemdTakesTheUnit has systemd itself read it, where there is one.
func TestSystemdTakesTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := written(t, filepath.Join(t.TempDir(), "gridwarden.service"), strings.Replace(page(t, "deploy/gridwarden.service"), "/usr/local/bin/gridwarden", self, 1))
	out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), "gridwarden.service:") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestTheImageAndThePodServe holds the container's files against the program.
func TestTheImageAndThePodServe(t *testing.T) {
	dockerfile := page(t, "deploy/Dockerfile")
	toolchain := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(page(t, "go.mod"))[1]
	if !regexp.MustCompile(`(?m)^FROM golang:` + regexp.QuoteMeta(toolchain) + `\.\d+-\S+ AS build$`).MatchString(dockerfile) {
		t.Errorf("the image is not built by go %s", toolchain)
	}
	if !strings.Contains(dockerfile, "\nFROM scratch\n") || !strings.Contains(dockerfile, "\nUSER 65532:65532\n") || !strings.Contains(dockerfile, `ENTRYPOINT ["/gridwarden"]`) {
		t.Error("the image is not the bare program of an ordinary user")
	}
	var args []string
	if err := yaml.Unmarshal([]byte(regexp.MustCompile(`(?m)^CMD (.*)$`).FindStringSubmatch(dockerfile)[1]), &args); err != nil {
		t.Fatal(err)
	}
	understood(t, args)

	type probe struct {
		HTTPGet struct{ Path, Scheme string } `yaml:"httpGet"`
	}
	var settings struct{ Data map[string]string }
	var set struct {
		Spec struct {
			Replicas int
			Template struct {
				Spec struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Args      []string
						Readiness probe `yaml:"readinessProbe"`
						Liveness  probe `yaml:"livenessProbe"`
					}
				}
			}
		}
	}
	documents := strings.Split(page(t, "deploy/kubernetes.yaml"), "\n---\n")
	for i, into := range []any{&settings, &set} {
		if err := yaml.Unmarshal([]byte(documents[i]), into); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Parse("gridwarden.yaml", []byte(settings.Data["gridwarden.yaml"]), "/etc/gridwarden")
	if err != nil || cfg.HTTP == nil || cfg.HTTP.TLS == nil {
		t.Fatalf("%+v, %v", cfg, err)
	}
	pod := set.Spec.Template.Spec
	if set.Spec.Replicas != 1 || pod.Grace < 15 || len(pod.Containers) != 1 {
		t.Fatalf("%+v", set)
	}
	c := pod.Containers[0]
	understood(t, c.Args)
	if c.Readiness.HTTPGet.Path != "/healthz" || c.Liveness.HTTPGet.Path != "/healthz/live" || c.Readiness.HTTPGet.Scheme != "HTTPS" || c.Liveness.HTTPGet.Scheme != "HTTPS" {
		t.Errorf("probes: %+v", c)
	}
}
