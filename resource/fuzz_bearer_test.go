package resource

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

// bearerSyntax is RFC 6750 section 2.1 and RFC 9449 section 7.1, and RFC 9110 section 11.4 on blanks.
var bearerSyntax = regexp.MustCompile(`\A(?i:(Bearer|DPoP)) +([A-Za-z0-9._~+/-]+=*)\z`)

// A header is a bearer token by the specification's grammar, or none.
func FuzzBearerHeader(f *testing.F) {
	for _, seed := range []string{"Bearer abc", "bearer  a==", "Bearer", "Bearer ", "Bearer =", "dpop a", "DPoP", "Bearer a b", "Bearer a,b", "Basic YTpi", " Bearer a", "Bearer\ta", "Bearer a=b", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		found, err := parseCredential(header)
		want := bearerSyntax.FindStringSubmatch(header)
		require.Equal(t, want != nil, err == nil)
		if want != nil {
			require.True(t, strings.EqualFold(want[1], found.scheme))
			require.Equal(t, want[2], found.token)
		}
	})
}

// However a request is made, a token comes from the one header; what a form says of one is refused,
// and what is not refused is read whole by the handler.
func FuzzTokenPlaces(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	f.Add("Bearer abc", "", form, "a=1")
	f.Add("Bearer abc", "access_token=x", "", "")
	f.Add("", "a;access_token=x", form, "access_token=x")
	f.Add("Bearer abc", "", form, "a=1&access%5Ftoken=x")
	f.Add("Bearer abc", "", form+";charset=utf-8", "access_token")
	f.Add("Bearer abc", "%zz&access_token=", "text/plain", "access_token=x")
	f.Fuzz(func(t *testing.T, authorization, query, contentType, body string) {
		r := &http.Request{
			Header: http.Header{"Authorization": {authorization}, "Content-Type": {contentType}}, URL: &url.URL{RawQuery: query},
			Body: io.NopCloser(strings.NewReader(body)),
		}
		found, r, err := readToken(r)
		if inQuery, _ := url.ParseQuery(query); inQuery.Has("access_token") {
			require.ErrorIs(t, err, oauth2.ErrInvalidRequest)
		}
		if err != nil {
			require.Empty(t, found)
			return
		}
		require.Regexp(t, bearerSyntax, authorization)
		require.True(t, strings.HasSuffix(authorization, found.token))
		read, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, body, string(read))
		if inForm, _ := url.ParseQuery(body); strings.EqualFold(contentType, form) && len(body) < maxFormPeek {
			require.False(t, inForm.Has("access_token"))
		}
	})
}

// param is an auth-param in a quoted-string, and a challenge is one or more (RFC 9110 section 11.2).
const param = `([a-z_]+)="((?:[ !#-\[\]-~]|\\[ -~])*)"`

var (
	challengeSyntax = regexp.MustCompile(`\ABearer ` + param + `(, ` + param + `)*\z`)
	challengeParam  = regexp.MustCompile(param)
	escaped         = regexp.MustCompile(`\\(.)`)
)

// Whatever is told, it stays inside its quotes, and a client reads what was written.
func FuzzChallenge(f *testing.F) {
	f.Add("contacts", "insufficient_scope", `a "b" \c`, "read")
	f.Add(`a", scope="admin`, "invalid_token", "x\r\nSet-Cookie: a=b", "é")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, realm, code, description, scope string) {
		if strings.ContainsAny(code, "\"\\") || !printable(code) {
			return // an error code is the server's own word
		}
		e := &oauth2.Error{Code: code, Description: description}
		header := challenge(realm, e, requirement{scope: oauth2.Scope{scope}}, nil)
		require.Regexp(t, challengeSyntax, header)
		told := map[string]string{}
		for _, m := range challengeParam.FindAllStringSubmatch(header, -1) {
			require.NotContains(t, told, m[1])
			told[m[1]] = escaped.ReplaceAllString(m[2], "$1")
		}
		plain := func(text string) string {
			return strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return '?'
				}
				return r
			}, text)
		}
		require.Equal(t, plain(realm), told["realm"])
		require.Equal(t, code, told["error"])
		require.Equal(t, plain(description), told["error_description"])
		if _, err := oauth2.ParseScope(scope); err == nil && scope != "" && code == "insufficient_scope" {
			require.Equal(t, scope, told["scope"])
		} else {
			require.NotContains(t, told, "scope", "who shows no good token learns nothing about the API")
		}
	})
}
