package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxFile bounds a file, in bytes: a site map of the whole grid is a fifth of it.
	maxFile = 1 << 20
	// maxDepth bounds how deeply things may be nested in one line: the YAML
	// parser needs memory that grows with the square of it. Nesting by
	// indentation is bounded by the size of the file.
	maxDepth = 32
)

// read gives the content of a file that others cannot change: whoever can
// write it decides who may approve.
func read(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be opened: %w", bare(err))
	}
	defer in.Close()
	info, err := in.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be looked at: %w", bare(err))
	case info.IsDir():
		return nil, errors.New("is a folder: name the file in it, such as gridwarden.yaml")
	case info.Mode().IsRegular() && info.Mode().Perm()&0o002 != 0:
		return nil, errors.New("can be changed by every user of this machine, who could make himself an approver: run chmod o-w on it")
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	}
	return data, nil
}

// bare is the cause without the path, which is told before it.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// decode parses one YAML document and lays it over into, a pointer. Problems
// are in the decoder.
func decode(file string, data []byte, into any) *decoder {
	d := newDecoder(file)
	switch {
	case len(data) > maxFile:
		d.add("", "is larger than %d bytes: this is not a configuration", maxFile)
		return d
	case !utf8.Valid(data):
		d.add("", "is not UTF-8 text: save it as UTF-8")
		return d
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(data), "\ufeff"))
	if d.screen(tokens); len(d.problems) > 0 {
		return d
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // duplicates are told with the rest
	if err != nil {
		d.syntax(err)
		return d
	}
	if body := d.body(tree); body != nil {
		d.value(body, "", reflect.ValueOf(into).Elem())
	}
	d.unread = len(d.problems)
	return d
}

// screen refuses the parts of YAML that a configuration does not need and that
// make it say something else than it seems to, or blow up when parsed.
func (d *decoder) screen(tokens token.Tokens) {
	flow, row, line := 0, 0, 0
	for _, t := range tokens {
		refuse := func(text string) {
			d.problems = append(d.problems, Problem{File: d.file, Line: t.Position.Line, Text: text})
		}
		if t.Position.Line != line {
			row, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			refuse("anchors (&), aliases (*) and merges (<<) are not read: write the value out, or put it into quotes")
		case token.TagType:
			refuse("tags (!) are not read: leave the tag out, or put the value into quotes")
		case token.MappingKeyType:
			refuse("keys with ? are not read: write `key: value`")
		case token.DirectiveType:
			refuse("directives (%) are not read: take the line out")
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			row++
		}
		if flow > maxDepth || row > maxDepth {
			refuse(fmt.Sprintf("is nested deeper than %d levels: this is not a configuration", maxDepth))
			return
		}
	}
}

// syntax reports what the parser did not understand.
func (d *decoder) syntax(err error) {
	p := Problem{File: d.file, Text: err.Error()}
	var where yaml.Error
	if errors.As(err, &where) {
		p.Text = where.GetMessage() + ": check the indentation and the quotes here and in the line above"
		if t := where.GetToken(); t != nil && t.Position != nil {
			p.Line = t.Position.Line
		}
	}
	d.problems = append(d.problems, p)
}

// body is the one document of a file; a second one would be ignored without a
// word, and whoever wrote it believes that it counts.
func (d *decoder) body(tree *ast.File) ast.Node {
	var body ast.Node
	for _, doc := range tree.Docs {
		switch {
		case doc.Body == nil:
		case body == nil:
			body = doc.Body
		default:
			d.problems = append(d.problems, Problem{File: d.file, Line: lineOf(doc.Body), Text: "a second document begins here: keep one document in the file, without ---"})
		}
	}
	if body == nil {
		d.add("", "is empty: `gridwarden init DIR` writes one that works")
	}
	return body
}
