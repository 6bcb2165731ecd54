package cric

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// snapshot is a file with an answer of CRIC.
type snapshot struct{ path string }

// marked is how a file looked when it was read.
type marked struct {
	size    int64
	changed time.Time
}

// fresh implements origin: a file is read again when it has changed.
func (s snapshot) fresh(last reading, _ time.Time) bool {
	info, err := os.Stat(s.path)
	return err == nil && last.mark == marked{info.Size(), info.ModTime()}
}

// read implements origin. Its time is that of the file.
func (s snapshot) read(context.Context) ([]byte, time.Time, any, error) {
	trouble := func(err error, what string) error {
		return &Trouble{Sentence: fmt.Sprintf("The file %s of CRIC's users %s", s.path, what), Cause: err}
	}
	// O_NONBLOCK: opening a named pipe would otherwise wait for its writer.
	in, err := os.OpenFile(s.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, time.Time{}, nil, trouble(err, "is not there. Save an answer of CRIC there, or change backends.cms.cric.file.")
	case err != nil:
		return nil, time.Time{}, nil, trouble(err, "cannot be opened: look at its mode and owner.")
	}
	defer in.Close()
	info, err := in.Stat()
	switch {
	case err != nil:
		return nil, time.Time{}, nil, trouble(err, "cannot be looked at.")
	case !info.Mode().IsRegular():
		return nil, time.Time{}, nil, trouble(nil, "is not a regular file.")
	case info.Mode().Perm()&0o002 != 0:
		return nil, time.Time{}, nil, trouble(nil, "can be changed by every user of this machine, who could give a DN to somebody else: run chmod o-w on it.")
	}
	data, err := io.ReadAll(io.LimitReader(in, maxAnswer+1))
	if err != nil {
		return nil, time.Time{}, nil, trouble(err, "cannot be read.")
	}
	return data, info.ModTime(), marked{info.Size(), info.ModTime()}, nil
}
