package oauth2_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
)

func TestEachKindOfRedirectOfANativeAppLeadsToTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.clients.CreateClient(t.Context(), &oauth2.Client{
		ID: "app", Scope: oauth2.Scope{"read"},
		RedirectURIs: []string{"com.example.app:/oauth", "https://app.example.com/claimed", "http://127.0.0.1/cb", "http://[::1]/cb"},
	}))
	for kind, uri := range map[string]string{
		"private-use scheme": "com.example.app:/oauth",
		"claimed https":      "https://app.example.com/claimed",
		"loopback IPv4":      "http://127.0.0.1:49152/cb",
		"loopback IPv6":      "http://[::1]:65535/cb",
		"no port":            "http://127.0.0.1/cb",
	} {
		t.Run(kind, func(t *testing.T) {
			query := codeRequest("client_id", "app", "redirect_uri", uri, "scope", "read")
			sent := w.decide(query, formTokenIn(w.ask(query).body), "yes")
			require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
			require.Regexp(t, `^`+regexp.QuoteMeta(uri)+`\?code=ac_`, sent.header.Get("Location"))
			got := w.post("/token", "", redemption(sent.location(t).Get("code"), "client_id", "app", "redirect_uri", uri))
			require.Equal(t, http.StatusOK, got.status, got.body)
		})
	}
}

func TestTheLoopbackPortOfTheRequestIsThatOfTheRedemptionToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const asked, other = "http://127.0.0.1:5001/cb", "http://127.0.0.1:5002/cb"
	code := w.approve(codeRequest("client_id", nativeApp, "redirect_uri", asked, "scope", "read"))
	redeem := func(uri string) answer {
		return w.post("/token", "", redemption(code, "client_id", nativeApp, "redirect_uri", uri))
	}
	refused(t, redeem(other), http.StatusBadRequest, "invalid_grant")
	refused(t, redeem("http://127.0.0.1/cb"), http.StatusBadRequest, "invalid_grant")
	require.Equal(t, http.StatusOK, redeem(asked).status)
}

func TestASecretDoesNotMakeAPublicClientConfidential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, body := range []string{
		"client_id=" + browserApp + "&client_secret=" + secretOf(browserApp),
		"client_id=" + nativeApp + "&client_secret=x",
	} {
		got := w.raw(http.MethodPost, "/token", strings.NewReader("grant_type=client_credentials&"+body))
		refused(t, got, http.StatusUnauthorized, "invalid_client")
	}
	got := w.raw(http.MethodPost, "/introspect", strings.NewReader("token=x&client_id="+browserApp))
	refused(t, got, http.StatusUnauthorized, "invalid_client")
}
