package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxSize bounds a secret's file, in bytes: a certificate with its chain and
// key is far smaller.
const maxSize = 64 << 10

// File is the path of a file that holds one secret. The path itself is none.
type File string

// Error is why a secret cannot be used. It never holds any of the secret.
type Error struct {
	Path   string
	Reason string // what is wrong and what to do
	Cause  error  // nil where the file could be read but not accepted
}

func (e *Error) Error() string { return fmt.Sprintf("secret: file %s: %s", e.Path, e.Reason) }

// ForPeople returns the same sentence: it names a path and nothing secret.
func (e *Error) ForPeople() string { return fmt.Sprintf("The file %s %s.", e.Path, e.Reason) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Read returns the secret in the file, without the line end that editors add.
// The file must be a regular one that others can neither read nor write; its
// group may. It must hold between 1 byte and 64 KiB. Every error is an *Error.
func (f File) Read() (Value, error) {
	refuse := func(cause error, format string, args ...any) (Value, error) {
		return Value{}, &Error{Path: string(f), Reason: fmt.Sprintf(format, args...), Cause: cause}
	}
	if f == "" {
		return refuse(nil, "is not named: give the path of a file that holds only the secret")
	}
	// O_NONBLOCK: opening a named pipe would otherwise wait for its writer.
	in, err := os.OpenFile(string(f), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return refuse(err, "cannot be opened: %v", reason(err))
	}
	defer in.Close()
	// The open file is asked, not the path, which may lead elsewhere by now.
	info, err := in.Stat()
	switch {
	case err != nil:
		return refuse(err, "cannot be looked at: %v", reason(err))
	case !info.Mode().IsRegular():
		return refuse(nil, "is not a regular file: put the secret into one")
	case info.Mode().Perm()&0o007 != 0:
		return refuse(nil, "is open to every user of this machine (mode %04o): run chmod o-rwx on it", info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(in, maxSize+1))
	if err != nil {
		return refuse(err, "cannot be read: %v", reason(err))
	}
	if len(data) > maxSize {
		return refuse(nil, "is larger than %d bytes: it must hold only the secret", maxSize)
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(bytes.TrimSpace(data)) == 0 {
		return refuse(nil, "is empty: write the secret into it")
	}
	return Of(string(data)), nil
}

// reason is the bare cause, since the path is told already.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
