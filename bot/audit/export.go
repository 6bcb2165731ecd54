package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a line of an export in bytes.
const maxLine = 32 << 20

// Export writes a whole log as JSON lines, for Import to read. It holds
// everything that Verify needs except the public key.
func Export(ctx context.Context, w io.Writer, src Source) error {
	out := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(out)
	var n int64
	for line, err := range src.Lines(ctx) {
		if err != nil {
			return fmt.Errorf("audit: reading the log: %w", err)
		}
		switch {
		case line.Tile != nil:
			continue
		case line.Header != nil:
			line.Header = &Header{Format: line.Header.Format}
		case line.End != nil:
			line.End = &End{Lines: n}
		}
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("audit: writing an export: %w", err)
		}
		n++
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("audit: writing an export: %w", err)
	}
	return nil
}

// Import gives the log of an export. It can be read once.
func Import(r io.Reader) Source { return export{r} }

type export struct{ r io.Reader }

// Lines implements Source.
func (x export) Lines(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		in := bufio.NewScanner(x.r)
		in.Buffer(make([]byte, 1<<16), maxLine)
		n := 0
		for in.Scan() {
			n++
			line, err := parseLine(in.Bytes())
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Line{}, fmt.Errorf("line %d of the export: %w", n, err))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
		if err := in.Err(); err != nil {
			yield(Line{}, fmt.Errorf("line %d of the export: %w", n+1, err))
		}
	}
}

func parseLine(data []byte) (Line, error) {
	var l Line
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Line{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // More takes a stray } for an end
		return Line{}, errors.New("more than one value")
	}
	return l, nil
}
