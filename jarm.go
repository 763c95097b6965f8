package oauth2

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The response modes whose answer is one signed JWT (JARM section 2.3). jwt is query.jwt, the default
// of the response type code.
const (
	responseModeJWT         = "jwt"
	responseModeQueryJWT    = "query.jwt"
	responseModeFormPostJWT = "form_post.jwt"
)

// responseJWTLifetime is how long an answer is good for: it is to be read at once (JARM section 2.1).
const responseJWTLifetime = 5 * time.Minute

// typResponse: JARM names no type of its own.
const typResponse = "JWT"

// signsResponses reports whether answers can be signed.
func (cfg *ServerConfig) signsResponses() bool {
	return cfg.SignedResponses && cfg.Keys != nil && cfg.serves(GrantAuthorizationCode)
}

// responseModes are those that are served.
func (cfg *ServerConfig) responseModes() []string {
	modes := []string{responseModeQuery, responseModeFormPost}
	if cfg.signsResponses() {
		modes = append(modes, responseModeQueryJWT, responseModeFormPostJWT, responseModeJWT)
	}
	return modes
}

// checkResponseMode: from here on, answers are given in this mode.
func checkResponseMode(_ context.Context, s *Server, req *AuthorizationRequest) error {
	mode := req.form.get("response_mode")
	switch {
	case mode == "":
		return nil
	case !slices.Contains(s.cfg.responseModes(), mode):
		return ErrInvalidRequest.With("The response_mode is not served.")
	case mode == responseModeJWT:
		mode = responseModeQueryJWT
	}
	if alg := req.Client.AuthorizationSignedResponseAlg; strings.HasSuffix(mode, ".jwt") && alg != "" && !slices.Contains(s.cfg.Keys.algorithms(), SignatureAlgorithm(alg)) {
		return ErrInvalidRequest.With("Answers are not signed with the algorithm that the client is registered for.")
	}
	req.ResponseMode = mode
	return nil
}

// signResponse puts an answer into one JWT where the response mode asks for that. What the plain
// answer says, it says too: iss, state, and the code or the error (JARM section 2.1).
func (s *Server) signResponse(r *http.Request, req *AuthorizationRequest, answer form) (form, error) {
	if req.ResponseMode != responseModeQueryJWT && req.ResponseMode != responseModeFormPostJWT {
		return answer, nil
	}
	claims := newObject().text("aud", req.Client.ID).number("exp", s.now().Add(responseJWTLifetime).Unix())
	for _, p := range answer {
		claims = claims.text(p.name, p.value)
	}
	text, err := s.sign(r.Context(), typResponse, claims.end())
	if err != nil {
		return nil, err
	}
	return form{{"response", text}}, nil
}
