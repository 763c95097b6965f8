package oauth2

import (
	"net/http"
	"net/url"
)

// mayRedirectError reports whether an error may send the browser to the redirect URI, although nobody was
// asked. Anyone can register a client, and could otherwise lead people from this server's address to a
// page of their own (RFC 9700 section 4.11.2). So the redirect URI of a client that nobody here has
// registered is trusted once the resource owner was asked. It is before that
//
//   - on the loopback interface, which is the user's own machine;
//   - in a frame, where a page on the client's own site waits for the answer to prompt=none, and no address
//     bar shows where it came from. Browsers say so themselves (Fetch Metadata section 2.1).
func mayRedirectError(r *http.Request, req *AuthorizationRequest, e *Error) bool {
	if !req.Client.Dynamic || req.Answered || e.Code == ErrAccessDenied.Code {
		return true
	}
	u, err := url.Parse(req.RedirectURI)
	if err == nil && u.Scheme == "http" && loopbackHost(u.Hostname()) {
		return true
	}
	return req.HasPrompt("none") && r.Header.Get("Sec-Fetch-Dest") == "iframe"
}
