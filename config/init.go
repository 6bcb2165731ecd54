package config

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var (
	//go:embed start/gridwarden.yaml
	startConfig string
	//go:embed start/sites.yaml
	startSites string
)

// Refusal is why a first configuration was not written. It is an error for people.
type Refusal struct {
	Path   string
	Reason string
	Cause  error
}

func (r *Refusal) Error() string { return fmt.Sprintf("config: %s: %s", r.Path, r.Reason) }

// ForPeople says what to do instead.
func (r *Refusal) ForPeople() string { return fmt.Sprintf("%s %s.", r.Path, r.Reason) }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Init writes a commented configuration that works at once into dir, which is
// made, for its owner only, when it is missing: a SQLite journal, the console,
// and one person with every role. account is that person's account key, such
// as console/1001, and login what the person is called. It returns the files
// written and never overwrites one.
func Init(dir, account, login string) ([]string, error) {
	content, err := start(account, login)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &Refusal{Path: dir, Reason: fmt.Sprintf("cannot be made: %v; name another folder", bare(err)), Cause: err}
	}
	files := []struct{ name, content string }{{"gridwarden.yaml", content}, {"sites.yaml", startSites}}
	// All are looked at before the first is written, so that a refusal leaves nothing behind.
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil, &Refusal{Path: path, Reason: "is there already and was not touched; nothing was written: name another folder, or move it away", Cause: err}
		}
	}
	var written []string
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := create(path, f.content); err != nil {
			return written, &Refusal{Path: path, Reason: fmt.Sprintf("cannot be written: %v", bare(err)), Cause: err}
		}
		written = append(written, path)
	}
	return written, nil
}

// create writes a new file; one that came into being in the meantime is left alone.
func create(path, content string) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.WriteString(content)
	return errors.Join(err, out.Close())
}

// start is the first configuration of one person.
func start(account, login string) (string, error) {
	if problem := accountProblem(account); problem != "" {
		return "", &Refusal{Path: account, Reason: problem}
	}
	return strings.NewReplacer("<id>", quoted(personID(login)), "<name>", quoted(login), "<account>", quoted(account)).Replace(startConfig), nil
}

// personID makes an id of a login: logins may hold capitals, spaces and more.
func personID(login string) string {
	id := strings.Map(func(r rune) rune {
		if simple.MatchString(string(r)) {
			return r
		}
		return '-'
	}, strings.ToLower(login))
	id = id[:min(len(id), 64)]
	if strings.Trim(id, "-.") == "" {
		return "me"
	}
	return id
}

// quoted writes foreign text as YAML reads it back: JSON is YAML.
func quoted(s string) string {
	out, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		panic(err)
	}
	return string(out)
}
