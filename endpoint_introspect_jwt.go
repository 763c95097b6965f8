package oauth2

import (
	"mime"
	"net/http"
	"strings"
)

// introspectionMediaType asks for an introspection answer as a signed JWT (RFC 9701 section 4).
const introspectionMediaType = "application/token-introspection+jwt"

var signedHeaders = append(noStoreHeaders[:2:2], header{"Content-Type", introspectionMediaType}, header{"X-Content-Type-Options", "nosniff"})

// writeSignedIntrospection writes an introspection answer as a JWT for the resource server that asked
// (RFC 9701 section 5). It has neither sub nor exp of its own, so that it cannot pass for an access
// token (section 8.1).
func (s *Server) writeSignedIntrospection(w http.ResponseWriter, r *http.Request, client *Client, answer []byte) {
	o := newObject().text("iss", s.cfg.Issuer).text("aud", client.ID).number("iat", s.now().Unix()).raw("token_introspection", answer)
	signed, err := s.sign(r.Context(), typIntrospection, o.end())
	o.free()
	if err != nil {
		s.refuse(w, r, introspectionEndpoint, &TokenRequest{Client: client}, err)
		return
	}
	setHeaders(w.Header(), signedHeaders)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(signed)) // a client that went away is no fault
}

// acceptsMediaType reports whether a request names a media type in Accept, and does not refuse it by the
// quality 0 (RFC 9110 section 12.5.1). A range such as */* names none.
func acceptsMediaType(r *http.Request, want string) bool {
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			mediaType, params, err := mime.ParseMediaType(part)
			quality, given := params["q"]
			if err == nil && mediaType == want && (!given || strings.Trim(quality, "0.") != "") {
				return true
			}
		}
	}
	return false
}
