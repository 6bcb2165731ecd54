package answertest_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	schemaFile = "../../docs/machine-answers.schema.json"
	docFile    = "../../docs/machine-answers.md"
)

func TestWhatTheSchemaAccepts(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for answer, fits := range map[string]bool{
		`{"request":"r","command":"help","state":"answered","text":"x"}`:                                   true,
		`{"request":"r","command":"","state":"refused","text":"x","error":{"code":"usage","message":"m"}}`: true,
		`{"request":"r","state":"proposed","text":"","action":{"id":"a","command":"ban","state":"proposed","digest":"sha256:ab","target":{"kind":"panda user","name":"X","key":"1"},"needs":"0 of 2","votes":[{"person":"bob","verdict":"approve","surface":"button","at":"2026-06-24T12:00:00Z"}],"expires":"2026-06-24T12:00:00Z"}}`: true,
		`{"request":"r","state":"answered","text":"","actions":[],"bans":[{"user":"X","since":"2026-06-24T12:00:00Z","ours":false}]}`:          true,
		`{"request":"r","state":"answered","text":"","job":{"pandaid":5,"submit_time":"2026-06-24T12:00:00.5Z","sources":[],"complete":true}}`: true,
		`{"request":"r","state":"answered","text":"","job":{"submit_time":"2026-06-24T12:00:00+02:00","sources":[],"complete":true}}`:          false,
		`{"request":"r","state":"answered","text":"","job":{"submit_time":"2026-02-30T12:00:00Z","sources":[],"complete":true}}`:               false,
		`{"request":"r","state":"done","text":""}`:                  false,
		`{"request":"r","state":"answered"}`:                        false,
		`{"request":"r","state":"answered","text":"","surprise":1}`: false,
		`{"request":"r","state":"answered","text":"","trace":{}}`:   false,
		`{"request":"r","state":"answered","text":"","action":{"id":"a","command":"ban","state":"killed","digest":"sha256:ab","target":{},"votes":[]}}`: false,
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); (err == nil) != fits {
			t.Errorf("%s: fits=%v, want %v: %v", answer, err == nil, fits, err)
		}
	}
}

// TestEveryFieldIsExplained fails when the schema has a field that the page
// beside it does not name.
func TestEveryFieldIsExplained(t *testing.T) {
	raw, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	collect(schema, fields)
	if len(fields) < 80 {
		t.Fatalf("only %d fields were found in the schema", len(fields))
	}
	for field := range fields {
		if !strings.Contains(string(page), "`"+field+"`") {
			t.Errorf("%s does not explain `%s`", docFile, field)
		}
	}
}

// collect gathers the names under every "properties".
func collect(node any, fields map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		if properties, ok := node["properties"].(map[string]any); ok {
			for name := range properties {
				fields[name] = true
			}
		}
		for _, child := range node {
			collect(child, fields)
		}
	case []any:
		for _, child := range node {
			collect(child, fields)
		}
	}
}
