package oauth2

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// credentials are what a request says about its client: who it is, and by which method it proves it.
type credentials struct {
	clientID, secret, method string
}

var (
	errClientAuthentication = ErrInvalidClient.With("Client authentication failed.")
	errClientMissing        = ErrInvalidClient.With("The client is not named.")
	errClientMethod         = ErrInvalidClient.With("The client does not authenticate by this method.")
	errTwoMethods           = ErrInvalidRequest.With("The client authenticates in more than one way.")
	errTwoClients           = ErrInvalidRequest.With("The client_id of the header and of the body differ.")
)

// readCredentials finds the one client authentication method of a request (RFC 6749 section 2.3: a
// client must not use more than one).
func readCredentials(r *http.Request, f form) (credentials, error) {
	c := credentials{clientID: f.get("client_id"), method: AuthMethodNone}
	methods := 0
	if f.get("client_secret") != "" {
		methods++
		c.secret, c.method = f.get("client_secret"), AuthMethodPost
	}
	if f.get("client_assertion") != "" || f.get("client_assertion_type") != "" {
		methods++
		c.method = "client_assertion"
	}
	if headers := r.Header["Authorization"]; len(headers) > 0 {
		methods += len(headers)
		id, secret, ok := parseBasic(headers[0])
		if !ok {
			return c, errClientAuthentication
		}
		if c.clientID != "" && c.clientID != id {
			return c, errTwoClients
		}
		c.clientID, c.secret, c.method = id, secret, AuthMethodBasic
	}
	switch {
	case methods > 1:
		return c, errTwoMethods
	case c.clientID == "":
		return c, errClientMissing
	}
	return c, nil
}

// parseBasic reads HTTP Basic credentials. Both parts are form-encoded before they are joined
// (RFC 6749 section 2.3.1 and appendix B), so that either may have a colon.
func parseBasic(header string) (id, secret string, ok bool) {
	scheme, encoded, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(raw), ":")
	if !ok {
		return "", "", false
	}
	if id, err = url.QueryUnescape(id); err != nil {
		return "", "", false
	}
	if secret, err = url.QueryUnescape(secret); err != nil {
		return "", "", false
	}
	return id, secret, isText(id) && isText(secret)
}

// authenticate proves who the client is (RFC 6749 section 3.2.1). A client that does not exist takes
// the same steps as one that does.
func (s *Server) authenticate(ctx context.Context, c credentials) (*Client, error) {
	client, err := s.cfg.Clients.Client(ctx, c.clientID)
	unknown := errors.Is(err, ErrNotFound)
	switch {
	case unknown:
		client = s.unknownClient
	case err != nil:
		return nil, unavailable(err)
	}
	if c.method != AuthMethodNone && !client.verifySecret(c.secret, s.now()) || unknown {
		return nil, errClientAuthentication
	}
	if !client.accepts(c.method) {
		return nil, errClientMethod
	}
	return client, nil
}

// verifySecret compares a secret with every one that is accepted now.
func (c *Client) verifySecret(secret string, now time.Time) bool {
	ok := false
	for _, s := range c.Secrets {
		if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
			ok = VerifySecret(s.Hash, secret) || ok
		}
	}
	return ok
}
