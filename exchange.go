package oauth2

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Writers that collide on one record try again, this often at most.
const maxAttempts = 16

// An exchange carries out what a grant decided: it applies the transition to the record, mints the
// tokens, and stores the outcome by one compare-and-swap. When another request was quicker, it
// judges the newer record.
type exchange struct {
	server   *Server
	req      *TokenRequest
	issuance *Issuance
	drawn    struct{ access, refresh tokenCore }
	out      minted
}

// minted is what an exchange hands out.
type minted struct {
	access    bearerToken
	refresh   bearerToken // the zero value: none
	token     AccessToken // as the record has it
	scope     Scope
	unchanged bool
	texts     struct{ access, refresh string }
	lifetime  time.Duration
	extra     map[string]any
}

var errRevokedMeanwhile = ErrInvalidGrant.With("The authorization has ended.")

// run applies, stores and, on a conflict, tries again.
func (x *exchange) run(ctx context.Context) (*minted, error) {
	if err := x.draw(); err != nil {
		return nil, err
	}
	a := x.issuance.Authorization
	if err := x.server.subjectActive(ctx, a); err != nil {
		return nil, err
	}
	var pause backoff
	now := x.req.Now
	for range maxAttempts {
		next, out, err := x.apply(a, now)
		if err != nil {
			return nil, x.refused(ctx, a, err)
		}
		if err := x.signAccess(ctx, next); err != nil {
			return nil, err
		}
		if out.unchanged || x.unrecorded(next) {
			return x.issued(ctx, next, now), nil
		}
		switch err = x.store(ctx, next); {
		case err == nil:
			return x.issued(ctx, next, now), nil
		case errors.Is(err, ErrNotFound):
			return nil, errRevokedMeanwhile
		case !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists):
			return nil, unavailable(err)
		}
		if err := x.server.sleep(ctx, pause.jitter()); err != nil {
			return nil, unavailable(err)
		}
		now = x.server.now()
		if a, err = x.again(ctx, a.ID, &pause); err != nil {
			return nil, cmp.Or(notFoundAs(err, errRevokedMeanwhile), err)
		}
		if _, ours := a.findAccess(out.access, now); ours {
			// The write that seemed to collide had gone through.
			return x.issued(ctx, a, now), nil
		}
	}
	return nil, unavailable(ErrConflict)
}

// again reads the record anew, and tells the backoff how long that took.
func (x *exchange) again(ctx context.Context, id string, pause *backoff) (*Authorization, error) {
	began := time.Now()
	a, err := x.server.get(ctx, id)
	pause.took(time.Since(began))
	return a, err
}

// draw draws what the exchange may need, once: a request that tries again mints the same tokens,
// and recognizes its own write.
func (x *exchange) draw() error {
	if err := x.req.entropy.draw(x.server, x.drawn.access[:]); err != nil {
		return err
	}
	if x.issuance.RefreshToken {
		return x.req.entropy.draw(x.server, x.drawn.refresh[:])
	}
	return nil
}

