package config_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/config"
)

// settings gives the last part of every setting's path: the yaml tags of t and
// of everything in it.
func settings(t reflect.Type) []string {
	var out []string
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return settings(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if name != "" && name != "-" {
				out = append(out, name)
			}
			if name != "" || t.Field(i).Anonymous {
				out = append(out, settings(t.Field(i).Type)...)
			}
		}
	}
	return out
}

func TestEverySettingIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	// Paths stand in backquotes: `people[].id`, `.wlcg`.
	var documented []string
	for _, quoted := range regexp.MustCompile("`([a-zA-Z_.\\[\\]]+)`").FindAllStringSubmatch(string(doc), -1) {
		documented = append(documented, strings.Split(strings.ReplaceAll(quoted[1], "[]", ""), ".")...)
	}
	all := settings(reflect.TypeFor[config.Config]())
	if !slices.Contains(all, "distinct_institutes") || !slices.Contains(all, "squids") || !slices.Contains(all, "trusted") {
		t.Fatalf("settings are not found any more: %v", all)
	}
	for _, name := range all {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/configuration.md does not describe %q", name)
		}
	}
}

// untagged gives the exported fields that no setting can reach.
func untagged(t reflect.Type) []string {
	var out []string
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return untagged(t.Elem())
	case reflect.Struct:
		if t.PkgPath() == "time" {
			return nil
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if f.IsExported() && f.Tag.Get("yaml") == "" {
				out = append(out, t.String()+"."+f.Name)
			}
			if f.IsExported() {
				out = append(out, untagged(f.Type)...)
			}
		}
	}
	return out
}

func TestEveryFieldIsASetting(t *testing.T) {
	if got := untagged(reflect.TypeFor[config.Config]()); len(got) > 0 {
		t.Errorf("without a yaml tag these can never be set: %v", got)
	}
}
