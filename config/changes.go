package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/bot"
)

// reloaded are the parts of a configuration that a running bot can take.
var reloaded = []string{"people", "roles", "policies", "channels", "limits", "security_channel"}

// Changes tells what differs from an earlier configuration, as paths without
// values: what a running bot takes, such as people.bob or policies.ban, and
// what counts from its next start on, such as backends.
func (c *Config) Changes(before *Config) (now, atStart []string) {
	is, was := reflect.ValueOf(*c), reflect.ValueOf(*before)
	for i := range is.NumField() {
		name, _, _ := strings.Cut(is.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || reflect.DeepEqual(is.Field(i).Interface(), was.Field(i).Interface()) {
			continue
		}
		if !slices.Contains(reloaded, name) {
			atStart = append(atStart, name)
			continue
		}
		now = append(now, differing(name, entries(was.Field(i)), entries(is.Field(i)))...)
	}
	return now, atStart
}

// entries are the parts of a list or map by what people call them; nil for
// settings that are told as a whole.
func entries(v reflect.Value) map[string]any {
	out := map[string]any{}
	switch v.Kind() {
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			out[i.Key().String()] = i.Value().Interface()
		}
	case reflect.Slice:
		for i := range v.Len() {
			switch entry := v.Index(i).Interface().(type) {
			case bot.Person:
				out[string(entry.ID)] = entry
			case Channel:
				out[entry.String()] = entry
			}
		}
	default:
		return nil
	}
	return out
}

// differing are the paths of entries that are new, gone or not the same.
func differing(name string, was, is map[string]any) []string {
	if is == nil {
		return []string{name}
	}
	var out []string
	for key, entry := range is {
		if old, ok := was[key]; !ok || !reflect.DeepEqual(old, entry) {
			out = append(out, name+"."+key)
		}
	}
	for key := range was {
		if _, ok := is[key]; !ok {
			out = append(out, name+"."+key)
		}
	}
	slices.Sort(out)
	return out
}
