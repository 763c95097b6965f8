package oauth2

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash/maphash"
	"iter"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// hashWait is how long a slow hash may wait for its turn.
	hashWait = 10 * time.Second
	// hashQueue is how many of them may wait, and hashQueueSpent how many from addresses that have
	// spent their budget.
	hashQueue      = 256
	hashQueueSpent = 64
	// hashesPerAddress is how many of one address may wait among the others.
	hashesPerAddress = 16
	// rememberedSecrets are the slow client secrets that need not be hashed again for a while.
	rememberedSecrets = 1024
	rememberedFor     = time.Hour
)

// slowHashes are the lanes of this process, because it is the process's processors and memory that
// they guard. Each argon2id hash of [HashPassword] takes 19 MiB meanwhile, and a processor, which it
// shares with whatever else is to be done.
var slowHashes = newHashLanes(runtime.GOMAXPROCS(0))

var errLaneFull = errors.New("oauth2: too many hashes are waiting")

// hashLanes let slow hashes through, so many at a time. Who comes from an address that has spent its
// budget, or that has many waiting already, goes through the spent lane first: whatever such addresses
// send, one of them at a time stands among the others.
type hashLanes struct {
	all, spent lane
	seed       maphash.Seed
	// crowd counts by address those who wait or hash. Addresses may share a count.
	crowd [1024]atomic.Int32
}

func newHashLanes(places int) *hashLanes {
	return &hashLanes{
		all:   lane{places: semaphore.NewWeighted(int64(places)), most: hashQueue},
		spent: lane{places: semaphore.NewWeighted(1), most: hashQueueSpent},
		seed:  maphash.MakeSeed(),
	}
}

// run calls hash in its turn. The error is errLaneFull, or that of ctx, or context.DeadlineExceeded.
func (l *hashLanes) run(ctx context.Context, addr netip.Addr, spent bool, hash func()) error {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	crowd := l.crowdOf(addr)
	defer crowd.Add(-1)
	if crowd.Add(1) > hashesPerAddress || spent {
		if err := l.spent.enter(ctx); err != nil {
			return err
		}
		defer l.spent.leave()
	}
	if err := l.all.enter(ctx); err != nil {
		return err
	}
	defer l.all.leave()
	hash()
	return nil
}

// crowdOf is where an address is counted.
func (l *hashLanes) crowdOf(addr netip.Addr) *atomic.Int32 {
	return &l.crowd[maphash.Comparable(l.seed, network(addr))%uint64(len(l.crowd))]
}

// A lane has places, and a queue in which the first who came is the first who goes.
type lane struct {
	places *semaphore.Weighted
	// inside counts those who wait and those who have a place, of whom there are at most so many.
	inside atomic.Int64
	most   int64
}

func (l *lane) enter(ctx context.Context) error {
	err := errLaneFull
	if l.inside.Add(1) <= l.most {
		err = l.places.Acquire(ctx, 1)
	}
	if err != nil {
		l.inside.Add(-1)
	}
	return err
}

func (l *lane) leave() {
	l.places.Release(1)
	l.inside.Add(-1)
}

// slowHash reports whether a hash takes long to verify, on purpose.
func slowHash(hash string) bool {
	return strings.HasPrefix(hash, prefixArgon2id) || strings.HasPrefix(hash, prefixBcrypt)
}

// verifyHash is VerifySecret, where a slow hash waits for its turn. ErrTooManyAttempts: there was none. It wraps
// context.Canceled where the sender did not wait.
func (s *Server) verifyHash(ctx context.Context, a Attempt, hash, secret string) (right bool, err error) {
	if !slowHash(hash) {
		return VerifySecret(hash, secret), nil
	}
	spent := s.cfg.FailureLimiter.Spent(ctx, Attempt{Kind: a.Kind, Addr: a.Addr}) > 0
	err = s.hashes.run(ctx, a.Addr, spent, func() { right = VerifySecret(hash, secret) })
	switch {
	case err == nil:
		return right, nil
	case senderLeft(ctx, err):
		return false, unavailable(err)
	}
	return false, s.tooManyWaiting(ctx, a)
}

// verifySecret compares a secret with every one that is accepted now, the quick ones first. A slow one
// that was right lately is known by its digest, under a key that never leaves the memory: so a client
// in regular use passes at once, whatever a flood of wrong secrets makes the others wait for.
func (s *Server) verifySecret(r *http.Request, client *Client, secret string) (bool, error) {
	right := false
	for hash := range client.hashes(s.now) {
		if slowHash(hash) {
			_, known := s.remembered.Get(s.secretDigest(hash, secret), s.now())
			right = right || known
		} else {
			right = VerifySecret(hash, secret) || right
		}
	}
	for hash := range client.hashes(s.now) {
		if right {
			break // only who knows a right secret can tell which
		}
		if !slowHash(hash) {
			continue
		}
		a := Attempt{Kind: AttemptClient, Addr: s.RemoteAddr(r), Name: client.ID}
		var err error
		if right, err = s.verifyHash(r.Context(), a, hash, secret); err != nil {
			return false, err
		}
		if right {
			s.remembered.Put(s.secretDigest(hash, secret), struct{}{}, s.now().Add(rememberedFor))
		}
	}
	return right, nil
}

// hashes are those of the secrets that are accepted now.
func (c *Client) hashes(now func() time.Time) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range c.Secrets {
			if (s.ExpiresAt.IsZero() || now().Before(s.ExpiresAt)) && !yield(s.Hash) {
				return
			}
		}
	}
}

// secretDigest stands for a secret that matches a hash. The hash is part of it, so a secret that was
// withdrawn is forgotten with its hash.
func (s *Server) secretDigest(hash, secret string) [sha256.Size]byte {
	return hmacSHA256(s.rememberKey[:], []byte(hash), []byte{0}, []byte(secret))
}
