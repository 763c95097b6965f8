// Package audit keeps what an authorization server tells as a log that shows whether it was touched
// since: JSON lines, each with the hash of the one before.
//
//	log, err := audit.Open("audit.jsonl", audit.Options{Key: key})
//	...
//	server, err := oauth2.New(oauth2.ServerConfig{OnEvent: log.OnEvent, ...})
//	...
//	report, err := audit.Verify(file, audit.VerifyOptions{Key: key, Checkpoints: kept})
//
// Every replica writes a chain of its own. [Verify] finds any line that was changed, removed, moved,
// doubled or inserted, in a file of one chain or in several that were merged.
//
// What the chain is worth depends on what an attacker has. Without a key, who can write to the file
// can compute all hashes anew: the chain then shows accidents and clumsy changes, and no others. With
// a key (HMAC-SHA256, RFC 2104) that takes the key as well; the server holds it, so who controls the
// server's process can still write what they like from then on, and rewrite what was. Against that,
// and against cutting lines off the end, which no chain can show by itself, there are checkpoints: the
// head of the chain, to be kept where the server cannot write.
//
// # The line
//
// A line is one JSON object and a newline. Its members seq, replica, time and type come first. Then
// there is what the event says: issuer, client_id, sub, authorization, grant_type, scope, details_types, act,
// aud, addr, by, changed, error (the code of a refusal) and reason (its cause in words); data and context
// are the application's own. The last two are prev, the hash of the line before, and hash: SHA-256, or
// HMAC-SHA256 with the key, in hexadecimal, of the line's own bytes up to the comma before "hash".
//
// The chain tells about itself in the types audit_opened, audit_resumed, audit_gap and audit_closed.
// Of the two members that these have, lost counts events that could not be written, and torn is the
// size and the SHA-256 of what a crash or a full disk left of a line that is not whole.
//
// Nothing secret is written: an [oauth2.Event] holds no code, token or secret, and what an application
// adds is its own care.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// minKeyBytes is half of what HMAC-SHA256 can make use of (RFC 2104 section 3 asks for all of it from
// a key that is drawn at random).
const minKeyBytes = 16

// defaultCheckpointEvery is the default of Options.CheckpointEvery.
const defaultCheckpointEvery = 100

// ErrClosed is the error of an event that came after Close.
var ErrClosed = errors.New("audit: the log is closed")

// Options configure a [Log]. The zero value keeps a chain without a key, under a name of its own.
type Options struct {
	// Replica names the chain: 1 to 64 letters, digits, "-", "_" and ".". No two chains may share a
	// name. "" means one drawn at random by New, and by Open that of the file.
	Replica string
	// Key makes the hashes HMAC-SHA256: 16 bytes or more, better 32 random ones. nil means plain
	// SHA-256, which whoever can write to the file can compute as well.
	Key []byte
	// After is the head of the chain that New continues, in another file for instance. The zero value
	// begins a chain. Open finds the head itself, and uses After only where the file is empty.
	After Checkpoint
	// Sync waits after every line until the disk has it, if the writer has a method Sync() error. It
	// costs milliseconds an event. Otherwise a line survives the process, but perhaps not a power cut.
	Sync bool

	// Context, if set, is asked what is known about the request an event belongs to, such as its
	// address or trace ID. It becomes the member context. It must hold no secret.
	Context func(ctx context.Context) map[string]string
	// Checkpoint, if set, is given the head of the chain after every CheckpointEvery lines, and at the
	// end. It is called in the goroutine that wrote, must be quick, and must not call the Log.
	Checkpoint func(Checkpoint)
	// CheckpointEvery counts lines. 0 means 100.
	CheckpointEvery int
	// Error, if set, is told every failure to write, under the conditions of Checkpoint.
	Error func(error)
	// Now is the clock of the chain's own lines. nil means time.Now.
	Now func() time.Time
}

// A Log writes the chain of one replica. It is safe for concurrent use.
//
// A server does not stop because its log cannot be written. An event whose line cannot be written is
// lost: it is counted, [Log.Err] and Options.Error tell, and as soon as the writer works again a line
// of the type audit_gap says how many there were. Who would rather refuse to serve asks Err.
type Log struct {
	o      Options
	closer io.Closer

	mu     sync.Mutex
	tail   tail
	head   Checkpoint
	err    error
	lost   uint64 // since the last line
	all    uint64 // ever
	since  int    // lines since the last checkpoint
	closed bool
}

var replicaName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// New begins a chain on w, or continues the one that Options.After is the head of, and writes its
// first line. Every line is handed to w in one call of Write. The error is a wrong option, or that of
// w. w is not closed by the Log.
func New(w io.Writer, o Options) (*Log, error) {
	l, err := newLog(tail{w: w, sync: o.Sync}, o)
	if err != nil {
		return nil, err
	}
	return l, l.begin()
}

