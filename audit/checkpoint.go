package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Checkpoint names one line of a chain, and by its hash all lines before it. Kept where the server
// cannot write, the newest one shows that lines were cut off the end. The zero value is no line.
type Checkpoint struct {
	Replica string `json:"replica"`
	Seq     uint64 `json:"seq"`
	Hash    string `json:"hash"`
}

// String is the checkpoint in one word, REPLICA:SEQ:HASH. [ParseCheckpoint] reads it.
func (c Checkpoint) String() string { return fmt.Sprintf("%s:%d:%s", c.Replica, c.Seq, c.Hash) }

var errCheckpoint = errors.New("audit: a checkpoint is REPLICA:SEQ:HASH")

// ParseCheckpoint reads what [Checkpoint.String] wrote.
func ParseCheckpoint(text string) (Checkpoint, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 || !replicaName.MatchString(parts[0]) || len(parts[2]) != hashLength {
		return Checkpoint{}, errCheckpoint
	}
	seq, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil || seq == 0 {
		return Checkpoint{}, errCheckpoint
	}
	return Checkpoint{Replica: parts[0], Seq: seq, Hash: parts[2]}, nil
}
