package oauth2

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

const (
	registrationIDBytes     = 16 // so many that no ID is drawn twice
	registrationSecretBytes = 32
)

// Register is the client registration endpoint (RFC 7591 section 3): a client POSTs its metadata in
// JSON, and is told all that it was registered with: its client_id, its client_secret if it authenticates
// by one, and the registration access token. With that token the same endpoint, with the client_id in
// its query, is the client configuration endpoint (RFC 7592 section 2): GET reads the registration, PUT
// replaces it, DELETE ends it and everything that the client was given. It is 404 where
// ServerConfig.Registration is nil.
//
// A PUT replaces the registration access token (section 5). One whose answer was lost may be sent again
// with the token from before, and is answered again, until the new one is used.
func (s *Server) Register(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Registration == nil {
		http.NotFound(w, r)
		return
	}
	if s.cfg.Registration.Open && registrationPreflight(w, r) {
		return
	}
	switch r.Method {
	case http.MethodPost:
		s.register(w, r)
	case http.MethodGet, http.MethodPut, http.MethodDelete:
		s.manage(w, r)
	default:
		w.Header().Set("Allow", registrationMethods)
		s.refuseRegistration(w, r, &Error{Code: ErrInvalidRequest.Code, Description: "The method is not served.", Status: http.StatusMethodNotAllowed})
	}
}

const registrationMethods = "GET, POST, PUT, DELETE"

// registrationPreflight lets pages of any origin register where anybody may (Fetch section 4.8): nothing here
// is proven by a cookie. It answers the question whether a page may call.
func registrationPreflight(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	setHeaders(h, noStoreHeaders)
	h.Set("Access-Control-Allow-Methods", registrationMethods)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// register answers a registration.
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	c, told, err := s.newClient(r)
	if err != nil {
		s.refuseRegistration(w, r, err)
		return
	}
	s.emit(r.Context(), Event{Type: EventClientCreated, ClientID: c.ID, Scope: c.Scope, Addr: s.RemoteAddr(r), By: ByClient})
	writeObject(w, http.StatusCreated, s.clientInformation(c, told))
}

// newClient checks a registration, and stores the client that it leads to.
func (s *Server) newClient(r *http.Request) (*Client, credentialsTold, error) {
	var told credentialsTold
	ctx := r.Context()
	token, err := bearerOf(r)
	if err != nil {
		return nil, told, err
	}
	own, err := s.policyOf(ctx, token)
	if err != nil {
		return nil, told, s.failedRegistration(r, err)
	}
	m, err := readMetadataOf(r)
	if err != nil {
		return nil, told, err
	}
	registration, registered, err := s.issueRegistration()
	if err != nil {
		return nil, told, err
	}
	registration.Policy = own
	policy := cmp.Or(own, &s.cfg.Registration.Policy)
	c, err := s.clientOf(ctx, m, policy, &Client{Registration: registration})
	if err != nil {
		return nil, told, err
	}
	var drawn [registrationIDBytes + registrationSecretBytes]byte
	if err := s.random(drawn[:]); err != nil {
		return nil, told, err
	}
	c.ID, told.registrationToken = base64.RawURLEncoding.EncodeToString(drawn[:registrationIDBytes]), registered.text()
	if c.hasSecretMethod() {
		told.secret = base64.RawURLEncoding.EncodeToString(drawn[registrationIDBytes:])
		c.Secrets = []ClientSecret{policy.newSecret(told.secret, s.now())}
	}
	if err := s.approveRegistration(ctx, c); err != nil {
		return nil, told, err
	}
	if token == "" {
		if err := s.spendRegistration(r); err != nil {
			return nil, told, err
		}
	}
	// An ID that is taken is a random source that repeats itself, and no reason to try again.
	if err := s.registry.CreateClient(ctx, c); err != nil {
		return nil, told, unavailable(err)
	}
	s.forgetClient(c.ID)
	return c, told, nil
}

