package oauth2

import (
	"context"
	"errors"
	"net/http"
)

// manage is the client configuration endpoint (RFC 7592 section 2).
func (s *Server) manage(w http.ResponseWriter, r *http.Request) {
	id, err := clientIDOf(r)
	var token registrationToken
	if err == nil {
		token, err = registrationTokenOf(r)
	}
	if err != nil {
		s.refuseRegistration(w, r, err)
		return
	}
	switch r.Method {
	case http.MethodGet:
		err = s.readRegistration(w, r, id, token)
	case http.MethodPut:
		err = s.replaceRegistration(w, r, id, token)
	case http.MethodDelete:
		err = s.deleteRegistration(w, r, id, token)
	}
	if err != nil {
		s.refuseRegistration(w, r, err)
	}
}

// errRegistrationToken is the answer where the client is unknown, where it did not register itself and
// where the token is not its own, so that nobody learns which clients there are (RFC 7592 section 2.1).
var errRegistrationToken = ErrInvalidToken.With("The registration access token is not good for this client.")

// clientIDOf reads the client_id, which is in the query.
func clientIDOf(r *http.Request) (string, error) {
	if len(r.URL.RawQuery) > maxQueryBytes {
		return "", malformed(errFormTooLarge)
	}
	query, err := parseForm(r.URL.RawQuery)
	switch {
	case err != nil:
		return "", malformed(err)
	case query.repeats("client_id"):
		return "", repeatedParameter("client_id")
	}
	return query.get("client_id"), nil
}

func registrationTokenOf(r *http.Request) (registrationToken, error) {
	text, err := bearerOf(r)
	if err != nil {
		return registrationToken{}, err
	}
	token, ok := parseRegistrationToken(text)
	if !ok {
		return token, errRegistrationToken
	}
	return token, nil
}

// registered finds the client whose token was presented: the current one, or the one before it.
func (s *Server) registered(ctx context.Context, id string, token registrationToken) (c *Client, current bool, err error) {
	c, err = s.registry.Client(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, false, errRegistrationToken
	case err != nil:
		return nil, false, unavailable(err)
	case c.Registration == nil:
		return nil, false, errRegistrationToken
	}
	current = token.is(c.Registration.TokenDigest)
	if !current && !token.is(c.Registration.PreviousDigest) {
		return nil, false, errRegistrationToken
	}
	return c, current, nil
}

// confirmed finds the client whose current token was presented. The one before it is forgotten then: the
// client has the new one.
func (s *Server) confirmed(ctx context.Context, id string, token registrationToken) (*Client, error) {
	for range maxAttempts {
		c, current, err := s.registered(ctx, id, token)
		switch {
		case err != nil:
			return nil, err
		case !current:
			return nil, errRegistrationToken
		case c.Registration.PreviousDigest == "":
			return c, nil
		}
		next := c.Clone()
		next.Registration.PreviousDigest, next.Registration.Salt = "", ""
		if err := s.registry.ReplaceClient(ctx, c, next); err == nil {
			s.forgetClient(id)
			return next, nil
		} else if !changedMeanwhile(err) {
			return nil, unavailable(err)
		}
	}
	return nil, unavailable(ErrConflict)
}

// changedMeanwhile: the client is to be read again.
func changedMeanwhile(err error) bool {
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound)
}

// readRegistration answers a GET (RFC 7592 section 2.1). The client secret is known to the client alone.
func (s *Server) readRegistration(w http.ResponseWriter, r *http.Request, id string, token registrationToken) error {
	c, err := s.confirmed(r.Context(), id, token)
	if err != nil {
		return err
	}
	writeObject(w, http.StatusOK, s.clientInformation(c, credentialsTold{registrationToken: token.text()}))
	return nil
}

// deleteRegistration answers a DELETE (RFC 7592 section 2.3). What the client was given ends first, so that a
// failure leaves a client that can ask again, and once more when no new grant can begin any more.
func (s *Server) deleteRegistration(w http.ResponseWriter, r *http.Request, id string, token registrationToken) error {
	ctx := r.Context()
	c, err := s.confirmed(ctx, id, token)
	if err != nil {
		return err
	}
	if _, err := s.ExpireClient(ctx, c.ID); err != nil {
		return err
	}
	if err := s.registry.DeleteClient(ctx, c.ID); err != nil {
		return unavailable(err)
	}
	s.forgetClient(c.ID)
	s.emit(ctx, Event{Type: EventClientDeleted, ClientID: c.ID, By: ByClient})
	if _, err := s.ExpireClient(ctx, c.ID); err != nil {
		s.emit(ctx, Event{Type: EventFault, ClientID: c.ID, Err: err}) // the client is gone all the same
	}
	setHeaders(w.Header(), noStoreHeaders)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// replaceRegistration answers a PUT (RFC 7592 section 2.2).
func (s *Server) replaceRegistration(w http.ResponseWriter, r *http.Request, id string, token registrationToken) error {
	ctx := r.Context()
	// Who may not change anything is not told what is wrong with the change.
	if _, _, err := s.registered(ctx, id, token); err != nil {
		return err
	}
	m, err := readMetadataOf(r)
	if err != nil {
		return err
	}
	for range maxAttempts {
		old, current, err := s.registered(ctx, id, token)
		if err != nil {
			return err
		}
		u := update{server: s, old: old, token: token}
		if err := u.prepare(ctx, m); err != nil {
			return err
		}
		if !current {
			return u.repeat(w)
		}
		err = s.registry.ReplaceClient(ctx, old, u.next)
		switch {
		case err == nil:
			s.forgetClient(id)
			s.emitChange(ctx, old, u.next)
			writeObject(w, http.StatusOK, s.clientInformation(u.next, u.told))
			return nil
		case !changedMeanwhile(err):
			return unavailable(err)
		}
	}
	return unavailable(ErrConflict)
}

// emitChange tells which members of a client have changed.
func (s *Server) emitChange(ctx context.Context, old, next *Client) {
	old = old.Clone()
	old.Registration = next.Registration // which always changes
	changed, err := old.Difference(next)
	s.emit(ctx, Event{Type: EventClientChanged, ClientID: next.ID, Scope: next.Scope, Changed: changed, By: ByClient, Err: err})
}
