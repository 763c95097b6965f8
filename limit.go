package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// An AttemptKind is what somebody tries to prove.
type AttemptKind string

// The kinds of attempts. Each has budgets of its own.
const (
	// AttemptClient: a client authenticates (RFC 6749 section 2.3.1).
	AttemptClient AttemptKind = "client"
	// AttemptPassword: a user logs in, on a page of the application's.
	AttemptPassword AttemptKind = "password"
	// AttemptClientMetadata: a client_id is the URL of a document that is not known and has to be fetched,
	// see [ClientIDMetadata]. Each fetch counts, whatever comes of it; Name is the host.
	AttemptClientMetadata AttemptKind = "client_metadata"
	// AttemptUserCode: a user enters the code that a device shows (RFC 8628 section 5.1).
	AttemptUserCode AttemptKind = "user_code"
	// AttemptRegistration: a client registers without proving anything, or with an initial access token that
	// is not good (RFC 7591 section 3). The first kind counts although it succeeds.
	AttemptRegistration AttemptKind = "registration"
)

// An Attempt is who tries to prove what. It holds no secret.
type Attempt struct {
	Kind AttemptKind
	// Addr is the network address that the attempt comes from, see [Server.RemoteAddr]. The zero value
	// is no address: nothing is counted by it.
	Addr netip.Addr
	// Name is the user name as it was typed, whether there is such a user or not, or the client_id of a
	// registered client. Empty means none: nothing is counted by it.
	Name string
}

// A FailureLimiter counts failed attempts, and says when there were too many: endpoints that take a
// client's secret must be guarded against guessing (RFC 6749 section 2.3.1). It never keeps out who
// proves what is asked: the Server looks at every client secret, and at passwords in their turn, so
// nobody can lock anyone out by failing in their name. What a limiter changes is the answer to a
// failure, 429 with Retry-After instead of 401 (RFC 6585 section 4), and how soon a costly look is
// taken. User codes are the exception: they are so short that to be told a right one is all that a guesser
// wants, so an address that has spent its budget is told nothing.
//
// Where an Attempt has both an address and a name, both are meant, and the longer time is told.
// Methods are called in parallel and have to be quick. One that cannot tell answers 0: a limiter that
// is out of order does not keep anyone from logging in.
//
// [NewMemoryLimiter] makes the default, which counts in this process.
type FailureLimiter interface {
	// Spent tells how long it takes until one more failure is within the budget; 0 means that it is now.
	// It counts nothing.
	Spent(ctx context.Context, a Attempt) time.Duration
	// Failed counts a failure. It returns 0 if the failure was within the budget, and otherwise what
	// Spent tells.
	Failed(ctx context.Context, a Attempt) time.Duration
	// Succeeded forgets the failures of a.Name. Those of a.Addr stay: or whoever has one account could
	// guess at all the others without end.
	Succeeded(ctx context.Context, a Attempt)
}

// ErrTooManyAttempts says that an attempt was not within its limits. It is the cause of an [Error]
// that tells the status, 429 after too many failures or 503 where too many wait for their turn, and
// how long to wait.
var ErrTooManyAttempts = errors.New("oauth2: too many attempts")

// tooManyFailures refuses an attempt beyond the budget. The code is not invalid_client: there are
// clients that throw their registration away when they read it, and this one may be right.
func (s *Server) tooManyFailures(ctx context.Context, a Attempt, wait time.Duration) error {
	return s.limited(ctx, a, &Error{
		Code: ErrTemporarilyUnavailable.Code, Status: http.StatusTooManyRequests, RetryAfter: wait, Cause: ErrTooManyAttempts,
		Description: "There were too many failures; try again later.",
	})
}

// tooManyWaiting refuses an attempt that found no room to be looked at.
func (s *Server) tooManyWaiting(ctx context.Context, a Attempt) error {
	return s.limited(ctx, a, unavailable(ErrTooManyAttempts))
}

// limited tells the event. What was typed as a user name may be a misplaced password, so only a client
// is named.
func (s *Server) limited(ctx context.Context, a Attempt, err *Error) error {
	e := Event{Type: EventAttemptLimited, Addr: a.Addr, Err: err}
	if a.Kind == AttemptClient {
		e.ClientID = a.Name
	}
	s.emit(ctx, e)
	return err
}
