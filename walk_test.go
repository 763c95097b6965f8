//go:build !race

// The walk runs one thing at a time: the race detector would find nothing, and take minutes.

package oauth2

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// A walk runs a small set of operations in every order of their store calls. Each operation is the
// Server's own code, on a replica with a clock of its own, and is held before each call of the store;
// the walk decides who goes on. Where crashes are asked for, it also tries, at each call, that the
// replica dies before it, and that the call takes effect but its outcome is never known.
type walk struct {
	replicas  []*replica
	records   map[string]*Authorization
	crashes   int // how many a schedule may have
	schedules int

	path, options []int // the choices of this schedule, and how many there were
}

// A replica is one server over the shared records.
type replica struct {
	w      *walk
	server *Server
	skew   time.Duration
	yield  func(struct{}) bool
	fate   fate
}

// A fate is what becomes of a store call.
type fate int

const (
	goesOn      fate = iota
	diesBefore       // the call never happens
	diesUnaware      // the call happens, and nobody is told
)

var errCrash = errors.New("the replica crashed")

// newWalk makes n replicas. wrap may plant a bug between a server and its store.
func newWalk(n int, cfg ServerConfig, wrap func(TokenStore) TokenStore) *walk {
	w := &walk{}
	clients := oneClient{client: &Client{
		ID: "app", Secrets: []ClientSecret{{Hash: HashSecret("secret")}}, RedirectURIs: []string{"https://app.example.com/"},
		GrantTypes: []string{GrantAuthorizationCode, GrantRefreshToken}, Scope: Scope{"read", "write"},
	}}
	for range n {
		r := &replica{w: w}
		cfg.Issuer, cfg.Clients, cfg.Tokens = "https://id.example.com", clients, r
		if wrap != nil {
			cfg.Tokens = wrap(r)
		}
		cfg.Now = func() time.Time { return noon.Add(r.skew) }
		cfg.Rand = quickRandom{}
		cfg.Consent = nil
		if cfg.Grants == nil {
			cfg.Grants = []GrantHandler{CodeGrant{}, RefreshGrant{}}
		}
		s := &Server{cfg: cfg.withDefaults(), grants: map[string]GrantHandler{}}
		s.sleep = func(context.Context, time.Duration) error { return nil }
		for _, g := range s.cfg.Grants {
			s.grants[g.GrantType()] = g
		}
		r.server = s
		w.replicas = append(w.replicas, r)
	}
	return w
}

type oneClient struct{ client *Client }

func (c oneClient) Client(context.Context, string) (*Client, error) { return c.client, nil }

// quickRandom is no secret, and nobody guesses here.
type quickRandom struct{}

func (quickRandom) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	return len(p), nil
}

// call holds the operation until the walk lets it go on.
func (r *replica) call(do func() error) error {
	if r.yield == nil { // the walk itself looks around
		return do()
	}
	if !r.yield(struct{}{}) || r.fate == diesBefore {
		return errCrash
	}
	err := do()
	if r.fate == diesUnaware {
		return errCrash
	}
	return err
}

func (r *replica) Create(_ context.Context, a *Authorization) error {
	return r.call(func() error {
		if r.w.records[a.ID] != nil {
			return ErrExists
		}
		r.w.records[a.ID] = a.Clone()
		return nil
	})
}

func (r *replica) Get(_ context.Context, id string) (a *Authorization, err error) {
	err = r.call(func() error {
		if a = r.w.records[id]; a == nil {
			return ErrNotFound
		}
		return nil
	})
	return a, err
}

func (r *replica) Update(_ context.Context, a *Authorization) error {
	return r.call(func() error {
		switch stored := r.w.records[a.ID]; {
		case stored == nil:
			return ErrNotFound
		case stored.Version != a.Version:
			return ErrConflict
		}
		next := a.Clone()
		next.Version++
		r.w.records[a.ID] = next
		return nil
	})
}

func (r *replica) Delete(_ context.Context, id string) error {
	return r.call(func() error {
		delete(r.w.records, id)
		return nil
	})
}

// An operation is one request; it runs on the replica of its place in the set.
type operation struct {
	name string
	run  func(s *Server, t *told)
}

// told is what an operation was answered.
type told struct {
	operation       string
	access, refresh string
	err             error
	crashed         bool
}

