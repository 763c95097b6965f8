package memory

// An index finds the place of a hash: open addressing with linear probing, at most three quarters
// full. It holds places, and of each hash one byte, which spares a look at nearly all entries that are
// not the right one.
type index struct {
	slots []place // as many as a power of two
	tags  []byte
	used  int
}

func tagOf(hash uint64) byte { return byte(hash >> 48) }

// find asks, for each place that may be the one, whether it is. It returns the slot, and the place,
// which is 0 if there is none.
func (x *index) find(hash uint64, is func(place) bool) (slot int, p place) {
	if len(x.slots) == 0 {
		return 0, 0
	}
	mask, tag := len(x.slots)-1, tagOf(hash)
	for slot = int(hash) & mask; x.slots[slot] != 0; slot = (slot + 1) & mask {
		if x.tags[slot] == tag && is(x.slots[slot]) {
			return slot, x.slots[slot]
		}
	}
	return slot, 0
}

// insert adds a place. hashOf tells the hash of those that are there.
func (x *index) insert(hash uint64, p place, hashOf func(place) uint64) {
	if 4*(x.used+1) > 3*len(x.slots) {
		old := x.slots
		size := max(2*len(old), 8)
		x.slots, x.tags = make([]place, size), make([]byte, size)
		for _, q := range old {
			if q != 0 {
				x.put(hashOf(q), q)
			}
		}
	}
	x.put(hash, p)
	x.used++
}

func (x *index) put(hash uint64, p place) {
	mask := len(x.slots) - 1
	slot := int(hash) & mask
	for x.slots[slot] != 0 {
		slot = (slot + 1) & mask
	}
	x.slots[slot], x.tags[slot] = p, tagOf(hash)
}

// remove empties a slot, and moves up those that were pushed on by it.
func (x *index) remove(slot int, hashOf func(place) uint64) {
	mask := len(x.slots) - 1
	x.used--
	for i := slot; ; {
		i = (i + 1) & mask
		p := x.slots[i]
		if p == 0 {
			break
		}
		// It may move to the gap unless its own slot lies after the gap.
		if home := int(hashOf(p)) & mask; (i-home)&mask >= (i-slot)&mask {
			x.slots[slot], x.tags[slot] = p, x.tags[i]
			slot = i
		}
	}
	x.slots[slot] = 0
}
