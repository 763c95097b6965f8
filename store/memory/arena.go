package memory

import "encoding/binary"

// Blocks begin small, so that a store with a few records is small too.
const (
	minBlock = 1 << 10
	maxBlock = 1 << 16
	// maxDead is how many dead bytes are left alone, however few are alive.
	maxDead = 4 << 10
)

// A place is where an entry lies: the block, and the offset in it. The zero place is none.
type place uint32

func placeOf(block, offset int) place { return place(block)<<16 | place(offset) }
func (p place) block() int            { return int(p >> 16) }
func (p place) offset() int           { return int(p & 0xffff) }

// An arena keeps entries one after the other in blocks of bytes, each behind its length:
//
//	length (uvarint) | kind (1 byte) | minute to sweep after (4 bytes) | ID (length, bytes) | body
//
// What is removed leaves a dead entry behind. A block goes once all of it is dead, and the whole is
// copied once more of it is dead than alive.
type arena struct {
	blocks      []block // the first one is never used, so that no place is 0
	last        int     // where entries are added
	alive, dead int     // bytes
	cursor      place   // where the next sweep looks
}

type block struct {
	data  []byte // its capacity is the block's
	alive int
}

// The kinds of entries.
const (
	kindDead byte = iota
	kindRecord
	kindJSON
)

// header is the kind and the minute.
const header = 1 + 4

// An entry is the bytes behind its length.
type entry []byte

func (e entry) kind() byte         { return e[0] }
func (e entry) sweepAfter() uint32 { return binary.LittleEndian.Uint32(e[1:]) }
func (e entry) record() []byte     { return e[header:] }

// add copies an entry to the end.
func (a *arena) add(e entry) place {
	need := uvarintSize(len(e)) + len(e)
	if a.last == 0 || len(a.blocks[a.last].data)+need > cap(a.blocks[a.last].data) {
		a.grow(need)
	}
	b := &a.blocks[a.last]
	at := placeOf(a.last, len(b.data))
	b.data = append(binary.AppendUvarint(b.data, uint64(len(e))), e...)
	b.alive += need
	a.alive += need
	return at
}

// grow begins a block, each twice as long as the one before. A long entry has one of its own.
func (a *arena) grow(need int) {
	size := minBlock
	if a.last > 0 {
		size = min(2*cap(a.blocks[a.last].data), maxBlock)
	}
	b := block{data: make([]byte, 0, max(size, need))}
	for i := range a.blocks {
		if i > 0 && a.blocks[i].data == nil {
			a.blocks[i], a.last = b, i
			return
		}
	}
	if len(a.blocks) == 0 {
		a.blocks = append(a.blocks, block{})
	}
	a.blocks = append(a.blocks, b)
	a.last = len(a.blocks) - 1
}

// at is the entry at a place. It is the arena's own memory.
func (a *arena) at(p place) entry {
	e, _ := read(a.blocks[p.block()].data[p.offset():])
	return e
}

// read reads an entry with its length, and tells how long the two are.
func read(data []byte) (entry, int) {
	n, size := binary.Uvarint(data)
	end := size + int(n)
	return entry(data[size:end:end]), end
}

// replace writes another entry where one stands, if it fits in.
func (a *arena) replace(p place, e entry) bool {
	old := a.at(p)
	// The body of a record ends by itself, so that a few bytes behind it do no harm.
	fits := len(e) == len(old) || e.kind() == kindRecord && len(e) < len(old) && len(old)-len(e) < len(old)/4
	if fits {
		copy(old, e)
	}
	return fits
}

// remove makes an entry a dead one.
func (a *arena) remove(p place) {
	e := a.at(p)
	size := uvarintSize(len(e)) + len(e)
	e[0] = kindDead
	b := &a.blocks[p.block()]
	b.alive -= size
	a.alive -= size
	a.dead += size
	if b.alive == 0 && p.block() != a.last {
		a.dead -= len(b.data)
		b.data = nil
	}
	a.look(a.cursor)
}

// look sets the cursor, in a block that is gone to where the next one will begin.
func (a *arena) look(p place) {
	if p.block() < len(a.blocks) && a.blocks[p.block()].data == nil {
		p = placeOf(p.block(), 0)
	}
	a.cursor = p
}

// full reports whether there are as many blocks as places can tell apart.
func (a *arena) full() bool { return len(a.blocks) >= 1<<16 }

// wasteful reports whether it is time to copy what is alive.
func (a *arena) wasteful() bool { return a.dead > a.alive+maxDead }

// next is the first entry that is not dead at or after a place, and where to go on. The entry is nil
// at the end.
func (a *arena) next(from place) (e entry, at, then place) {
	offset := from.offset()
	for i := max(from.block(), 1); i < len(a.blocks); i++ {
		data := a.blocks[i].data
		for offset < len(data) {
			e, size := read(data[offset:])
			at, offset = placeOf(i, offset), offset+size
			if e.kind() == kindDead {
				continue
			}
			if offset < len(data) {
				return e, at, placeOf(i, offset)
			}
			return e, at, placeOf(i+1, 0)
		}
		offset = 0
	}
	return nil, 0, 0
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}
