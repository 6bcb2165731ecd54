package config

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// YAML writes a value in the form that configuration has, for people to paste elsewhere.
func YAML(v any) ([]byte, error) {
	data, err := yaml.MarshalWithOptions(v, yaml.Indent(2), yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("config: writing YAML: %w", err)
	}
	return data, nil
}
