package memory

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A shard is a part of the records with a lock of its own. Its methods are called with the lock held.
type shard struct {
	mu    sync.RWMutex
	seed  maphash.Seed
	arena arena
	index index
	// created counts the Creates.
	created uint
}

var errFull = errors.New("memory: the store is full")

// keyBytes is room for nearly every key.
const keyBytes = 64

// A key is an ID as it stands in an entry. No key is the beginning of another.
type key []byte

func appendKey(b []byte, id string) key { return appendPacked(b, id) }

// keyOf is the key of an entry.
func keyOf(e entry) key {
	length, size := binary.Uvarint(e.record())
	return key(e.record()[:size+int(length>>1)])
}

func (sh *shard) hash(k key) uint64      { return maphash.Bytes(sh.seed, k) }
func (sh *shard) hashAt(p place) uint64  { return sh.hash(keyOf(sh.arena.at(p))) }
func (sh *shard) is(p place, k key) bool { return bytes.HasPrefix(sh.arena.at(p).record(), k) }

// find looks for a key with this hash.
func (sh *shard) find(k key, hash uint64) (slot int, p place) {
	return sh.index.find(hash, func(p place) bool { return sh.is(p, k) })
}

// insert adds an entry whose key is free, and has this hash.
func (sh *shard) insert(hash uint64, e entry) error {
	if sh.arena.full() {
		return errFull
	}
	sh.index.insert(hash, sh.arena.add(e), sh.hashAt)
	return nil
}

// replace puts another entry in the place of one.
func (sh *shard) replace(slot int, p place, e entry) error {
	if sh.arena.replace(p, e) {
		return nil
	}
	if sh.arena.full() {
		return errFull
	}
	sh.index.slots[slot] = sh.arena.add(e)
	sh.arena.remove(p)
	sh.tidy()
	return nil
}

func (sh *shard) remove(slot int, p place) {
	sh.index.remove(slot, sh.hashAt)
	sh.arena.remove(p)
	sh.tidy()
}

// tidy copies what is alive to new blocks, once that is less than half.
func (sh *shard) tidy() {
	if !sh.arena.wasteful() {
		return
	}
	old := sh.arena
	sh.arena, sh.index = arena{}, index{}
	for e, _, at := old.next(0); e != nil; e, _, at = old.next(at) {
		sh.index.insert(sh.hash(keyOf(e)), sh.arena.add(e), sh.hashAt)
	}
}

// sweep looks at some entries, each time at others, and removes at most limit of those that can go.
func (sh *shard) sweep(now time.Time, look, limit int) int {
	minute, n := minuteOf(now), 0
	for range look {
		e, p, then := sh.arena.next(sh.arena.cursor)
		if sh.arena.look(then); e == nil {
			break // and the next one begins anew
		}
		if n == limit {
			sh.arena.look(p)
			break
		}
		if e.sweepAfter() < minute {
			slot, _ := sh.find(keyOf(e), sh.hash(keyOf(e)))
			sh.remove(slot, p)
			n++
		}
	}
	return n
}

// sweepAll looks at all entries.
func (sh *shard) sweepAll(now time.Time, limit int) int {
	sh.arena.look(0)
	return sh.sweep(now, math.MaxInt, limit)
}

// appendEntry writes a record, with the version given, as an entry. It leaves the record as it is.
func appendEntry(b []byte, names *names, a *oauth2.Authorization, version int64) (entry, error) {
	b = append(b, kindRecord)
	b = binary.LittleEndian.AppendUint32(b, minuteOf(a.SweepAfter()))
	c := codec{names: names, data: b, version: version, room: &noRoom}
	c.keys(a)
	body := len(c.data)
	if c.rest(a); !c.odd {
		return c.data, nil
	}
	document, err := json.Marshal(a)
	c.data[0] = kindJSON
	return append(c.data[:body], document...), err
}

// readEntry is the record of an entry. id is its ID.
func readEntry(e entry, names *names, id string) (*oauth2.Authorization, error) {
	c := codec{names: names, reading: true, data: e.record(), id: id, room: new(room)}
	a := &c.room.record
	c.keys(a)
	if e.kind() == kindJSON {
		if err := json.Unmarshal(c.data[c.at:], a); err != nil {
			return nil, err
		}
	} else {
		c.rest(a)
	}
	a.Version = c.version
	return a, nil
}

// versionOf is the version of the record in an entry.
func versionOf(e entry) int64 {
	c := codec{reading: true, data: e.record()[len(keyOf(e)):]}
	c.number(&c.version)
	return c.version
}

// minuteOf counts the minutes since 1970, a part of one as a whole.
func minuteOf(t time.Time) uint32 {
	seconds := t.Unix()
	if t.Nanosecond() > 0 {
		seconds++
	}
	return uint32(min(max((seconds+59)/60, 0), math.MaxUint32))
}
