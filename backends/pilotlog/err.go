package pilotlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// The lines around a log that is embedded in a pilot's .err.
var (
	packedLine = []byte("======== gzip | uuencode =============")
	beginLine  = []byte("begin-base64 644 -")
	endLine    = []byte("====")
	failedLine = []byte("ERROR_FAILED_ENCODING")
)

// block is one embedded log.
type block struct {
	name   string
	packed []byte // base64 with its line ends
	whole  bool   // its end was found
}

// blocksOf finds the embedded logs of a .err file that may be of use.
func blocksOf(data []byte, f *flaws) []block {
	if len(data) > maxErr {
		data = data[:maxErr]
		f.lose("its .err is longer than %d MB; the rest was not read", maxErr>>20)
	}
	var out []block
	seen := map[string]bool{}
	var name []byte
	for len(data) > 0 {
		var line []byte
		line, data = nextLine(data)
		if !bytes.Equal(line, packedLine) {
			if bytes.Contains(line, packedLine) {
				f.add("a line of its .err has the head of an embedded log inside it: %s", shown(string(line[:min(len(line), maxShown)])))
			}
			name = line
			continue
		}
		begin, rest := nextLine(data)
		if !bytes.Equal(begin, beginLine) {
			if bytes.HasPrefix(begin, failedLine) {
				f.lose("the worker node could not pack %s", shown(string(name)))
			}
			continue
		}
		b := block{name: string(name)}
		b.packed, rest, b.whole = untilEnd(rest)
		data = rest
		if bytes.HasPrefix(bytes.TrimSpace(b.packed), failedLine) {
			f.lose("the worker node could not pack %s", shown(b.name))
			continue
		}
		if !wanted(b.name) {
			continue
		}
		if seen[b.name] {
			f.add("%s is embedded twice: one of them may be forged, and both were read", shown(b.name))
		}
		seen[b.name] = true
		if len(out) == maxBlocks {
			f.lose("more than %d logs are embedded in it; the rest was not read", maxBlocks)
			return out
		}
		out = append(out, b)
	}
	return out
}

// untilEnd cuts what is packed off at the line that ends it. Where the head of the
// next log comes first, the end is missing, and the line before that head is its
// name.
func untilEnd(data []byte) (packed, rest []byte, whole bool) {
	for at := 0; at < len(data); {
		line, after := nextLine(data[at:])
		if bytes.HasPrefix(line, endLine) {
			if len(line) == len(endLine) {
				return data[:at], after, true
			}
			at = bytes.LastIndexByte(data[:max(at-1, 0)], '\n') + 1
			return data[:at], data[at:], false
		}
		i := bytes.Index(data[at:], []byte("\n===="))
		if i < 0 {
			break
		}
		at += i + 1
	}
	return data, nil, false
}

// wanted are the logs that tell of jobs.
func wanted(name string) bool {
	return name == "StartdLog" || name == "StartdHistoryLog" || isStarter(name)
}

func isStarter(name string) bool {
	return strings.HasPrefix(name, "StarterLog") && len(name) < 100 && isPlain(name)
}

// The reasons for which a block is not read to its end.
var (
	errBomb    = errors.New("it unpacks to far more than a log does")
	errTooLong = errors.New("it is longer than the bound")
)

// unpacker decodes blocks, one after the other, into one buffer, and bounds all of
// them together.
type unpacker struct {
	buf  []byte
	bin  []byte
	left int
}

// unpack decodes a block. What could be decoded before an error is given with it,
// and is good until the next call.
func (u *unpacker) unpack(ctx context.Context, b block) ([]byte, error) {
	u.buf = u.buf[:0]
	size := base64.StdEncoding.DecodedLen(len(b.packed))
	if cap(u.bin) < size {
		u.bin = make([]byte, size)
	}
	n, err := base64.StdEncoding.Decode(u.bin[:size], b.packed)
	if n == 0 && err != nil {
		return nil, fmt.Errorf("its base64 is damaged: %w", err)
	}
	packed := bytes.NewReader(u.bin[:n])
	z, zerr := gzip.NewReader(packed)
	if zerr != nil {
		return nil, fmt.Errorf("its gzip is damaged: %w", zerr)
	}
	for member := 1; ; member++ {
		z.Multistream(false)
		if merr := u.member(ctx, z, n); merr != nil {
			return u.buf, merr
		}
		if zerr := z.Reset(packed); errors.Is(zerr, io.EOF) {
			break
		} else if zerr != nil {
			return u.buf, fmt.Errorf("its gzip is damaged: %w", zerr)
		}
		if member == maxMembers {
			return u.buf, errTooLong
		}
	}
	switch {
	case err != nil:
		return u.buf, fmt.Errorf("its base64 is damaged: %w", err)
	case !b.whole:
		return u.buf, io.ErrUnexpectedEOF
	}
	return u.buf, nil
}

// member appends one gzip member.
func (u *unpacker) member(ctx context.Context, z io.Reader, packed int) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(u.buf) == cap(u.buf) {
			grown := make([]byte, len(u.buf), min(max(256<<10, 8*packed, 2*cap(u.buf)), maxBlock+1))
			copy(grown, u.buf)
			u.buf = grown
		}
		room := u.buf[len(u.buf):cap(u.buf)]
		n, err := z.Read(room)
		u.buf = u.buf[:len(u.buf)+n]
		u.left -= n
		switch {
		case len(u.buf) > ratioFrom && len(u.buf) > maxRatio*packed:
			return errBomb
		case len(u.buf) > maxBlock, u.left < 0:
			return errTooLong
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("its gzip is damaged: %w", err)
		}
	}
}
