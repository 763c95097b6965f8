package memory

// Bytes are how many the blocks and the indexes take.
func (s *Store) Bytes() int {
	n := 0
	for i := range s.shards {
		sh := &s.shards[i]
		n += 5 * len(sh.index.slots)
		for _, b := range sh.arena.blocks {
			n += cap(b.data)
		}
	}
	return n
}
