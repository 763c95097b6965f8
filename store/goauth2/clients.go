package goauth2

import (
	"context"
	"errors"
	"fmt"

	goauth2 "github.com/go-oauth2/oauth2/v4"

	"github.com/seed5f5fedc6/oauth2"
)

// ClientOptions complete what go-oauth2 does not know about its clients. The zero value serves no
// grant.
type ClientOptions struct {
	// Complete, if set, adds to a client what go-oauth2 has no place for, above all RedirectURIs,
	// GrantTypes and Scope; it may change anything but the ID. It is called at every lookup, in
	// parallel, and should be quick. oauth2.ErrNotFound, or an error that wraps it: the client is not
	// to be served here. Any other error is a fault, and answers 503.
	//
	// The client that it is given has the ID and the hash of the secret, is public or confidential as
	// go-oauth2 says, and has no redirect URI, no grant type and no scope. ClientInfo.GetDomain is no
	// redirect URI: go-oauth2 accepts every host that ends like it. Name the exact URIs.
	//
	// nil means that clients are known and may do nothing: their tokens cannot be refreshed.
	Complete func(ctx context.Context, info goauth2.ClientInfo, client *oauth2.Client) error
	// NotFound reports whether an error of the store means that there is no such client. nil means
	// [IsNotFound].
	NotFound func(error) bool
}

// Clients returns a ClientStore that looks up the clients of a go-oauth2 server where they are. It
// keeps nothing; it is safe for concurrent use if store is.
//
// A client that is neither public nor has a secret is a fault until Complete settles which it is:
// go-oauth2 accepts any secret of it. So is one whose ClientInfo is a ClientPasswordVerifier, unless
// its GetSecret is a hash that [oauth2.IsHash] knows or Complete gives it secrets; and one that
// [oauth2.Client.Validate] refuses.
func Clients(store goauth2.ClientStore, opts ClientOptions) oauth2.ClientStore {
	return &clients{store: store, complete: opts.Complete, notFound: orIsNotFound(opts.NotFound)}
}

type clients struct {
	store    goauth2.ClientStore
	complete func(context.Context, goauth2.ClientInfo, *oauth2.Client) error
	notFound func(error) bool
}

var (
	errNoSecret    = errors.New("it is neither public nor has a secret: Complete must settle which")
	errOtherID     = errors.New("its ID was changed by Complete")
	errHashUnknown = errors.New("its secret is verified by its own VerifyPassword and is no hash known here: Complete must give it Secrets")
)

// Client implements [oauth2.ClientStore].
func (s *clients) Client(ctx context.Context, id string) (*oauth2.Client, error) {
	info, err := s.store.GetByID(ctx, id)
	switch {
	case err != nil && s.notFound(err):
		return nil, oauth2.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("goauth2: client %q: %w", id, err)
	case info == nil || info.GetID() != id: // a database may compare without regard to case
		return nil, oauth2.ErrNotFound
	}
	client, err := s.translate(ctx, info)
	if err != nil {
		return nil, fmt.Errorf("goauth2: client %q: %w", id, err)
	}
	return client, nil
}

func (s *clients) translate(ctx context.Context, info goauth2.ClientInfo) (*oauth2.Client, error) {
	client := &oauth2.Client{ID: info.GetID(), GrantTypes: []string{}, TokenEndpointAuthMethod: oauth2.AuthMethodNone}
	if !info.IsPublic() {
		client.TokenEndpointAuthMethod = ""
		client.Secrets = secrets(info)
	}
	if s.complete != nil {
		if err := s.complete(ctx, info, client); err != nil {
			return nil, err
		}
	}
	_, verifies := info.(goauth2.ClientPasswordVerifier)
	confidential := client.TokenEndpointAuthMethod != oauth2.AuthMethodNone && len(client.Secrets) == 0
	switch {
	case client.ID != info.GetID():
		return nil, errOtherID
	case confidential && verifies:
		return nil, errHashUnknown
	case confidential:
		return nil, errNoSecret
	}
	return client, client.Validate()
}

// secrets are those that go-oauth2 would accept, hashed. It keeps them in clear, so that even one
// which looks like a hash is the secret itself; unless the client verifies by its own means, which is
// go-oauth2's way to keep a hash.
func secrets(info goauth2.ClientInfo) []oauth2.ClientSecret {
	secret := info.GetSecret()
	_, verifies := info.(goauth2.ClientPasswordVerifier)
	switch {
	case verifies && oauth2.IsHash(secret):
		return []oauth2.ClientSecret{{Hash: secret}}
	case verifies || secret == "":
		return nil
	}
	return []oauth2.ClientSecret{{Hash: oauth2.HashSecret(secret)}}
}