// clientOf is the client that metadata leads to. before is what is registered already; of a new client,
// the Registration alone.
func (s *Server) clientOf(ctx context.Context, m clientMetadata, policy *RegistrationPolicy, before *Client) (*Client, error) {
	m = maps.Clone(m) // whose own words are read again where a change is tried again
	statement, err := s.withStatement(ctx, m)
	if err != nil {
		return nil, err
	}
	req := &registration{policy: policy, before: before}
	if err := m.read("response_types", &req.responseTypes); err != nil {
		return nil, err
	}
	if req.client, err = m.client(); err != nil {
		return nil, err
	}
	if err := s.checkRegistration(req); err != nil {
		return nil, err
	}
	c := req.client
	c.ID, c.Dynamic, c.Registration = before.ID, true, before.Registration.clone()
	c.Registration.SoftwareStatement = statement
	return c, nil
}

// approveRegistration has the application's word on a client, and holds the client to what every client has to
// hold.
func (s *Server) approveRegistration(ctx context.Context, c *Client) error {
	if approve := s.cfg.Registration.Approve; approve != nil {
		err := approve(ctx, c)
		if _, refused := errors.AsType[*Error](err); refused {
			return err
		}
		if err != nil {
			return unavailable(err)
		}
	}
	if err := c.Validate(); err != nil {
		return ErrInvalidClientMetadata.With("The keys, their algorithm or the name of the certificate cannot be registered.").Because(err)
	}
	if contradiction := s.cfg.contradicts(c); contradiction != "" {
		return ErrInvalidClientMetadata.With(contradiction)
	}
	return nil
}

// hasSecretMethod reports whether the client authenticates by a secret.
func (c *Client) hasSecretMethod() bool {
	return c.TokenEndpointAuthMethod == AuthMethodBasic || c.TokenEndpointAuthMethod == AuthMethodPost
}

// registrationURI is where a client manages its registration (RFC 7592 section 3).
func (s *Server) registrationURI(id string) string {
	return s.cfg.url(s.cfg.Endpoints.Registration) + "?client_id=" + url.QueryEscape(id)
}

// bearerOf is the token in the header of a request, or "" (RFC 6750 section 2.1).
func bearerOf(r *http.Request) (string, error) {
	headers := r.Header["Authorization"]
	switch {
	case len(headers) == 0:
		return "", nil
	case len(headers) > 1:
		return "", ErrInvalidRequest.With("There are two Authorization headers.")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if token = strings.TrimLeft(token, " "); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", ErrInvalidToken.With("The Authorization header holds no bearer token.")
	}
	return token, nil
}

// spendRegistration counts a registration that nothing was proven for, and refuses it beyond the budget
// of its address.
func (s *Server) spendRegistration(r *http.Request) error {
	a := Attempt{Kind: AttemptRegistration, Addr: s.RemoteAddr(r)}
	if wait := s.cfg.FailureLimiter.Failed(r.Context(), a); wait > 0 {
		return s.limited(r.Context(), a, &Error{
			Code: ErrTemporarilyUnavailable.Code, Status: http.StatusTooManyRequests, RetryAfter: wait, Cause: ErrTooManyAttempts,
			Description: "There were too many registrations; try again later.",
		})
	}
	return nil
}

// failedRegistration counts a token that was not good.
func (s *Server) failedRegistration(r *http.Request, err error) error {
	if !errors.Is(err, ErrInvalidToken) || errors.Is(err, errInitialTokenMissing) && r.Header.Get("Authorization") == "" {
		return err
	}
	if limited := s.spendRegistration(r); limited != nil {
		return limited
	}
	return err
}

// refuseRegistration answers with an error (RFC 7591 section 3.2.2), and tells the event.
func (s *Server) refuseRegistration(w http.ResponseWriter, r *http.Request, err error) {
	e := asError(err)
	if !errors.Is(err, ErrTooManyAttempts) { // whose event was told
		s.emit(r.Context(), failed(r.Context(), EventRegistrationRefused, err))
	}
	if e.status() == http.StatusUnauthorized {
		challenge := `Bearer realm="oauth2"`
		if r.Header.Get("Authorization") != "" {
			challenge += `, error="` + e.Code + `"` // RFC 6750 section 3.1: none where nothing was sent
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeRefusal(w, e)
}