// apply is the whole step on a copy of the record. It does no I/O. A record that is stored nowhere yet
// is nobody else's, and needs no copy.
func (x *exchange) apply(a *Authorization, now time.Time) (*Authorization, *minted, error) {
	next := a
	switch {
	case a.Version == 0:
	case x.issuance.forks:
		next = a.fork()
	default:
		next = a.Clone()
	}
	if err := x.mayIssueFrom(next); err != nil {
		return nil, nil, err
	}
	if x.issuance.Apply != nil {
		if err := x.issuance.Apply(next); err != nil {
			return nil, nil, err
		}
	}
	access := x.drawn.access
	x.out = minted{extra: x.issuance.Extra, scope: x.issuance.Scope}
	out := &x.out
	if out.scope == nil {
		out.scope = next.Scope
	}
	var err error
	if out.scope, err = x.server.cfg.scopeFor(x.audience(next), out.scope); err != nil {
		return nil, nil, err
	}
	if out.access.kind, err = x.server.kindFor(x.audience(next)); err != nil {
		return nil, nil, err
	}
	if r := &x.issuance.rotated; x.issuance.refreshes {
		out.refresh = newBearerToken(kindRefresh, next.ID, next.LineageKey, r.refresh)
		if x.sameAsBefore(next, r, out, now) {
			return next, out, nil
		}
		if !r.retried {
			access = r.access
			next.Refresh.ExpiresAt = x.refreshExpiry(next, now)
			x.bindRefresh(next)
		}
	} else if x.issuance.RefreshToken && x.req.Client.MayUse(GrantRefreshToken) {
		out.refresh = newBearerToken(kindRefresh, next.ID, next.LineageKey, x.drawn.refresh)
		next.Refresh = &RefreshToken{Digest: out.refresh.digest(), ExpiresAt: x.refreshExpiry(next, now)}
		x.bindRefresh(next)
	}
	x.mintAccess(next, access, out, now)
	next.settle(now)
	return next, out, nil
}

// bindRefresh binds the refresh token of a public client to the key that it proves, for good. That of a
// confidential client is bound by its authentication (RFC 9449 section 5).
func (x *exchange) bindRefresh(a *Authorization) {
	if x.req.Client.Public() && a.Refresh.Confirmation == nil {
		a.Refresh.Confirmation = x.req.Confirmation.clone()
	}
}

// mayIssueFrom holds a grant, a custom one included, to the client and the scope that it was asked
// for and may have.
func (x *exchange) mayIssueFrom(a *Authorization) error {
	switch {
	case a.ClientID != x.req.Client.ID || a.Issuer != x.server.cfg.Issuer:
		return ErrInvalidGrant.With("The grant was issued to another client.")
	case a.Version == 0 && !x.req.Client.Scope.Includes(a.Scope):
		return ErrInvalidScope.With("The scope is not registered for the client.")
	case !a.Scope.Includes(x.issuance.Scope):
		return ErrInvalidScope.With("The scope was not granted.")
	case !Scope(a.Resource).Includes(x.issuance.Audience):
		return ErrInvalidTarget.With("The resource was not granted.")
	}
	return nil
}

// sameAsBefore answers a retry with the access token of the lost answer, if it was asked for in the
// same way and is still good.
func (x *exchange) sameAsBefore(a *Authorization, r *rotated, out *minted, now time.Time) bool {
	if !r.retried {
		return false
	}
	access := newBearerToken(out.access.kind, a.ID, a.LineageKey, r.access)
	token, live := a.findAccess(access, now)
	if !live || !token.Confirmation.equal(x.req.Confirmation) || !token.scopeIn(a).equal(out.scope) || !Scope(token.audienceIn(a)).equal(x.audience(a)) {
		return false
	}
	out.access, out.token, out.unchanged = access, token, true
	return true
}

func (x *exchange) mintAccess(a *Authorization, core tokenCore, out *minted, now time.Time) {
	lifetime := x.server.cfg.lifetimeFor(x.req.Client, x.audience(a))
	if out.access.kind == kindJWT {
		lifetime = min(lifetime, x.server.cfg.Keys.Retain)
	}
	out.access = newBearerToken(out.access.kind, a.ID, a.LineageKey, core)
	out.token = AccessToken{
		Digest:       out.access.digest(),
		IssuedAt:     now,
		ExpiresAt:    earlier(now.Add(lifetime), a.EndsAt),
		Confirmation: x.req.Confirmation.clone(),
	}
	// What is all of the authorization's is not written again.
	if !out.scope.equal(a.Scope) {
		out.token.Scope = out.scope
	}
	if audience := x.audience(a); !Scope(audience).equal(a.Resource) {
		out.token.Audience = audience
	}
	a.addAccess(out.token)
}

func (x *exchange) audience(a *Authorization) []string {
	if x.issuance.Audience == nil {
		return a.Resource
	}
	return x.issuance.Audience
}

