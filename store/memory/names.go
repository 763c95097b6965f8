package memory

import (
	"encoding/base64"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// The bounds of a names table. What does not fit in is written out in each record.
const (
	maxNames     = 1024
	maxNameChars = 256
)

// names number the texts that many records share: issuers, clients, grant types, scopes, resources.
// Numbers stay. It is safe for concurrent use, and reading takes no lock.
type names struct {
	mu    sync.Mutex // held by who adds
	known atomic.Pointer[knownNames]
}

// knownNames never change; a new name makes new ones.
type knownNames struct {
	numbers map[string]uint64
	texts   []string
}

func newNames() *names {
	n := new(names)
	n.known.Store(&knownNames{numbers: map[string]uint64{}})
	return n
}

func (n *names) text(number uint64) string { return n.known.Load().texts[number] }

// number is a text's number. There is none for what is too long, or comes too late.
func (n *names) number(text string) (uint64, bool) {
	known := n.known.Load()
	if i, ok := known.numbers[text]; ok {
		return i, true
	}
	if len(text) > maxNameChars || len(known.texts) >= maxNames {
		return 0, false
	}
	return n.add(text)
}

func (n *names) add(text string) (uint64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.known.Load()
	if i, ok := known.numbers[text]; ok {
		return i, true
	}
	i := uint64(len(known.texts))
	if i >= maxNames {
		return 0, false
	}
	more := &knownNames{numbers: maps.Clone(known.numbers), texts: append(slices.Clip(known.texts), text)}
	more.numbers[text] = i
	n.known.Store(more)
	return i, true
}

// maxPacked is how many bytes a packed text stands for at most. IDs, keys and digests have up to 32.
const maxPacked = 48

var packing = base64.RawURLEncoding.Strict()
