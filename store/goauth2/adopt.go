package goauth2

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	goauth2 "github.com/go-oauth2/oauth2/v4"

	"github.com/seed5f5fedc6/oauth2"
)

// AdoptOptions tell what go-oauth2's tokens leave open. The zero value is ready to use.
type AdoptOptions struct {
	// Complete, if set, may change what a token stands for here: a Scope that was kept in a way of its
	// own, a Subject that has another name now, the Audience. It is called in parallel.
	// oauth2.ErrNotFound, or an error that wraps it: the token is not to be adopted. Any other error is
	// a fault, and answers 503.
	//
	// The Adoption that it is given has the tokens of GetScope, separated by white space, without
	// those that are malformed here, and no Audience.
	Complete func(ctx context.Context, info goauth2.TokenInfo, adoption *oauth2.Adoption) error
	// NotFound reports whether an error of the store means that there is no such token. nil means
	// [IsNotFound].
	NotFound func(error) bool
}

// Adopt returns the Adopter of a go-oauth2 server's tokens, for ServerConfig.Adopt. It keeps nothing;
// it is safe for concurrent use if store is.
//
// A token is known by its exact text alone, whatever the store finds by it. It ends when go-oauth2
// lets it end: AccessExpiresIn or RefreshExpiresIn after its creation, where 0 is never (see
// [oauth2.Adoption]), and an access token no later than the refresh token beside it. A code is no
// token: what was not redeemed by the day is lost, and the user is asked again.
//
// Forget calls RemoveByRefresh or RemoveByAccess. In the store that comes with go-oauth2 either ends one
// token and not the other; one that ends both at once ends the access token early, and no more.
func Adopt(store goauth2.TokenStore, opts AdoptOptions) oauth2.Adopter {
	return &adopter{store: store, complete: opts.Complete, notFound: orIsNotFound(opts.NotFound)}
}

type adopter struct {
	store    goauth2.TokenStore
	complete func(context.Context, goauth2.TokenInfo, *oauth2.Adoption) error
	notFound func(error) bool
}

// AdoptRefresh implements [oauth2.Adopter].
func (a *adopter) AdoptRefresh(ctx context.Context, refreshToken string) (*oauth2.Adoption, error) {
	info, err := a.refresh(ctx, refreshToken)
	if err != nil {
		return nil, err
	}
	return a.adoption(ctx, info, &oauth2.Adoption{
		IssuedAt:  info.GetRefreshCreateAt(),
		ExpiresAt: expiry(info.GetRefreshCreateAt(), info.GetRefreshExpiresIn()),
	})
}

// AdoptAccess implements [oauth2.Adopter].
func (a *adopter) AdoptAccess(ctx context.Context, accessToken string) (*oauth2.Adoption, error) {
	info, err := a.access(ctx, accessToken)
	if err != nil {
		return nil, err
	}
	adoption := &oauth2.Adoption{
		IssuedAt:     info.GetAccessCreateAt(),
		ExpiresAt:    expiry(info.GetAccessCreateAt(), info.GetAccessExpiresIn()),
		RefreshToken: info.GetRefresh(),
	}
	if info.GetRefresh() != "" {
		refresh := expiry(info.GetRefreshCreateAt(), info.GetRefreshExpiresIn())
		if adoption.ExpiresAt.IsZero() || !refresh.IsZero() && refresh.Before(adoption.ExpiresAt) {
			adoption.ExpiresAt = refresh
		}
	}
	return a.adoption(ctx, info, adoption)
}

// Forget implements [oauth2.Adopter].
func (a *adopter) Forget(ctx context.Context, token string) error {
	for _, kind := range []struct {
		find   func(context.Context, string) (goauth2.TokenInfo, error)
		remove func(context.Context, string) error
	}{
		{a.refresh, a.store.RemoveByRefresh},
		{a.access, a.store.RemoveByAccess},
	} {
		switch _, err := kind.find(ctx, token); {
		case errors.Is(err, oauth2.ErrNotFound):
			continue
		case err != nil:
			return err
		}
		if err := kind.remove(ctx, token); err != nil && !a.notFound(err) {
			return fault("forget a token", token, err)
		}
	}
	return nil
}

// refresh finds a refresh token. The store in memory finds a token of either kind by either method.
func (a *adopter) refresh(ctx context.Context, token string) (goauth2.TokenInfo, error) {
	return a.find(ctx, "refresh token", token, a.store.GetByRefresh, goauth2.TokenInfo.GetRefresh)
}

func (a *adopter) access(ctx context.Context, token string) (goauth2.TokenInfo, error) {
	return a.find(ctx, "access token", token, a.store.GetByAccess, goauth2.TokenInfo.GetAccess)
}

func (a *adopter) find(
	ctx context.Context, kind, token string,
	get func(context.Context, string) (goauth2.TokenInfo, error), text func(goauth2.TokenInfo) string,
) (goauth2.TokenInfo, error) {
	info, err := get(ctx, token)
	switch {
	case err != nil && a.notFound(err):
		return nil, oauth2.ErrNotFound
	case err != nil:
		return nil, fault("look up a "+kind, token, err)
	case info == nil || token == "" || subtle.ConstantTimeCompare([]byte(text(info)), []byte(token)) != 1:
		return nil, oauth2.ErrNotFound
	}
	return info, nil
}

// adoption adds what tokens of both kinds have.
func (a *adopter) adoption(ctx context.Context, info goauth2.TokenInfo, adoption *oauth2.Adoption) (*oauth2.Adoption, error) {
	adoption.ClientID = info.GetClientID()
	adoption.Subject = info.GetUserID()
	for _, word := range strings.Fields(info.GetScope()) {
		if scope, err := oauth2.ParseScope(word); err == nil && !adoption.Scope.Has(word) {
			adoption.Scope = append(adoption.Scope, scope...)
		}
	}
	if a.complete != nil {
		if err := a.complete(ctx, info, adoption); err != nil {
			return nil, fmt.Errorf("goauth2: complete an adoption: %w", err)
		}
	}
	return adoption, nil
}

// expiry is the zero time for a token that never expires.
func expiry(issuedAt time.Time, lifetime time.Duration) time.Time {
	if lifetime == 0 {
		return time.Time{}
	}
	return issuedAt.Add(lifetime)
}

// fault wraps an error of the store, which is not ours to trust with a secret: one that quotes the
// token is not told.
func fault(doing, token string, err error) error {
	if strings.Contains(err.Error(), token) {
		return fmt.Errorf("goauth2: %s: %w", doing, errUntold)
	}
	return fmt.Errorf("goauth2: %s: %w", doing, err)
}

var errUntold = errors.New("the store failed, and its error quotes the token")