func newLog(end tail, o Options) (*Log, error) {
	if o.Replica == "" {
		o.Replica = o.After.Replica
	}
	if o.Replica == "" {
		var drawn [8]byte
		_, _ = rand.Read(drawn[:]) // crypto/rand never fails
		o.Replica = hex.EncodeToString(drawn[:])
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	l := &Log{o: o, tail: end, head: o.After}
	l.head.Replica = o.Replica
	return l, nil
}

func (o *Options) validate() error {
	switch {
	case !replicaName.MatchString(o.Replica):
		return fmt.Errorf("audit: Replica %q is not 1 to 64 letters, digits, '-', '_' and '.'", o.Replica)
	case o.After.Replica != "" && o.After.Replica != o.Replica:
		return fmt.Errorf("audit: the chain of %q cannot continue that of %q", o.Replica, o.After.Replica)
	case o.After.Seq > 0 && len(o.After.Hash) != hashLength:
		return errCheckpoint
	case len(o.Key) > 0 && len(o.Key) < minKeyBytes:
		return fmt.Errorf("audit: Key is shorter than %d bytes", minKeyBytes)
	case o.CheckpointEvery < 0:
		return errors.New("audit: CheckpointEvery is negative")
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = defaultCheckpointEvery
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// begin writes the first line of this process.
func (l *Log) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := entry{Type: typeOpened, Torn: l.tail.torn()}
	if l.head.Seq > 0 {
		e.Type = typeResumed
	}
	return l.put(e)
}

// OnEvent writes an event. It is made for [oauth2.ServerConfig].OnEvent, and an application may call
// it with events of its own as well: with a Type of its own, and whichever fields fit. Where it has
// more to tell, there is Record. A zero Time means now.
func (l *Log) OnEvent(ctx context.Context, e oauth2.Event) {
	_ = l.record(ctx, entryOf(e)) // Err tells
}

// Record writes an event of the application's own into the same chain, such as a login. data becomes
// the member data, as encoding/json writes it; nil means none. It must hold no secret.
//
// The type is one word of letters, digits, "_", "." and "-" that does not begin with "audit_". The
// error is a wrong type, data that JSON cannot express or that are longer than a line can be, or that
// of the writer; the event is lost then.
func (l *Log) Record(ctx context.Context, eventType string, data map[string]any) error {
	return l.record(ctx, entry{Type: eventType, Data: data})
}

var eventName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (l *Log) record(ctx context.Context, e entry) error {
	if l.o.Context != nil {
		e.Context = l.o.Context(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	switch {
	case l.closed:
		err = l.failed(ErrClosed)
	case !eventName.MatchString(e.Type) || strings.HasPrefix(e.Type, ownTypes):
		err = l.failed(fmt.Errorf("audit: %q cannot be the type of an event", e.Type))
	default:
		err = l.add(e)
	}
	if err != nil {
		l.lost++
		l.all++
	}
	return err
}

// add writes a line, and before it what became of those that were lost.
func (l *Log) add(e entry) error {
	if torn := l.tail.torn(); l.lost > 0 || torn != nil {
		if err := l.put(entry{Type: typeGap, Lost: l.lost, Torn: torn}); err != nil {
			return err
		}
		l.lost = 0
	}
	return l.put(e)
}

// put makes an entry the next line of the chain. An error means that its line is not there.
func (l *Log) put(e entry) error {
	e.Seq, e.Replica, e.Prev = l.head.Seq+1, l.head.Replica, l.head.Hash
	if e.Time.IsZero() {
		e.Time = l.o.Now()
	}
	line, sum, err := seal(e, l.o.Key)
	if err != nil {
		return l.failed(err)
	}
	whole, err := l.tail.write(line)
	if err != nil {
		err = l.failed(fmt.Errorf("audit: %w", err))
	}
	if !whole {
		return err
	}
	if err == nil {
		l.err = nil
	}
	l.head.Seq, l.head.Hash = e.Seq, sum
	if l.since++; l.since >= l.o.CheckpointEvery {
		l.checkpoint()
	}
	return nil
}

func (l *Log) failed(err error) error {
	l.err = err
	if l.o.Error != nil {
		l.o.Error(err)
	}
	return err
}

func (l *Log) checkpoint() {
	l.since = 0
	if l.o.Checkpoint != nil {
		l.o.Checkpoint(l.head)
	}
}

// Head is the last line of the chain: what to keep elsewhere, and to give to [Verify].
func (l *Log) Head() Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Err is the last failure to write, or nil once a line was written since.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Lost is how many events could not be written, ever.
func (l *Log) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// Close ends the chain for now with a line that says so, tells the checkpoint, and closes the file if
// [Open] opened it. Events that come later are lost. A second Close does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	err := l.add(entry{Type: typeClosed})
	l.closed = true
	l.checkpoint()
	if l.closer != nil {
		err = errors.Join(err, l.closer.Close())
	}
	return err
}
