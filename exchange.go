package oauth2

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
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
	details   json.RawMessage
	unchanged bool
	texts     struct{ access, refresh string }
	lifetime  time.Duration
	extra     map[string]any
	// tokenType is that of what is no access token. Empty: that of token.
	tokenType string
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
		if err := x.spend(ctx); err != nil {
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

// spend uses up what is good for one request, which tries again without it.
func (x *exchange) spend(ctx context.Context) error {
	spend := x.issuance.spend
	if spend == nil {
		return nil
	}
	x.issuance.spend = nil
	return spend(ctx)
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
	if out.scope, err = x.scopeFor(next, out.scope); err != nil {
		return nil, nil, err
	}
	if out.details, err = x.detailsFor(next, out.scope); err != nil {
		return nil, nil, err
	}
	if out.access.kind, err = x.server.kindFor(x.audience(next)); err != nil {
		return nil, nil, err
	}
	if r := &x.issuance.rotated; x.issuance.refreshes {
		out.refresh = r.refresh
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
	return checkDetailsGranted(a, x.req)
}

// scopeFor cuts the scope of the access token to what its resources take, and to what the client is registered
// for by now: a registration that was narrowed since the grant counts from the next token on.
func (x *exchange) scopeFor(a *Authorization, scope Scope) (Scope, error) {
	client, served := x.req.Client, x.server.cfg.Scopes
	gone := func(token string) bool { return !client.Scope.Has(token) || served != nil && !served.Has(token) }
	if slices.ContainsFunc(scope, gone) {
		if scope = slices.DeleteFunc(slices.Clone(scope), gone); len(scope) == 0 {
			return nil, ErrInvalidScope.With("The client is registered for none of the scope any more.")
		}
	}
	return x.server.cfg.scopeFor(x.audience(a), scope)
}

// sameAsBefore answers a retry with the access token of the lost answer, if it was asked for in the
// same way and is still good.
func (x *exchange) sameAsBefore(a *Authorization, r *rotated, out *minted, now time.Time) bool {
	if !r.retried {
		return false
	}
	access := newBearerToken(out.access.kind, a.ID, a.LineageKey, r.access)
	token, live := a.findAccess(access, now)
	if !live || !token.Confirmation.equal(x.req.Confirmation) || !token.scopeIn(a).equal(out.scope) || !Scope(token.audienceIn(a)).equal(x.audience(a)) ||
		!bytes.Equal(token.detailsIn(a), out.details) {
		return false
	}
	out.access, out.token, out.unchanged = access, token, true
	return true
}

func (x *exchange) mintAccess(a *Authorization, core tokenCore, out *minted, now time.Time) {
	lifetime := x.server.cfg.lifetimeFor(x.req.Client, x.audience(a))
	if x.issuance.AccessLifetime != 0 {
		lifetime = min(lifetime, x.issuance.AccessLifetime)
	}
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
	if !bytes.Equal(out.details, a.Details) {
		out.token.narrowDetails(out.details)
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

// inWords puts the tokens into words. A JWT is signed before.
func (x *exchange) inWords(now time.Time) *minted {
	out := &x.out
	out.spell(&x.server.cfg.Prefixes)
	out.lifetime = out.token.ExpiresAt.Sub(now)
	return out
}

// issued puts the tokens into words and tells the event.
func (x *exchange) issued(ctx context.Context, a *Authorization, now time.Time) *minted {
	out := x.inWords(now)
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
	event.GrantType, event.Scope, event.DetailsTypes = x.req.GrantType, out.scope, detailsTypesOf(out.details)
	x.server.emit(ctx, event)
	return out
}

// spell puts the tokens into words, which share one allocation.
func (m *minted) spell(prefixes *TokenPrefixes) {
	var buf [4 * tokenChars]byte
	text := buf[:0]
	if m.access.kind != kindJWT {
		text = m.access.appendText(text, prefixes.Access)
	}
	access := len(text)
	if m.refresh.kind != "" {
		text = m.refresh.appendText(text, prefixes.Refresh)
	}
	texts := string(text)
	if m.texts.refresh = texts[access:]; access > 0 {
		m.texts.access = texts[:access]
	}
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
	case kindDevice:
		return a.Device != nil && a.Device.Status == DeviceApproved && t.is(a.Device.Digest) && now.Before(a.Device.ExpiresAt)
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
