package history

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// Stdin is the path that means standard input.
const Stdin = "-"

// file is one input and how far it was imported.
type file struct {
	path     string // as it was named, for people
	key      string // the absolute path
	identity string // "" for a pipe, which cannot be read again
	size     int64
	from     place // where the import begins
	place    place // where it is
	rejected int64 // before place
	beyond   int64 // rejected after place, where an import that goes on will meet it again
	ended    bool
}

// filesOf finds the files of paths: folders are walked, what is hidden in them
// is left out.
func filesOf(paths []string) ([]*file, error) {
	var out []*file
	for _, p := range paths {
		if p == Stdin {
			out = append(out, &file{path: "standard input", key: Stdin})
			continue
		}
		root := p
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			root += string(filepath.Separator) // follows a link
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path != root && strings.HasPrefix(d.Name(), "."):
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir():
				return nil
			}
			f, err := describe(path)
			if f != nil {
				out = append(out, f)
			}
			return err
		})
		if err != nil {
			return nil, trouble.Errorf(err, "%s cannot be read (%v). Nothing was imported.", p, errors.Unwrap(err))
		}
	}
	if len(out) == 0 {
		return nil, trouble.Errorf(nil, "There is no file in %s. Nothing was imported.", strings.Join(paths, ", "))
	}
	return out, nil
}

// describe looks at a file; nil for what is none, such as a socket.
func describe(path string) (*file, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() && path != os.DevNull && info.Mode()&fs.ModeNamedPipe == 0 {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: path, key: abs, size: info.Size()}
	if !info.Mode().IsRegular() {
		return f, nil
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(head)
	f.identity = fmt.Sprintf("%d %d %s", info.Size(), info.ModTime().UnixNano(), hex.EncodeToString(sum[:8]))
	return f, nil
}

// resume finds where an earlier import of the same file stopped. One that was
// read to its end is read again: that is cheap, and shows what is there.
func (f *file) resume(ctx context.Context, db *sql.DB) error {
	var identity, at string
	var rejected int64
	err := db.QueryRowContext(ctx, `SELECT identity, place, rejected FROM file WHERE path = ? AND NOT ended`, f.key).Scan(&identity, &at, &rejected)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (f.identity == "" || identity != f.identity) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(at), &f.from); err != nil {
		return fmt.Errorf("where the import of %s stopped: %w", f.path, err)
	}
	f.place, f.rejected = f.from, rejected
	return nil
}

// save stores how far it was read.
func (f *file) save(ctx context.Context, tx *sql.Tx) error {
	at, err := json.Marshal(f.place)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO file (path, identity, place, rejected, ended) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (path) DO UPDATE SET identity = ?2, place = ?3, rejected = ?4, ended = ?5`, f.key, f.identity, string(at), f.rejected, f.ended)
	return err
}

// open opens the file, decompressed and wound forward to where its import
// begins. What was read of the file itself is counted.
func (f *file) open(stdin io.Reader, counted *counter) (io.Reader, func(), error) {
	closeAll := func() {}
	counted.r = stdin
	if f.key != Stdin {
		r, err := os.Open(f.key)
		if err != nil {
			return nil, nil, err
		}
		closeAll = func() { r.Close() }
		counted.r = r
	}
	r := bufio.NewReaderSize(counted, readSize)
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		closeAll()
		return nil, nil, err
	}
	var text io.Reader = r
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		text, err = gzip.NewReader(r)
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		var z *zstd.Decoder
		z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err == nil {
			closeFile := closeAll
			closeAll = func() { z.Close(); closeFile() }
			text = z
		}
	default:
		err = nil
	}
	if err == nil {
		_, err = io.CopyN(io.Discard, text, f.from.Offset)
	}
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return text, closeAll, nil
}
