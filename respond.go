package oauth2

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// A directEndpoint is one that a client calls itself, without the resource owner's browser.
type directEndpoint struct {
	// refused is the event of a refusal.
	refused EventType
	// browsers: a page may call it (Fetch section 3.3).
	browsers bool
}

var (
	tokenEndpoint         = directEndpoint{refused: EventTokenRefused, browsers: true}
	introspectionEndpoint = directEndpoint{refused: EventIntrospectionRefused}
	revocationEndpoint    = directEndpoint{refused: EventRevocationRefused, browsers: true}
)

// receive is the beginning of every endpoint that a client calls directly: a POST with a form in its
// body, by a client that authenticates (RFC 6749 section 3.2). Where it fails, it has answered.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, at directEndpoint) (form, *Client, bool) {
	if at.browsers && preflight(w, r) {
		return nil, nil, false
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.refuse(w, r, at, nil, errMethodNotPost)
		return nil, nil, false
	}
	f, err := readForm(r)
	if err != nil {
		s.refuse(w, r, at, nil, malformed(err))
		return nil, nil, false
	}
	if name, ok := f.repeated(); ok {
		s.refuse(w, r, at, nil, repeatedParameter(name))
		return nil, nil, false
	}
	client, err := s.authenticate(r, f)
	switch {
	case errors.Is(err, ErrInvalidClient), errors.Is(err, ErrTooManyAttempts):
		writeError(w, asError(err)) // the event was told
		return nil, nil, false
	case err != nil:
		s.refuse(w, r, at, nil, err)
		return nil, nil, false
	}
	if at.browsers {
		allowOrigin(w, r, client)
	}
	return f, client, true
}

var errMethodNotPost = &Error{Code: ErrInvalidRequest.Code, Description: "The method is not POST.", Status: http.StatusMethodNotAllowed}

// malformed is the refusal of a form that cannot be read.
func malformed(err error) *Error {
	e := ErrInvalidRequest.With("The request is malformed: " + err.Error() + ".")
	if errors.Is(err, errFormTooLarge) {
		e.Status = http.StatusRequestEntityTooLarge
	}
	return e
}

// repeatedParameter names the parameter only if a specification does; anything else is the
// stranger's own text.
func repeatedParameter(name string) *Error {
	if !isRequestParameter(name) {
		return ErrInvalidRequest.With("A parameter is repeated.")
	}
	return ErrInvalidRequest.With("The parameter " + name + " is repeated.")
}

// refuse answers with an error (RFC 6749 section 5.2) and tells the event.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, at directEndpoint, req *TokenRequest, err error) {
	e := asError(err)
	event := failed(r.Context(), at.refused, err)
	if req != nil {
		event.ClientID, event.GrantType = req.Client.ID, req.GrantType
		if req.presented != nil {
			event.Subject, event.AuthorizationID = req.presented.Subject, req.presented.ID
		}
	}
	if !errors.Is(err, ErrAuthorizationPending) { // which is an answer and no refusal, and told every few seconds
		s.emit(r.Context(), event)
	}
	writeError(w, e)
}

// writeError writes RFC 6749 section 5.2's JSON.
func writeError(w http.ResponseWriter, e *Error) {
	if e.status() == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth2", charset="UTF-8"`)
	}
	writeRefusal(w, e)
}

// writeRefusal writes the same to one who has been told how to authenticate.
func writeRefusal(w http.ResponseWriter, e *Error) {
	e.SetRetryAfter(w.Header())
	o := newObject().text("error", e.Code)
	if description := e.publicDescription(); description != "" {
		o.text("error_description", description)
	}
	writeObject(w, e.status(), o)
}

// writeObject writes a JSON answer that nobody keeps, and frees it.
func writeObject(w http.ResponseWriter, status int, o *object) {
	writeBody(w, status, o.end())
	o.free()
}

// writeBody writes a JSON answer that nobody keeps. The length of a short one is told by net/http.
func writeBody(w http.ResponseWriter, status int, text []byte) {
	setHeaders(w.Header(), answerHeaders)
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that went away is no fault
}

// writeTokens writes RFC 6749 section 5.1's JSON. Extra members replace none.
func writeTokens(w http.ResponseWriter, out *minted) error {
	o := newObject().text("access_token", out.texts.access).text("token_type", cmp.Or(out.tokenType, out.token.Confirmation.tokenType())).number("expires_in", int64(out.lifetime/time.Second))
	if out.texts.refresh != "" {
		o.text("refresh_token", out.texts.refresh)
	}
	if err := o.scope(out.scope).details(out.details).others(out.extra, tokenMembers); err != nil {
		return ErrServerError.Because(err)
	}
	writeObject(w, http.StatusOK, o)
	return nil
}

var tokenMembers = []string{"access_token", "token_type", "expires_in", "refresh_token", "scope", "authorization_details"}

type header struct{ name, value string }

var (
	// noStoreHeaders keep tokens out of caches (RFC 6749 section 5.1).
	noStoreHeaders = []header{{"Cache-Control", "no-store"}, {"Pragma", "no-cache"}}
	answerHeaders  = append(noStoreHeaders[:2:2], jsonHeaders...)
	jsonHeaders    = []header{{"Content-Type", "application/json"}, {"X-Content-Type-Options", "nosniff"}}
)

// setHeaders sets headers whose names are canonical, in one allocation.
func setHeaders(h http.Header, headers []header) {
	values := make([]string, len(headers))
	for i, header := range headers {
		values[i] = header.value
		h[header.name] = values[i : i+1 : i+1]
	}
}

// preflight answers a browser's question whether a page may call at all (Fetch section 4.8). It
// names no client, so the real answer is given to the call itself, by allowOrigin.
func preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h := w.Header()
	setHeaders(h, noStoreHeaders)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Allow-Methods", http.MethodPost)
	h.Set("Access-Control-Allow-Headers", "Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allowOrigin lets a page on the origin of one of the client's own redirect URIs read the answer.
// Credentials are never allowed: the token endpoint has no cookies.
func allowOrigin(w http.ResponseWriter, r *http.Request, client *Client) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	w.Header().Add("Vary", "Origin")
	for _, uri := range client.RedirectURIs {
		if u, err := url.Parse(uri); err == nil && u.Host != "" && webOrigin(u) == origin {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			return
		}
	}
}
