// Package legacy has the two grants of OAuth 2.0 that OAuth 2.1 left out: the implicit grant, and the
// resource owner password credentials grant. They are for servers that must go on speaking them for
// clients that nobody can change. A server that does not import and configure them serves neither, and
// [oauth2.Lint] reports one that does.
//
//	oauth2.ServerConfig{
//		Grants:        []oauth2.GrantHandler{oauth2.CodeGrant{}, oauth2.RefreshGrant{}, legacy.PasswordGrant{Lookup: users.lookup}},
//		ResponseTypes: []oauth2.ResponseTypeHandler{oauth2.CodeResponse{}, legacy.Implicit{}},
//		...
//	}
//
// Each client has to be registered for the grant, singly.
package legacy

// What clients are registered for, and what they ask for.
const (
	GrantImplicit     = "implicit" // RFC 7591 section 2
	GrantPassword     = "password" // RFC 6749 section 4.3
	ResponseTypeToken = "token"    // RFC 6749 section 4.2
)
