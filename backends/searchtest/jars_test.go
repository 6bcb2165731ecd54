package searchtest

import (
	"errors"
	"strings"
	"testing"
)

func TestJavaVersion(t *testing.T) {
	for release, want := range map[string]int{
		"IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.15\"\n": 17,
		"JAVA_VERSION=\"25\"\n":                              25,
		"JAVA_VERSION=\"1.8.0_392\"\n":                       1, // too old for all
		"JAVA_RUNTIME_VERSION=\"17\"\n":                      0,
		"JAVA_VERSION=\"x\"":                                 0,
		"":                                                   0,
	} {
		if got := javaVersion(release); got != want {
			t.Errorf("%q: %d, want %d", release, got, want)
		}
	}
}

func TestOldestJDKThatSuits(t *testing.T) {
	installed := []jdk{{"/old", 11}, {"/mid", 17}, {"/new", 25}}
	for kind, want := range map[Kind]string{ES7: "/mid", OS2: "/mid", OS3: "/new"} {
		if got, err := jdkFor(kind, installed); err != nil || got.home != want {
			t.Errorf("%s: %v %v, want %s", kind, got, err, want)
		}
	}
	for kind, optional := range map[Kind]bool{ES7: false, OS3: true} {
		_, err := jdkFor(kind, installed[:1])
		var missing *MissingError
		if !errors.As(err, &missing) || missing.Optional != optional || !strings.Contains(err.Error(), "apt install") {
			t.Errorf("%s without a JDK: %v", kind, err)
		}
	}
}

func TestNamedServers(t *testing.T) {
	const text = " es7=http://127.0.0.1:9200 os2=http://127.0.0.1:9201/\n"
	for kind, want := range map[Kind]string{ES7: "http://127.0.0.1:9200", OS2: "http://127.0.0.1:9201", OS3: ""} {
		if got, err := named(text, kind); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", kind, got, err, want)
		}
	}
	for _, bad := range []string{"es7", "es7=127.0.0.1:9200", "es8=http://127.0.0.1:9200"} {
		if _, err := named(bad, ES7); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}

func TestClasspathWithoutAJar(t *testing.T) {
	if allThere("/no/such.jar") || allThere("") || allThere("\n") {
		t.Error("a classpath that cannot work passes")
	}
}