func (x *exchange) refreshExpiry(a *Authorization, now time.Time) time.Time {
	return earlier(now.Add(cmp.Or(x.req.Client.RefreshLifetime, x.server.cfg.RefreshLifetime)), a.EndsAt)
}

func (x *exchange) store(ctx context.Context, next *Authorization) error {
	if next.Version == 0 {
		next.Version = 1
		return x.server.cfg.Tokens.Create(ctx, next)
	}
	return x.server.cfg.Tokens.Update(ctx, next)
}

// refused carries out a verdict: whatever was issued from a compromised authorization ends. If that
// cannot be stored, the answer is 503, so that nobody believes it done.
func (x *exchange) refused(ctx context.Context, a *Authorization, err error) error {
	verdict, ok := errors.AsType[*compromise](err)
	if !ok {
		return err
	}
	if err := x.server.remove(ctx, a); err != nil {
		return unavailable(err)
	}
	x.server.emit(ctx, eventOf(verdict.event, a))
	return verdict.refusal
}

// issued tells the event and puts the tokens into words.
func (x *exchange) issued(ctx context.Context, a *Authorization, now time.Time) *minted {
	out, prefixes := &x.out, &x.server.cfg.Prefixes
	if out.access.kind != kindJWT {
		out.texts.access = out.access.text(prefixes.Access)
	}
	if out.refresh.kind != "" {
		out.texts.refresh = out.refresh.text(prefixes.Refresh)
	}
	out.lifetime = out.token.ExpiresAt.Sub(now)
	if x.server.cfg.OnEvent == nil {
		return out
	}
	event := eventOf(EventTokenIssued, a)
	if x.issuance.refreshes {
		event.Type = EventTokenRefreshed
		if x.issuance.rotated.retried {
			event.Type = EventRefreshRetried
		}
	}
	event.GrantType, event.Scope = x.req.GrantType, out.scope
	x.server.emit(ctx, event)
	return out
}

// subjectActive asks the application whether the subject may still be served.
func (s *Server) subjectActive(ctx context.Context, a *Authorization) error {
	if s.cfg.SubjectActive == nil || a.Subject == "" {
		return nil
	}
	switch active, err := s.cfg.SubjectActive(ctx, a.Subject); {
	case err != nil:
		return unavailable(err)
	case !active:
		return ErrInvalidGrant.With("The resource owner is not served any more.")
	}
	return nil
}

// scopeIn is the token's scope: its own, or all of its authorization's.
func (t *AccessToken) scopeIn(a *Authorization) Scope {
	if t.Scope == nil {
		return a.Scope
	}
	return t.Scope
}

// audienceIn is the token's audience: its own, or all of its authorization's resources.
func (t *AccessToken) audienceIn(a *Authorization) []string {
	if t.Audience == nil {
		return a.Resource
	}
	return t.Audience
}

// holds reports whether the record has the token as one that can be used now.
func (a *Authorization) holds(t bearerToken, now time.Time) bool {
	switch t.kind {
	case kindCode:
		return a.Code != nil && t.is(a.Code.Digest) && now.Before(a.Code.ExpiresAt)
	case kindRefresh:
		return a.Refresh != nil && t.is(a.Refresh.Digest) && now.Before(a.Refresh.ExpiresAt)
	}
	_, live := a.findAccess(t, now)
	return live
}

func notFoundAs(err error, e *Error) error {
	if errors.Is(err, ErrNotFound) {
		return e
	}
	return nil
}

// A backoff spaces the attempts of writers that collide: full jitter, in units of what a store call
// takes just now, growing to about 128 of them. The first one who collides tries again at once.
type backoff struct {
	call   time.Duration
	window int
}

func (b *backoff) took(call time.Duration) {
	b.call = max(b.call, min(call, 50*time.Millisecond))
	b.window = min(max(2*b.window, 2), 128)
}

func (b *backoff) jitter() time.Duration {
	return rand.N(time.Duration(b.window)*b.call + 1) //nolint:gosec // it spreads load and guards nothing
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
