package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// What Verify finds. A [LineError] wraps one of them.
var (
	// ErrChanged: a line is not what was written, was inserted, or was written with another key.
	ErrChanged = errors.New("changed")
	// ErrGap: a line is missing before this one, or stands further down.
	ErrGap = errors.New("gap")
	// ErrRepeated: a line of a number that was there before.
	ErrRepeated = errors.New("repeated")
	// ErrTruncated: the end is missing.
	ErrTruncated = errors.New("truncated")
)

// A LineError is the first thing that is wrong with a log. Lines above it are what was written.
type LineError struct {
	// Line counts the lines of the stream from 1. 0: the end of the stream.
	Line int
	// Replica names the chain, and Seq the number in it, as far as they are known.
	Replica string
	Seq     uint64
	// Err is ErrChanged, ErrGap, ErrRepeated or ErrTruncated.
	Err error
	// Text says what is wrong. It holds nothing of the line.
	Text string
}

// Error names the place and what is wrong.
func (e *LineError) Error() string {
	var b strings.Builder
	b.WriteString("audit: ")
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Replica != "" {
		fmt.Fprintf(&b, "replica %s, number %d: ", e.Replica, e.Seq)
	}
	fmt.Fprintf(&b, "%v: %s", e.Err, e.Text)
	return b.String()
}

// Unwrap returns Err.
func (e *LineError) Unwrap() error { return e.Err }

// VerifyOptions say what is known about a log beforehand.
type VerifyOptions struct {
	// Key is that of Options. It is never taken from the log.
	Key []byte
	// Checkpoints were kept elsewhere. Each must be in the log, or the log was changed or cut off.
	// Without one, lines that are missing at the end cannot be found.
	Checkpoints []Checkpoint
	// After are the heads of the files before this one, one for each chain that does not begin here.
	After []Checkpoint
}

// A Report is what a log holds, as far as it was verified.
type Report struct {
	// Lines counts those that were verified, of every chain.
	Lines int
	// Chains are sorted by their names.
	Chains []Chain
}

// A Chain is the part of one replica.
type Chain struct {
	// First is the number of its first line here, and Head its last. First is 0 where After names a
	// chain that has no line here.
	First uint64
	Head  Checkpoint
	// Closed: its last line is that of Close. Otherwise the chain is still written, its process
	// crashed, or lines are missing.
	Closed bool
	// Resumed is how often a process continued it.
	Resumed int
	// Lost is how many events could not be written, and Torn how many lines stayed unfinished, by a
	// crash or a failure to write. The chain says so itself: this is no sign of a change.
	Lost uint64
	Torn int
}

// Verify reads a log and finds any change. A stream may hold several chains, merged in any way that
// keeps each one's lines in their order; the rest of an unfinished line must stay directly above the
// line that tells of it.
//
// The error is a [*LineError], or that of r. The Report tells what was verified until then. A nil error
// means that every line is what was written, that none is missing between a chain's first and its
// last, and that every checkpoint is there; it means no more than the key and the checkpoints are
// worth, see the package's documentation.
func Verify(r io.Reader, o VerifyOptions) (Report, error) {
	v := &verifier{key: o.Key, chains: map[string]*Chain{}, kept: map[string][]Checkpoint{}}
	for _, c := range o.After {
		v.chains[c.Replica] = &Chain{Head: c}
	}
	for _, c := range o.Checkpoints {
		v.kept[c.Replica] = append(v.kept[c.Replica], c)
	}
	err := v.read(bufio.NewReaderSize(r, maxLine+1))
	if err == nil {
		err = v.end()
	}
	return v.report(), err
}

// A verifier walks a stream once.
type verifier struct {
	key    []byte
	line   int
	lines  int
	chains map[string]*Chain
	// kept are the checkpoints that were not come by yet.
	kept map[string][]Checkpoint
	// rest are the lines since the last whole one, which the next must tell of; the first is at restLine.
	rest     fragment
	restLine int
}

func (v *verifier) read(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return v.cutOff()
		case errors.Is(err, bufio.ErrBufferFull):
			v.line++
			return v.foreign("the line is longer than any that was written")
		case err != nil:
			return fmt.Errorf("audit: %w", err)
		}
		v.line++
		if err := v.whole(line[:len(line)-1]); err != nil {
			return err
		}
	}
}

// whole judges a line that has its newline.
func (v *verifier) whole(line []byte) error {
	e, sum, ok := unseal(line, v.key)
	if !ok {
		if v.restLine > 0 {
			v.rest.add([]byte{'\n'})
		} else {
			v.restLine = v.line
		}
		v.rest.add(line)
		return nil
	}
	if err := v.follows(&e); err != nil {
		return err
	}
	return v.accept(&e, sum)
}

