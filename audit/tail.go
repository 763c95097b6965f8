package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// A tail is the end of what is being written, and knows what stands there: a whole line, one that
// lacks its newline, or the rest of one that could not be finished.
type tail struct {
	w    io.Writer
	sync bool
	// open: the last line is whole but for its newline.
	open bool
	rest fragment
}

// write appends a line, and reports whether it stands there whole. Where a fragment was left, the line
// is the one that tells of it.
func (t *tail) write(line []byte) (whole bool, err error) {
	text := make([]byte, 0, len(line)+2)
	if t.open || t.rest.bytes > 0 {
		text = append(text, '\n')
	}
	text = append(append(text, line...), '\n')
	n, err := t.w.Write(text)
	n = max(0, min(n, len(text)))
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if n < len(text)-1 {
		written := text[:n]
		if t.open && n > 0 {
			written, t.open = written[1:], false
		}
		t.rest.add(written)
		return false, err
	}
	t.open, t.rest = n < len(text), fragment{}
	if err == nil && t.sync {
		err = t.flush()
	}
	return true, err
}

func (t *tail) flush() error {
	if file, ok := t.w.(interface{ Sync() error }); ok {
		return file.Sync()
	}
	return nil
}

// torn tells of the fragment that was left; nil: there is none.
func (t *tail) torn() *torn {
	if t.rest.bytes == 0 {
		return nil
	}
	return t.rest.torn()
}

// A fragment is known by its length and its hash, so that it needs no memory. The zero value is empty.
type fragment struct {
	bytes int64
	hash  hash.Hash
}

func (f *fragment) add(text []byte) {
	if f.hash == nil {
		f.hash = sha256.New()
	}
	f.bytes += int64(len(text))
	f.hash.Write(text)
}

func (f *fragment) torn() *torn {
	return &torn{Bytes: f.bytes, Sum: hex.EncodeToString(f.hash.Sum(nil))}
}
