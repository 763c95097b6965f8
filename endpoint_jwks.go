package oauth2

import (
	"net/http"
	"strconv"
	"time"
)

// keyMetadata are the members of the metadata that the signing keys bring (RFC 8414 section 2, RFC 9701
// section 7).
type keyMetadata struct {
	JWKSURI                  string               `json:"jwks_uri,omitempty"`
	IntrospectionSigningAlgs []SignatureAlgorithm `json:"introspection_signing_alg_values_supported,omitempty"`
}

func newKeyMetadata(cfg *ServerConfig) keyMetadata {
	if cfg.Keys == nil {
		return keyMetadata{}
	}
	return keyMetadata{JWKSURI: cfg.url(cfg.Endpoints.JWKS), IntrospectionSigningAlgs: cfg.Keys.algorithms()}
}

// JWKS tells the public keys that the server signs with, will sign with soon, or has signed with a short
// while ago (RFC 7517 section 5). Any page may read it. It can be cached for as long as its
// Cache-Control says, which is less than the time for which a key is announced before it signs
// (see [SigningKeys]). Without Keys it answers 404; where the store fails, 503.
func (s *Server) JWKS(w http.ResponseWriter, r *http.Request) {
	if s.keys == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, &Error{Code: ErrInvalidRequest.Code, Description: "The method is not GET.", Status: http.StatusMethodNotAllowed})
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	keys, err := s.keys.get(r.Context())
	if err != nil {
		if !senderLeft(r.Context(), err) {
			s.emit(r.Context(), Event{Type: EventFault, Err: err})
		}
		writeError(w, asError(err))
		return
	}
	setHeaders(h, jsonHeaders)
	h.Set("Cache-Control", "public, max-age="+strconv.FormatInt(int64(s.cfg.Keys.maxAge()/time.Second), 10))
	_, _ = w.Write(keys.jwks) // a client that went away is no fault
}
