package oauth2

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// credentials are what a request says about its client: who it is, and by which method it proves it.
type credentials struct {
	clientID, secret, method string
	assertion                *assertion // nil unless the method is private_key_jwt
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
		c.method = AuthMethodPrivateKeyJWT
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
	if methods > 1 {
		return c, errTwoMethods
	}
	if c.method == AuthMethodPrivateKeyJWT {
		var err error
		if c.assertion, err = readAssertion(f); err != nil {
			return c, err
		}
		// The client_id is optional beside an assertion (RFC 7521 section 4.2).
		c.clientID = cmp.Or(c.clientID, c.assertion.claims.Subject)
	}
	if c.clientID == "" {
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
	var buf [256]byte // longer credentials are rare
	raw, err := base64.StdEncoding.AppendDecode(buf[:0], []byte(strings.TrimLeft(encoded, " ")))
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

// authenticate proves who the client is (RFC 6749 section 3.2.1).
func (s *Server) authenticate(r *http.Request, f form) (*Client, error) {
	c, err := readCredentials(r, f)
	if err != nil {
		return nil, s.unauthenticated(r, "", err)
	}
	client, err := s.lookUp(s.addressed(r), c.clientID)
	switch {
	case errors.Is(err, ErrNotFound):
		// A client that does not exist takes the same steps as one that does.
		client = s.unknownClient
	case err != nil:
		return nil, err
	}
	if c.method == AuthMethodNone && client.showsCertificate() {
		c.method = client.TokenEndpointAuthMethod
	}
	if err := s.prove(r, client, c); err != nil {
		return nil, s.unauthenticated(r, client.ID, err)
	}
	return client, nil
}

// authMethods are the ways in which a client proves who it is. Each returns nil where it did, and
// invalid_client where it did not.
var authMethods = []struct {
	method, source string
	prove          func(*Server, *http.Request, *Client, credentials) error
}{
	{AuthMethodBasic, "RFC 6749 section 2.3.1", proveSecret},
	{AuthMethodPost, "RFC 6749 section 2.3.1", proveSecret},
	{AuthMethodPrivateKeyJWT, "RFC 7523 section 3", proveAssertion},
	{AuthMethodTLS, "RFC 8705 section 2.1", proveCertificateName},
	{AuthMethodSelfSignedTLS, "RFC 8705 section 2.2", proveCertificateKey},
	{AuthMethodNone, "RFC 6749 section 2.1", proveNothing},
}

// prove holds the request to its method, and the method to what the client is registered for.
func (s *Server) prove(r *http.Request, client *Client, c credentials) error {
	for _, way := range authMethods {
		if way.method != c.method {
			continue
		}
		if err := way.prove(s, r, client, c); err != nil {
			return err
		}
		switch {
		case client == s.unknownClient:
			return errClientAuthentication
		case !client.accepts(c.method), !s.cfg.authenticatesBy(c.method):
			return errClientMethod
		}
		return nil
	}
	return errClientMethod
}

// proveSecret looks at the secret whatever the client is registered for: a refusal takes as long where
// the method is another.
func proveSecret(s *Server, r *http.Request, client *Client, c credentials) error {
	right, err := s.verifySecret(r, client, c.secret)
	if err == nil && !right {
		return errClientAuthentication
	}
	return err
}

func proveNothing(*Server, *http.Request, *Client, credentials) error { return nil }

// authenticatesBy reports whether a method is served.
func (cfg *ServerConfig) authenticatesBy(method string) bool {
	return slices.Contains(cfg.AuthMethods, method)
}

// validateAuthMethods checks AuthMethods and MutualTLS.
func (cfg *ServerConfig) validateAuthMethods(report func(wrong bool, format string, args ...any)) {
	report(len(cfg.AuthMethods) == 0, "AuthMethods is empty: leave it nil for the default")
	for i, method := range cfg.AuthMethods {
		known := false
		for _, way := range authMethods {
			known = known || way.method == method
		}
		report(!known, "AuthMethods: %q is not known", method)
		report(slices.Contains(cfg.AuthMethods[:i], method), "AuthMethods has %q twice", method)
	}
	cfg.validateMutualTLS(report)
}

// unauthenticated counts the failure, whatever it is that is answered with invalid_client, and tells
// the event. Only a client that exists is named: what else was sent as a client_id may be a misplaced
// secret.
func (s *Server) unauthenticated(r *http.Request, clientID string, err error) error {
	if !errors.Is(err, ErrInvalidClient) {
		return err
	}
	a := Attempt{Kind: AttemptClient, Addr: s.RemoteAddr(r), Name: clientID}
	if wait := s.cfg.FailureLimiter.Failed(r.Context(), a); wait > 0 {
		return s.tooManyFailures(r.Context(), a, wait)
	}
	s.emit(r.Context(), Event{Type: EventClientAuthenticationFailed, ClientID: clientID, Addr: a.Addr, Err: err})
	return err
}
