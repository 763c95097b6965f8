package authserver_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTokensAreBoundToTheCertificateThatAClientAuthenticatesWith(t *testing.T) {
	t.Parallel()
	for name, jwts := range map[string]bool{"opaque": false, "JWT": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCardSite(t, jwts)
			for client, card := range map[string]*tls.Certificate{"named": c.ca.card("named", nil), "carded": c.registered} {
				got := c.post("/token", client, card, url.Values{"grant_type": {"client_credentials"}, "scope": {"contacts.stats"}})
				require.Equal(t, http.StatusOK, got["status"], got)
				require.Equal(t, "Bearer", got["token_type"], "RFC 8705 section 3 has no type of its own")
				token := got["access_token"]
				require.Equal(t, jwts, strings.Count(token.(string), ".") == 2)
				require.Equal(t, map[string]any{"x5t#S256": thumbprint(card)}, c.introspect(token)["cnf"])
				c.onlyWith(card, "/contacts/stats", token)
			}
		})
	}
}

func TestAUserLetsAClientInThatAuthenticatesWithACertificate(t *testing.T) {
	t.Parallel()
	c := newCardSite(t, false)
	card := c.ca.card("named", nil)
	_, query, _ := strings.Cut(request(), "?")
	form, err := url.ParseQuery(query)
	require.NoError(t, err)
	pushed := c.post("/par", "named", card, form)
	require.Equal(t, http.StatusCreated, pushed["status"], pushed)

	target := "/request-access?" + url.Values{"client_id": {"named"}, "request_uri": {pushed["request_uri"].(string)}}.Encode()
	alice := c.loggedIn("alice", "wonderland")
	code := sentBack(t, alice.submit(alice.consentPage(target), "decision", "yes")).Get("code")
	redemption := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	stranger := c.post("/token", "named", c.ca.card("stranger", nil), redemption)
	require.Equal(t, http.StatusUnauthorized, stranger["status"], "and the code is as good as before")
	got := c.post("/token", "named", card, redemption)
	require.Equal(t, http.StatusOK, got["status"], got)
	c.onlyWith(card, "/contacts", got["access_token"])

	// A certificate that was renewed binds the next token. The name is what the client registered.
	renewed := c.ca.card("named", nil)
	next := c.post("/token", "named", renewed, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got["refresh_token"].(string)}})
	require.Equal(t, http.StatusOK, next["status"], next)
	c.onlyWith(renewed, "/contacts", next["access_token"])
	require.Equal(t, http.StatusOK, c.post("/revoke", "named", renewed, url.Values{"token": {next["refresh_token"].(string)}})["status"])
	require.Equal(t, false, c.introspect(next["access_token"])["active"])
}

func TestAWrongCertificateAuthenticatesNobody(t *testing.T) {
	t.Parallel()
	c := newCardSite(t, false)
	named := c.ca.card("named", nil)
	for what, try := range map[string]struct {
		client string
		card   *tls.Certificate
	}{
		"none, by name":               {"named", nil},
		"none, by key":                {"carded", nil},
		"another's name":              {"named", c.ca.card("mallory", nil)},
		"more than the name":          {"named", c.ca.card("named", func(x *x509.Certificate) { x.Subject.Country = []string{"NL"} })},
		"another authority":           {"named", newAuthority(t, "Xmail clients").card("named", nil)},
		"no authority":                {"named", selfSigned(t, "named")},
		"expired":                     {"named", c.ca.card("named", func(x *x509.Certificate) { x.NotAfter = time.Now().Add(-time.Minute) })},
		"not yet":                     {"named", c.ca.card("named", func(x *x509.Certificate) { x.NotBefore = time.Now().Add(time.Minute) })},
		"of a server alone":           {"named", c.ca.card("named", func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		"not the registered one":      {"carded", selfSigned(t, "carded")},
		"vouched for, not registered": {"carded", c.ca.card("carded", nil)},
		"another client's, by key":    {"carded", named},
		"another client's, by name":   {"named", c.registered},
		"of an unknown client":        {"unknown", named},
	} {
		got := c.post("/token", try.client, try.card, url.Values{"grant_type": {"client_credentials"}, "scope": {"contacts.stats"}})
		require.Equal(t, http.StatusUnauthorized, got["status"], what)
		require.Equal(t, "invalid_client", got["error"], what)
	}
	// A secret in its place is another method.
	got := c.post("/token", "named", named, url.Values{"grant_type": {"client_credentials"}, "client_secret": {"named"}})
	require.Equal(t, http.StatusUnauthorized, got["status"])
	require.NotContains(t, c.log.String(), "BEGIN CERTIFICATE")
}
