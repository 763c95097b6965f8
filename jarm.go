package oauth2

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The response modes whose answer is one signed JWT (JARM section 2.3): jwt is the default of the
// response type, and the others are a plain mode with signedMode behind it.
const (
	responseModeJWT = "jwt"
	signedMode      = ".jwt"
)

// responseJWTLifetime is how long an answer is good for: it is to be read at once (JARM section 2.1).
const responseJWTLifetime = 5 * time.Minute

// typResponse: JARM names no type of its own.
const typResponse = "JWT"

// signsResponses reports whether answers can be signed.
func (cfg *ServerConfig) signsResponses() bool {
	return cfg.SignedResponses && cfg.Keys != nil && cfg.servesAuthorization()
}

// responseModes are those that are served.
func (cfg *ServerConfig) responseModes() []string {
	modes := []string{responseModeQuery, responseModeFormPost}
	if cfg.responds((*ResponseRules).fragment) {
		modes = append(modes, responseModeFragment)
	}
	if cfg.signsResponses() {
		for _, mode := range slices.Clone(modes) {
			modes = append(modes, mode+signedMode)
		}
		modes = append(modes, responseModeJWT)
	}
	return modes
}

// checkResponseMode: from here on, answers are given in this mode. A query is where servers and their
// logs see it, so tokens never go there, signed or not.
func checkResponseMode(_ context.Context, s *Server, req *AuthorizationRequest) error {
	mode := req.form.get("response_mode")
	switch {
	case mode == "":
		return nil
	case !slices.Contains(s.cfg.responseModes(), mode):
		return ErrInvalidRequest.With("The response_mode is not served.")
	case mode == responseModeJWT:
		mode = req.ResponseMode + signedMode
	case strings.HasPrefix(mode, responseModeQuery) && req.response != nil && req.response.rules.fragment():
		return ErrInvalidRequest.With("Answers of this response_type do not go into a query.")
	}
	if alg := req.Client.AuthorizationSignedResponseAlg; strings.HasSuffix(mode, signedMode) && alg != "" && !slices.Contains(s.cfg.Keys.algorithms(), SignatureAlgorithm(alg)) {
		return ErrInvalidRequest.With("Answers are not signed with the algorithm that the client is registered for.")
	}
	req.ResponseMode = mode
	return nil
}

// signResponse puts an answer into one JWT where the response mode asks for that. What the plain
// answer says, it says too: iss, state, and the code or the error (JARM section 2.1).
func (s *Server) signResponse(r *http.Request, req *AuthorizationRequest, answer form) (form, error) {
	if !strings.HasSuffix(req.ResponseMode, signedMode) {
		return answer, nil
	}
	claims := newObject().text("aud", req.Client.ID).number("exp", s.now().Add(responseJWTLifetime).Unix())
	for _, p := range answer {
		claims.text(p.name, p.value)
	}
	text, err := s.sign(r.Context(), typResponse, claims.end())
	claims.free()
	if err != nil {
		return nil, err
	}
	return form{{"response", text}}, nil
}
