package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the signed size and root of the log at a moment. As text it is
// a signed note (golang.org/x/mod/sumdb/note) of four lines:
//
//	gridwarden audit log
//	SIZE
//	BASE64 OF THE ROOT
//	follows SIZE OF THE CHECKPOINT BEFORE
//
// The last line chains the checkpoints, so that one that is missing shows.
type Checkpoint struct {
	Size    int64
	Root    tlog.Hash
	Follows int64 // size of the checkpoint before, 0 for the first
}

const checkpointOrigin = "gridwarden audit log"

// maxCheckpoint bounds the text of a checkpoint in bytes.
const maxCheckpoint = 4096

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\nfollows %d\n", checkpointOrigin, c.Size, c.Root, c.Follows)
}

// Sign gives the checkpoint as signed text.
func (k Key) Sign(c Checkpoint) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return "", fmt.Errorf("audit: signing a checkpoint: %w", err)
	}
	return string(signed), nil
}

// ParseCheckpoint reads a checkpoint and verifies its signature.
func ParseCheckpoint(text string, v note.Verifier) (Checkpoint, error) {
	if len(text) > maxCheckpoint {
		return Checkpoint{}, errors.New("audit: too long for a checkpoint")
	}
	n, err := note.Open([]byte(text), note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: signature of a checkpoint: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 5 || lines[0] != checkpointOrigin {
		return Checkpoint{}, errors.New("audit: the signed text is no checkpoint of an audit log")
	}
	c := Checkpoint{Size: number(lines[1]), Follows: number(strings.TrimPrefix(lines[3], "follows "))}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, errors.New("audit: malformed root in a checkpoint")
	}
	copy(c.Root[:], root)
	if c.Size < 1 || c.Follows < 0 || c.Follows >= c.Size || c.text() != n.Text {
		return Checkpoint{}, errors.New("audit: malformed checkpoint")
	}
	return c, nil
}

// number is -1 for what is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