// every runs the operations in every order, each time from a fresh record made by begin, and asks
// judge after each. It returns the first objection with the schedule that led to it.
func (w *walk) every(begin func() *Authorization, set []operation, judge func([]*told) error) error {
	for w.path, w.schedules = nil, 0; ; {
		answers := w.once(begin(), set)
		w.schedules++
		if err := judge(answers); err != nil {
			return fmt.Errorf("schedule %v: %w", w.path, err)
		}
		if !w.advance() {
			return nil
		}
	}
}

// A judge says what does not hold of the answers in one schedule, and of what they left behind.
type judge func(w *walk, answers []*told) error

// play plays every schedule of a scenario before all of its judges, and returns how many there were.
func (w *walk) play(name string, begin func() *Authorization, set []operation, judges []judge) (schedules int, err error) {
	err = w.every(begin, set, func(answers []*told) error {
		for _, judge := range judges {
			if err := judge(w, answers); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return w.schedules, err
}

// once plays one schedule.
func (w *walk) once(record *Authorization, set []operation) []*told {
	w.records = map[string]*Authorization{record.ID: record}
	w.options = w.options[:0]
	answers := make([]*told, len(set))
	type running struct {
		next func() (struct{}, bool)
		stop func()
	}
	alive := make([]running, len(set))
	for i, op := range set {
		r, answer := w.replicas[i], &told{operation: op.name}
		answers[i] = answer
		r.fate = goesOn
		alive[i].next, alive[i].stop = iter.Pull(func(yield func(struct{}) bool) {
			r.yield = yield
			op.run(r.server, answer)
			r.yield = nil
		})
		alive[i].next() // up to its first call
	}
	crashes := w.crashes
	for {
		var waiting []int
		for i := range alive {
			if w.replicas[i].yield != nil {
				waiting = append(waiting, i)
			}
		}
		if len(waiting) == 0 {
			return answers
		}
		fates := 1
		if crashes > 0 {
			fates = 3
		}
		choice := w.choose(len(waiting) * fates)
		i := waiting[choice/fates]
		if f := fate(choice % fates); f != goesOn {
			crashes--
			w.replicas[i].fate = f
			answers[i].crashed = true
		}
		alive[i].next()
		if w.replicas[i].fate != goesOn {
			alive[i].stop()
			w.replicas[i].yield = nil
		}
	}
}

// choose follows the path as far as it goes, and takes the first option from there.
func (w *walk) choose(options int) int {
	at := len(w.options)
	w.options = append(w.options, options)
	if at == len(w.path) {
		w.path = append(w.path, 0)
	}
	return w.path[at]
}

// advance turns the path to the next schedule, and reports whether there is one.
func (w *walk) advance() bool {
	w.path = w.path[:len(w.options)]
	for at := len(w.path) - 1; at >= 0; at-- {
		if w.path[at]+1 < w.options[at] {
			w.path[at]++
			w.path = w.path[:at+1]
			return true
		}
	}
	return false
}

// The operations.

func request(s *Server, pairs ...string) *TokenRequest {
	client, _ := s.cfg.Clients.Client(context.Background(), "app")
	req := &TokenRequest{Client: client, Now: s.now(), server: s}
	for i := 0; i+1 < len(pairs); i += 2 {
		req.form = append(req.form, parameter{pairs[i], pairs[i+1]})
	}
	for _, check := range tokenChecks {
		if err := check.verify(s, req); err != nil {
			panic(err)
		}
	}
	return req
}

func exchanging(name string, pairs ...string) operation {
	return operation{name, func(s *Server, t *told) {
		out, err := s.exchange(context.Background(), request(s, pairs...))
		if t.err = err; err == nil {
			t.access, t.refresh = out.texts.access, out.texts.refresh
		}
	}}
}

func redeeming(code string) operation {
	return exchanging("redeem", "grant_type", GrantAuthorizationCode, "code", code, "redirect_uri", "https://app.example.com/")
}

func refreshing(token string, scope ...string) operation {
	pairs := []string{"grant_type", GrantRefreshToken, "refresh_token", token}
	for _, s := range scope {
		pairs = append(pairs, "scope", s)
	}
	return exchanging("refresh", pairs...)
}

func revoking(token string) operation {
	return operation{"revoke", func(s *Server, t *told) { t.err = s.ExpireToken(context.Background(), token) }}
}
