package audit

import (
	"context"
	"iter"
)

// How far a log is read ahead of its verification.
const (
	aheadLines = 256
	aheadParts = 8
)

// part is some lines of a log, and the error after them, if any.
type part struct {
	lines []Line
	err   error
}

// ahead reads a log while what was read before is verified: reading takes
// longer, and most machines have a second core.
func ahead(ctx context.Context, src Source) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		reading, cancel := context.WithCancel(ctx)
		parts := make(chan part, aheadParts)
		defer func() { // the source has ended when this does
			cancel()
			for range parts { // until it is closed
			}
		}()
		go readParts(reading, src, parts)
		for p := range parts {
			for _, line := range p.lines {
				if !yield(line, nil) {
					return
				}
			}
			if p.err != nil {
				yield(Line{}, p.err)
				return
			}
		}
		if err := ctx.Err(); err != nil { // what was not read is not missing
			yield(Line{}, err)
		}
	}
}

func readParts(ctx context.Context, src Source, parts chan<- part) {
	defer close(parts)
	var p part
	send := func() bool {
		select {
		case parts <- p:
			p = part{}
			return true
		case <-ctx.Done():
			return false
		}
	}
	for line, err := range src.Lines(ctx) {
		if p.err = err; err == nil {
			p.lines = append(p.lines, line)
		}
		if (len(p.lines) == aheadLines || err != nil) && !send() {
			return
		}
		if err != nil {
			return
		}
	}
	send()
}
