package oauth2

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
)

// lookUp returns a client. ErrNotFound, which may be wrapped in an *Error that tells more: there is none. Any
// other error is one to answer with.
func (s *Server) lookUp(ctx context.Context, id string) (*Client, error) {
	client, err := s.cfg.Clients.Client(ctx, id)
	switch {
	case err == nil && client.hasDocument():
		if contradiction := s.cfg.contradicts(client); contradiction != "" {
			return nil, noSuchClient("Of the client's metadata document: "+contradiction, nil)
		}
		return client, nil
	case err == nil || errors.Is(err, ErrNotFound):
		return client, err
	}
	if refusal, ok := errors.AsType[*Error](err); ok {
		return nil, refusal
	}
	return nil, unavailable(err)
}

// unknownTo is the page's refusal of a client that does not exist. What is wrong with a document is for its
// author to know.
func unknownTo(err error) *Error {
	refusal := ErrInvalidRequest.With("The client is unknown.")
	if told, ok := errors.AsType[*Error](err); ok {
		refusal = ErrInvalidRequest.With(told.Description).Because(err)
	}
	return refusal
}

type addrKey struct{}

// addressed is the context of a request, with the address that it comes from where a look-up of its client
// may have to fetch a document: that is counted.
func (s *Server) addressed(r *http.Request) context.Context {
	if s.documents == nil {
		return r.Context()
	}
	return context.WithValue(r.Context(), addrKey{}, s.RemoteAddr(r))
}

// addrIn is the zero value where no address is known.
func addrIn(ctx context.Context) netip.Addr {
	addr, _ := ctx.Value(addrKey{}).(netip.Addr)
	return addr
}
