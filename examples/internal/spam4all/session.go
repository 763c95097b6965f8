package spam4all

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const cookieName = "spam4all_session"

// What is kept of browsers that come and go.
const (
	sessionLifetime = time.Hour // since the last use
	maxSessions     = 10_000    // the one unused for longest goes first
	flowLifetime    = 10 * time.Minute
	maxFlows        = 16 // tabs of one browser; the oldest goes first
)

// sessions are the browsers' sessions, in memory. They are safe for concurrent use.
type sessions struct {
	now func() time.Time
	max int

	mu   sync.Mutex
	byID map[string]*session
}

// A session is what one browser has begun and got. mu is held during calls on its behalf, so that two
// tabs never present one refresh token at the same time.
type session struct {
	used time.Time // guarded by sessions.mu

	mu         sync.Mutex
	flows      map[string]flow // by state
	connection *connection     // nil: the user has not given access
}

// A flow is an authorization request that waits for its answer. Each tab has its own.
type flow struct {
	verifier string
	begun    time.Time
	endpoint string
}

// A connection is what a user's yes has led to.
type connection struct {
	token *oauth2.Token
	// code, state, endpoint and issuer are for the page to show; the first two are masked.
	code, state, endpoint, issuer string
	refreshes                     int
	contacts                      []contact
	called                        bool
}

func newSessions(now func() time.Time, most int) *sessions {
	return &sessions{now: now, max: most, byID: map[string]*session{}}
}

// of returns the browser's session. An ID that was not given out here is never adopted.
func (s *sessions) of(r *http.Request) (*session, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[cookie.Value]
	if !ok || s.now().Sub(found.used) > sessionLifetime {
		delete(s.byID, cookie.Value)
		return nil, false
	}
	found.used = s.now()
	return found, true
}

// create makes a session and returns its ID.
func (s *sessions) create() (string, *session) {
	id, created := rand.Text(), &session{flows: map[string]flow{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	created.used = s.now()
	s.byID[id] = created
	return id, created
}

// renew moves a session to a new ID, so that whoever planted or saw the old one is left outside.
func (s *sessions) renew(r *http.Request, moved *session) string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if cookie, err := r.Cookie(cookieName); err == nil {
		delete(s.byID, cookie.Value)
	}
	s.byID[id] = moved
	return id
}

// sweep drops what has expired, and makes room for one more.
func (s *sessions) sweep() {
	var oldest string
	for id, each := range s.byID {
		switch {
		case s.now().Sub(each.used) > sessionLifetime:
			delete(s.byID, id)
		case oldest == "" || each.used.Before(s.byID[oldest].used):
			oldest = id
		}
	}
	if len(s.byID) >= s.max {
		delete(s.byID, oldest)
	}
}

// setCookie gives the browser its session.
func (a *app) setCookie(w http.ResponseWriter, id string) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: id, Path: "/", HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteLaxMode,
	})
}

// begin remembers a flow under its state.
func (s *session) begin(state string, begun flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.flows) >= maxFlows {
		oldest := state
		for other, f := range s.flows {
			if oldest == state || f.begun.Before(s.flows[oldest].begun) {
				oldest = other
			}
		}
		delete(s.flows, oldest)
	}
	s.flows[state] = begun
}

// take returns the flow of a state, once. mu is held.
func (s *session) take(state string, now time.Time) (flow, bool) {
	f, ok := s.flows[state]
	delete(s.flows, state)
	return f, ok && now.Sub(f.begun) <= flowLifetime
}
