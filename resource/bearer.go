package resource

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed5f5fedc6/oauth2"
)

// maxFormPeek is how much of a form is looked through for a token.
const maxFormPeek = 64 << 10

const tokenParameter = "access_token"

var (
	// errNoToken has no code: who sent no token is told the scheme and nothing else (RFC 6750
	// section 3.1).
	errNoToken        = &oauth2.Error{Status: http.StatusUnauthorized}
	errTokenTwice     = oauth2.ErrInvalidRequest.With("There is more than one Authorization header.")
	errTokenMalformed = oauth2.ErrInvalidRequest.With("The Authorization header is malformed.")
	errTokenInQuery   = oauth2.ErrInvalidRequest.With("An access token in the query is not accepted.")
	errTokenInForm    = oauth2.ErrInvalidRequest.With("An access token in the body is not accepted.")
)

// readToken finds the one access token of a request (RFC 6750 section 2.1), and refuses the two other
// ways of section 2. The request it returns has its body whole.
func readToken(r *http.Request) (credential, *http.Request, error) {
	// What of the query cannot be parsed is no parameter, and for the handler to judge.
	if query, _ := url.ParseQuery(r.URL.RawQuery); query.Has(tokenParameter) {
		return credential{}, r, errTokenInQuery
	}
	r, found := peekForm(r)
	if found {
		return credential{}, r, errTokenInForm
	}
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		return credential{}, r, errNoToken
	case 1:
		found, err := parseCredential(headers[0])
		return found, r, err
	}
	return credential{}, r, errTokenTwice
}

// schemes are the schemes that tokens are presented with (RFC 6750 section 2.1, RFC 9449 section 7.1).
var schemes = []string{schemeBearer, schemeDPoP}

// parseCredential reads scheme 1*SP b64token. Another scheme is a request without a token: the client
// did not know which ones are served.
func parseCredential(header string) (credential, error) {
	scheme, token, _ := strings.Cut(header, " ")
	if scheme == "" {
		return credential{}, errTokenMalformed
	}
	known := slices.IndexFunc(schemes, func(s string) bool { return strings.EqualFold(s, scheme) })
	if known < 0 {
		return credential{}, errNoToken
	}
	if token = strings.TrimLeft(token, " "); !validToken(token) {
		return credential{}, errTokenMalformed
	}
	return credential{scheme: schemes[known], token: token}, nil
}

// validToken checks RFC 6750 section 2.1's b64token.
func validToken(token string) bool {
	body := strings.TrimRight(token, "=")
	return body != "" && !strings.ContainsFunc(body, func(r rune) bool {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alphanumeric && !strings.ContainsRune("-._~+/", r)
	})
}

// peekForm reports whether a form has a token, and returns a request whose body is yet unread.
func peekForm(r *http.Request) (*http.Request, bool) {
	if r.PostForm.Has(tokenParameter) {
		return r, true
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != "application/x-www-form-urlencoded" || r.Body == nil || r.Body == http.NoBody {
		return r, false
	}
	// An error comes again when the handler reads on, and is for the handler to answer.
	ahead, _ := io.ReadAll(io.LimitReader(r.Body, maxFormPeek))
	whole := *r
	whole.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(ahead), r.Body), r.Body}
	form, _ := url.ParseQuery(string(ahead))
	return &whole, form.Has(tokenParameter)
}
