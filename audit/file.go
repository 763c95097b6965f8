package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// tailBytes is how much of a file's end is read to find the last whole line: that line, and what a
// crash can have left behind it.
const tailBytes = 4 * maxLine

// Open continues the chain in a file, or begins one where there is none. The file is only ever
// appended to, and is made for its owner alone. One process may have it open at a time. To go on in a
// new file, Close, and Open that one with Options.After: the head of the old.
//
// What a crash left of a line stays where it is; the next line tells its size and its hash, and
// [Verify] accepts it and says so. Open reads the end of the file only: that the whole of it is what
// was written, is Verify's to find out. The error is a wrong option, that of the file, or that its end
// holds no line of this key ([ErrChanged]).
func Open(path string, o Options) (_ *Log, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	end, err := endOf(file)
	if err != nil {
		return nil, err
	}
	head, rest, open, err := findHead(end, o.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	if head.Seq == 0 {
		head = o.After
	}
	o.After = head
	if o.Replica == "" {
		o.Replica = head.Replica
	}
	l, err := newLog(tail{w: file, sync: o.Sync, open: open, rest: rest}, o)
	if err != nil {
		return nil, err
	}
	l.closer = file
	return l, l.begin()
}

// endOf reads the end of a file.
func endOf(file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	from := max(0, info.Size()-tailBytes)
	end := make([]byte, info.Size()-from)
	if _, err := file.ReadAt(end, from); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return end, nil
}

// findHead finds the last whole line, and what stands behind it.
func findHead(end, key []byte) (head Checkpoint, rest fragment, open bool, err error) {
	for to := len(end); to > 0; {
		from := bytes.LastIndexByte(end[:to], '\n') + 1
		if e, sum, ok := unseal(end[from:to], key); ok {
			open = to == len(end)
			if !open && to+1 < len(end) {
				rest.add(end[to+1:])
			}
			return Checkpoint{Replica: e.Replica, Seq: e.Seq, Hash: sum}, rest, open, nil
		}
		to = from - 1
	}
	// The very first line may have been cut off by a crash. More than that is somebody else's file, or
	// another key's, and no chain may begin behind it.
	if len(end) >= maxLine || bytes.IndexByte(end, '\n') >= 0 {
		return head, rest, false, fmt.Errorf("%w: no whole line of this key at the end of the file", ErrChanged)
	}
	if len(end) > 0 {
		rest.add(end)
	}
	return head, rest, false, nil
}
