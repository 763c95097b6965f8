package oauth2

import (
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// turnEvery is how often an attempt is looked at in a name that has spent its budget, turnWait how
	// long one waits for that, and turnPoll how long it takes at most to see that it is one's turn.
	turnEvery = time.Second
	turnWait  = 5 * time.Second
	turnPoll  = 200 * time.Millisecond
	// turnsPerName and turnsPerAddress are how many may wait for the same name, from everywhere and from
	// one address.
	turnsPerName    = 256
	turnsPerAddress = 16
	// nameTurns bound the memory. Names that share one share its turns.
	nameTurns = 4096
)

// VerifyPassword reports whether password is the one that hash was made of ([HashPassword], or bcrypt),
// for the login page of the application. An empty hash is that of a user who does not exist: it takes
// as long as one of HashPassword, and nothing matches it. Otherwise it is [Server.TryPassword]; slow
// hashes wait for their turn, so that logins take a bounded part of the processors and the memory.
func (s *Server) VerifyPassword(r *http.Request, name, hash, password string) (bool, error) {
	nobody, known := s.nobody(), hash != "" // made for every name alike: the first time takes long
	if !known {
		hash = nobody
	}
	return s.attempt(r, Attempt{Kind: AttemptPassword, Name: name}, func(ctx context.Context, a Attempt) (bool, error) {
		right, err := s.verifyHash(ctx, a, hash, password)
		return right && known, err
	})
}

// TryPassword slows down who guesses passwords, for a login page of the application that asks a
// directory or the like; for hashes of its own there is [Server.VerifyPassword]. verify tells whether
// the password is right. It is called at most once.
//
// A name is what the user typed, in whatever form the application takes for the same name. Failures
// are counted by name and by [Server.RemoteAddr]; see [FailureLimiter]. A success forgets those of the
// name. Beyond the budget of a name, attempts are still looked at, so that nobody can lock its owner
// out; but only one a second, drawn by chance from those who wait, with the same chance for each
// address. So a guesser gains next to nothing by going on, and the owner need not outrun a guesser.
//
// False without an error is a wrong password. [ErrTooManyAttempts] is one beyond the budget, or one
// that was not looked at, which the answer must not tell apart; [Error] then has the status and the time
// to wait. Any other error is verify's. An attempt that verify could not decide counts as a failure.
func (s *Server) TryPassword(r *http.Request, name string, verify func(context.Context) (bool, error)) (bool, error) {
	return s.attempt(r, Attempt{Kind: AttemptPassword, Name: name}, func(ctx context.Context, _ Attempt) (bool, error) {
		return verify(ctx)
	})
}

func (s *Server) attempt(r *http.Request, a Attempt, verify func(context.Context, Attempt) (bool, error)) (bool, error) {
	ctx, limiter := r.Context(), s.cfg.FailureLimiter
	a.Addr = s.RemoteAddr(r)
	// Counted before it is looked at: parallel guesses cannot outrun the count.
	wait := limiter.Failed(ctx, Attempt{Kind: a.Kind, Name: a.Name})
	if wait > 0 && s.turns.wait(ctx, a) != nil {
		return false, s.tooManyFailures(ctx, a, wait)
	}
	right, err := verify(ctx, a)
	switch {
	case err != nil:
		return false, err
	case right:
		limiter.Succeeded(ctx, a)
		return true, nil
	}
	wait = max(wait, limiter.Failed(ctx, Attempt{Kind: a.Kind, Addr: a.Addr}))
	if wait > 0 {
		return false, s.tooManyFailures(ctx, a, wait)
	}
	return false, nil
}

// turnTable gives out turns by name.
type turnTable struct {
	seed maphash.Seed
	mu   sync.Mutex
	// turns is nil as long as no name has spent its budget, and so are those of the names that have not.
	turns []*nameTurn
}

// A nameTurn is a name's next turn, and how many wait for it, by address. Its turnTable guards it.
type nameTurn struct {
	pace    *rate.Limiter
	waiting map[netip.Addr]int
	all     int
}

var errNoTurn = errors.New("oauth2: too many wait for this name already")

// wait returns nil when it is the attempt's turn, which falls to one of those who wait, by chance: a
// queue would belong to whoever fills it up first. Who shares an address shares its chances.
func (t *turnTable) wait(ctx context.Context, a Attempt) error {
	turn, addr := t.turnOf(a.Name), network(a.Addr)
	if !t.join(turn, addr) {
		return errNoTurn
	}
	defer t.leave(turn, addr)
	ctx, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	for !turn.pace.Allow() {
		if err := sleep(ctx, rand.N(turnPoll*t.beside(turn, addr))); err != nil { //nolint:gosec // chance, and no secret
			return err
		}
	}
	return nil
}

func (t *turnTable) turnOf(name string) *nameTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns == nil {
		t.turns = make([]*nameTurn, nameTurns)
	}
	turn := &t.turns[maphash.String(t.seed, name)%nameTurns]
	if *turn == nil {
		*turn = &nameTurn{pace: rate.NewLimiter(rate.Every(turnEvery), 1), waiting: map[netip.Addr]int{}}
	}
	return *turn
}

// join lets an attempt wait, unless too many do.
func (t *turnTable) join(turn *nameTurn, addr netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if turn.all >= turnsPerName || turn.waiting[addr] >= turnsPerAddress {
		return false
	}
	turn.all++
	turn.waiting[addr]++
	return true
}

func (t *turnTable) leave(turn *nameTurn, addr netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn.all--
	if turn.waiting[addr]--; turn.waiting[addr] == 0 {
		delete(turn.waiting, addr)
	}
}

// beside is how many of an address wait, at least one.
func (t *turnTable) beside(turn *nameTurn, addr netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Duration(turn.waiting[addr])
}
