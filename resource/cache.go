package resource

import (
	"container/list"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// A cache keeps the answers about good tokens for a while: at most size of them, the one unused for
// longest goes first.
type cache struct {
	keepFor time.Duration
	size    int

	mu      sync.Mutex
	entries map[digest]*list.Element
	// recent has the entries, the latest used in front.
	recent *list.List
}

type digest = [sha256.Size]byte

// An entry is an answer and until when it can be used. It is never changed.
type entry struct {
	key   digest
	info  *oauth2.TokenInfo
	until time.Time
}

func (e entry) good(now time.Time) bool { return now.Before(e.until) }

func newCache(keepFor time.Duration, size int) *cache {
	return &cache{keepFor: keepFor, size: size, entries: map[digest]*list.Element{}, recent: list.New()}
}

// get returns an answer that is still good.
func (c *cache) get(key digest, now time.Time) (*oauth2.TokenInfo, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return nil, false
	}
	e := element.Value.(entry)
	if !e.good(now) {
		c.drop(element)
		return nil, false
	}
	c.recent.MoveToFront(element)
	return clone(e.info), true
}

// put keeps an answer. Its time counts from when it was asked for, not from when it came, so no use
// of it is staler than keepFor.
func (c *cache) put(key digest, asked time.Time, info *oauth2.TokenInfo) entry {
	e := entry{key: key, info: info, until: asked.Add(c.keepFor)}
	if !info.ExpiresAt.IsZero() && info.ExpiresAt.Before(e.until) {
		e.until = info.ExpiresAt
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if older, ok := c.entries[key]; ok {
		c.drop(older)
	}
	c.entries[key] = c.recent.PushFront(e)
	for c.recent.Len() > c.size {
		c.drop(c.recent.Back())
	}
	return e
}

func (c *cache) drop(element *list.Element) {
	delete(c.entries, element.Value.(entry).key)
	c.recent.Remove(element)
}

// clone keeps requests that share an answer from meeting in each other's slices and map.
func clone(info *oauth2.TokenInfo) *oauth2.TokenInfo {
	c := *info
	c.Scope, c.Audience, c.AMR = slices.Clone(info.Scope), slices.Clone(info.Audience), slices.Clone(info.AMR)
	c.Claims = maps.Clone(info.Claims)
	return &c
}
