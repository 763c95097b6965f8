// Package lru keeps values for a while, a bounded number of them.
package lru

import (
	"container/list"
	"sync"
	"time"
)

// A Cache keeps at most a number of values, each until its time; the one unused for longest goes
// first. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	size int

	mu      sync.Mutex
	entries map[K]*list.Element
	// recent has the entries, the latest used in front.
	recent *list.List
}

type entry[K comparable, V any] struct {
	key   K
	value V
	until time.Time
}

// New returns a Cache of at most size values.
func New[K comparable, V any](size int) *Cache[K, V] {
	return &Cache[K, V]{size: size, entries: map[K]*list.Element{}, recent: list.New()}
}

// Get returns the value of a key, if its time is not over.
func (c *Cache[K, V]) Get(key K, now time.Time) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		var none V
		return none, false
	}
	e := element.Value.(entry[K, V])
	if !now.Before(e.until) {
		c.drop(element)
		var none V
		return none, false
	}
	c.recent.MoveToFront(element)
	return e.value, true
}

// Put keeps a value in the place of the key's last one.
func (c *Cache[K, V]) Put(key K, value V, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if older, ok := c.entries[key]; ok {
		c.drop(older)
	}
	c.entries[key] = c.recent.PushFront(entry[K, V]{key, value, until})
	for c.recent.Len() > c.size {
		c.drop(c.recent.Back())
	}
}

// Drop forgets a key.
func (c *Cache[K, V]) Drop(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[key]; ok {
		c.drop(element)
	}
}

// Len is how many values are kept, those included whose time is over but which nobody asked for.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}

func (c *Cache[K, V]) drop(element *list.Element) {
	delete(c.entries, element.Value.(entry[K, V]).key)
	c.recent.Remove(element)
}
