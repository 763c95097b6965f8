package oauth2

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
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
	noStore(w.Header())
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
	event := Event{Type: at.refused, Err: err}
	if e.status() >= http.StatusInternalServerError {
		event.Type = EventFault
	}
	if req != nil {
		event.ClientID, event.GrantType = req.Client.ID, req.GrantType
		if req.presented != nil {
			event.Subject, event.AuthorizationID = req.presented.Subject, req.presented.ID
		}
	}
	s.emit(r.Context(), event)
	writeError(w, e)
}

// writeError writes RFC 6749 section 5.2's JSON.
func writeError(w http.ResponseWriter, e *Error) {
	if e.status() == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth2", charset="UTF-8"`)
	}
	e.SetRetryAfter(w.Header())
	writeJSON(w, e.status(), struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, e.publicDescription()})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeBody(w, status, text)
}

func writeBody(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that went away is no fault
}

// writeTokens writes RFC 6749 section 5.1's JSON. No value needs escaping: tokens are base64url with
// a checked prefix, and scope tokens have neither quotes nor backslashes.
func writeTokens(w http.ResponseWriter, out *minted) {
	b := make([]byte, 0, 512)
	b = append(b, `{"access_token":"`...)
	b = append(b, out.texts.access...)
	b = append(b, `","token_type":"Bearer","expires_in":`...)
	b = strconv.AppendInt(b, int64(out.lifetime/time.Second), 10)
	if out.texts.refresh != "" {
		b = append(b, `,"refresh_token":"`...)
		b = append(b, out.texts.refresh...)
		b = append(b, '"')
	}
	if len(out.scope) > 0 {
		b = append(b, `,"scope":"`...)
		for i, token := range out.scope {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, token...)
		}
		b = append(b, '"')
	}
	for name, value := range out.extra {
		switch name {
		case "access_token", "token_type", "expires_in", "refresh_token", "scope":
			continue
		}
		if member, err := json.Marshal(map[string]any{name: value}); err == nil {
			b = append(b, ',')
			b = append(b, member[1:len(member)-1]...)
		}
	}
	b = append(b, '}')
	writeBody(w, http.StatusOK, b)
}

// noStore keeps tokens out of caches (RFC 6749 section 5.1).
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// preflight answers a browser's question whether a page may call at all (Fetch section 4.8). It
// names no client, so the real answer is given to the call itself, by allowOrigin.
func preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Allow-Methods", http.MethodPost)
	h.Set("Access-Control-Allow-Headers", "Content-Type")
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
		if u, err := url.Parse(uri); err == nil && u.Host != "" && u.Scheme+"://"+u.Host == origin {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			return
		}
	}
}
