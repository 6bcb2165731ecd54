package searchtest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed servers
var servers embed.FS

// MissingError says what a server cannot be started without.
type MissingError struct {
	What, Remedy string
	Optional     bool // CI does without, too
	Err          error
}

func (e *MissingError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v. %s", e.What, e.Err, e.Remedy)
	}
	return e.What + ". " + e.Remedy
}

func (e *MissingError) Unwrap() error { return e.Err }

// jdk is an installed development kit.
type jdk struct {
	home    string
	version int
}

func (j jdk) java() string { return filepath.Join(j.home, "bin", "java") }

// jdks finds what JAVA_HOME, the PATH and the usual folders have, the oldest first.
// A runtime without a compiler cannot run a source file and does not count.
func jdks() []jdk {
	homes, _ := filepath.Glob("/usr/lib/jvm/*") // the pattern is good
	mac, _ := filepath.Glob("/Library/Java/JavaVirtualMachines/*/Contents/Home")
	homes = append(append(homes, mac...), os.Getenv("JAVA_HOME"))
	if path, err := exec.LookPath("java"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			homes = append(homes, filepath.Dir(filepath.Dir(path)))
		}
	}
	var found []jdk
	for _, home := range homes {
		release, err := os.ReadFile(filepath.Join(home, "release"))
		if home == "" || err != nil || !runnable(filepath.Join(home, "bin", "java")) || !runnable(filepath.Join(home, "bin", "javac")) {
			continue
		}
		if v := javaVersion(string(release)); v > 0 {
			found = append(found, jdk{home, v})
		}
	}
	slices.SortStableFunc(found, func(a, b jdk) int { return a.version - b.version })
	return found
}

// javaVersion reads the first number of JAVA_VERSION in a JDK's file "release", 0 without one.
func javaVersion(release string) int {
	for line := range strings.Lines(release) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), `JAVA_VERSION="`); ok {
			digits := strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' })
			n, _ := strconv.Atoi(v[:max(digits, 0)])
			return n
		}
	}
	return 0
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// jdkFor chooses the oldest JDK that runs a kind: newer ones take away what older servers call.
func jdkFor(kind Kind, installed []jdk) (jdk, error) {
	for _, j := range installed {
		if j.version >= kind.jdk() {
			return j, nil
		}
	}
	return jdk{}, &MissingError{
		What:     fmt.Sprintf("there is no JDK %d or newer in JAVA_HOME, the PATH or /usr/lib/jvm", kind.jdk()),
		Remedy:   fmt.Sprintf("Debian: apt install openjdk-%d-jdk-headless maven, or a newer one; then run the test again.", kind.jdk()),
		Optional: kind == OS3,
	}
}

// classpath lists the jars of a kind. Maven finds and fetches them once; where they
// are is kept in the user's cache, by the list of what is wanted.
func classpath(ctx context.Context, kind Kind, with jdk) (string, error) {
	pom, err := servers.ReadFile("servers/pom.xml")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(pom)
	dir := filepath.Join(cache, "gridwarden-searchtest", hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // no secret
		return "", err
	}
	// Test processes run side by side: one asks Maven, whose repository is not made for two.
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644) //nolint:gosec // no secret
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	kept := filepath.Join(dir, string(kind)+".classpath")
	if text, err := os.ReadFile(kept); err == nil && allThere(string(text)) {
		return string(text), nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", &MissingError{What: "there is no Maven in the PATH", Remedy: "Debian: apt install maven; then run the test again."}
	}
	file := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil { //nolint:gosec // no secret
		return "", err
	}
	fresh := filepath.Join(dir, string(kind)+".new")
	var failed error
	for range 3 { // what an attempt fetched is kept, and a hundred jars are a hundred chances to be cut off
		cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-ntp", "-f", file, "-P", string(kind), "-Dmaven.artifact.threads=10", //nolint:gosec // nothing foreign
			"dependency:build-classpath", "-Dmdep.outputFile="+fresh)
		cmd.Dir, cmd.Env, cmd.WaitDelay = dir, append(os.Environ(), "JAVA_HOME="+with.home), 10*time.Second
		out, err := cmd.CombinedOutput()
		if err == nil {
			failed = nil
			break
		}
		failed = fmt.Errorf("%w\n%s", err, tail(out))
		if ctx.Err() != nil {
			break
		}
	}
	if failed != nil {
		return "", &MissingError{What: "Maven could not get the jars of " + string(kind), Err: failed, Remedy: "Make Maven Central reachable for mvn; then run the test again."}
	}
	text, err := os.ReadFile(fresh)
	if err != nil {
		return "", err
	}
	if !allThere(string(text)) {
		return "", errors.New("searchtest: Maven names jars that are not there")
	}
	return string(text), os.Rename(fresh, kept)
}

// allThere tells whether every jar still is where Maven put it.
func allThere(classpath string) bool {
	for _, jar := range filepath.SplitList(strings.TrimSpace(classpath)) {
		if _, err := os.Stat(jar); err != nil {
			return false
		}
	}
	return strings.TrimSpace(classpath) != ""
}

// tail is the end of what a program said.
func tail(out []byte) []byte {
	const most = 4096
	return out[max(len(out)-most, 0):]
}
