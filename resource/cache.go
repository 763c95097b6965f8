package resource

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/internal/lru"
)

// A cache keeps the answers about good tokens for a while: at most size of them, the one unused for
// longest goes first.
type cache struct {
	keepFor time.Duration
	entries *lru.Cache[digest, entry]
}

type digest = [sha256.Size]byte

// An entry is an answer and until when it can be used. It is never changed.
type entry struct {
	info  *oauth2.TokenInfo
	until time.Time
}

func (e entry) good(now time.Time) bool { return now.Before(e.until) }

func newCache(keepFor time.Duration, size int) *cache {
	return &cache{keepFor: keepFor, entries: lru.New[digest, entry](size)}
}

// get returns an answer that is still good.
func (c *cache) get(key digest, now time.Time) (entry, bool) { return c.entries.Get(key, now) }

// put keeps an answer. Its time counts from when it was asked for, not from when it came, so no use
// of it is staler than keepFor.
func (c *cache) put(key digest, asked time.Time, info *oauth2.TokenInfo) entry {
	e := entry{info: info, until: asked.Add(c.keepFor)}
	if !info.ExpiresAt.IsZero() && info.ExpiresAt.Before(e.until) {
		e.until = info.ExpiresAt
	}
	c.entries.Put(key, e, e.until)
	return e
}

// clone keeps requests that share an answer from meeting in each other's slices and map.
func clone(info *oauth2.TokenInfo) *oauth2.TokenInfo {
	c := *info
	c.Scope, c.Audience, c.AMR = slices.Clone(info.Scope), slices.Clone(info.Audience), slices.Clone(info.AMR)
	c.Claims = maps.Clone(info.Claims)
	if info.Confirmation != nil {
		bound := *info.Confirmation
		c.Confirmation = &bound
	}
	c.Actor = cloneActor(info.Actor)
	return &c
}

func cloneActor(a *oauth2.Actor) *oauth2.Actor {
	if a == nil {
		return nil
	}
	c := *a
	c.Actor = cloneActor(a.Actor)
	return &c
}
