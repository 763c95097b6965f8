package oauth2

import "slices"

// ErrUnmetAuthenticationRequirements is what Consent returns where the resource owner cannot be authenticated
// in any of the ways that acr_values ask for (RFC 9470 section 5).
var ErrUnmetAuthenticationRequirements = &Error{Code: "unmet_authentication_requirements"}

// meetsACR reports whether the approval has one of the authentication context class references that the
// request asks for (RFC 9470 section 5). It has to where ServerConfig.ACRValues promise it: a token that
// tells less would be refused for the same reason as the one before.
func (s *Server) meetsACR(req *AuthorizationRequest, approval *Approval) bool {
	return s.cfg.ACRValues == nil || len(req.ACRValues) == 0 || slices.Contains(req.ACRValues, approval.ACR)
}