// follows reports whether a line that is what was written stands where it was written.
func (v *verifier) follows(e *entry) error {
	c := v.chains[e.Replica]
	if c == nil {
		c = &Chain{Head: Checkpoint{Replica: e.Replica}}
	}
	at := func(sentinel error, text string) error {
		return &LineError{Line: v.line, Replica: e.Replica, Seq: e.Seq, Err: sentinel, Text: text}
	}
	switch {
	case v.restLine > 0 && (e.Torn == nil || *e.Torn != *v.rest.torn()):
		return v.foreign("the line is not what was written, or was written with another key")
	case v.restLine == 0 && e.Torn != nil:
		return at(ErrGap, "the unfinished line that this one tells of is missing")
	case e.Seq > c.Head.Seq+1:
		return at(ErrGap, fmt.Sprintf("number %d should be here", c.Head.Seq+1))
	case e.Seq <= c.Head.Seq:
		return at(ErrRepeated, fmt.Sprintf("number %d was here already", c.Head.Seq))
	case e.Prev != c.Head.Hash:
		return at(ErrChanged, "the line follows another one than that above")
	}
	return nil
}

// accept takes a line into its chain.
func (v *verifier) accept(e *entry, sum string) error {
	c := v.chains[e.Replica]
	if c == nil {
		c = &Chain{}
		v.chains[e.Replica] = c
	}
	if c.First == 0 {
		c.First = e.Seq
	}
	c.Head = Checkpoint{Replica: e.Replica, Seq: e.Seq, Hash: sum}
	c.Closed = e.Type == typeClosed
	c.Lost += e.Lost
	if e.Type == typeResumed {
		c.Resumed++
	}
	if v.restLine > 0 {
		c.Torn++
		v.rest, v.restLine = fragment{}, 0
	}
	v.lines++
	return v.passes(c.Head)
}

// passes compares a line with the checkpoints of its number.
func (v *verifier) passes(head Checkpoint) error {
	kept := v.kept[head.Replica]
	if len(kept) == 0 {
		return nil
	}
	kept = slices.DeleteFunc(kept, func(c Checkpoint) bool { return c == head })
	v.kept[head.Replica] = kept
	if slices.ContainsFunc(kept, func(c Checkpoint) bool { return c.Seq == head.Seq }) {
		return &LineError{Line: v.line, Replica: head.Replica, Seq: head.Seq, Err: ErrChanged, Text: "the line is not that of the checkpoint"}
	}
	return nil
}

// foreign is the error of a line that cannot be read.
func (v *verifier) foreign(text string) error {
	line := v.line
	if v.restLine > 0 {
		line = v.restLine
	}
	return &LineError{Line: line, Err: ErrChanged, Text: text}
}

func (v *verifier) cutOff() error {
	v.line++
	if v.restLine > 0 {
		return v.foreign("the line is not what was written, or was written with another key")
	}
	return &LineError{Line: v.line, Err: ErrTruncated, Text: "the last line is cut off, by a crash or by hand"}
}

// end judges what must have been come by.
func (v *verifier) end() error {
	if v.restLine > 0 {
		return v.foreign("the line is not what was written, or was written with another key")
	}
	var missing []Checkpoint
	for _, kept := range v.kept {
		for _, c := range kept {
			if c.Seq > 0 && v.headOf(c.Replica) != c {
				missing = append(missing, c)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.SortFunc(missing, func(a, b Checkpoint) int { return strings.Compare(a.String(), b.String()) })
	c := missing[0]
	err := &LineError{Replica: c.Replica, Seq: c.Seq, Err: ErrTruncated, Text: "the line of the checkpoint is missing at the end"}
	if c.Seq <= v.headOf(c.Replica).Seq {
		err.Err, err.Text = ErrGap, "the line of the checkpoint lies before this log"
	}
	return err
}

func (v *verifier) headOf(replica string) Checkpoint {
	if c := v.chains[replica]; c != nil {
		return c.Head
	}
	return Checkpoint{}
}

func (v *verifier) report() Report {
	r := Report{Lines: v.lines, Chains: make([]Chain, 0, len(v.chains))}
	for _, c := range v.chains {
		r.Chains = append(r.Chains, *c)
	}
	slices.SortFunc(r.Chains, func(a, b Chain) int { return strings.Compare(a.Head.Replica, b.Head.Replica) })
	return r
}
