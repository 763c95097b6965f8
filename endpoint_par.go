package oauth2

import (
	"context"
	"net/http"
	"slices"
	"time"
)

const (
	defaultPushedRequestLifetime = 90 * time.Second
	minPushedRequestLifetime     = time.Minute
	maxPushedRequestLifetime     = 10 * time.Minute
	// maxPushedBytes is what a request could weigh that came through a browser.
	maxPushedBytes = maxQueryBytes
)

var pushEndpoint = directEndpoint{refused: EventPushRefused}

// PushAuthorizationRequest is the pushed authorization request endpoint (RFC 9126 section 2): a client
// authenticates as at the token endpoint, a public one by its client_id alone, and leaves its
// authorization request here. The request is held to the rules of the authorization endpoint at once;
// what it fails is told in JSON. The answer is 201 with a request_uri, which is bound to the client,
// expires (ServerConfig.PushedRequestLifetime) and leads to one code at most. No page may call it from
// another origin (CORS): a client that lives in the browser sends its request through it. It is 404 where
// Endpoints.PushedAuthorization is empty.
func (s *Server) PushAuthorizationRequest(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.servesPushes() {
		http.NotFound(w, r)
		return
	}
	f, client, ok := s.receive(w, r, pushEndpoint)
	if !ok {
		return
	}
	s.offerNonce(w, r)
	req := &AuthorizationRequest{ResponseMode: responseModeQuery, form: pushedForm(f, client), pushing: true}
	uri, err := s.push(r, req)
	if err != nil {
		s.refuse(w, r, pushEndpoint, &TokenRequest{Client: client}, err)
		return
	}
	writeObject(w, http.StatusCreated, newObject().text("request_uri", uri).
		number("expires_in", int64(s.cfg.PushedRequestLifetime/time.Second)))
}

// pushedForm is the authorization request alone, without what the client authenticated with.
func pushedForm(f form, client *Client) form {
	f = slices.DeleteFunc(f, func(p parameter) bool { return slices.Contains(tokenParameters, p.name) })
	if f.get("client_id") == "" {
		f = append(f, parameter{"client_id", client.ID})
	}
	return f
}

// pushChecks stand in front of the rules of the authorization endpoint.
var pushChecks = []authorizeCheck{
	{"no request_uri is pushed", "RFC 9126 section 2.1", checkNoURIPushed},
	{"the request is no larger than one through a browser", "RFC 9126 section 2.3", checkPushedSize},
}

// push checks a request and keeps it. The answer is its request_uri.
func (s *Server) push(r *http.Request, req *AuthorizationRequest) (string, error) {
	ctx := r.Context()
	for _, checks := range [][]authorizeCheck{pushChecks, provingChecks, requestChecks} {
		for _, check := range checks {
			if err := check.verify(ctx, s, req); err != nil {
				return "", err
			}
		}
	}
	if err := s.bindPushedRequest(r, req); err != nil {
		return "", err
	}
	if err := s.useRequestObject(ctx, req); err != nil {
		return "", err
	}
	a, uri, err := s.requested(req)
	if err != nil {
		return "", err
	}
	if err := s.cfg.Tokens.Create(ctx, a); err != nil {
		return "", unavailable(err)
	}
	event := eventOf(EventRequestPushed, a)
	event.Scope = req.Scope
	s.emit(ctx, event)
	return uri.text(requestURIPrefix), nil
}

// requested is the record of a request that waits for its resource owner.
func (s *Server) requested(req *AuthorizationRequest) (*Authorization, bearerToken, error) {
	now := s.now()
	a, err := s.newAuthorization(&req.entropy, req.Client, req.response.rules.GrantTypes[0], now)
	if err != nil {
		return nil, bearerToken{}, err
	}
	var core tokenCore
	if err := req.entropy.draw(s, core[:]); err != nil {
		return nil, bearerToken{}, err
	}
	uri := newBearerToken(kindRequest, a.ID, a.LineageKey, core)
	a.Version = 1
	a.request(uri, req.form.values().Encode(), now, s.cfg.PushedRequestLifetime)
	return a, uri, nil
}

func checkNoURIPushed(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if req.form.get("request_uri") != "" {
		return ErrInvalidRequest.With("A request_uri cannot be pushed.")
	}
	return nil
}

func checkPushedSize(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	switch {
	case len(req.form) >= maxParameters: // dpop_jkt may be added
		return malformed(errFormTooMany)
	case len(req.form.values().Encode()) > maxPushedBytes:
		return malformed(errFormTooLarge)
	}
	return nil
}
